/** Counts tokens where an upstream told none. Four bytes of text are taken for one token: a round figure, always flagged. */
import { type Usage, noUsage } from "../wire/usage.ts";

/** Bytes of text that stand for one token. */
export const bytesPerToken = 4;

/** Usage of a call by the bytes of text that went up and came down. */
export function estimateUsage(inputBytes: number, outputBytes: number): Usage {
  return {
    ...noUsage,
    input: Math.ceil(inputBytes / bytesPerToken),
    output: Math.ceil(outputBytes / bytesPerToken),
    estimated: true,
  };
}
