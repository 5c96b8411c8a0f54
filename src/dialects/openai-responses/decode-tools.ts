/**
 * Reads the tools a caller offers. Promise kept here: tools in namespaces become plain functions; the vendor's own tools
 * are left out by name where others are offered beside them, and refused where an answer would need them.
 */
import { isObject, type Json, type JsonObject } from "../../core/json-value.ts";
import type { Tool, ToolChoice } from "../../wire/conversation.ts";
import { refuse } from "../refuse.ts";
import type { Note } from "./decode-content.ts";
import {
  asObject,
  optionalArray,
  optionalBoolean,
  optionalObject,
  optionalString,
  optionalWord,
  requiredString,
} from "./fields.ts";
import { type OfferedTool, callerNames, flatName, offeredTools } from "./tool-names.ts";

function describe(tool: JsonObject, { namespace, path }: OfferedTool): string | null {
  const own = optionalString(tool, "description", path);
  const space = namespace === null ? null : optionalString(namespace, "description", path);
  if (space === null || space === "") return own;
  return own === null ? space : `${own}\n\n${space}`;
}

function nameOf(tool: JsonObject, { namespace, path }: OfferedTool): string {
  const space = namespace === null ? null : requiredString(namespace, "name", path);
  return flatName(space, requiredString(tool, "name", path));
}

function functionTool(tool: JsonObject, offered: OfferedTool, note: Note): Tool {
  const { path } = offered;
  const strict = optionalBoolean(tool, "strict", path);
  if (strict === true) note("strict-tools", `${path}.strict`);
  return {
    name: nameOf(tool, offered),
    description: describe(tool, offered),
    parameters: optionalObject(tool, "parameters", path),
    // Not being strict is what everybody else assumes.
    strict: strict === true ? true : null,
  };
}

function customTool(tool: JsonObject, offered: OfferedTool, note: Note): Tool {
  const { path } = offered;
  const format = optionalObject(tool, "format", path);
  note("custom-tools", path);
  const free = format === null || format["type"] === "text";
  if (!free) note("custom-tool-grammar", `${path}.format`);
  return {
    name: nameOf(tool, offered),
    description: describe(tool, offered),
    parameters: null,
    strict: null,
    custom: { format: free ? null : format },
  };
}

const webSearch = /^web_search(_preview)?(_\d{4}_\d{2}_\d{2})?$/;

function noteServerTools(paths: readonly OfferedTool[], others: boolean, note: Note): void {
  for (const { value, path } of paths) {
    const type = isObject(value) ? String(value["type"]) : "";
    if (others) note("offered-server-tools", path);
    else note(webSearch.test(type) ? "web-search" : "server-tools", path);
  }
}

/** A call of such a name could not be told back: it may mean the tool of the namespace or the plain one. */
function refuseAmbiguous(request: JsonObject, tools: readonly Tool[]): void {
  const spaced = callerNames(request);
  if (spaced.size === 0) return;
  const seen = new Set<string>();
  for (const { name } of tools) {
    if (seen.has(name) && spaced.has(name))
      throw refuse("tools", `has two tools that upstreams know as ${name}; rename one of them`);
    seen.add(name);
  }
}

/** The functions and custom tools of a request, namespaces made flat. */
export function decodeTools(request: JsonObject, note: Note): Tool[] {
  optionalArray(request, "tools");
  const tools: Tool[] = [];
  const servers: OfferedTool[] = [];
  for (const offered of offeredTools(request)) {
    const tool = asObject(offered.value, offered.path);
    const type = requiredString(tool, "type", offered.path);
    if (type === "function") tools.push(functionTool(tool, offered, note));
    else if (type === "custom") tools.push(customTool(tool, offered, note));
    else servers.push(offered);
  }
  refuseAmbiguous(request, tools);
  const forbidden = request["tool_choice"] === "none";
  noteServerTools(servers, tools.length > 0 || forbidden, note);
  return tools;
}

/** The flat name of a tool that a choice names; null for the vendor's own tools. */
function chosenName(choice: JsonObject, path: string): string | null {
  const { type } = choice;
  if (type !== "function" && type !== "custom") return null;
  const space = optionalString(choice, "namespace", path);
  return flatName(space, requiredString(choice, "name", path));
}

function decodeAllowed(choice: JsonObject, note: Note): ToolChoice {
  const mode = optionalWord(choice, "mode", ["auto", "required"], "tool_choice") ?? "auto";
  const listed = optionalArray(choice, "tools", "tool_choice") ?? [];
  const names = listed.flatMap((value, index) => {
    const path = `tool_choice.tools[${index}]`;
    const name = chosenName(asObject(value, path), path);
    if (name === null) note("offered-server-tools", path);
    return name === null ? [] : [name];
  });
  if (names.length === 0) throw refuse("tool_choice.tools", "must name at least one function");
  note("allowed-tools", "tool_choice");
  return { kind: "allowed", names, required: mode === "required" };
}

/** Which tools may or must be called. Throws for a named one that is not offered. */
export function decodeToolChoice(
  choice: Json | undefined,
  tools: readonly Tool[],
  note: Note,
): ToolChoice | null {
  if (choice === undefined || choice === null) return null;
  // Where no tool is left, vendors refuse to hear how to choose one; a forced one was noted with the tools.
  if (choice === "auto" || choice === "none" || choice === "required")
    return tools.length === 0 ? null : { kind: choice };
  if (typeof choice === "string")
    throw refuse("tool_choice", "must be auto, none, required or an object");
  const object = asObject(choice, "tool_choice");
  if (object["type"] === "allowed_tools") return decodeAllowed(object, note);
  const name = chosenName(object, "tool_choice");
  if (name === null) {
    note("server-tools", "tool_choice");
    return null;
  }
  if (!tools.some((tool) => tool.name === name))
    throw refuse("tool_choice.name", "names a tool that is not among `tools`");
  return { kind: "named", name };
}
