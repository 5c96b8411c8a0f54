/** What a limit is, as every room sees it. */

export const limitedThings = [
  "requests",
  "tokens",
  "inputTokens",
  "outputTokens",
  "dollars",
  "concurrency",
] as const;

/** `concurrency`: calls at a time; the others are counted over a span. */
export type LimitedThing = (typeof limitedThings)[number];

export const limitSpans = {
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
} as const;

export type LimitSpan = keyof typeof limitSpans;

export interface LimitRule {
  readonly of: LimitedThing;
  /** Nano-dollars for dollars, else a count. */
  readonly amount: bigint;
  /** `minute` for concurrency, where it means nothing. */
  readonly per: LimitSpan;
  /** Model names or `prefix*` that it counts; null: all. */
  readonly models: readonly string[] | null;
  /** Waits for the shared counter, so that it is never exceeded. Concurrency always is where there is Redis. */
  readonly exact: boolean;
}
