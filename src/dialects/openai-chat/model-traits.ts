/**
 * What OpenAI's model families take and refuse in chat completions, by the model's name.
 * Promise kept here: what a model would refuse is left out, and named by `droppedByTraits`.
 */
import type { Conversation, Effort } from "../../wire/conversation.ts";
import type { FeatureId } from "../../wire/feature.ts";
import type { EncodeTarget } from "../codec.ts";

/** When temperature, top_p and logprobs are taken. */
type Sampling = "always" | "without-reasoning" | "never";

export interface ModelTraits {
  /** Whether it is one of OpenAI's own models, which take OpenAI's newer members. */
  readonly openai: boolean;
  /** Whether it can reason; others refuse `reasoning_effort`. */
  readonly reasons: boolean;
  readonly sampling: Sampling;
  /** Whether penalties and logit_bias are taken. */
  readonly penalties: boolean;
  /** Whether `parallel_tool_calls` is taken. */
  readonly parallelMember: boolean;
  /** Whether functions may be offered while it reasons. */
  readonly toolsWithReasoning: boolean;
  readonly verbosity: boolean;
  /** Whether parts may carry `prompt_cache_breakpoint`. */
  readonly cacheBreakpoints: boolean;
  /** Efforts it knows, from little to much. */
  readonly efforts: readonly Effort[];
}

/** Models of other vendors: whatever OpenAI's API has; only the efforts that all know who know any. */
const foreign: ModelTraits = {
  openai: false,
  reasons: true,
  sampling: "always",
  penalties: true,
  parallelMember: true,
  toolsWithReasoning: true,
  verbosity: true,
  cacheBreakpoints: false,
  efforts: ["none", "low", "medium", "high"],
};

const plain: ModelTraits = {
  ...foreign,
  openai: true,
  reasons: false,
  verbosity: false,
  efforts: [],
};

const reasoning: ModelTraits = {
  ...plain,
  reasons: true,
  sampling: "never",
  penalties: false,
  verbosity: true,
  efforts: ["minimal", "low", "medium", "high"],
};

const fromFive: ModelTraits = {
  ...reasoning,
  sampling: "without-reasoning",
  efforts: ["none", "low", "medium", "high", "xhigh"],
};

/** The first row that fits a name counts. */
const families: readonly (readonly [RegExp, ModelTraits])[] = [
  [
    /^o\d/,
    { ...reasoning, verbosity: false, parallelMember: false, efforts: ["low", "medium", "high"] },
  ],
  [/^gpt-4o(-mini)?-search-preview/, { ...plain, sampling: "never", penalties: false }],
  [/^(gpt-[34]|chatgpt-|gpt-5-chat)/, plain],
  [/^gpt-5(-|$)/, reasoning],
  [/^gpt-5\.1(-|$)/, { ...fromFive, efforts: ["none", "low", "medium", "high"] }],
  [/^gpt-5\.[2-5](-|$)/, fromFive],
  [
    /^gpt-5\.\d/,
    {
      ...fromFive,
      efforts: ["none", "low", "medium", "high", "xhigh", "max"],
      toolsWithReasoning: false,
      cacheBreakpoints: true,
    },
  ],
  [
    /^gpt-([6-9]|\d\d)/,
    {
      ...reasoning,
      efforts: ["low", "medium", "high", "xhigh", "max"],
      cacheBreakpoints: true,
    },
  ],
];

/** Traits of a model by the name that is sent; a vendor's prefix (`openai/gpt-5`) counts for nothing. */
export function findTraits(model: string): ModelTraits {
  const name = model.slice(model.lastIndexOf("/") + 1);
  return families.find(([pattern]) => pattern.test(name))?.[1] ?? foreign;
}

const allEfforts: readonly Effort[] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/**
 * The effort nearest to a wish among those known; undefined where none is known. Whoever wants little reasoning still
 * gets some: `none` is only chosen by name.
 */
export function nearestEffort(wish: Effort, known: readonly Effort[]): Effort | undefined {
  const wanted = allEfforts.indexOf(wish);
  const distance = (effort: Effort): number => Math.abs(allEfforts.indexOf(effort) - wanted);
  const eligible = known.filter((effort) => wish === "none" || effort !== "none");
  return eligible.reduce<Effort | undefined>(
    (best, effort) => (best === undefined || distance(effort) < distance(best) ? effort : best),
    undefined,
  );
}

/** The effort that is sent; undefined: none is. */
export function sentEffort(conversation: Conversation, traits: ModelTraits): Effort | undefined {
  const { reasoning: wish, tools } = conversation;
  if (!traits.reasons) return undefined;
  // OpenAI answers functions beside reasoning with 400 here; only its Responses take both.
  if (!traits.toolsWithReasoning && tools.some(({ custom }) => custom === undefined)) return "none";
  const effort = wish?.effort ?? budgetEffort(wish?.budgetTokens ?? null);
  return effort === null ? undefined : nearestEffort(effort, traits.efforts);
}

/** The effort that a budget of tokens comes to; null where the model is to decide. */
export function budgetEffort(budgetTokens: number | null): Effort | null {
  if (budgetTokens === null || budgetTokens < 0) return null;
  if (budgetTokens === 0) return "none";
  if (budgetTokens <= 2048) return "low";
  return budgetTokens <= 12_288 ? "medium" : "high";
}

/** Whether temperature, top_p and logprobs are taken together with an effort. */
export function takesSampling(traits: ModelTraits, effort: Effort | undefined): boolean {
  if (traits.sampling === "always") return true;
  return traits.sampling === "without-reasoning" && effort === "none";
}

const sampled: readonly FeatureId[] = ["temperature", "top-p", "logprobs"];

/** Features that a model refuses though the dialect has them. */
function refusedFeatures(conversation: Conversation, traits: ModelTraits): FeatureId[] {
  const effort = sentEffort(conversation, traits);
  const wishesReasoning = traits.reasons && (traits.toolsWithReasoning || effort !== "none");
  return [
    ...(takesSampling(traits, effort) ? [] : sampled),
    ...(traits.penalties ? [] : (["penalties", "logit-bias"] as const)),
    ...(traits.parallelMember ? [] : (["no-parallel-tool-calls"] as const)),
    ...(traits.verbosity ? [] : (["verbosity"] as const)),
    ...(wishesReasoning ? [] : (["reasoning-effort", "reasoning-budget"] as const)),
    // OpenAI takes metadata only of completions that it stores, and ours are not.
    ...(traits.openai ? (["metadata"] as const) : (["cache-mark"] as const)),
    ...(traits.openai && !traits.cacheBreakpoints ? (["cache-mark"] as const) : []),
  ];
}

/** What single vendors refuse though the dialect has it, by quirk. */
const refusedByQuirk: Readonly<Partial<Record<string, readonly FeatureId[]>>> = {
  "fixed-sampling": ["temperature", "top-p", "multiple-choices", "penalties"],
  "no-strict": ["strict-tools"],
  "no-parallel-member": ["no-parallel-tool-calls"],
  "no-reasoning-wish": ["reasoning-effort", "reasoning-budget"],
  "known-members-only": [
    "end-user",
    "metadata",
    "service-tier",
    "cache-key",
    "verbosity",
    "prediction",
  ],
};

/**
 * Fields that are left out though the table of dialects/fidelity.ts has them arrive, since this model or vendor refuses
 * them: each once, in the caller's words.
 */
export function droppedByTraits(conversation: Conversation, target: EncodeTarget): string[] {
  const { quirks } = target;
  const marks = quirks.includes("cache-control");
  const byModel = refusedFeatures(conversation, findTraits(target.model)).filter(
    (feature) => !(marks && feature === "cache-mark"),
  );
  const refused = [...byModel, ...quirks.flatMap((quirk) => refusedByQuirk[quirk] ?? [])];
  const fields = conversation.uses
    .filter(({ feature }) => refused.includes(feature))
    .map(({ field }) => field);
  return [...new Set(fields)];
}
