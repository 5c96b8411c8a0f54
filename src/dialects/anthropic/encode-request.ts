/** Writes a conversation as a Messages request. Promise kept here: the same conversation gives the same bytes. */
import { GatewayError } from "../../core/errors.ts";
import type { Json, JsonObject } from "../../core/json-value.ts";
import type { Conversation } from "../../wire/conversation.ts";
import type { EncodeTarget } from "../codec.ts";
import { fieldsOf, listOf } from "../loose-fields.ts";
import { type MutableBlock, limitMarks } from "./cache-marks.ts";
import { type WrittenMessage, encodeHistory, encodeText, leadingSystem } from "./encode-history.ts";
import { planThinking } from "./encode-thinking.ts";
import { type ToolPlan, planTools } from "./encode-tools.ts";
import { traitsOf } from "./model-traits.ts";

/** Bytes of text that stand for one token, on the safe side. */
const bytesPerToken = 3;

function encodeSystem(conversation: Conversation, plan: ToolPlan): MutableBlock[] {
  const own = leadingSystem(conversation).flatMap(encodeText);
  return [...own, ...plan.instructions.map((text) => ({ type: "text", text }))];
}

/** With thinking by budget, the assistant's last turn must begin with a thought where results of its calls follow. */
function fitsBudget(messages: readonly WrittenMessage[]): boolean {
  const last = messages.findLast(({ role }) => role === "assistant");
  if (last === undefined) return true;
  const isPrefill = messages.at(-1) === last;
  const calls = last.content.some(({ type }) => type === "tool_use");
  const behind = messages.slice(messages.indexOf(last) + 1);
  const answered = behind.some(({ content }) => content.some(({ type }) => type === "tool_result"));
  if (isPrefill) return false;
  if (!calls || !answered) return true;
  const first = last.content[0]?.["type"];
  return first === "thinking" || first === "redacted_thinking";
}

/** Characters of text and of tools' schemas; what foreign blocks hold may be anything. */
function textLength(blocks: readonly unknown[]): number {
  return blocks.map(fieldsOf).reduce((sum, { text, content, input_schema: schema }) => {
    const own = typeof text === "string" ? text.length : 0;
    const inner = textLength(listOf(content));
    return sum + own + inner + (schema === undefined ? 0 : JSON.stringify(schema).length);
  }, 0);
}

/** Marks are taken on tools, instructions and blocks, also within results of tools. */
function markable(messages: readonly WrittenMessage[]): MutableBlock[] {
  return messages.flatMap(({ content }) =>
    content.flatMap((block) => {
      const { content: inner } = block;
      return Array.isArray(inner) && block["type"] === "tool_result"
        ? [...(inner as unknown as MutableBlock[]), block]
        : [block];
    }),
  );
}

function isForced(choice: JsonObject | undefined): boolean {
  return choice?.["type"] === "any" || choice?.["type"] === "tool";
}

function encodeStop(stop: readonly string[] | undefined): Record<string, Json> {
  const kept = stop?.filter((sequence) => sequence.trim() !== "") ?? [];
  return kept.length === 0 ? {} : { stop_sequences: kept };
}

/** Members about the account, which vendors that only speak the dialect may not know. */
function encodeAccount(conversation: Conversation, target: EncodeTarget): Record<string, Json> {
  if (target.quirks.includes("known-members-only")) return {};
  const { endUser, serviceTier } = conversation;
  const priority = serviceTier === "auto" || serviceTier === "priority" || serviceTier === "fast";
  return {
    ...(endUser === null ? {} : { metadata: { user_id: endUser } }),
    ...(serviceTier === null ? {} : { service_tier: priority ? "auto" : "standard_only" }),
  };
}

/** The judge has passed it. Throws `invalid_request` where nothing is left to be sent. */
export function encodeRequest(conversation: Conversation, target: EncodeTarget): JsonObject {
  const traits = traitsOf(target.model);
  const { quirks } = target;
  const midSystem = traits.midSystem && !quirks.includes("no-midway-system");
  const plan = planTools(conversation, traits, !quirks.includes("no-strict"));
  const messages = encodeHistory(conversation, {
    model: target.model,
    traits: { ...traits, midSystem },
  });
  if (messages.length === 0)
    throw new GatewayError("invalid_request", "The conversation holds no message with content");
  const system = encodeSystem(conversation, plan);
  const said = messages.flatMap(({ content }) => content);
  const length = textLength([...plan.tools, ...system, ...said]);
  const wish = quirks.includes("no-reasoning-wish")
    ? { ...conversation, reasoning: null }
    : conversation;
  const { maxTokens, thinking, effort, sampling } = planThinking(wish, {
    traits,
    forced: isForced(plan.choice),
    historyFits: fitsBudget(messages),
    inputTokens: Math.ceil(length / bytesPerToken),
  });
  limitMarks([...plan.tools, ...system, ...markable(messages)]);
  const config: Record<string, Json> = {
    ...(effort === undefined ? {} : { effort }),
    ...(plan.format === undefined ? {} : { format: plan.format }),
  };
  return {
    model: target.model,
    max_tokens: maxTokens,
    ...(system.length === 0 ? {} : { system }),
    messages: messages as unknown as Json,
    ...(plan.tools.length === 0 ? {} : { tools: plan.tools }),
    ...(plan.choice === undefined ? {} : { tool_choice: plan.choice }),
    ...(thinking === undefined ? {} : { thinking }),
    ...(Object.keys(config).length === 0 ? {} : { output_config: config }),
    ...sampling,
    ...encodeStop(conversation.sampling.stop),
    ...encodeAccount(conversation, target),
    ...(target.stream ? { stream: true } : {}),
  };
}
