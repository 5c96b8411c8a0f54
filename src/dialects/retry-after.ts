/** Whether and when callers are told to try again, in every dialect the same. */
import type { GatewayError } from "../core/errors.ts";

/** Seconds to wait where an unavailable gateway gives none itself. */
const defaultRetryAfterS = 1;

/** The `retry-after` header of an error's reply; nothing where waiting does not help. */
export function retryAfterHeader(error: GatewayError): { readonly "retry-after"?: string } {
  const waits = error.kind === "temporarily_unavailable" || error.kind === "setup_required";
  const seconds = error.retryAfterS ?? (waits ? defaultRetryAfterS : undefined);
  return seconds === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(seconds))) };
}

/** Clients that obey it do not try again (OpenAI's and Anthropic's own SDKs do, read in their code of 2026-11). */
export function noRetryHeader(error: GatewayError): { readonly "x-should-retry"?: string } {
  return error.kind === "insufficient_quota" ? { "x-should-retry": "false" } : {};
}
