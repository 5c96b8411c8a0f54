/**
 * Turns a vendor's usage object into disjoint buckets, and buckets into OpenAI's usage object.
 * Promise kept here: no token is counted twice.
 */
import type { JsonObject } from "../../core/json-value.ts";
import type { Usage } from "../../wire/usage.ts";
import { type Fields, fieldsOf, listOf } from "../loose-fields.ts";
import { makeUsage, type ToldKinds } from "../make-usage.ts";
import { makeUsageReader, type UsageReader } from "../usage-number.ts";

function cached(reader: UsageReader, fields: Fields): number {
  const details = fieldsOf(fields["prompt_tokens_details"]);
  const names = ["prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens"];
  return reader.count(details, "cached_tokens") ?? reader.count(fields, ...names) ?? 0;
}

/**
 * Tokens written to a cache, and those of them that are kept long. OpenAI's lifetimes are 30 minutes and 12 hours, which
 * it prices one as the other; they go to the buckets of the shorter and the longer lifetime that there are.
 */
function written(reader: UsageReader, fields: Fields): { short: number; long: number } {
  const details = fieldsOf(fields["prompt_tokens_details"]);
  const names = ["cache_write_tokens", "cache_creation_input_tokens", "cache_creation_tokens"];
  const all =
    reader.count(details, ...names) ?? reader.count(fields, "cache_creation_input_tokens") ?? 0;
  const byLifetime = fieldsOf(details["cache_write_tokens_details"]);
  const long = Math.min(all, reader.count(byLifetime, "ttl_12h_tokens") ?? 0);
  return { short: all - long, long };
}

/** Members that tell of kinds with prices of their own. Most calls count none, and pay for no more than this look. */
const kindMembers: readonly (readonly [group: string, names: readonly string[]])[] = [
  [
    "prompt_tokens_details",
    ["audio_tokens", "image_tokens", "video_tokens", "cached_tokens_details"],
  ],
  [
    "completion_tokens_details",
    ["audio_tokens", "image_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens"],
  ],
];

/** Members of `usage` itself that do: Perplexity, OpenRouter, xAI, Mistral, Qwen, Voyage. */
const kindGroups = [
  "num_search_queries",
  "citation_tokens",
  "server_tool_use",
  "server_tool_use_details",
  "server_side_tool_usage_details",
  "num_sources_used",
  "prompt_audio_seconds",
  "plugins",
] as const;

function countsKinds(fields: Fields): boolean {
  for (const name of kindGroups) if ((fields[name] ?? 0) !== 0) return true;
  for (const [group, names] of kindMembers) {
    const told = fields[group];
    if (told === undefined || told === null) continue;
    const members = fieldsOf(told);
    for (const name of names) if ((members[name] ?? 0) !== 0) return true;
  }
  return false;
}

/** Calls of the vendor's own tools, in whichever place vendors tell them. */
function toolsOf(reader: UsageReader, fields: Fields): ToldKinds {
  const count = (group: string, ...names: readonly string[]): number | undefined =>
    reader.count(fieldsOf(fields[group]), ...names);
  const xai = (name: string): number => count("server_side_tool_usage_details", name) ?? 0;
  const xaiSearches = xai("web_search_calls") + xai("x_search_calls");
  // Perplexity's, OpenRouter's and Qwen's searches.
  const searches =
    reader.count(fields, "num_search_queries") ??
    count("server_tool_use", "web_search_requests") ??
    count("server_tool_use_details", "web_search_requests") ??
    reader.count(fieldsOf(fieldsOf(fields["plugins"])["search"]), "count");
  return {
    webSearches: searches ?? xaiSearches,
    webFetches: count("server_tool_use", "web_fetch_requests"),
    fileSearches: xai("file_search_calls") + xai("document_search_calls"),
    codeSessions: xai("code_interpreter_calls"),
    toolCalls: xai("mcp_calls"),
    searchSources: reader.count(fields, "num_sources_used"),
    citations: reader.count(fields, "citation_tokens"),
  };
}

function kindsOf(reader: UsageReader, fields: Fields, cacheRead: number): ToldKinds | undefined {
  if (!countsKinds(fields)) return undefined;
  const prompt = fieldsOf(fields["prompt_tokens_details"]);
  const completion = fieldsOf(fields["completion_tokens_details"]);
  const cachedParts = fieldsOf(prompt["cached_tokens_details"]);
  const cacheReadAudio = Math.min(cacheRead, reader.count(cachedParts, "audio_tokens") ?? 0);
  const cacheReadImage = Math.min(cacheRead, reader.count(cachedParts, "image_tokens") ?? 0);
  return {
    ...toolsOf(reader, fields),
    inputAudio: Math.max(0, (reader.count(prompt, "audio_tokens") ?? 0) - cacheReadAudio),
    inputImage: Math.max(0, (reader.count(prompt, "image_tokens") ?? 0) - cacheReadImage),
    inputVideo: reader.count(prompt, "video_tokens"),
    cacheReadAudio,
    cacheReadImage,
    outputAudio: reader.count(completion, "audio_tokens"),
    outputImage: reader.count(completion, "image_tokens"),
    acceptedPrediction: reader.count(completion, "accepted_prediction_tokens"),
    rejectedPrediction: reader.count(completion, "rejected_prediction_tokens"),
    seconds: reader.seconds(fields, "prompt_audio_seconds"),
  };
}

/** What is told of a prompt and an answer. */
interface Sides {
  readonly total: number | undefined;
  readonly prompt: number;
  readonly told: number;
  /** Where reasoning is counted that the answer does not hold. */
  readonly reasoning: "within" | "apart" | "in-total";
}

/** Google's models answer this dialect with thoughts in nothing but the total. */
function isGoogles(model: unknown): boolean {
  return typeof model === "string" && /(?:^|\/)gemini-/.test(model);
}

/** Output tokens and those of them that were thought. */
function outputOf(
  reader: UsageReader,
  fields: Fields,
  { total, prompt, told, reasoning: place }: Sides,
): { readonly output: number; readonly reasoning: number } {
  const details = fieldsOf(fields["completion_tokens_details"]);
  const thought =
    reader.count(details, "reasoning_tokens") ?? reader.count(fields, "reasoning_tokens");
  if (place !== "within" && thought === undefined && total !== undefined && total > prompt + told)
    return { output: total - prompt, reasoning: total - prompt - told };
  const reasoning = thought ?? 0;
  // xAI's chat leaves reasoning out of completion_tokens; its total tells.
  const byTotal = total === undefined ? place === "apart" : total === prompt + told + reasoning;
  // Perplexity bills research and its citations beside the answer; its total tells of neither.
  const isResearch = fields["citation_tokens"] !== undefined;
  const outside = byTotal || isResearch;
  const output = outside ? told + reasoning : told;
  return { output, reasoning: Math.min(reasoning, output) };
}

/**
 * Decodes `usage` as OpenAI and its compatible vendors tell it: prompt tokens include those read from and
 * written to a cache, completion tokens include reasoning, unless their own total says otherwise.
 * `reasoningApart`: the vendor is known to count reasoning beside. `reply`: what stands beside its usage.
 * Null where nothing was counted.
 */
export function decodeUsage(
  value: unknown,
  reasoningApart = false,
  reply: Fields = {},
): Usage | null {
  const fields = fieldsOf(value);
  const reader = makeUsageReader();
  const total = reader.count(fields, "total_tokens");
  const told = reader.count(fields, "completion_tokens") ?? 0;
  const prompt = reader.count(fields, "prompt_tokens") ?? Math.max(0, (total ?? 0) - told);
  const place = reasoningApart ? "apart" : isGoogles(reply["model"]) ? "in-total" : "within";
  const sides: Sides = { total, prompt, told, reasoning: place };
  const { output, reasoning } = outputOf(reader, fields, sides);
  if (prompt + output === 0 && !countsKinds(fields)) return null;
  const cacheRead = cached(reader, fields);
  const all = written(reader, fields);
  // OpenRouter counts what was written to a cache and read again at once in both: a whole prompt holds it once.
  const isWhole = total !== undefined && total <= prompt + output && cacheRead <= prompt;
  const short = isWhole ? Math.min(all.short, prompt - cacheRead) : all.short;
  const long = isWhole ? Math.min(all.long, prompt - cacheRead - short) : all.long;
  // More cached than prompted: this vendor counts them apart from the prompt.
  const beside = cacheRead + short + long;
  const input = beside <= prompt ? prompt - beside : prompt;
  const kinds = kindsOf(reader, fields, cacheRead);
  return makeUsage(
    {
      input,
      cacheRead,
      cacheWrite5m: short,
      cacheWrite1h: long,
      output,
      reasoning,
      kinds,
      tier: reply["service_tier"] ?? fieldsOf(reply["x_groq"])["service_tier"],
      raw: value,
    },
    reader,
  );
}

/** Usage out of a whole stream event or reply, wherever vendors put it. */
export function findUsage(value: unknown, reasoningApart = false): Usage | null {
  const reply = fieldsOf(value);
  const first = fieldsOf(listOf(reply["choices"])[0]);
  const places = [reply["usage"], fieldsOf(reply["x_groq"])["usage"], first["usage"]];
  for (const place of places) {
    const usage = decodeUsage(place, reasoningApart, reply);
    if (usage !== null) return usage;
  }
  return null;
}

/** Usage in OpenAI's words: what was read from and written to caches is part of the prompt. */
export function encodeUsage(usage: Usage): JsonObject {
  const { input, cacheRead, cacheWrite5m, cacheWrite1h, output, reasoning, kinds = {} } = usage;
  const prompt = input + cacheRead + cacheWrite5m + cacheWrite1h;
  const writes =
    cacheWrite1h === 0
      ? {}
      : {
          cache_write_tokens_details: {
            ttl_30m_tokens: cacheWrite5m,
            ttl_12h_tokens: cacheWrite1h,
          },
        };
  const cachedAudio = kinds.cacheReadAudio ?? 0;
  return {
    prompt_tokens: prompt,
    completion_tokens: output,
    total_tokens: prompt + output,
    prompt_tokens_details: {
      cached_tokens: cacheRead,
      cache_write_tokens: cacheWrite5m + cacheWrite1h,
      ...writes,
      audio_tokens: (kinds.inputAudio ?? 0) + cachedAudio,
      ...(cachedAudio === 0 ? {} : { cached_tokens_details: { audio_tokens: cachedAudio } }),
      ...(kinds.inputImage === undefined ? {} : { image_tokens: kinds.inputImage }),
      ...(kinds.inputVideo === undefined ? {} : { video_tokens: kinds.inputVideo }),
    },
    completion_tokens_details: {
      reasoning_tokens: reasoning,
      audio_tokens: kinds.outputAudio ?? 0,
      ...(kinds.outputImage === undefined ? {} : { image_tokens: kinds.outputImage }),
      accepted_prediction_tokens: kinds.acceptedPrediction ?? 0,
      rejected_prediction_tokens: kinds.rejectedPrediction ?? 0,
    },
  };
}
