/** What encoders and decoders of one attempt's reply are told beside the reply. */
import type { ReadContext, ReplyContext } from "../../dialects/codec.ts";
import { estimateUsage } from "../../meter/estimate.ts";
import type { Attempt } from "../exchange/ending.ts";

/** `reported`: the upstream's own name of the model, which the caller sees unless its name was mapped. */
export function replyContext(attempt: Attempt, reported: string | null): ReplyContext {
  const { call, candidate, shownModel } = attempt;
  const { decoded } = call;
  return {
    callId: call.request.id,
    replyId: null,
    model: shownModel ?? reported ?? candidate.model,
    createdAtS: Math.floor(call.clock.now() / 1000),
    request: decoded.body(),
    usageAsked: call.facts.usageAsked,
    stored: (call.state?.keeper ?? null) !== null,
    // Only some encoders ask, and it takes another walk through the body.
    get inputTokensEstimate() {
      return estimateUsage(decoded.textBytes(), 0).input;
    },
  };
}

export function readContext({ call, candidate, endpoint }: Attempt): ReadContext {
  return {
    model: candidate.model,
    callId: call.request.id,
    quirks: endpoint.quirks ?? [],
  };
}
