/** Turns Anthropic's usage into disjoint buckets and back. Promise kept here: no token is counted twice, or left out. */
import type { JsonObject } from "../../core/json-value.ts";
import type { Usage } from "../../wire/usage.ts";
import { type Fields, fieldsOf, listOf } from "../loose-fields.ts";
import { makeUsage, tierWord } from "../make-usage.ts";
import { makeUsageReader, maxUsage, type UsageReader } from "../usage-number.ts";

/** What one usage object tells; undefined: it does not say. */
interface Told {
  readonly input: number | undefined;
  readonly cacheRead: number | undefined;
  /** Written to a cache in all. */
  readonly written: number | undefined;
  readonly written1h: number | undefined;
  readonly output: number | undefined;
}

function readTold(reader: UsageReader, fields: Fields): Told {
  const count = (from: Fields, name: string): number | undefined => reader.count(from, name);
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
  return iteration["type"] === "message" && iteration["output_tokens"] === 0;
}

/**
 * Sums the rounds of a call (compaction, advisor, fallback), of which the outer members tell only some. Models that
 * declined before a fallback answered are not billed where they put nothing out.
 */
function readIterations(reader: UsageReader, value: unknown): Told | undefined {
  const all = listOf(value).map(fieldsOf);
  if (all.length === 0) return undefined;
  const fellBack = all.some(({ type }) => type === "fallback_message");
  const rounds = (fellBack ? all.filter((round) => !isIdleHop(round)) : all).map((round) =>
    readTold(reader, round),
  );
  const sum = (name: keyof Told): number =>
    rounds.reduce((total, round) => Math.min(total + (round[name] ?? 0), maxUsage), 0);
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

/** The vendor's own objects of a stream as one: what is told later goes over what was told before. */
function rawOf(fields: Fields, earlier: Usage | null): Fields {
  return earlier?.raw === undefined ? fields : { ...earlier.raw, ...fields };
}

/**
 * Decodes a `usage` object; `earlier` is what the stream told before: `message_start` tells the input, `message_delta`
 * the output and sometimes the input anew, all counts cumulative. Input leaves cached tokens out. Null where nothing
 * was counted.
 */
export function decodeUsage(value: unknown, earlier: Usage | null = null): Usage | null {
  const fields = fieldsOf(value);
  const reader = makeUsageReader();
  const told = readIterations(reader, fields["iterations"]) ?? readTold(reader, fields);
  const before1h = earlier?.cacheWrite1h ?? 0;
  const written = later(told.written, (earlier?.cacheWrite5m ?? 0) + before1h);
  const hour = Math.min(told.written1h ?? before1h, written);
  const thinking = reader.count(fieldsOf(fields["output_tokens_details"]), "thinking_tokens");
  const tools = fieldsOf(fields["server_tool_use"]);
  return makeUsage(
    {
      input: later(told.input, earlier?.input),
      cacheRead: later(told.cacheRead, earlier?.cacheRead),
      cacheWrite5m: written - hour,
      cacheWrite1h: hour,
      output: later(told.output, earlier?.output),
      reasoning: later(thinking, earlier?.reasoning),
      kinds: {
        webSearches: later(reader.count(tools, "web_search_requests"), earlier?.kinds?.webSearches),
        webFetches: later(reader.count(tools, "web_fetch_requests"), earlier?.kinds?.webFetches),
      },
      tier: decodeServiceTier(fields) ?? earlier?.serviceTier,
      raw: rawOf(fields, earlier),
    },
    { isOdd: reader.isOdd || earlier?.estimated === true },
  );
}

/** Usage out of a whole stream event: at the root (`message_delta`), or in the message (`message_start`). */
export function findUsage(event: unknown, earlier: Usage | null): Usage | null {
  const fields = fieldsOf(event);
  const value = fields["usage"] ?? fieldsOf(fields["message"])["usage"];
  return decodeUsage(value, earlier);
}

/** The service tier that a usage object states, in OpenAI's words; null: none. Fast mode is priced as a tier is. */
export function decodeServiceTier(value: unknown): string | null {
  const fields = fieldsOf(value);
  return fields["speed"] === "fast" ? "fast" : tierWord(fields["service_tier"]);
}

/** The counts that `message_delta` tells. */
export function encodeDeltaUsage(usage: Usage): JsonObject {
  const { webSearches = 0, webFetches = 0 } = usage.kinds ?? {};
  return {
    input_tokens: usage.input,
    cache_creation_input_tokens: usage.cacheWrite5m + usage.cacheWrite1h,
    cache_read_input_tokens: usage.cacheRead,
    output_tokens: usage.output,
    output_tokens_details: usage.reasoning === 0 ? null : { thinking_tokens: usage.reasoning },
    server_tool_use:
      webSearches + webFetches === 0
        ? null
        : { web_search_requests: webSearches, web_fetch_requests: webFetches },
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
