/**
 * The second try without signatures: what a vendor signed is bound to its model, account or route, and a conversation
 * that changed these is refused for it. Promise kept here: it goes on with the thoughts lost, and nothing else.
 */
import type { JsonObject } from "../../core/json-value.ts";
import { findUpstreamCodec } from "../../dialects/registry.ts";
import type { Ending } from "../exchange/ending.ts";
import type { PreparedAttempt } from "../exchange/prepared-attempt.ts";

/** How vendors speak of them. */
const words = /thought.?signature|\bsignature\b.*\bthinking\b|redacted_thinking|encrypted.content/i;

/** The attempt to make once more; undefined: nothing of the kind is the matter. */
export function withoutSignatures(
  { attempt, request }: PreparedAttempt,
  ending: Ending,
): PreparedAttempt | undefined {
  if (ending.kind === "answered" || ending.failure.error.kind !== "upstream_refused")
    return undefined;
  const { body } = request;
  const { endpoint, candidate } = attempt;
  const unsigned = findUpstreamCodec(endpoint.dialect)?.unsigned;
  if (unsigned === undefined || !Buffer.isBuffer(body) || !words.test(ending.failure.error.message))
    return undefined;
  const before = JSON.parse(body.toString()) as JsonObject;
  const after = JSON.stringify(unsigned(before, candidate.model));
  if (after === JSON.stringify(before)) return undefined;
  return { attempt, request: { ...request, body: Buffer.from(after) } };
}
