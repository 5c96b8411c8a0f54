/** Usage as the Responses API tells it, both ways. Promise kept here: no token is counted twice. */
import type { JsonObject } from "../../core/json-value.ts";
import { eventData } from "../../core/sse.ts";
import type { Usage, UsageKinds } from "../../wire/usage.ts";

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function count(fields: Fields, name: string): number {
  const value = fields[name];
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? Math.floor(value) : 0;
}

/** Parts that have prices of their own; undefined where none is told. */
function kindsOf(input: Fields, output: Fields, searches: number): UsageKinds | undefined {
  const told: Record<string, number> = {
    inputAudio: count(input, "audio_tokens"),
    inputImage: count(input, "image_tokens"),
    outputAudio: count(output, "audio_tokens"),
    outputImage: count(output, "image_tokens"),
    webSearches: searches,
  };
  const entries = Object.entries(told).filter(([, tokens]) => tokens > 0);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/**
 * Decodes the usage of a response object. Input includes what was read from and written to a cache, output includes
 * reasoning. OpenAI keeps caches for 30 minutes or 12 hours, which are counted as the shorter and the longer kind.
 * Null where nothing was counted.
 */
export function decodeUsage(response: unknown): Usage | null {
  const outer = fieldsOf(response);
  const fields = fieldsOf(outer["usage"]);
  const input = count(fields, "input_tokens");
  const output = count(fields, "output_tokens");
  if (input + output === 0) return null;
  const inputDetails = fieldsOf(fields["input_tokens_details"]);
  const outputDetails = fieldsOf(fields["output_tokens_details"]);
  const cacheRead = count(inputDetails, "cached_tokens");
  const written = count(inputDetails, "cache_write_tokens");
  const long = count(fieldsOf(inputDetails["cache_write_tokens_details"]), "ttl_12h_tokens");
  const cacheWrite1h = Math.min(long, written);
  // More cached than sent: this vendor counts them apart.
  const within = cacheRead + written <= input;
  const search = fieldsOf(fieldsOf(outer["tool_usage"])["web_search"]);
  const kinds = kindsOf(inputDetails, outputDetails, count(search, "num_requests"));
  return {
    input: within ? input - cacheRead - written : input,
    cacheRead,
    cacheWrite5m: written - cacheWrite1h,
    cacheWrite1h,
    output,
    reasoning: Math.min(count(outputDetails, "reasoning_tokens"), output),
    estimated: false,
    ...(kinds === undefined ? {} : { kinds }),
  };
}

/** Usage told by a stream's event; null: none. */
export function eventUsage(event: Buffer): Usage | null {
  try {
    return decodeUsage(fieldsOf(JSON.parse(eventData(event)?.toString() ?? "null"))["response"]);
  } catch {
    return null;
  }
}

/** Usage as a response object tells it. */
export function encodeUsage(usage: Usage): JsonObject {
  const written = usage.cacheWrite5m + usage.cacheWrite1h;
  const input = usage.input + usage.cacheRead + written;
  const lifetimes = {
    cache_write_tokens_details: {
      ttl_30m_tokens: usage.cacheWrite5m,
      ttl_12h_tokens: usage.cacheWrite1h,
    },
  };
  return {
    input_tokens: input,
    input_tokens_details: {
      cached_tokens: usage.cacheRead,
      cache_write_tokens: written,
      ...(usage.cacheWrite1h > 0 ? lifetimes : {}),
    },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: usage.reasoning },
    total_tokens: input + usage.output,
  };
}
