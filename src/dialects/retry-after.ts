/** How long callers of an unavailable gateway are told to wait, in every dialect the same. */
import type { GatewayError } from "../core/errors.ts";

/** Seconds to wait where an unavailable gateway gives none itself. */
const defaultRetryAfterS = 1;

/** The `retry-after` header of an error's reply; nothing where waiting does not help. */
export function retryAfterHeader(error: GatewayError): { readonly "retry-after"?: string } {
  const waits = error.kind === "temporarily_unavailable" || error.kind === "setup_required";
  const seconds = error.retryAfterS ?? (waits ? defaultRetryAfterS : undefined);
  return seconds === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(seconds))) };
}
