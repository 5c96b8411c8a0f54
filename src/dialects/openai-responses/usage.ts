/** Usage as the Responses API tells it, both ways. Promise kept here: no token is counted twice. */
import type { JsonObject } from "../../core/json-value.ts";
import { eventData } from "../../core/sse.ts";
import type { Usage } from "../../wire/usage.ts";
import { type Fields, fieldsOf, listOf } from "../loose-fields.ts";
import { makeUsage, type ToldKinds } from "../make-usage.ts";
import { makeUsageReader, type UsageReader } from "../usage-number.ts";

/** Items of an answer that vendors bill apart; `readReply` parses the answer only where one of these words stands in it. */
export const billedItems = [
  "web_search_call",
  "file_search_call",
  "code_interpreter_call",
  "image_generation_call",
] as const;

/** A search; opening and reading a page that was found costs tokens alone. */
function isSearch(item: Fields): boolean {
  const action = fieldsOf(item["action"])["type"];
  return item["status"] !== "failed" && (action === undefined || action === "search");
}

/** What the items of an answer count. Code runs in containers, which are billed for the whole of their life. */
function itemsOf(response: Fields): ToldKinds {
  const items = listOf(response["output"]).map(fieldsOf);
  const of = (type: (typeof billedItems)[number]): readonly Fields[] =>
    items.filter((item) => item["type"] === type);
  const runs = of("code_interpreter_call");
  const containers = new Set(runs.map((run) => run["container_id"] ?? run["id"]));
  return {
    webSearches: of("web_search_call").filter(isSearch).length,
    fileSearches: of("file_search_call").length,
    codeSessions: containers.size,
    images: of("image_generation_call").filter(({ result }) => typeof result === "string").length,
  };
}

/** What the reply itself counts of tools: OpenAI beside its usage, xAI within. What it counts goes before its items. */
function toolsOf(reader: UsageReader, response: Fields, fields: Fields): ToldKinds {
  const told = fieldsOf(response["tool_usage"]);
  const xai = fieldsOf(fields["server_side_tool_usage_details"]);
  const count = (name: string): number => reader.count(xai, name) ?? 0;
  const items = itemsOf(response);
  const pictures = fieldsOf(told["image_gen"]);
  return {
    webSearches:
      reader.count(fieldsOf(told["web_search"]), "num_requests") ||
      count("web_search_calls") + count("x_search_calls") ||
      items.webSearches,
    fileSearches: count("file_search_calls") + count("document_search_calls") || items.fileSearches,
    codeSessions: count("code_interpreter_calls") || items.codeSessions,
    toolCalls: count("mcp_calls"),
    searchSources: reader.count(fields, "num_sources_used"),
    images: items.images,
    imageToolInput: reader.count(pictures, "input_tokens"),
    imageToolOutput: reader.count(pictures, "output_tokens"),
  };
}

/**
 * Decodes the usage of a response object. Input includes what was read from and written to a cache, output includes
 * reasoning. OpenAI keeps caches for 30 minutes or 12 hours, which are counted as the shorter and the longer kind.
 * Null where nothing was counted.
 */
export function decodeUsage(response: unknown): Usage | null {
  const outer = fieldsOf(response);
  const fields = fieldsOf(outer["usage"]);
  const reader = makeUsageReader();
  const all = reader.count(fields, "input_tokens") ?? 0;
  const output = reader.count(fields, "output_tokens") ?? 0;
  if (all + output === 0) return null;
  const inputs = fieldsOf(fields["input_tokens_details"]);
  const outputs = fieldsOf(fields["output_tokens_details"]);
  const cacheRead = reader.count(inputs, "cached_tokens") ?? 0;
  const written = reader.count(inputs, "cache_write_tokens") ?? 0;
  const long = reader.count(fieldsOf(inputs["cache_write_tokens_details"]), "ttl_12h_tokens") ?? 0;
  const cacheWrite1h = Math.min(long, written);
  // More cached than sent: this vendor counts them apart.
  const within = cacheRead + written <= all;
  const kinds: ToldKinds = {
    ...toolsOf(reader, outer, fields),
    inputAudio: reader.count(inputs, "audio_tokens"),
    inputImage: reader.count(inputs, "image_tokens"),
    outputAudio: reader.count(outputs, "audio_tokens"),
    outputImage: reader.count(outputs, "image_tokens"),
  };
  return makeUsage(
    {
      input: within ? all - cacheRead - written : all,
      cacheRead,
      cacheWrite5m: written - cacheWrite1h,
      cacheWrite1h,
      output,
      reasoning: reader.count(outputs, "reasoning_tokens"),
      kinds,
      tier: outer["service_tier"],
      raw: rawOf(outer, fields),
    },
    reader,
  );
}

/** The vendor's own objects as one. */
function rawOf(response: Fields, usage: Fields): Fields {
  const tools = response["tool_usage"];
  return tools === undefined || tools === null ? usage : { ...usage, tool_usage: tools };
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
