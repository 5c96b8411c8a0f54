/** Reads the tools that a caller offers and how they are to be chosen, in today's and in the legacy form. */
import { isObject, type Json, type JsonObject } from "../../core/json-value.ts";
import type { Tool, ToolChoice } from "../../wire/conversation.ts";
import { refuse } from "../refuse.ts";
import {
  entryOf,
  findBoolean,
  findList,
  findObject,
  findText,
  type Note,
  noteUnknown,
  requireName,
  requireObject,
} from "../request-members.ts";
import { decodeCache } from "./decode-parts.ts";

/** What a request says of tools. */
export interface ToolWish {
  readonly tools: readonly Tool[];
  readonly toolChoice: ToolChoice | null;
}

/** Null for a schema that lets nothing in: it says the same as none. */
function decodeParameters(fields: JsonObject, path: string): JsonObject | null {
  const schema = findObject(fields, "parameters", path);
  if (schema === undefined || Object.keys(schema).length === 0) return null;
  const says = Object.keys(schema).filter((name) => name !== "type" && name !== "properties");
  const properties = schema["properties"];
  const isEmpty = properties === undefined || isEmptyObject(properties);
  return says.length === 0 && schema["type"] === "object" && isEmpty ? null : schema;
}

function isEmptyObject(value: Json): boolean {
  return isObject(value) && Object.keys(value).length === 0;
}

function decodeFunction(fields: JsonObject, path: string, note: Note): Tool {
  const strict = findBoolean(fields, "strict", path) ?? null;
  if (strict === true) note("strict-tools", `${path}.strict`);
  return {
    name: requireName(fields, "name", path),
    description: findText(fields, "description", path) ?? null,
    parameters: decodeParameters(fields, path),
    strict,
  };
}

function decodeCustom(fields: JsonObject, path: string, note: Note): Tool {
  const format = findObject(fields, "format", path) ?? null;
  note("custom-tools", path);
  if (format !== null && format["type"] !== "text") note("custom-tool-grammar", `${path}.format`);
  return {
    name: requireName(fields, "name", path),
    description: findText(fields, "description", path) ?? null,
    parameters: null,
    strict: null,
    custom: { format: format?.["type"] === "text" ? null : format },
  };
}

/** A tool of the caller's; undefined for one that the vendor runs itself. */
function decodeTool(tool: JsonObject, path: string, note: Note): Tool | undefined {
  const type = findText(tool, "type", path) ?? "function";
  if (type === "custom")
    return decodeCustom(requireObject(tool["custom"], `${path}.custom`), `${path}.custom`, note);
  if (type !== "function") return undefined;
  const fields = requireObject(tool["function"], `${path}.function`);
  noteUnknown(tool, ["type", "function", "cache_control"], path, note);
  return { ...decodeFunction(fields, `${path}.function`, note), ...decodeCache(tool, path, note) };
}

/** Notes a vendor's own tool; beside tools of the caller's it is one more offer, alone it is what is asked for. */
function noteServerTool(tool: JsonObject, path: string, isBeside: boolean, note: Note): void {
  if (isBeside) note("offered-server-tools", path);
  else note(String(tool["type"]).startsWith("web_search") ? "web-search" : "server-tools", path);
}

function decodeOffered(list: readonly Json[], note: Note): readonly Tool[] {
  const offered = list.map((value, index) => {
    const path = `tools[${index}]`;
    const fields = requireObject(value, path);
    return { path, fields, tool: decodeTool(fields, path, note) };
  });
  const tools = offered.flatMap(({ tool }) => tool ?? []);
  for (const { path, fields, tool } of offered)
    if (tool === undefined) noteServerTool(fields, path, tools.length > 0, note);
  return tools;
}

/** A name of `tool_choice`, which must be among the tools: a vendor would refuse it in words of its own. */
function chosenName(choice: JsonObject, path: string, tools: readonly Tool[]): string {
  const kind = isObject(choice["custom"]) ? "custom" : "function";
  const fields = requireObject(choice[kind], `${path}.${kind}`);
  const field = `${path}.${kind}.name`;
  const name = requireName(fields, "name", `${path}.${kind}`);
  if (tools.some((tool) => tool.name === name)) return name;
  throw refuse(field, `names ${JSON.stringify(name)}, which is not among \`tools\``);
}

function decodeAllowed(choice: JsonObject, tools: readonly Tool[], note: Note): ToolChoice {
  const path = "tool_choice.allowed_tools";
  const allowed = requireObject(choice["allowed_tools"], path);
  const list = findList(allowed, "tools", path) ?? [];
  const names = list.map((item, index) => {
    const at = `${path}.tools[${index}]`;
    return chosenName(requireObject(item, at), at, tools);
  });
  note("allowed-tools", path);
  return { kind: "allowed", names, required: allowed["mode"] === "required" };
}

const choiceWords: Readonly<Record<string, ToolChoice>> = {
  auto: { kind: "auto" },
  none: { kind: "none" },
  required: { kind: "required" },
  // Mistral's and Groq's word.
  any: { kind: "required" },
};

function decodeChoice(
  body: JsonObject,
  name: string,
  tools: readonly Tool[],
  note: Note,
): ToolChoice | null {
  const value = body[name];
  if (value === undefined || value === null) return null;
  const word = entryOf(choiceWords, value);
  if (word !== undefined) return word;
  if (!isObject(value))
    throw refuse(name, `must be "none", "auto", "required", or an object naming a tool`);
  if (name === "function_call") return { kind: "named", name: requireName(value, "name", name) };
  if (value["type"] === "allowed_tools") return decodeAllowed(value, tools, note);
  return { kind: "named", name: chosenName(value, name, tools) };
}

/** Reads `tools` and `tool_choice`, or `functions` and `function_call`. */
export function decodeTools(body: JsonObject, note: Note): ToolWish {
  const tools = decodeOffered(findList(body, "tools", "") ?? [], note);
  const functions = findList(body, "functions", "") ?? [];
  if (tools.length > 0 || functions.length === 0)
    return { tools, toolChoice: decodeChoice(body, "tool_choice", tools, note) };
  const legacy = functions.map((value, index) => {
    const path = `functions[${index}]`;
    return decodeFunction(requireObject(value, path), path, note);
  });
  return { tools: legacy, toolChoice: decodeChoice(body, "function_call", legacy, note) };
}
