/** Limits as headers tell them. Promise: names and forms are the two vendors' own, so that their clients understand them. */
import type { CountedLimit } from "./limit-state.ts";
import type { HeaderForm } from "./limits.ts";

/** A limit as this node sees it now. */
export interface Standing {
  readonly limit: CountedLimit;
  /** Units that are left; never negative. */
  readonly left: number;
  /** Ms until nothing of it is in use. */
  readonly fullInMs: number;
}

/** What is counted → its word in the header. Dollars and concurrency have no header at either vendor. */
const words: Readonly<Record<HeaderForm, Readonly<Record<string, string>>>> = {
  standard: { requests: "requests", tokens: "tokens" },
  "anthropic-messages": {
    requests: "requests",
    tokens: "tokens",
    inputTokens: "input-tokens",
    outputTokens: "output-tokens",
  },
};

/**
 * The tightest limit of each kind.
 * Standard: `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`, the reset as a duration such as `1s` or `6m0s`
 * (https://platform.openai.com/docs/guides/rate-limits, "Rate limits in headers", as of 2026-06-26).
 * Anthropic: `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`, the reset as the
 * RFC 3339 instant at which all of it is there again (https://docs.anthropic.com/en/api/rate-limits, "Response headers",
 * and a recorded reply of 2025-08-21: `anthropic-ratelimit-requests-reset: 2025-08-21T12:40:59Z`).
 */
export function rateHeaders(
  standings: readonly Standing[],
  form: HeaderForm,
  businessNowMs: () => number,
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const [of, word] of Object.entries(words[form])) {
    const tightest = standings
      .filter(({ limit }) => limit.rule.of === of)
      .reduce<Standing | undefined>(
        (least, one) => (least === undefined || one.left < least.left ? one : least),
        undefined,
      );
    if (tightest === undefined) continue;
    const { limit, left, fullInMs } = tightest;
    const name = (part: string): string =>
      form === "standard" ? `x-ratelimit-${part}-${word}` : `anthropic-ratelimit-${word}-${part}`;
    headers[name("limit")] = String(limit.amount);
    headers[name("remaining")] = String(left);
    headers[name("reset")] =
      form === "standard" ? renderDuration(fullInMs) : renderInstant(businessNowMs() + fullInMs);
  }
  return headers;
}

/** As Go writes durations: `250ms`, `1s`, `1.5s`, `6m0s`, `2h0m0s`. */
export function renderDuration(ms: number): string {
  const whole = Math.max(0, Math.ceil(ms));
  if (whole < 1000) return `${whole}ms`;
  const seconds = (whole % 60_000) / 1000;
  const minutes = Math.floor(whole / 60_000);
  if (minutes === 0) return `${seconds}s`;
  if (minutes < 60) return `${minutes}m${seconds}s`;
  return `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}s`;
}

/** RFC 3339 in UTC, whole seconds, rounded up. */
function renderInstant(atMs: number): string {
  return new Date(Math.ceil(atMs / 1000) * 1000).toISOString().replace(".000Z", "Z");
}
