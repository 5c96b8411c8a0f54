/** Writes tools, the choice among them, and the form of the answer (which older models give by a forced tool). */
import type { Json, JsonObject } from "../../core/json-value.ts";
import type { Conversation, Tool, ToolChoice } from "../../wire/conversation.ts";
import { type MutableBlock, encodeMark } from "./cache-marks.ts";
import type { ModelTraits } from "./model-traits.ts";
import { fitSchema } from "./strict-schema.ts";

/** The tool by which models without structured output give an answer in JSON; its call is read as the answer. */
export const answerTool = "gateway_structured_answer";

export interface ToolPlan {
  readonly tools: MutableBlock[];
  /** Undefined: not sent. */
  readonly choice: JsonObject | undefined;
  /** `output_config.format`; undefined: not sent. */
  readonly format: JsonObject | undefined;
  /** What can only be said in words. */
  readonly instructions: readonly string[];
}

/** Always a schema of objects: no arguments are an object without members. */
function inputSchema(parameters: JsonObject | null, strict: boolean): JsonObject {
  const schema = parameters ?? {};
  const { properties = {}, ...rest } = schema;
  const whole = schema["type"] === "object" ? schema : { ...rest, type: "object", properties };
  return strict ? fitSchema(whole) : whole;
}

function encodeTool(tool: Tool, strictTaken: boolean): MutableBlock {
  const strict = strictTaken && tool.strict === true;
  const { description } = tool;
  return {
    name: tool.name,
    ...(description === null || description === "" ? {} : { description }),
    input_schema: inputSchema(tool.parameters, strict),
    ...(strict ? { strict: true } : {}),
    ...encodeMark(tool.cache),
  };
}

/** Tools named in a history that the caller offers no longer: without a definition the history is refused. */
function forgottenTools({ messages, tools }: Conversation): MutableBlock[] {
  if (tools.length > 0) return [];
  const called = messages.flatMap((message) =>
    message.role === "assistant"
      ? message.parts.flatMap((part) => (part.kind === "tool-call" ? [part.name] : []))
      : [],
  );
  return [...new Set(called)].map((name) => ({
    name,
    input_schema: { type: "object", properties: {} },
  }));
}

function offered({ tools, toolChoice }: Conversation): readonly Tool[] {
  return toolChoice?.kind === "allowed"
    ? tools.filter(({ name }) => toolChoice.names.includes(name))
    : tools;
}

function isForced(choice: ToolChoice | null): boolean {
  return (
    choice?.kind === "required" ||
    choice?.kind === "named" ||
    (choice?.kind === "allowed" && choice.required)
  );
}

/** What a model is told that cannot be forced. */
function urge(choice: ToolChoice | null): string {
  const which = choice?.kind === "named" ? `the tool ${choice.name}` : "one of the tools";
  return `In this turn, call ${which}; do not answer without it.`;
}

function choiceWord(choice: ToolChoice | null, forcedTools: boolean): Record<string, Json> {
  if (choice?.kind === "none") return { type: "none" };
  if (!isForced(choice) || !forcedTools) return { type: "auto" };
  return choice?.kind === "named" ? { type: "tool", name: choice.name } : { type: "any" };
}

function encodeChoice(conversation: Conversation, traits: ModelTraits): JsonObject | undefined {
  const { toolChoice, parallelToolCalls } = conversation;
  const alone = parallelToolCalls === false;
  if (toolChoice === null && !alone) return undefined;
  const word = choiceWord(toolChoice, traits.forcedTools);
  return alone && word["type"] !== "none" ? { ...word, disable_parallel_tool_use: true } : word;
}

function answerAsTool(schema: JsonObject, description: string | null): MutableBlock {
  return {
    name: answerTool,
    description: description ?? "Give your answer by calling this tool.",
    input_schema: inputSchema(schema, false),
  };
}

const jsonWish = "Answer with one JSON object and nothing else: no words around it, no code fence.";

/** What becomes of tools and of the form of the answer, for one model. */
export function planTools(
  conversation: Conversation,
  traits: ModelTraits,
  strictTaken: boolean,
): ToolPlan {
  const { responseFormat, toolChoice } = conversation;
  const tools = offered(conversation).map((tool) =>
    encodeTool(tool, strictTaken && traits.structured),
  );
  const forgotten = forgottenTools(conversation);
  const all = [...tools, ...forgotten];
  const instructions: string[] = [];
  if (all.length > 0 && isForced(toolChoice) && !traits.forcedTools)
    instructions.push(urge(toolChoice));
  if (responseFormat?.kind === "json") instructions.push(jsonWish);
  const choice =
    tools.length === 0
      ? forgotten.length === 0
        ? undefined
        : { type: "none" }
      : encodeChoice(conversation, traits);
  const plan = { tools: all, choice, format: undefined, instructions };
  if (responseFormat?.kind !== "schema") return plan;
  const { schema, description } = responseFormat;
  if (traits.structured)
    return { ...plan, format: { type: "json_schema", schema: fitSchema(schema) } };
  const answer = answerAsTool(schema, description);
  const only = tools.length === 0 || toolChoice?.kind === "none";
  return {
    ...plan,
    tools: [...all, answer],
    choice: only ? { type: "tool", name: answerTool } : { type: "any" },
  };
}
