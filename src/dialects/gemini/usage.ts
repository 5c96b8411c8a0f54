/** Turns Google's usageMetadata into disjoint buckets and back. Promise kept here: no token is counted twice. */
import type { JsonObject } from "../../core/json-value.ts";
import type { Usage, UsageKinds } from "../../wire/usage.ts";

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function count(fields: Fields, name: string): number {
  const value = fields[name];
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? Math.floor(value) : 0;
}

/** Tokens of a modality in one of the lists of details. */
function modal(fields: Fields, name: string, modality: string): number {
  const list = fields[name];
  if (!Array.isArray(list)) return 0;
  return list.reduce((sum: number, item: unknown) => {
    const detail = fieldsOf(item);
    return detail["modality"] === modality ? sum + count(detail, "tokenCount") : sum;
  }, 0);
}

/** Of the input: a modality's tokens in the prompt and in tools' results, less those read from a cache. */
function inputOf(fields: Fields, modality: string, input: number): number {
  const told =
    modal(fields, "promptTokensDetails", modality) +
    modal(fields, "toolUsePromptTokensDetails", modality) -
    modal(fields, "cacheTokensDetails", modality);
  return Math.max(0, Math.min(told, input));
}

function kindsOf(fields: Fields, input: number, cacheRead: number, output: number): UsageKinds {
  const kinds = {
    inputAudio: inputOf(fields, "AUDIO", input),
    // Pages are seen as pictures are.
    inputImage: Math.min(
      inputOf(fields, "IMAGE", input) + inputOf(fields, "DOCUMENT", input),
      input,
    ),
    inputVideo: inputOf(fields, "VIDEO", input),
    cacheReadAudio: Math.min(modal(fields, "cacheTokensDetails", "AUDIO"), cacheRead),
    outputAudio: Math.min(modal(fields, "candidatesTokensDetails", "AUDIO"), output),
    outputImage: Math.min(modal(fields, "candidatesTokensDetails", "IMAGE"), output),
  };
  return Object.fromEntries(Object.entries(kinds).filter(([, tokens]) => tokens > 0));
}

/**
 * Decodes `usageMetadata`: the prompt includes what was read from a cache, results of Google's own tools come beside
 * the prompt, thoughts beside the candidates. Null where nothing was counted.
 */
export function decodeUsage(value: unknown): Usage | null {
  const fields = fieldsOf(value);
  const reasoning = count(fields, "thoughtsTokenCount");
  const output = count(fields, "candidatesTokenCount") + reasoning;
  const tools = count(fields, "toolUsePromptTokenCount");
  const total = count(fields, "totalTokenCount");
  const prompt = count(fields, "promptTokenCount") || Math.max(0, total - output - tools);
  if (prompt + tools + output === 0) return null;
  const cacheRead = Math.min(count(fields, "cachedContentTokenCount"), prompt);
  const input = prompt - cacheRead + tools;
  const kinds = kindsOf(fields, input, cacheRead, output);
  return {
    input,
    cacheRead,
    cacheWrite5m: 0,
    cacheWrite1h: 0,
    output,
    reasoning,
    estimated: false,
    ...(Object.keys(kinds).length === 0 ? {} : { kinds }),
  };
}

/** Usage of a stream so far: counts grow from chunk to chunk, so the last ones hold; searches are told once. */
export function joinUsage(usage: Usage, earlier: Usage | null): Usage {
  const webSearches = usage.kinds?.webSearches ?? earlier?.kinds?.webSearches;
  return webSearches === undefined ? usage : { ...usage, kinds: { ...usage.kinds, webSearches } };
}

/** Searches of the web that a candidate's grounding tells of; they are billed apart from tokens. */
function searchesOf(candidate: unknown): number {
  const queries = fieldsOf(fieldsOf(candidate)["groundingMetadata"])["webSearchQueries"];
  return Array.isArray(queries) ? queries.length : 0;
}

/** Usage out of a whole reply or stream event, searches included. */
export function findUsage(value: unknown): Usage | null {
  const fields = fieldsOf(value);
  const usage = decodeUsage(fields["usageMetadata"]);
  const candidates = fields["candidates"];
  if (usage === null || !Array.isArray(candidates)) return usage;
  const webSearches = candidates.reduce((sum: number, one: unknown) => sum + searchesOf(one), 0);
  return webSearches === 0 ? usage : { ...usage, kinds: { ...usage.kinds, webSearches } };
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
  const cachedAudio = kinds.cacheReadAudio ?? 0;
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
        ["IMAGE", kinds.inputImage],
        ["VIDEO", kinds.inputVideo],
      ]),
    ),
    ...named("cacheTokensDetails", details(usage.cacheRead, [["AUDIO", cachedAudio]])),
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
  const tier = fields["serviceTier"];
  if (typeof tier === "string" && tier !== "")
    return tier.toLowerCase() === "standard" ? "default" : tier.toLowerCase();
  const traffic = fields["trafficType"];
  if (traffic === "ON_DEMAND_PRIORITY") return "priority";
  if (traffic === "ON_DEMAND_FLEX") return "flex";
  return traffic === "ON_DEMAND" ? "default" : null;
}
