/**
 * Reads a Messages request into our own shape. Promise kept here: every member is read, or named as one that is not.
 */
import type { JsonObject } from "../../core/json-value.ts";
import type { CacheMark, Conversation, Message, UserPart } from "../../wire/conversation.ts";
import type { FeatureUse } from "../../wire/feature.ts";
import type { DecodeContext } from "../codec.ts";
import {
  findNumber,
  findObject,
  findText,
  isUnset,
  type Note,
  noteUnknown,
} from "../request-members.ts";
import { decodeInstructions } from "./decode-content.ts";
import { decodeMessages } from "./decode-messages.ts";
import {
  decodeFormat,
  decodeReasoning,
  decodeSampling,
  decodeToolChoice,
  decodeTools,
} from "./decode-wishes.ts";
import { threadField } from "./errors.ts";

const knownMembers = [
  "model",
  "messages",
  "max_tokens",
  "system",
  "stream",
  "tools",
  "tool_choice",
  "thinking",
  "output_config",
  "output_format",
  "temperature",
  "top_p",
  "top_k",
  "stop_sequences",
  "metadata",
  "service_tier",
  "cache_control",
  "mcp_servers",
  "container",
  "context_management",
  "thread",
  "anthropic_version",
  "anthropic_beta",
];

/** A conversation that the vendor keeps: it may be begun where nobody keeps it, but not gone on with. */
function noteThread(body: JsonObject, note: Note): void {
  const thread = findObject(body, "thread", "");
  if (thread === undefined) return;
  const begins = findText(thread, "type", "thread") === "create";
  if (begins) note("store", "thread");
  else note("previous-response", threadField);
}

/** Members that stand for something which other dialects do not have. */
function noteForeign(body: JsonObject, note: Note): void {
  const { mcp_servers: servers } = body;
  if (!isUnset(servers) && !(Array.isArray(servers) && servers.length === 0))
    note("server-tools", "mcp_servers");
  if (!isUnset(body["container"])) note("container", "container");
  if (!isUnset(body["context_management"])) note("context-management", "context_management");
  noteThread(body, note);
  // `speed: "standard"` is what everybody has.
  const known = body["speed"] === "standard" ? [...knownMembers, "speed"] : knownMembers;
  noteUnknown(body, known, "", note);
}

function decodeEndUser(body: JsonObject, note: Note): string | null {
  const metadata = findObject(body, "metadata", "");
  if (metadata === undefined) return null;
  noteUnknown(metadata, ["user_id"], "metadata", note);
  const user = findText(metadata, "user_id", "metadata") ?? "";
  if (user === "") return null;
  note("end-user", "metadata.user_id");
  return user;
}

function decodeTier(body: JsonObject, note: Note): string | null {
  const tier = findText(body, "service_tier", "");
  if (tier === undefined) return null;
  note("service-tier", "service_tier");
  return tier === "standard_only" ? "default" : tier;
}

/** A mark on the whole request stands for one on its last block. */
function withMark(messages: readonly Message[], cache: CacheMark): readonly Message[] {
  const last = messages.at(-1);
  if (last === undefined || last.role === "assistant") return messages;
  const part = last.parts.at(-1);
  if (part === undefined || part.kind === "foreign" || part.cache !== undefined) return messages;
  const parts = [...last.parts.slice(0, -1), { ...part, cache }] as readonly UserPart[];
  return [...messages.slice(0, -1), { ...last, parts } as Message];
}

function decodeTurns(body: JsonObject, note: Note): readonly Message[] {
  const messages = decodeMessages(body, note);
  const mark = findObject(body, "cache_control", "");
  if (mark === undefined) return messages;
  note("cache-mark", "cache_control");
  return withMark(messages, { ttl: findText(mark, "ttl", "cache_control") ?? null });
}

/** Throws `invalid_request` naming the field and the mend. `max_tokens` may be missing, as in `count_tokens`. */
export function decodeRequest(body: JsonObject, context: DecodeContext): Conversation {
  const uses: FeatureUse[] = [];
  const note: Note = (feature, field) => uses.push({ feature, field });
  const limits = { from: 1, to: Infinity, whole: true } as const;
  const conversation: Conversation = {
    model: context.model,
    stream: context.stream,
    system: decodeInstructions(body["system"], "system", note),
    messages: decodeTurns(body, note),
    tools: decodeTools(body, note),
    ...decodeToolChoice(body, note),
    sampling: decodeSampling(body, note),
    maxOutputTokens: findNumber(body, "max_tokens", limits) ?? null,
    reasoning: decodeReasoning(body, note),
    responseFormat: decodeFormat(body, note),
    verbosity: null,
    serviceTier: decodeTier(body, note),
    endUser: decodeEndUser(body, note),
    metadata: null,
    cacheKey: null,
    modalities: [],
    audio: null,
    uses,
  };
  noteForeign(body, note);
  return conversation;
}
