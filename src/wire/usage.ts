/**
 * What one call used, as the upstream told it. Promise kept here: buckets are disjoint, no token is counted in two of
 * them; every count is a whole number from 0 to 10^12 (seconds may have three decimals).
 */
import type { JsonObject } from "../core/json-value.ts";

/** Tokens of one call in disjoint buckets: no token is counted in two of them. */
export interface Usage {
  /** Input tokens neither read from nor written to a cache, of any kind. */
  readonly input: number;
  readonly cacheRead: number;
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
  /** All output tokens of any kind, reasoning included. */
  readonly output: number;
  /** Of the output: reasoning (told apart for reports, not added again). */
  readonly reasoning: number;
  /** Counted by us because the upstream told none, or none that can be (negative, fractional, beyond bounds). */
  readonly estimated: boolean;
  /** Kinds that have prices of their own; left out where the upstream told none of them. */
  readonly kinds?: UsageKinds;
  /**
   * Tier that the reply states, in OpenAI's words (`default`, `flex`, `priority`, `batch`, `scale`, `fast`), a word of
   * the vendor's own as it stands; left out where it states none.
   */
  readonly serviceTier?: string;
  /** The vendor's own usage object, for the call's details; left out where there is none or it is longer than 8 KB. */
  readonly raw?: JsonObject;
}

/** Parts of the buckets above told apart, and what is counted in other units. Left out means none. */
export interface UsageKinds {
  /** Of `input`. */
  readonly inputAudio?: number;
  /** Of `input`. */
  readonly inputImage?: number;
  /** Of `input`. */
  readonly inputVideo?: number;
  /** Of `input`: results of the vendor's own tools that the model read (told for reports). */
  readonly inputTool?: number;
  /** Of `cacheRead`. */
  readonly cacheReadAudio?: number;
  /** Of `cacheRead`. */
  readonly cacheReadImage?: number;
  /** Of `cacheRead`. */
  readonly cacheReadVideo?: number;
  /** Of `output`. */
  readonly outputAudio?: number;
  /** Of `output`. */
  readonly outputImage?: number;
  /** Of `output`. */
  readonly outputVideo?: number;
  /** Of `output`: predicted tokens that were used, or billed and thrown away. */
  readonly acceptedPrediction?: number;
  readonly rejectedPrediction?: number;
  /** Calls of the vendor's own tools: searches of the web (of social networks too). */
  readonly webSearches?: number;
  /** Pages fetched from the web. */
  readonly webFetches?: number;
  /** Searches of stored files. */
  readonly fileSearches?: number;
  /** Sessions (containers) in which code was run, where the vendor counts those; else runs. */
  readonly codeSessions?: number;
  /** Questions to a map. */
  readonly mapSearches?: number;
  /** Calls of any other tool of the vendor's own. */
  readonly toolCalls?: number;
  /** Sources that a search used, where the vendor bills those (xAI's live search). */
  readonly searchSources?: number;
  /** Tokens of citations, beside `output` (Perplexity bills them apart). */
  readonly citations?: number;
  /** Tokens of a picture model that was called as a tool, beside `input` and `output`. */
  readonly imageToolInput?: number;
  readonly imageToolOutput?: number;
  /** Rerank units (Cohere's search units). */
  readonly searchUnits?: number;
  /** Of sound or pictures that were read or made; up to three decimals. */
  readonly seconds?: number;
  readonly characters?: number;
  /** Pages of documents that were read. */
  readonly pages?: number;
  readonly images?: number;
  /** Of `images`: how many of each `size/quality` (`1024x1024/high`; a part that is not known is `auto`). */
  readonly imageSizes?: Readonly<Record<string, number>>;
}

export const noUsage: Usage = {
  input: 0,
  cacheRead: 0,
  cacheWrite5m: 0,
  cacheWrite1h: 0,
  output: 0,
  reasoning: 0,
  estimated: false,
};
