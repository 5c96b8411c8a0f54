/** Reads what a Messages request wishes beside its turns: tools, thinking, sampling, the form of the answer. */
import type { Json, JsonObject } from "../../core/json-value.ts";
import type {
  Effort,
  ReasoningWish,
  ResponseFormat,
  Sampling,
  Tool,
  ToolChoice,
} from "../../wire/conversation.ts";
import { refuse } from "../refuse.ts";
import {
  findBoolean,
  findNumber,
  findObject,
  findText,
  isUnset,
  type Note,
  noteUnknown,
  requireList,
  requireName,
  requireObject,
} from "../request-members.ts";
import { decodeMark } from "./decode-content.ts";

/** `eager_input_streaming` is what we always do. */
const toolMembers = [
  "type",
  "name",
  "description",
  "input_schema",
  "strict",
  "cache_control",
  "eager_input_streaming",
  "allowed_callers",
];

function isDirect(callers: Json | undefined): boolean {
  return isUnset(callers) || (Array.isArray(callers) && callers.includes("direct"));
}

function decodeTool(value: Json, path: string, note: Note): Tool[] {
  const tool = requireObject(value, path);
  const type = findText(tool, "type", path) ?? "custom";
  if (type !== "custom") {
    note(type.startsWith("web_search_") ? "web-search" : "server-tools", path);
    return [];
  }
  noteUnknown(tool, toolMembers, path, note);
  if (!isDirect(tool["allowed_callers"])) note("server-tools", `${path}.allowed_callers`);
  const strict = findBoolean(tool, "strict", path) ?? null;
  if (strict === true) note("strict-tools", `${path}.strict`);
  return [
    {
      name: requireName(tool, "name", path),
      description: findText(tool, "description", path) ?? null,
      parameters: requireObject(tool["input_schema"], `${path}.input_schema`),
      strict,
      ...decodeMark(tool, path, note),
    },
  ];
}

export function decodeTools(body: JsonObject, note: Note): Tool[] {
  const { tools } = body;
  if (isUnset(tools)) return [];
  return requireList(tools, "tools").flatMap((value, index) =>
    decodeTool(value, `tools[${index}]`, note),
  );
}

interface Choice {
  readonly toolChoice: ToolChoice | null;
  readonly parallelToolCalls: boolean | null;
}

export function decodeToolChoice(body: JsonObject, note: Note): Choice {
  const choice = findObject(body, "tool_choice", "");
  if (choice === undefined) return { toolChoice: null, parallelToolCalls: null };
  const alone = findBoolean(choice, "disable_parallel_tool_use", "tool_choice") === true;
  if (alone) note("no-parallel-tool-calls", "tool_choice.disable_parallel_tool_use");
  return { toolChoice: decodeChoice(body, choice), parallelToolCalls: alone ? false : null };
}

function decodeChoice(body: JsonObject, choice: JsonObject): ToolChoice {
  switch (choice["type"]) {
    case "auto":
    case "none":
      return { kind: choice["type"] };
    case "any":
      return { kind: "required" };
    case "tool": {
      const name = requireName(choice, "name", "tool_choice");
      const tools = isUnset(body["tools"]) ? [] : requireList(body["tools"], "tools");
      if (!tools.some((tool, index) => requireObject(tool, `tools[${index}]`)["name"] === name))
        throw refuse("tool_choice.name", "must be the name of one of `tools`");
      return { kind: "named", name };
    }
    default:
      throw refuse("tool_choice.type", 'must be "auto", "any", "tool" or "none"');
  }
}

const efforts: readonly Json[] = ["low", "medium", "high", "xhigh", "max"];

function decodeEffort(body: JsonObject, note: Note): Effort | null {
  const config = findObject(body, "output_config", "");
  if (config === undefined) return null;
  noteUnknown(config, ["effort", "format"], "output_config", note);
  const effort = findText(config, "effort", "output_config");
  if (effort === undefined) return null;
  if (!efforts.includes(effort))
    throw refuse("output_config.effort", `must be one of ${efforts.join(", ")}`);
  note("reasoning-effort", "output_config.effort");
  return effort as Effort;
}

export function decodeReasoning(body: JsonObject, note: Note): ReasoningWish | null {
  const effort = decodeEffort(body, note);
  const thinking = findObject(body, "thinking", "");
  const wish = { effort, budgetTokens: null, adaptive: false, show: null, summary: null };
  if (thinking === undefined) return effort === null ? null : wish;
  const display = findText(thinking, "display", "thinking");
  if (display !== undefined) note("reasoning-summary", "thinking.display");
  const show = display !== "omitted";
  switch (thinking["type"]) {
    case "enabled": {
      const bounds = { from: 1, to: Infinity, whole: true } as const;
      const budgetTokens = findNumber(thinking, "budget_tokens", bounds, "thinking") ?? null;
      if (budgetTokens !== null) note("reasoning-budget", "thinking.budget_tokens");
      return { ...wish, budgetTokens, adaptive: budgetTokens === null, show };
    }
    case "adaptive":
      return { ...wish, adaptive: true, show };
    // A few words between calls of tools: the least there is.
    case "between_tools":
      note("reasoning-effort", "thinking");
      return { ...wish, effort: "minimal", adaptive: true, show };
    case "disabled":
      note("reasoning-effort", "thinking");
      return { ...wish, effort: "none" };
    default:
      throw refuse("thinking.type", 'must be "enabled", "adaptive", "between_tools" or "disabled"');
  }
}

export function decodeFormat(body: JsonObject, note: Note): ResponseFormat | null {
  const config = findObject(body, "output_config", "");
  const path =
    config === undefined || isUnset(config["format"]) ? "output_format" : "output_config.format";
  const format =
    path === "output_format" ? findObject(body, path, "") : requireObject(config?.["format"], path);
  if (format === undefined) return null;
  if (format["type"] !== "json_schema") throw refuse(`${path}.type`, 'must be "json_schema"');
  note("response-schema", path);
  const schema = requireObject(format["schema"], `${path}.schema`);
  return { kind: "schema", name: null, description: null, schema, strict: null };
}

function decodeStop(body: JsonObject, note: Note): { readonly stop?: readonly string[] } {
  const { stop_sequences: list } = body;
  if (isUnset(list)) return {};
  const stop = requireList(list, "stop_sequences").map((item, index) => {
    if (typeof item !== "string") throw refuse(`stop_sequences[${index}]`, "must be a string");
    return item;
  });
  if (stop.length === 0) return {};
  note("stop-sequences", "stop_sequences");
  return { stop };
}

export function decodeSampling(body: JsonObject, note: Note): Sampling {
  const temperature = findNumber(body, "temperature", { from: 0, to: 1 });
  const topP = findNumber(body, "top_p", { from: 0, to: 1 });
  const topK = findNumber(body, "top_k", { from: 0, to: Infinity, whole: true });
  if (temperature !== undefined) note("temperature", "temperature");
  if (topP !== undefined) note("top-p", "top_p");
  if (topK !== undefined) note("top-k", "top_k");
  return {
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(topK === undefined ? {} : { topK }),
    ...decodeStop(body, note),
  };
}
