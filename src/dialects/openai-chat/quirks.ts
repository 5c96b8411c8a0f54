/**
 * What single vendors do their own way, one small function each: most turn the body as OpenAI would take it into the
 * one that the vendor takes. Those that only encoders and decoders of single things heed are named at the end.
 */
import { nineCharacterId } from "../call-ids.ts";
import { isObject, type Json, type JsonObject } from "../../core/json-value.ts";
import type { Effort, ReasoningWish } from "../../wire/conversation.ts";
import { objectsOf } from "../loose-fields.ts";
import type { QuirkId } from "../quirk-ids.ts";
import { budgetEffort } from "./model-traits.ts";

type Change = (body: JsonObject) => JsonObject;

/** The body without some members. */
function without(...names: readonly string[]): Change {
  return (body) =>
    Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)));
}

/** The body with one member changed, in its place. */
function changed(body: JsonObject, name: string, change: (value: Json) => Json): JsonObject {
  const value = body[name];
  return value === undefined ? body : { ...body, [name]: change(value) };
}

function eachMessage(change: (message: JsonObject) => JsonObject): Change {
  return (body) => changed(body, "messages", (messages) => objectsOf(messages).map(change));
}

/** A member by another name, in its place. */
function renamed(from: string, to: string): Change {
  return (body) =>
    Object.fromEntries(
      Object.entries(body).map(([name, value]): [string, Json] => [
        name === from ? to : name,
        value,
      ]),
    );
}

const systemForDeveloper = eachMessage((message) =>
  message["role"] === "developer" ? { ...message, role: "system" } : message,
);

const shortIds = eachMessage((message) => {
  const shorten = (value: Json): Json =>
    typeof value === "string" ? nineCharacterId(value) : value;
  const calls = changed(message, "tool_calls", (list) =>
    objectsOf(list).map((call) => changed(call, "id", shorten)),
  );
  return changed(calls, "tool_call_id", shorten);
});

/** A word of the assistant between results of tools and what a user says next. */
function wordBetween(body: JsonObject): JsonObject {
  return changed(body, "messages", (messages) =>
    objectsOf(messages).flatMap((message, index, all) => {
      const isBehind = message["role"] === "user" && all[index - 1]?.["role"] === "tool";
      return isBehind ? [{ role: "assistant", content: "OK" }, message] : [message];
    }),
  );
}

/** Marks an answer that the caller has begun, where the history ends with one. */
function begun(member: string): Change {
  return (body) =>
    changed(body, "messages", (messages) =>
      objectsOf(messages).map((message, index, all) => {
        const isLast = index === all.length - 1 && message["role"] === "assistant";
        return isLast && message["tool_calls"] === undefined
          ? { ...message, [member]: true }
          : message;
      }),
    );
}

function looseTools(body: JsonObject): JsonObject {
  return changed(body, "tools", (tools) =>
    objectsOf(tools).map((tool) =>
      changed(tool, "function", (value) => (isObject(value) ? without("strict")(value) : value)),
    ),
  );
}

function anyForRequired(body: JsonObject): JsonObject {
  return changed(body, "tool_choice", (choice) => (choice === "required" ? "any" : choice));
}

/** A schema is told in words, since the vendor only knows that JSON is wanted. */
function tellSchema(body: JsonObject): JsonObject {
  const format = body["response_format"];
  if (!isObject(format) || format["type"] !== "json_schema") return body;
  const told = isObject(format["json_schema"]) ? (format["json_schema"]["schema"] ?? {}) : {};
  const text = `Answer with one JSON object, and nothing else, that fits this JSON Schema:\n${JSON.stringify(told)}`;
  const messages = withInstruction(objectsOf(body["messages"]), text);
  return { ...body, messages, response_format: { type: "json_object" } };
}

/** Said at the end of the leading instructions: there are chat templates that take one system message alone. */
function withInstruction(messages: readonly JsonObject[], text: string): readonly JsonObject[] {
  const leading = messages.findIndex(({ role }) => role !== "system" && role !== "developer");
  const place = leading === -1 ? messages.length : leading;
  const last = messages[place - 1];
  const content = last?.["content"];
  return typeof content === "string"
    ? messages.with(place - 1, { ...last, content: `${content}\n\n${text}` })
    : messages.toSpliced(place, 0, { role: last?.["role"] ?? "system", content: text });
}

/** In the order in which they are done. */
const changes = {
  "no-json-schema": tellSchema,
  "no-developer-role": systemForDeveloper,
  "no-user-after-tool": wordBetween,
  "nine-character-ids": shortIds,
  "prefix-member": begun("prefix"),
  "partial-member": begun("partial"),
  "max-tokens": renamed("max_completion_tokens", "max_tokens"),
  "random-seed": renamed("seed", "random_seed"),
  "no-strict": looseTools,
  "no-parallel-member": without("parallel_tool_calls"),
  "tool-choice-any": anyForRequired,
  "fixed-sampling": without("temperature", "top_p", "n", "presence_penalty", "frequency_penalty"),
  "known-members-only": without(
    "user",
    "metadata",
    "service_tier",
    "prompt_cache_key",
    "verbosity",
    "prediction",
  ),
  "reasoning-split": (body) => ({ ...body, reasoning_split: true }),
} as const satisfies Partial<Record<QuirkId, Change>>;

/** Makes of a body as OpenAI would take it the one that this vendor takes. */
export function applyQuirks(body: JsonObject, quirks: readonly QuirkId[]): JsonObject {
  const wanted = Object.entries(changes).filter(([id]) => quirks.includes(id as QuirkId));
  return wanted.reduce((changing, [, change]) => change(changing), body);
}

/** Whether a wish is one for reasoning; null where it does not say. */
function wantsReasoning({ effort, budgetTokens, adaptive }: ReasoningWish): boolean | null {
  if (effort !== null) return effort !== "none";
  if (budgetTokens !== null) return budgetTokens !== 0;
  return adaptive ? true : null;
}

/** DeepSeek's efforts (api-docs.deepseek.com/guides/thinking_mode). */
const threeEfforts: Readonly<Partial<Record<Effort, string>>> = {
  minimal: "low",
  low: "low",
  medium: "high",
  high: "high",
  xhigh: "max",
  max: "max",
};

function thinkingMember(wish: ReasoningWish, quirks: readonly QuirkId[]): JsonObject {
  const wants = wantsReasoning(wish);
  if (wants === null) return {};
  const effort = threeEfforts[wish.effort ?? budgetEffort(wish.budgetTokens) ?? "none"];
  const isTold = quirks.includes("effort-beside-thinking") && effort !== undefined;
  return {
    thinking: { type: wants ? "enabled" : "disabled" },
    ...(isTold ? { reasoning_effort: effort } : {}),
  };
}

/** Tokens to think with that an effort comes to; beyond them the vendor's own limit holds. */
const effortBudgets: Readonly<Partial<Record<Effort, number>>> = {
  minimal: 1024,
  low: 2048,
  medium: 8192,
  high: 24_576,
};

function enableThinking(wish: ReasoningWish): JsonObject {
  const wants = wantsReasoning(wish);
  if (wants === null) return {};
  const told = wish.budgetTokens ?? effortBudgets[wish.effort ?? "max"];
  const hasBudget = wants && told !== undefined && told > 0;
  return { enable_thinking: wants, ...(hasBudget ? { thinking_budget: told } : {}) };
}

function reasoningObject(wish: ReasoningWish): JsonObject {
  const { effort, budgetTokens, adaptive, show } = wish;
  const budget = budgetTokens !== null && budgetTokens > 0 ? { max_tokens: budgetTokens } : {};
  const amount = effort === null ? budget : { effort };
  const reasoning = {
    ...amount,
    ...(adaptive && effort === null && budgetTokens === null ? { enabled: true } : {}),
    ...(budgetTokens === 0 && effort === null ? { effort: "none" } : {}),
    ...(show === false ? { exclude: true } : {}),
  };
  return Object.keys(reasoning).length === 0 ? {} : { reasoning };
}

/** How a vendor wants to be told of a wish for reasoning; undefined: by `reasoning_effort`, as OpenAI. */
export function wishMembers(
  wish: ReasoningWish | null,
  quirks: readonly QuirkId[],
): JsonObject | undefined {
  const has = (id: QuirkId): boolean => quirks.includes(id);
  if (has("no-reasoning-wish")) return {};
  if (has("thinking-member")) return wish === null ? {} : thinkingMember(wish, quirks);
  if (has("enable-thinking")) return wish === null ? {} : enableThinking(wish);
  if (has("reasoning-object")) return wish === null ? {} : reasoningObject(wish);
  return undefined;
}

/** Quirks that need more than the body: where each is heeded. */
export const heededElsewhere = {
  "string-content": "encode-content.ts",
  "cache-control": "encode-content.ts",
  "replay-reasoning": "encode-messages.ts",
  "replay-as-reasoning": "encode-messages.ts",
  "inline-thoughts": "inline-thoughts.ts",
  "reasoning-outside-output": "usage.ts",
  "thinking-member": "wishMembers",
  "effort-beside-thinking": "wishMembers",
  "enable-thinking": "wishMembers",
  "reasoning-object": "wishMembers",
  "no-reasoning-wish": "wishMembers",
  // Of all dialects.
  "inline-media": "the gateway",
  // Of another dialect.
  "no-midway-system": "anthropic/",
} as const satisfies Partial<Record<QuirkId, string>>;

/** Holds the compiler to it that no quirk is forgotten. */
export type UnheededQuirk = Exclude<QuirkId, keyof typeof changes | keyof typeof heededElsewhere>;
