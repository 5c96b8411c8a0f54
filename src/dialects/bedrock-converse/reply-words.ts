/** Words of Converse's replies that whole and streamed ones share: why an answer ended, usage, tiers, citations. */
import { isObject, type JsonObject } from "../../core/json-value.ts";
import { lookUp } from "../../core/look-up.ts";
import type { Finish, FinishReason } from "../../wire/chat-reply.ts";
import type { Citation } from "../../wire/conversation.ts";
import type { Usage } from "../../wire/usage.ts";
import { fieldsOf, findCount, findText, listOf, textOf } from "../loose-fields.ts";

const reasons: Readonly<Record<string, FinishReason>> = {
  end_turn: "stop",
  stop_sequence: "stop-sequence",
  max_tokens: "length",
  model_context_window_exceeded: "context",
  tool_use: "tool-calls",
  guardrail_intervened: "content-filter",
  content_filtered: "content-filter",
  malformed_tool_use: "tool-error",
  malformed_model_output: "tool-error",
  refusal: "refusal",
  pause_turn: "pause",
};

/** The sequence that ended the answer, where it was asked for: told at another place in streams. */
function findStopSequence(extra: unknown): string | null {
  const fields = fieldsOf(extra);
  return findText(fields["stop_sequence"]) ?? findText(fieldsOf(fields["delta"])["stop_sequence"]);
}

/** Why the answer ended; `called`: it calls tools, which some models forget to give as the reason. */
export function readFinish(stopReason: unknown, extra: unknown, called: boolean): Finish {
  const raw = findText(stopReason);
  const reason = lookUp(reasons, raw) ?? "other";
  return {
    reason: called && reason === "stop" ? "tool-calls" : reason,
    stopSequence: findStopSequence(extra),
    raw,
  };
}

/** Tokens written to the cache for an hour, of all that were written. */
function writtenForHour(details: unknown): number {
  const counts = listOf(details).map((item) => {
    const { ttl, inputTokens } = fieldsOf(item);
    return ttl === "1h" ? (findCount(inputTokens) ?? 0) : 0;
  });
  return counts.reduce((sum, count) => sum + count, 0);
}

/** `inputTokens` leaves out what was read from and written to the cache. Null where nothing was counted. */
export function readUsage(value: unknown): Usage | null {
  const fields = fieldsOf(value);
  const input = findCount(fields["inputTokens"]);
  const output = findCount(fields["outputTokens"]);
  if (input === undefined && output === undefined) return null;
  const written =
    findCount(fields["cacheWriteInputTokens"]) ??
    findCount(fields["cacheWriteInputTokenCount"]) ??
    0;
  const hour = Math.min(written, writtenForHour(fields["cacheDetails"]));
  return {
    input: input ?? 0,
    cacheRead:
      findCount(fields["cacheReadInputTokens"]) ??
      findCount(fields["cacheReadInputTokenCount"]) ??
      0,
    cacheWrite5m: written - hour,
    cacheWrite1h: hour,
    output: output ?? 0,
    reasoning: 0,
    estimated: false,
  };
}

/** The tier a reply or `metadata` event states, in OpenAI's words. */
export function readTier(reply: unknown): string | null {
  const fields = fieldsOf(reply);
  if (fieldsOf(fields["performanceConfig"])["latency"] === "optimized") return "fast";
  const tier = findText(fieldsOf(fields["serviceTier"])["type"]);
  return tier === "reserved" ? "scale" : tier;
}

/** A citation; offsets are those of the text it stands at, null where they are not known. */
export function readCitation(value: unknown, start: number | null, end: number | null): Citation {
  const fields = fieldsOf(value);
  const web = fieldsOf(fieldsOf(fields["location"])["web"]);
  const source = findText(fields["source"]);
  const cited = listOf(fields["sourceContent"]).map((item) => textOf(fieldsOf(item)["text"]));
  const raw = isObject(value) ? { dialect: "bedrock-converse", value: value as JsonObject } : null;
  return {
    url: findText(web["url"]) ?? (source?.includes("://") === true ? source : null),
    title: findText(fields["title"]),
    citedText: findText(cited.join("")),
    start,
    end,
    ...(raw === null ? {} : { raw }),
  };
}
