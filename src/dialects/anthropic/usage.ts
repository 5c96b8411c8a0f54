/** Turns Anthropic's usage into disjoint buckets and back. Promise kept here: no token is counted twice, or left out. */
import type { JsonObject } from "../../core/json-value.ts";
import { lookUp } from "../../core/look-up.ts";
import type { Usage } from "../../wire/usage.ts";
import { type Fields, fieldsOf, findCount } from "../loose-fields.ts";

function count(fields: Fields, name: string): number | undefined {
  return findCount(fields[name]);
}

/** What one usage object tells; undefined: it does not say. */
interface Told {
  readonly input: number | undefined;
  readonly cacheRead: number | undefined;
  /** Written to a cache in all. */
  readonly written: number | undefined;
  readonly written1h: number | undefined;
  readonly output: number | undefined;
}

function readTold(fields: Fields): Told {
  const split = fieldsOf(fields["cache_creation"]);
  const hour = count(split, "ephemeral_1h_input_tokens");
  const minutes = count(split, "ephemeral_5m_input_tokens");
  const parts = hour === undefined && minutes === undefined ? undefined : [hour, minutes];
  const sum = parts?.reduce((total: number, part) => total + (part ?? 0), 0);
  const written = count(fields, "cache_creation_input_tokens");
  return {
    input: count(fields, "input_tokens"),
    cacheRead: count(fields, "cache_read_input_tokens"),
    written: Math.max(written ?? 0, sum ?? 0) || (written ?? sum),
    written1h: hour,
    output: count(fields, "output_tokens"),
  };
}

function isIdleHop(iteration: Fields): boolean {
  return iteration["type"] === "message" && count(iteration, "output_tokens") === 0;
}

/**
 * Sums the rounds of a call (compaction, advisor, fallback), of which the outer members tell only some. Models that
 * declined before a fallback answered are not billed where they put nothing out.
 */
function readIterations(value: unknown): Told | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const all = value.map(fieldsOf);
  const fellBack = all.some(({ type }) => type === "fallback_message");
  const rounds = (fellBack ? all.filter((round) => !isIdleHop(round)) : all).map(readTold);
  const sum = (name: keyof Told): number =>
    rounds.reduce((total, round) => total + (round[name] ?? 0), 0);
  return {
    input: sum("input"),
    cacheRead: sum("cacheRead"),
    written: sum("written"),
    written1h: rounds.some((round) => round.written1h !== undefined) ? sum("written1h") : undefined,
    output: sum("output"),
  };
}

/** A count told later replaces an earlier one, unless it is a bare nought (some vendors restate what they left out). */
function later(told: number | undefined, before: number | undefined): number {
  return told === undefined || told === 0 ? (before ?? 0) : told;
}

/**
 * Decodes a `usage` object; `earlier` is what the stream told before: `message_start` tells the input, `message_delta`
 * the output and sometimes the input anew, all counts cumulative. Input leaves cached tokens out. Null where nothing
 * was counted.
 */
export function decodeUsage(value: unknown, earlier: Usage | null = null): Usage | null {
  const fields = fieldsOf(value);
  const told = readIterations(fields["iterations"]) ?? readTold(fields);
  const before1h = earlier?.cacheWrite1h ?? 0;
  const written = later(told.written, (earlier?.cacheWrite5m ?? 0) + before1h);
  const hour = Math.min(told.written1h ?? before1h, written);
  const output = later(told.output, earlier?.output);
  const thinking = count(fieldsOf(fields["output_tokens_details"]), "thinking_tokens");
  const searches = count(fieldsOf(fields["server_tool_use"]), "web_search_requests");
  const webSearches = later(searches, earlier?.kinds?.webSearches);
  const usage: Usage = {
    input: later(told.input, earlier?.input),
    cacheRead: later(told.cacheRead, earlier?.cacheRead),
    cacheWrite5m: written - hour,
    cacheWrite1h: hour,
    output,
    reasoning: Math.min(later(thinking, earlier?.reasoning), output),
    estimated: false,
    ...(webSearches === 0 ? {} : { kinds: { webSearches } }),
  };
  return usage.input + usage.cacheRead + written + output + webSearches === 0 ? null : usage;
}

/** Usage out of a whole stream event: at the root (`message_delta`), or in the message (`message_start`). */
export function findUsage(event: unknown, earlier: Usage | null): Usage | null {
  const fields = fieldsOf(event);
  const value = fields["usage"] ?? fieldsOf(fields["message"])["usage"];
  return decodeUsage(value, earlier);
}

const tierWords: Readonly<Record<string, string>> = {
  standard: "default",
  standard_only: "default",
};

/** The service tier that a usage object states, in OpenAI's words. */
export function decodeServiceTier(value: unknown): string | null {
  const tier = fieldsOf(value)["service_tier"];
  return typeof tier === "string" ? (lookUp(tierWords, tier) ?? tier) : null;
}

/** The counts that `message_delta` tells. */
export function encodeDeltaUsage(usage: Usage): JsonObject {
  const searches = usage.kinds?.webSearches ?? 0;
  return {
    input_tokens: usage.input,
    cache_creation_input_tokens: usage.cacheWrite5m + usage.cacheWrite1h,
    cache_read_input_tokens: usage.cacheRead,
    output_tokens: usage.output,
    output_tokens_details: usage.reasoning === 0 ? null : { thinking_tokens: usage.reasoning },
    server_tool_use:
      searches === 0 ? null : { web_search_requests: searches, web_fetch_requests: 0 },
  };
}

/** The counts of a whole message, with all members that the vendor's own replies have. */
export function encodeUsage(usage: Usage, serviceTier: string | null): JsonObject {
  return {
    ...encodeDeltaUsage(usage),
    cache_creation: {
      ephemeral_5m_input_tokens: usage.cacheWrite5m,
      ephemeral_1h_input_tokens: usage.cacheWrite1h,
    },
    service_tier: serviceTier === "priority" || serviceTier === "batch" ? serviceTier : "standard",
    inference_geo: null,
    speed: null,
  };
}
