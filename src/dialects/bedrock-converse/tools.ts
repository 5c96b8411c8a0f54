/**
 * Tools and the wish for their use. Promise kept here: a history with tool calls never goes without `toolConfig`,
 * which Converse refuses, and a wish that Converse has no word for is told to the model in words.
 */
import type { JsonObject } from "../../core/json-value.ts";
import type { Conversation, Tool, ToolChoice } from "../../wire/conversation.ts";
import type { Turn } from "../turns.ts";
import type { ModelTraits } from "./families.ts";
import { cachePoint } from "./messages.ts";

export interface ToolPlan {
  /** Blocks of `toolConfig.tools`, a list of ours; null: no `toolConfig`. */
  readonly tools: JsonObject[] | null;
  readonly toolChoice: JsonObject | null;
  /** For `additionalModelRequestFields`. */
  readonly fields: JsonObject;
  /** To be told in the instructions. */
  readonly instructions: readonly string[];
  /** Whether a call is forced in Converse's own words. */
  readonly forced: boolean;
}

const noTools: ToolPlan = {
  tools: null,
  toolChoice: null,
  fields: {},
  instructions: [],
  forced: false,
};

const anyParameters: JsonObject = { type: "object", properties: {} };

function encodeTool(tool: Tool, traits: ModelTraits): JsonObject[] {
  const schema = tool.parameters ?? anyParameters;
  const json = schema["type"] === "object" ? schema : { ...schema, type: "object" };
  const description = tool.description ?? "";
  const toolSpec = {
    name: tool.name,
    ...(description === "" ? {} : { description }),
    inputSchema: { json },
  };
  return [{ toolSpec }, ...cachePoint(tool.cache, traits.cachesTools)];
}

/** Tools that a history calls, as far as their names tell. */
function calledTools(turns: readonly Turn[]): Tool[] {
  const parts = turns.flatMap((turn) => (turn.role === "assistant" ? turn.parts : []));
  const names = parts.flatMap((part) => (part.kind === "tool-call" ? [part.name] : []));
  return [...new Set(names)].map((name) => ({
    name,
    description: null,
    parameters: null,
    strict: null,
  }));
}

/** The tools that may be called, and a choice without the kinds that Converse lacks. */
function narrow(
  tools: readonly Tool[],
  choice: ToolChoice | null,
  traits: ModelTraits,
): { tools: readonly Tool[]; choice: ToolChoice | null } {
  if (choice?.kind === "allowed") {
    const allowed = tools.filter(({ name }) => choice.names.includes(name));
    return { tools: allowed, choice: { kind: choice.required ? "required" : "auto" } };
  }
  // Mistral's models can be told to call some tool, but not which.
  if (choice?.kind === "named" && traits.family === "mistral")
    return {
      tools: tools.filter(({ name }) => name === choice.name),
      choice: { kind: "required" },
    };
  return { tools, choice };
}

function encodeChoice(choice: ToolChoice | null): JsonObject | null {
  if (choice?.kind === "auto") return { auto: {} };
  if (choice?.kind === "required") return { any: {} };
  return choice?.kind === "named" ? { tool: { name: choice.name } } : null;
}

/** Tools stand there only for the history's sake, or the caller forbids their use. */
function planForbidden(tools: readonly Tool[], traits: ModelTraits): ToolPlan {
  const claude = traits.claude !== null;
  return {
    ...noTools,
    tools: tools.flatMap((tool) => encodeTool(tool, traits)),
    fields: claude ? { tool_choice: { type: "none" } } : {},
    instructions: claude ? [] : ["Do not call any tool now; answer with text."],
  };
}

/** Anthropic's own words, where Converse has none for calls one at a time. */
function singleCall(choice: ToolChoice | null): JsonObject {
  const type = choice?.kind === "required" ? "any" : choice?.kind === "named" ? "tool" : "auto";
  const name = choice?.kind === "named" ? { name: choice.name } : {};
  return { tool_choice: { type, ...name, disable_parallel_tool_use: true } };
}

function forceInWords(choice: ToolChoice | null): string {
  return choice?.kind === "named"
    ? `You must call the tool ${choice.name} now.`
    : "You must call a tool now.";
}

/** What becomes of the caller's tools; `turns` is the history as it will be sent. */
export function planTools(
  conversation: Conversation,
  turns: readonly Turn[],
  traits: ModelTraits,
): ToolPlan {
  const called = calledTools(turns);
  const { tools, choice } = narrow(conversation.tools, conversation.toolChoice, traits);
  if (tools.length === 0) return called.length === 0 ? noTools : planForbidden(called, traits);
  if (choice?.kind === "none")
    return called.length === 0 ? noTools : planForbidden(conversation.tools, traits);
  const asked = choice?.kind === "required" || choice?.kind === "named";
  const forced = asked && traits.claude?.takesForcedTools !== false;
  const sent = asked && !forced ? null : choice;
  const single = conversation.parallelToolCalls === false;
  const claude = traits.claude !== null;
  return {
    tools: tools.flatMap((tool) => encodeTool(tool, traits)),
    toolChoice: single && claude ? null : encodeChoice(sent),
    fields: single && claude ? singleCall(sent) : {},
    instructions: [
      ...(asked && !forced ? [forceInWords(choice)] : []),
      ...(single && !claude ? ["Call at most one tool at a time."] : []),
    ],
    forced,
  };
}
