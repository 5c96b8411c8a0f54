/** What `generationConfig` wishes for: sampling, limits, thinking, the answer's form. */
import type { Effort, ReasoningWish, ResponseFormat, Sampling } from "../../wire/conversation.ts";
import type { FeatureId } from "../../wire/feature.ts";
import {
  at,
  booleanAt,
  integerAt,
  note,
  numberAt,
  objectAt,
  othersOf,
  refuse,
  type Spot,
  stringAt,
  stringsAt,
  type Uses,
  wordAt,
} from "./request-spots.ts";
import { fromOpenApi } from "./schema-from-openapi.ts";

const maxInteger = 2 ** 31 - 1;

export interface DecodedConfig {
  readonly sampling: Sampling;
  readonly maxOutputTokens: number | null;
  readonly reasoning: ReasoningWish | null;
  readonly responseFormat: ResponseFormat | null;
  readonly modalities: readonly string[];
  readonly audio: { readonly voice: string; readonly format: string } | null;
}

export const noConfig: DecodedConfig = {
  sampling: {},
  maxOutputTokens: null,
  reasoning: null,
  responseFormat: null,
  modalities: [],
  audio: null,
};

const known: readonly string[] = [
  "temperature",
  "topP",
  "topK",
  "seed",
  "presencePenalty",
  "frequencyPenalty",
  "stopSequences",
  "candidateCount",
  "responseLogprobs",
  "logprobs",
  "maxOutputTokens",
  "thinkingConfig",
  "responseMimeType",
  "responseSchema",
  "responseJsonSchema",
  "responseModalities",
  "speechConfig",
  "mediaResolution",
];

/** Numbers that are read alike: Google's name, ours, the feature. */
const numbers = [
  ["temperature", "temperature", "temperature"],
  ["topP", "topP", "top-p"],
  ["topK", "topK", "top-k"],
  ["presencePenalty", "presencePenalty", "penalties"],
  ["frequencyPenalty", "frequencyPenalty", "penalties"],
] as const satisfies readonly (readonly [string, keyof Sampling, FeatureId])[];

function decodeChoices(config: Spot, uses: Uses): Sampling {
  const spot = at(config, "candidateCount");
  if (spot === undefined) return {};
  const choices = integerAt(spot, 1, 8);
  if (choices === 1) return {};
  note(uses, "multiple-choices", spot);
  return { choices };
}

function decodeLogprobs(config: Spot, uses: Uses): Sampling {
  const wish = at(config, "responseLogprobs");
  const alternatives = at(config, "logprobs");
  if (wish === undefined || !booleanAt(wish)) {
    if (alternatives !== undefined) throw refuse(alternatives, "needs `responseLogprobs: true`");
    return {};
  }
  note(uses, "logprobs", wish);
  return { topLogprobs: alternatives === undefined ? 0 : integerAt(alternatives, 0, 20) };
}

function decodeSampling(config: Spot, uses: Uses): Sampling {
  const sampling: Record<string, number | readonly string[]> = {};
  for (const [name, own, feature] of numbers) {
    const spot = at(config, name);
    if (spot === undefined) continue;
    sampling[own] = numberAt(spot);
    note(uses, feature, spot);
  }
  const seed = at(config, "seed");
  if (seed !== undefined) {
    sampling["seed"] = integerAt(seed, -maxInteger - 1, maxInteger);
    note(uses, "seed", seed);
  }
  const stop = at(config, "stopSequences");
  if (stop !== undefined && stringsAt(stop).length > 0) {
    sampling["stop"] = stringsAt(stop);
    note(uses, "stop-sequences", stop);
  }
  return { ...sampling, ...decodeChoices(config, uses), ...decodeLogprobs(config, uses) };
}

const levels: Readonly<Record<string, Effort | null>> = {
  MINIMAL: "minimal",
  LOW: "low",
  MEDIUM: "medium",
  HIGH: "high",
};

function decodeThinking(spot: Spot, uses: Uses): ReasoningWish {
  const level = at(spot, "thinkingLevel");
  const budget = at(spot, "thinkingBudget");
  const show = at(spot, "includeThoughts");
  const tokens = budget === undefined ? null : integerAt(budget, -1, maxInteger);
  if (level !== undefined) note(uses, "reasoning-effort", level);
  if (budget !== undefined) note(uses, "reasoning-budget", budget);
  if (show !== undefined && booleanAt(show)) note(uses, "reasoning-summary", show);
  for (const other of othersOf(spot, ["thinkingLevel", "thinkingBudget", "includeThoughts"]))
    note(uses, "unknown-member", other);
  const said = level === undefined ? null : wordAt(level, levels);
  return {
    effort: tokens === 0 ? "none" : said,
    budgetTokens: tokens,
    adaptive: false,
    show: show === undefined ? null : booleanAt(show),
    summary: null,
  };
}

function decodeFormat(config: Spot, uses: Uses): ResponseFormat | null {
  const type = at(config, "responseMimeType");
  const word = type === undefined ? "" : stringAt(type);
  if (type !== undefined && word === "text/x.enum")
    throw refuse(type, "cannot be translated; ask for `application/json` with a schema");
  const plain = at(config, "responseJsonSchema");
  const own = at(config, "responseSchema");
  const spot = plain ?? own;
  if (spot !== undefined && word !== "text/plain") {
    note(uses, "response-schema", spot);
    const schema = plain === undefined ? fromOpenApi(objectAt(spot)) : objectAt(plain);
    return { kind: "schema", name: null, description: null, schema, strict: null };
  }
  if (type === undefined || word === "") return null;
  if (word === "text/plain") return { kind: "text" };
  if (word !== "application/json") throw refuse(type, "must be `text/plain` or `application/json`");
  note(uses, "response-json", type);
  return { kind: "json" };
}

function decodeModalities(config: Spot, uses: Uses): readonly string[] {
  const spot = at(config, "responseModalities");
  if (spot === undefined) return [];
  const wanted = stringsAt(spot).map((word) => word.toLowerCase());
  if (wanted.includes("image")) note(uses, "image-output", spot);
  if (wanted.includes("audio")) note(uses, "audio-output", spot);
  return wanted.filter((word) => word !== "text" && word !== "modality_unspecified");
}

/** Google speaks raw 16-bit samples. */
const spokenFormat = "pcm16";

function decodeSpeech(config: Spot, uses: Uses): DecodedConfig["audio"] {
  const speech = at(config, "speechConfig");
  if (speech === undefined) return null;
  const voice = at(speech, "voiceConfig");
  const prebuilt = voice === undefined ? undefined : at(voice, "prebuiltVoiceConfig");
  const name = prebuilt === undefined ? undefined : at(prebuilt, "voiceName");
  if (name !== undefined) return { voice: stringAt(name), format: spokenFormat };
  note(uses, "unknown-member", speech);
  return null;
}

/** Reads `generationConfig`. */
export function decodeConfig(config: Spot, uses: Uses): DecodedConfig {
  const limit = at(config, "maxOutputTokens");
  const thinking = at(config, "thinkingConfig");
  const resolution = at(config, "mediaResolution");
  if (resolution !== undefined) note(uses, "image-detail", resolution);
  for (const other of othersOf(config, known)) note(uses, "unknown-member", other);
  return {
    sampling: decodeSampling(config, uses),
    maxOutputTokens: limit === undefined ? null : integerAt(limit, 1, maxInteger),
    reasoning: thinking === undefined ? null : decodeThinking(thinking, uses),
    responseFormat: decodeFormat(config, uses),
    modalities: decodeModalities(config, uses),
    audio: decodeSpeech(config, uses),
  };
}
