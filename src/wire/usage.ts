/** Tokens of one call in disjoint buckets: no token is counted in two of them. */
export interface Usage {
  /** Input tokens neither read from nor written to a cache. */
  readonly input: number;
  readonly cacheRead: number;
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
  /** All output tokens, reasoning included. */
  readonly output: number;
  /** Of the output: reasoning (told apart for reports, not added again). */
  readonly reasoning: number;
  /** Counted by us because the upstream told none. */
  readonly estimated: boolean;
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
