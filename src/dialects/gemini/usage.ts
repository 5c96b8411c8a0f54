/** Turns Google's usageMetadata into disjoint buckets and back. Promise kept here: no token is counted twice. */
import type { JsonObject } from "../../core/json-value.ts";
import type { Usage } from "../../wire/usage.ts";
import { type Fields, fieldsOf, listOf } from "../loose-fields.ts";
import { makeUsage, tierWord, type ToldKinds } from "../make-usage.ts";
import { countModality, makeUsageReader, type UsageReader } from "../usage-number.ts";

/** Of the input: a modality's tokens in the prompt and in tools' results, less those read from a cache. */
function inputOf(reader: UsageReader, fields: Fields, modality: string): number {
  const tokens = (name: string): number => countModality(reader, fields[name], modality);
  const told = tokens("promptTokensDetails") + tokens("toolUsePromptTokensDetails");
  return Math.max(0, told - tokens("cacheTokensDetails"));
}

function kindsOf(reader: UsageReader, fields: Fields): ToldKinds {
  const cached = (modality: string): number =>
    countModality(reader, fields["cacheTokensDetails"], modality);
  const made = (modality: string): number =>
    countModality(reader, fields["candidatesTokensDetails"], modality);
  return {
    inputAudio: inputOf(reader, fields, "AUDIO"),
    // Pages are seen as pictures are.
    inputImage: inputOf(reader, fields, "IMAGE") + inputOf(reader, fields, "DOCUMENT"),
    inputVideo: inputOf(reader, fields, "VIDEO"),
    inputTool: reader.count(fields, "toolUsePromptTokenCount"),
    cacheReadAudio: cached("AUDIO"),
    cacheReadImage: cached("IMAGE") + cached("DOCUMENT"),
    cacheReadVideo: cached("VIDEO"),
    outputAudio: made("AUDIO"),
    outputImage: made("IMAGE"),
    outputVideo: made("VIDEO"),
  };
}

/**
 * Decodes `usageMetadata`: the prompt includes what was read from a cache, results of Google's own tools come beside
 * the prompt, thoughts beside the candidates. `tools`: what the candidates tell of. Null where nothing was counted.
 */
export function decodeUsage(value: unknown, tools: ToldKinds = {}): Usage | null {
  const fields = fieldsOf(value);
  const reader = makeUsageReader();
  const count = (name: string): number => reader.count(fields, name) ?? 0;
  const reasoning = count("thoughtsTokenCount");
  const output = count("candidatesTokenCount") + reasoning;
  const fromTools = count("toolUsePromptTokenCount");
  const rest = Math.max(0, count("totalTokenCount") - output - fromTools);
  const prompt = count("promptTokenCount") || rest;
  if (prompt + fromTools + output === 0) return null;
  const cacheRead = Math.min(count("cachedContentTokenCount"), prompt);
  return makeUsage(
    {
      input: prompt - cacheRead + fromTools,
      cacheRead,
      output,
      reasoning,
      kinds: { ...kindsOf(reader, fields), ...tools },
      tier: decodeTier(fields),
      raw: value,
    },
    reader,
  );
}

/**
 * Usage of a stream so far: counts grow from chunk to chunk, so the last ones hold; searches are told once, and so may
 * the tier be.
 */
export function joinUsage(usage: Usage, earlier: Usage | null): Usage {
  if (earlier === null) return usage;
  const { webSearches, mapSearches } = { ...earlier.kinds, ...usage.kinds };
  const serviceTier = usage.serviceTier ?? earlier.serviceTier;
  const tools = {
    ...(webSearches === undefined ? {} : { webSearches }),
    ...(mapSearches === undefined ? {} : { mapSearches }),
  };
  return {
    ...usage,
    ...(Object.keys(tools).length === 0 ? {} : { kinds: { ...usage.kinds, ...tools } }),
    ...(serviceTier === undefined ? {} : { serviceTier }),
  };
}

/** Google bills models before 3 for a prompt that was grounded, later ones for each search. */
function billsByPrompt(model: unknown): boolean {
  return typeof model === "string" && /gemini-[12](?:\D|$)/.test(model);
}

/** Searches that candidates' grounding tells of; they are billed apart from tokens. */
function searchesOf(reply: Fields): ToldKinds {
  const grounds = listOf(reply["candidates"]).map((one) =>
    fieldsOf(fieldsOf(one)["groundingMetadata"]),
  );
  const searches = grounds.reduce((sum, one) => sum + listOf(one["webSearchQueries"]).length, 0);
  const isMapped = grounds.some((one) =>
    listOf(one["groundingChunks"]).some((chunk) => fieldsOf(chunk)["maps"] !== undefined),
  );
  return {
    webSearches: billsByPrompt(reply["modelVersion"]) ? Math.min(1, searches) : searches,
    mapSearches: isMapped ? 1 : 0,
  };
}

/** Usage out of a whole reply or stream event, searches included. */
export function findUsage(value: unknown): Usage | null {
  const fields = fieldsOf(value);
  return decodeUsage(fields["usageMetadata"], searchesOf(fields));
}

function details(total: number, parts: readonly (readonly [string, number | undefined])[]): object {
  const told = parts.filter(([, tokens]) => tokens !== undefined && tokens > 0);
  if (told.length === 0) return {};
  const text = total - told.reduce((sum, [, tokens = 0]) => sum + tokens, 0);
  return [...(text > 0 ? [["TEXT", text] as const] : []), ...told].map(
    ([modality, tokenCount]) => ({ modality, tokenCount }),
  );
}

function named(name: string, list: object): object {
  return Array.isArray(list) ? { [name]: list } : {};
}

/** Encodes usage in Google's terms; `tier`: the reply's service tier in OpenAI's words. */
export function encodeUsage(usage: Usage, tier: string | null): JsonObject {
  const { kinds = {} } = usage;
  const prompt = usage.input + usage.cacheRead + usage.cacheWrite5m + usage.cacheWrite1h;
  const candidates = usage.output - usage.reasoning;
  const {
    cacheReadAudio: cachedAudio = 0,
    cacheReadImage: cachedImage = 0,
    cacheReadVideo: cachedVideo = 0,
  } = kinds;
  return {
    promptTokenCount: prompt,
    ...(usage.cacheRead === 0 ? {} : { cachedContentTokenCount: usage.cacheRead }),
    candidatesTokenCount: candidates,
    ...(usage.reasoning === 0 ? {} : { thoughtsTokenCount: usage.reasoning }),
    totalTokenCount: prompt + usage.output,
    ...named(
      "promptTokensDetails",
      details(prompt, [
        ["AUDIO", (kinds.inputAudio ?? 0) + cachedAudio],
        ["IMAGE", (kinds.inputImage ?? 0) + cachedImage],
        ["VIDEO", (kinds.inputVideo ?? 0) + cachedVideo],
      ]),
    ),
    ...named(
      "cacheTokensDetails",
      details(usage.cacheRead, [
        ["AUDIO", cachedAudio],
        ["IMAGE", cachedImage],
        ["VIDEO", cachedVideo],
      ]),
    ),
    ...named(
      "candidatesTokensDetails",
      details(candidates, [
        ["AUDIO", kinds.outputAudio],
        ["IMAGE", kinds.outputImage],
      ]),
    ),
    ...(tier === null ? {} : { serviceTier: tier === "default" ? "standard" : tier }),
  };
}

/** The tier a reply states, in OpenAI's words; null: none. Vertex tells it as a kind of traffic. */
export function decodeTier(usageMetadata: unknown): string | null {
  const fields = fieldsOf(usageMetadata);
  return tierWord(fields["serviceTier"]) ?? tierWord(fields["trafficType"]);
}
