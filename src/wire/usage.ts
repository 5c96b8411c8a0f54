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
  /** Counted by us because the upstream told none. */
  readonly estimated: boolean;
  /** Kinds that have prices of their own; left out where the upstream told none of them. */
  readonly kinds?: UsageKinds;
}

/** Parts of the buckets above told apart, and what is counted in other units. Left out means none. */
export interface UsageKinds {
  /** Of `input`. */
  readonly inputAudio?: number;
  /** Of `input`. */
  readonly inputImage?: number;
  /** Of `input`. */
  readonly inputVideo?: number;
  /** Of `cacheRead`. */
  readonly cacheReadAudio?: number;
  /** Of `output`. */
  readonly outputAudio?: number;
  /** Of `output`. */
  readonly outputImage?: number;
  /** Of `output`: predicted tokens that were used, or billed and thrown away. */
  readonly acceptedPrediction?: number;
  readonly rejectedPrediction?: number;
  /** Calls of the vendor's own tools. */
  readonly webSearches?: number;
  /** Rerank units (Cohere's search units). */
  readonly searchUnits?: number;
  readonly seconds?: number;
  readonly characters?: number;
  readonly images?: number;
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
