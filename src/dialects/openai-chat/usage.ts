/**
 * Turns a vendor's usage object into disjoint buckets, and buckets into OpenAI's usage object.
 * Promise kept here: no token is counted twice.
 */
import type { JsonObject } from "../../core/json-value.ts";
import type { Usage, UsageKinds } from "../../wire/usage.ts";
import { type Fields, fieldsOf, findCount, listOf } from "../loose-fields.ts";

/** The first of the named fields that holds a count. */
function count(fields: Fields, ...names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = findCount(fields[name]);
    if (value !== undefined) return value;
  }
  return undefined;
}

function cached(fields: Fields): number {
  const details = fieldsOf(fields["prompt_tokens_details"]);
  const names = ["prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens"];
  return count(details, "cached_tokens") ?? count(fields, ...names) ?? 0;
}

/**
 * Tokens written to a cache, and those of them that are kept long. OpenAI's lifetimes are 30 minutes and 12 hours, which
 * it prices one as the other; they go to the buckets of the shorter and the longer lifetime that there are.
 */
function written(fields: Fields): { readonly short: number; readonly long: number } {
  const details = fieldsOf(fields["prompt_tokens_details"]);
  const names = ["cache_write_tokens", "cache_creation_input_tokens", "cache_creation_tokens"];
  const all = count(details, ...names) ?? count(fields, "cache_creation_input_tokens") ?? 0;
  const byLifetime = fieldsOf(details["cache_write_tokens_details"]);
  const long = Math.min(all, count(byLifetime, "ttl_12h_tokens") ?? 0);
  return { short: all - long, long };
}

/** Takes kinds out of a bucket one by one, so that together they are never more than it holds. */
function share(whole: number, wanted: readonly (number | undefined)[]): number[] {
  let left = whole;
  return wanted.map((tokens) => {
    const taken = Math.min(left, tokens ?? 0);
    left -= taken;
    return taken;
  });
}

const kindNames = [
  "inputAudio",
  "inputImage",
  "inputVideo",
  "cacheReadAudio",
  "outputAudio",
  "outputImage",
  "acceptedPrediction",
  "rejectedPrediction",
  "webSearches",
] as const satisfies readonly (keyof UsageKinds)[];

/** Members that tell of kinds with prices of their own. Most calls count none, and pay for no more than this look. */
const kindMembers: readonly (readonly [group: string, names: readonly string[]])[] = [
  ["prompt_tokens_details", ["audio_tokens", "image_tokens", "video_tokens"]],
  [
    "completion_tokens_details",
    ["audio_tokens", "image_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens"],
  ],
  ["server_tool_use", ["web_search_requests"]],
];

function countsKinds(fields: Fields): boolean {
  if (fields["num_search_queries"] !== undefined) return true;
  for (const [group, names] of kindMembers) {
    const told = fields[group];
    if (told === undefined || told === null) continue;
    const members = fieldsOf(told);
    if (members["cached_tokens_details"] !== undefined) return true;
    for (const name of names) if ((members[name] ?? 0) !== 0) return true;
  }
  return false;
}

function kindsOf(
  fields: Fields,
  buckets: { readonly input: number; readonly cacheRead: number; readonly output: number },
): UsageKinds | undefined {
  if (!countsKinds(fields)) return undefined;
  const prompt = fieldsOf(fields["prompt_tokens_details"]);
  const completion = fieldsOf(fields["completion_tokens_details"]);
  const cachedAudio = count(fieldsOf(prompt["cached_tokens_details"]), "audio_tokens") ?? 0;
  const [cacheReadAudio] = share(buckets.cacheRead, [cachedAudio]);
  const audio = (count(prompt, "audio_tokens") ?? 0) - (cacheReadAudio ?? 0);
  const images = count(prompt, "image_tokens");
  const counts = [
    ...share(buckets.input, [Math.max(0, audio), images, count(prompt, "video_tokens")]),
    cacheReadAudio,
    ...share(buckets.output, [
      count(completion, "audio_tokens"),
      count(completion, "image_tokens"),
      count(completion, "accepted_prediction_tokens"),
      count(completion, "rejected_prediction_tokens"),
    ]),
    // Perplexity's and OpenRouter's searches.
    count(fields, "num_search_queries") ??
      count(fieldsOf(fields["server_tool_use"]), "web_search_requests"),
  ];
  const told = kindNames.flatMap((name, index): [string, number][] => {
    const value = counts[index] ?? 0;
    return value === 0 ? [] : [[name, value]];
  });
  return told.length === 0 ? undefined : Object.fromEntries(told);
}

/** Output tokens and those of them that were thought. */
function outputOf(fields: Fields, prompt: number, isApart: boolean) {
  const total = count(fields, "total_tokens");
  const told = count(fields, "completion_tokens") ?? 0;
  const details = fieldsOf(fields["completion_tokens_details"]);
  const thought = count(details, "reasoning_tokens") ?? count(fields, "reasoning_tokens");
  // Google's compatible endpoint tells of thoughts by its total alone.
  if (isApart && thought === undefined && total !== undefined && total > prompt + told)
    return { output: total - prompt, reasoning: total - prompt - told };
  const reasoning = thought ?? 0;
  // xAI's chat leaves reasoning out of completion_tokens; its total tells.
  const outside = total === undefined ? isApart : total === prompt + told + reasoning;
  const output = outside ? told + reasoning : told;
  return { output, reasoning: Math.min(reasoning, output) };
}

/**
 * Decodes `usage` as OpenAI and its compatible vendors tell it: prompt tokens include those read from and
 * written to a cache, completion tokens include reasoning, unless their own total says otherwise.
 * `reasoningApart`: the vendor is known to count reasoning beside. Null where nothing was counted.
 */
export function decodeUsage(value: unknown, reasoningApart = false): Usage | null {
  const fields = fieldsOf(value);
  const total = count(fields, "total_tokens");
  const told = count(fields, "completion_tokens") ?? 0;
  const prompt = count(fields, "prompt_tokens") ?? Math.max(0, (total ?? 0) - told);
  const { output, reasoning } = outputOf(fields, prompt, reasoningApart);
  if (prompt + output === 0) return null;
  const cacheRead = cached(fields);
  const all = written(fields);
  // OpenRouter counts what was written to a cache and read again at once in both: a whole prompt holds it once.
  const isWhole = total !== undefined && total <= prompt + output && cacheRead <= prompt;
  const short = isWhole ? Math.min(all.short, prompt - cacheRead) : all.short;
  const long = isWhole ? Math.min(all.long, prompt - cacheRead - short) : all.long;
  // More cached than prompted: this vendor counts them apart from the prompt.
  const beside = cacheRead + short + long;
  const input = beside <= prompt ? prompt - beside : prompt;
  const kinds = kindsOf(fields, { input, cacheRead, output });
  return {
    input,
    cacheRead,
    cacheWrite5m: short,
    cacheWrite1h: long,
    output,
    reasoning,
    estimated: false,
    ...(kinds === undefined ? {} : { kinds }),
  };
}

/** Usage out of a whole stream event or reply, wherever vendors put it. */
export function findUsage(value: unknown, reasoningApart = false): Usage | null {
  const fields = fieldsOf(value);
  const first = fieldsOf(listOf(fields["choices"])[0]);
  return (
    decodeUsage(fields["usage"], reasoningApart) ??
    decodeUsage(fieldsOf(fields["x_groq"])["usage"], reasoningApart) ??
    decodeUsage(first["usage"], reasoningApart)
  );
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
