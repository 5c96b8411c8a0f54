/** Answers counts of tokens for models whose channels cannot count them. It is an estimate and costs nothing. */
import { GatewayError } from "../../core/errors.ts";
import type { RenderedReply } from "../../dialects/contract.ts";
import { countInputTokens } from "../../meter/count-tokens.ts";
import { AllFailed } from "./attempts.ts";
import type { Answered, Call } from "../exchange/ending.ts";

/** Throws `invalid_request` for a body that cannot be read, `not_found` where the dialect knows no such operation. */
export async function answerCount({ dialect, decoded, clock }: Call): Promise<RenderedReply> {
  if (dialect.renderTokenCount === undefined)
    throw new GatewayError("not_found", "This API counts no tokens");
  return dialect.renderTokenCount(await countInputTokens(decoded.conversation(), clock));
}

/** Whether a failure to have it counted is to be made good here: the caller's own faults are not. */
export function countsLocally(thrown: unknown): boolean {
  if (thrown instanceof AllFailed) return thrown.failure.error.kind !== "upstream_refused";
  return thrown instanceof GatewayError && thrown.kind === "invalid_request";
}

/** What the record of such an answer says. */
export const countedHere: Answered = {
  kind: "answered",
  outcome: "complete",
  error: null,
  usage: null,
  textBytes: 0,
  modelReported: null,
  firstContentAtMs: null,
};
