/** Counts what an upstream left untold. Promise kept here: no side of an answered call silently costs nothing. */
import type { Usage } from "../wire/usage.ts";

/** What was counted here, in tokens. */
export interface Counted {
  /** Asked only where it is needed. */
  readonly input: () => number;
  readonly output: number;
}

/**
 * What was told, with our own count of a side that was told to be nothing while the other was not (a prompt that came
 * out of a cache, an answer whose count was left out). Usage told in units alone stays as it is.
 */
export function fillUsage(told: Usage, counted: Counted): Usage {
  const read = told.input + told.cacheRead + told.cacheWrite5m + told.cacheWrite1h;
  if (read === 0 && told.output === 0) return told;
  const input = read === 0 ? counted.input() : told.input;
  const output = told.output === 0 ? counted.output : told.output;
  if (input === told.input && output === told.output) return told;
  return { ...told, input, output, estimated: true };
}
