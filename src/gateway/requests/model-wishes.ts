/**
 * Does what a model's name asked behind its `#`: reasoning and search, in the words of whoever is called.
 * Promise kept here: a wish that a dialect has no words for is refused by name.
 */
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { UpstreamCodec } from "../../dialects/codec.ts";
import { emptyConversation } from "../../dialects/empty-conversation.ts";
import { findUpstreamCodec } from "../../dialects/registry.ts";
import type { ModelWish } from "../../route/model-wish.ts";
import type { DialectId } from "../../wire/call.ts";
import type { Conversation, ReasoningWish } from "../../wire/conversation.ts";
import type { Attempt } from "../exchange/ending.ts";
import { mergeMembers } from "../exchange/merge-members.ts";

/** The vendor's own search of the web, where a dialect has one. */
const searchMembers: Readonly<Partial<Record<DialectId, JsonObject>>> = {
  "openai-chat": { web_search_options: {} },
  "openai-responses": { tools: [{ type: "web_search" }] },
  "anthropic-messages": { tools: [{ type: "web_search_20250305", name: "web_search" }] },
  "gemini-content": { tools: [{ googleSearch: {} }] },
};

/** The wish of a call and of the mapping that its channel makes; what the caller asks wins. */
export function wishOf({ call, candidate }: Pick<Attempt, "call" | "candidate">): ModelWish | null {
  const asked = call.wish;
  const mapped = candidate.wish;
  if (asked === null || mapped === null) return asked ?? mapped;
  return {
    effort: asked.effort ?? (asked.thinking ? null : mapped.effort),
    thinking: asked.thinking || (mapped.thinking && asked.effort === null),
    search: asked.search || mapped.search,
  };
}

function reasoningOf(wish: ModelWish): ReasoningWish | null {
  if (wish.effort === null && !wish.thinking) return null;
  const { effort, thinking } = wish;
  return { effort, budgetTokens: null, adaptive: thinking, show: thinking || null, summary: null };
}

function noSearch(): GatewayError {
  const message = "`#search` behind the model's name: its upstream has no search of its own";
  const fields = [{ field: "model", message }];
  return new GatewayError("invalid_request", message, { fields, values: { detail: message } });
}

/** The wish in a conversation that is translated. Throws `invalid_request`: searches are not translated. */
export function wished(conversation: Conversation, wish: ModelWish | null): Conversation {
  if (wish === null) return conversation;
  if (wish.search) throw noSearch();
  const reasoning = reasoningOf(wish);
  return reasoning === null ? conversation : { ...conversation, reasoning };
}

/** The wish put into a body that passes through. Throws `invalid_request` where the dialect has no words for it. */
export function putWish(body: Buffer, attempt: Attempt, wish: ModelWish): Buffer {
  const { dialect } = attempt.endpoint;
  const reasoning = reasoningOf(wish);
  const codec = findUpstreamCodec(dialect);
  let merged = body;
  if (reasoning !== null && codec !== undefined)
    merged = mergeMembers(merged, reasoningMembers(attempt, codec, reasoning));
  if (!wish.search) return merged;
  const search = searchMembers[dialect];
  if (search === undefined) throw noSearch();
  return mergeMembers(merged, search);
}

/** What the dialect's own encoder writes for it, vendors' ways included: what it writes more than without it. */
function reasoningMembers(
  { call, candidate, endpoint }: Attempt,
  codec: UpstreamCodec,
  reasoning: ReasoningWish,
): JsonObject {
  const plain: Conversation = { ...bareConversation, maxOutputTokens: call.facts.maxOutputTokens };
  const target = {
    model: candidate.model,
    stream: call.facts.stream,
    askUsage: false,
    quirks: endpoint.quirks ?? [],
  };
  const without = codec.encodeRequest(plain, target);
  const members = Object.entries(codec.encodeRequest({ ...plain, reasoning }, target));
  const added = members.filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(without[name]),
  );
  return Object.fromEntries(added);
}

const bareConversation: Conversation = {
  ...emptyConversation,
  messages: [{ role: "user", parts: [{ kind: "text", text: "-" }] }],
};
