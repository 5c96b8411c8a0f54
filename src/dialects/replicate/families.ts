/**
 * Which inputs the language models on Replicate know: each has a schema of its own, and what it does not know it passes
 * over without a word (replicate/cog pull request 2943, 2026-04). Promise kept here: instructions, limits and stop
 * sequences are only told by names that the model is known to read.
 */
import type { FeatureId } from "../../wire/feature.ts";

/** What the inputs of a family of models are called. */
export interface Family {
  /** Input for instructions; null: they stand at the head of the prompt. */
  readonly system: string | null;
  /** Inputs for the limit of output tokens; where models of a family differ, all that they use. */
  readonly limit: readonly string[];
  /** Least limit that is taken. */
  readonly leastLimit: number;
  /** Output tokens at most where no limit is asked for; null: not known. */
  readonly usualLimit: number | null;
  readonly takes: readonly FeatureId[];
}

/** Features of sampling that no model is known to take are left out, so that the caller is told. */
export const knobs = [
  "temperature",
  "top-p",
  "top-k",
  "seed",
  "penalties",
] as const satisfies readonly FeatureId[];

/** Models of anybody: what most of them read. */
const anyModel: Family = {
  system: null,
  limit: ["max_tokens", "max_new_tokens"],
  leastLimit: 1,
  usualLimit: null,
  takes: knobs,
};

/** By how a name begins; the first that fits. Facts: the pages named, as stored 2026-11. */
const families: readonly (readonly [RegExp, Family])[] = [
  // replicate.com/meta/meta-llama-3.1-405b-instruct, replicate.com/meta/llama-2-70b-chat (`max_new_tokens`)
  [
    /^meta\/(?:meta-)?llama-[23]/u,
    {
      system: "system_prompt",
      limit: anyModel.limit,
      leastLimit: 1,
      usualLimit: 512,
      takes: ["temperature", "top-p", "top-k", "penalties", "stop-sequences"],
    },
  ],
  // replicate.com/anthropic/claude-4-sonnet/…/api
  [
    /^anthropic\//u,
    {
      system: "system_prompt",
      limit: ["max_tokens"],
      leastLimit: 1024,
      usualLimit: 8192,
      takes: [],
    },
  ],
  // replicate.com/google/gemini-2.5-flash/…/api
  [
    /^google\/gemini/u,
    {
      system: "system_instruction",
      limit: ["max_output_tokens"],
      leastLimit: 1,
      usualLimit: null,
      takes: ["temperature", "top-p"],
    },
  ],
  [/^openai\/(?:gpt-oss|.*-structured)/u, anyModel],
  // replicate.com/openai/gpt-4o
  [
    /^openai\/gpt-4/u,
    {
      system: "system_prompt",
      limit: ["max_completion_tokens"],
      leastLimit: 1,
      usualLimit: 4096,
      takes: ["temperature", "top-p", "penalties"],
    },
  ],
  // replicate.com/openai/gpt-5.1/…/api, replicate.com/openai/o4-mini/…/api
  [
    /^openai\//u,
    {
      system: "system_prompt",
      limit: ["max_completion_tokens"],
      leastLimit: 1,
      usualLimit: null,
      takes: [],
    },
  ],
];

/** The family of a model, by its name as sent. */
export function familyOf(model: string): Family {
  return families.find(([pattern]) => pattern.test(model))?.[1] ?? anyModel;
}
