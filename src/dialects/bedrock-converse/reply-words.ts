/** Words of Converse's replies that whole and streamed ones share: why an answer ended, usage, tiers, citations. */
import { isObject, type JsonObject } from "../../core/json-value.ts";
import { lookUp } from "../../core/look-up.ts";
import type { Finish, FinishReason } from "../../wire/chat-reply.ts";
import type { Citation } from "../../wire/conversation.ts";
import type { Usage } from "../../wire/usage.ts";
import { fieldsOf, findText, listOf, textOf } from "../loose-fields.ts";
import { makeUsage, tierWord } from "../make-usage.ts";
import { makeUsageReader, type UsageReader } from "../usage-number.ts";

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
function writtenForHour(reader: UsageReader, details: unknown): number {
  const counts = listOf(details).map((item) => {
    const fields = fieldsOf(item);
    return fields["ttl"] === "1h" ? (reader.count(fields, "inputTokens") ?? 0) : 0;
  });
  return counts.reduce((sum, count) => sum + count, 0);
}

/** `inputTokens` leaves out what was read from and written to the cache. Null where nothing was counted. */
export function readUsage(value: unknown, tier: string | null = null): Usage | null {
  const fields = fieldsOf(value);
  const reader = makeUsageReader();
  const count = (...names: readonly string[]): number => reader.count(fields, ...names) ?? 0;
  const written = count("cacheWriteInputTokens", "cacheWriteInputTokenCount");
  const hour = Math.min(written, writtenForHour(reader, fields["cacheDetails"]));
  return makeUsage(
    {
      input: count("inputTokens"),
      cacheRead: count("cacheReadInputTokens", "cacheReadInputTokenCount"),
      cacheWrite5m: written - hour,
      cacheWrite1h: hour,
      output: count("outputTokens"),
      tier,
      raw: value,
    },
    reader,
  );
}

/** The tier a reply or `metadata` event states, in OpenAI's words. */
export function readTier(reply: unknown): string | null {
  const fields = fieldsOf(reply);
  if (fieldsOf(fields["performanceConfig"])["latency"] === "optimized") return "fast";
  return tierWord(fieldsOf(fields["serviceTier"])["type"]);
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
