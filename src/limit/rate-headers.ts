/** Limits as headers tell them. Promise: names and forms are the two vendors' own, so that their clients understand them. */
import type { LimitRule } from "../core/limit-rule.ts";
import type { CountedLimit } from "./limit-state.ts";
import type { HeaderForm } from "./limits.ts";

/** Limits as this node sees them now. */
export interface Standings {
  /** Units that are left; never negative. */
  left(limit: CountedLimit): number;
  /** Ms until nothing of it is in use. */
  fullInMs(limit: CountedLimit): number;
}

interface Names {
  readonly of: LimitRule["of"];
  readonly limit: string;
  readonly remaining: string;
  readonly reset: string;
}

function named(of: LimitRule["of"], name: (part: string) => string): Names {
  return { of, limit: name("limit"), remaining: name("remaining"), reset: name("reset") };
}

const anthropicWords = [
  ["requests", "requests"],
  ["tokens", "tokens"],
  ["inputTokens", "input-tokens"],
  ["outputTokens", "output-tokens"],
] as const;

/** What is told of. Dollars and concurrency have no header at either vendor. */
const told: Readonly<Record<HeaderForm, readonly Names[]>> = {
  standard: (["requests", "tokens"] as const).map((of) =>
    named(of, (part) => `x-ratelimit-${part}-${of}`),
  ),
  "anthropic-messages": anthropicWords.map(([of, word]) =>
    named(of, (part) => `anthropic-ratelimit-${word}-${part}`),
  ),
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
  limits: readonly CountedLimit[],
  standings: Standings,
  form: HeaderForm,
  businessNowMs: () => number,
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const names of told[form]) {
    let tightest: CountedLimit | undefined;
    let left = Infinity;
    for (const limit of limits) {
      if (limit.rule.of !== names.of) continue;
      const itsLeft = standings.left(limit);
      if (tightest !== undefined && itsLeft >= left) continue;
      tightest = limit;
      left = itsLeft;
    }
    if (tightest === undefined) continue;
    const fullInMs = standings.fullInMs(tightest);
    headers[names.limit] = String(tightest.amount);
    headers[names.remaining] = String(left);
    headers[names.reset] =
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
