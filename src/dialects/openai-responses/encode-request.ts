/** Writes a conversation as a Responses request that asks the vendor to keep nothing. */
import type { JsonObject } from "../../core/json-value.ts";
import type {
  Conversation,
  ReasoningWish,
  ResponseFormat,
  Tool,
  ToolChoice,
} from "../../wire/conversation.ts";
import type { EncodeTarget } from "../codec.ts";
import type { QuirkId } from "../quirk-ids.ts";
import { encodeItems, encodeSystem } from "./encode-items.ts";

/** OpenAI refuses smaller limits. */
const leastOutputTokens = 16;

/** Models that reason without being asked; asking others for encrypted reasoning is refused. */
const reasoningName = /(^|[/.])(o[1-9]|gpt-([5-9]|\d\d)|codex)(?!.*chat)/i;

/** Most tokens to think with that an effort stands for; beyond the last one it is `high`. */
const effortBudgets = [
  { most: 0, effort: "none" },
  { most: 2_048, effort: "low" },
  { most: 8_192, effort: "medium" },
] as const;

function effortOf({ effort, budgetTokens }: ReasoningWish): string | null {
  if (effort !== null || budgetTokens === null || budgetTokens < 0) return effort;
  return effortBudgets.find(({ most }) => budgetTokens <= most)?.effort ?? "high";
}

function encodeReasoning(conversation: Conversation, quirks: readonly QuirkId[]): JsonObject {
  const { reasoning } = conversation;
  if (reasoning === null || quirks.includes("no-reasoning-wish")) return {};
  const effort = effortOf(reasoning);
  const summary = reasoning.summary ?? (reasoning.show === true ? "auto" : null);
  if (effort === null && summary === null) return {};
  return {
    reasoning: {
      ...(effort === null ? {} : { effort }),
      ...(summary === null || effort === "none" ? {} : { summary }),
    },
  };
}

/** What is to be told beside the answer. */
function encodeInclude(conversation: Conversation, target: EncodeTarget): JsonObject {
  const { reasoning, sampling } = conversation;
  const wishes: string[] = [];
  const asked = reasoning !== null && !target.quirks.includes("no-reasoning-wish");
  const off = reasoning !== null && effortOf(reasoning) === "none";
  if (!off && (asked || reasoningName.test(target.model)))
    wishes.push("reasoning.encrypted_content");
  if (sampling.topLogprobs !== undefined) wishes.push("message.output_text.logprobs");
  return wishes.length === 0 ? {} : { include: wishes };
}

function encodeTool(tool: Tool, quirks: readonly QuirkId[]): JsonObject {
  const described = tool.description === null ? {} : { description: tool.description };
  if (tool.custom !== undefined) {
    const format = tool.custom.format === null ? {} : { format: tool.custom.format };
    return { type: "custom", name: tool.name, ...described, ...format };
  }
  // Left out it would mean strict here, unlike everywhere else.
  const strict = quirks.includes("no-strict") ? {} : { strict: tool.strict ?? false };
  const parameters = tool.parameters ?? { type: "object", properties: {} };
  return { type: "function", name: tool.name, ...described, parameters, ...strict };
}

function encodeChoice(choice: ToolChoice, tools: readonly Tool[]): string | JsonObject {
  const named = (name: string): JsonObject => {
    const custom = tools.find((tool) => tool.name === name)?.custom !== undefined;
    return { type: custom ? "custom" : "function", name };
  };
  switch (choice.kind) {
    case "named":
      return named(choice.name);
    case "allowed":
      return {
        type: "allowed_tools",
        mode: choice.required ? "required" : "auto",
        tools: choice.names.map(named),
      };
    default:
      return choice.kind;
  }
}

function encodeTools(conversation: Conversation, quirks: readonly QuirkId[]): JsonObject {
  const { tools, toolChoice, parallelToolCalls } = conversation;
  if (tools.length === 0) return {};
  const parallel = parallelToolCalls !== null && !quirks.includes("no-parallel-member");
  return {
    tools: tools.map((tool) => encodeTool(tool, quirks)),
    ...(toolChoice === null ? {} : { tool_choice: encodeChoice(toolChoice, tools) }),
    ...(parallel ? { parallel_tool_calls: parallelToolCalls } : {}),
  };
}

function encodeFormat(format: ResponseFormat): JsonObject {
  if (format.kind === "text") return { type: "text" };
  if (format.kind === "json") return { type: "json_object" };
  const { name, description, schema, strict } = format;
  return {
    type: "json_schema",
    name: name ?? "response",
    ...(description === null ? {} : { description }),
    schema,
    ...(strict === null ? {} : { strict }),
  };
}

function encodeText(conversation: Conversation, quirks: readonly QuirkId[]): JsonObject {
  const { responseFormat, verbosity } = conversation;
  const told = quirks.includes("known-members-only") ? null : verbosity;
  if (responseFormat === null && told === null) return {};
  return {
    text: {
      ...(responseFormat === null ? {} : { format: encodeFormat(responseFormat) }),
      ...(told === null ? {} : { verbosity: told }),
    },
  };
}

function encodeSampling(conversation: Conversation, quirks: readonly QuirkId[]): JsonObject {
  const { sampling, maxOutputTokens } = conversation;
  const { temperature, topP, topLogprobs } = sampling;
  const free = !quirks.includes("fixed-sampling");
  return {
    ...(free && temperature !== undefined ? { temperature } : {}),
    ...(free && topP !== undefined ? { top_p: topP } : {}),
    ...(topLogprobs === undefined ? {} : { top_logprobs: topLogprobs }),
    ...(maxOutputTokens === null
      ? {}
      : { max_output_tokens: Math.max(leastOutputTokens, maxOutputTokens) }),
  };
}

function encodeAccount(conversation: Conversation, quirks: readonly QuirkId[]): JsonObject {
  if (quirks.includes("known-members-only")) return {};
  const { serviceTier, endUser, metadata, cacheKey } = conversation;
  return {
    store: false,
    ...(serviceTier === null ? {} : { service_tier: serviceTier }),
    ...(endUser === null ? {} : { user: endUser }),
    ...(metadata === null ? {} : { metadata }),
    ...(cacheKey === null ? {} : { prompt_cache_key: cacheKey }),
  };
}

/** The body to send. Members stand in the same order each time, the large and changing input last. */
export function encodeRequest(conversation: Conversation, target: EncodeTarget): JsonObject {
  const { quirks } = target;
  const { instructions, items } = encodeSystem(conversation.system, target);
  return {
    model: target.model,
    ...(target.stream ? { stream: true } : {}),
    ...(instructions === null ? {} : { instructions }),
    ...encodeTools(conversation, quirks),
    ...encodeReasoning(conversation, quirks),
    ...encodeText(conversation, quirks),
    ...encodeSampling(conversation, quirks),
    ...encodeInclude(conversation, target),
    ...encodeAccount(conversation, quirks),
    input: [...items, ...encodeItems(conversation.messages, target)],
  };
}
