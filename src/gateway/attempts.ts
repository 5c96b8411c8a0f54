/**
 * The retry loop: another channel is tried where the error allows it and the caller has been told nothing.
 * Promise kept here: when all have failed the caller hears of the last failure as it was.
 */
import { GatewayError, messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { CallMeters } from "../metrics/meters.ts";
import { findProvider } from "../providers/registry.ts";
import type { RouteHealth } from "../route/health.ts";
import type { Candidate, RoutePlan } from "../route/plan.ts";
import type { Settings } from "../sync/entities.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Answered, Attempt, Call, Ending } from "./ending.ts";
import { type AttemptFailure, brokenExchange } from "./failure.ts";
import { runAttempt } from "./run-attempt.ts";

export interface AttemptParts {
  readonly upstream: Upstream;
  readonly health: RouteHealth;
  readonly meters: Pick<CallMeters, "attempted">;
  readonly logger: Logger;
}

/** Thrown when no channel did it: the last failure, with what may be passed on of it. */
export class AllFailed extends Error {
  readonly failure: AttemptFailure;

  constructor(failure: AttemptFailure) {
    super(failure.error.message);
    this.failure = failure;
  }
}

/** What the caller got, from whom, after how many attempts. */
export interface Delivered {
  readonly ending: Answered;
  readonly candidate: Candidate;
  readonly attempts: number;
}

/** Hears of every attempt before it starts. */
export type OnAttempt = (candidate: Candidate) => void;

/** Asks channel after channel. Throws {@link AllFailed}. */
export async function attemptUntilAnswered(
  call: Call,
  plan: RoutePlan,
  parts: AttemptParts & { readonly settings: Settings; readonly onAttempt: OnAttempt },
): Promise<Delivered> {
  let failure: AttemptFailure | undefined;
  for (let attempts = 1; attempts <= parts.settings.retryTimes + 1; attempts += 1) {
    const candidate = plan.next(call.clock.monotonic());
    if (candidate === undefined) break;
    parts.onAttempt(candidate);
    const ending = await tryCandidate(call, candidate, parts.upstream);
    report(call, candidate, ending, parts);
    if (ending.kind === "answered") return { ending, candidate, attempts };
    failure = ending.failure;
    if (failure.class === "channel" || failure.class === null) plan.exclude(candidate.channel);
    if (!failure.tryAnother) break;
  }
  const none = new GatewayError("temporarily_unavailable", "no channel could be asked");
  throw new AllFailed(failure ?? brokenExchange(none));
}

async function tryCandidate(call: Call, candidate: Candidate, upstream: Upstream): Promise<Ending> {
  const { channel } = candidate;
  const provider = findProvider(channel.provider);
  if (provider === undefined)
    throw new GatewayError("internal", `unknown provider ${channel.provider}`);
  const mapped = candidate.model !== call.facts.model;
  const shownModel = mapped && channel.replyModel === "asked" ? call.facts.model : null;
  const attempt: Attempt = { call, candidate, provider, shownModel };
  return await runAttempt(attempt, upstream);
}

function report(
  call: Call,
  candidate: Candidate,
  ending: Ending,
  parts: AttemptParts & { readonly settings: Settings },
): void {
  const { channel, credential, model } = candidate;
  const error = ending.kind === "failed" ? ending.failure.error : ending.error;
  const result = error?.kind ?? (ending.kind === "answered" ? ending.outcome : "failed");
  parts.meters.attempted({ channelId: channel.id, result });
  if (error !== null)
    parts.logger.warn(
      {
        callId: call.request.id,
        channelId: channel.id,
        model,
        kind: error.kind,
        reason: messageOf(error),
      },
      "attempt failed",
    );
  if (ending.kind === "answered") {
    if (ending.outcome === "complete") parts.health.succeeded(channel, model);
    return;
  }
  const { failure } = ending;
  if (failure.class === null) return;
  const { cooldownSeconds } = parts.settings;
  const { retryAfterS } = failure;
  parts.health.failed(
    { channel, credential, model, class: failure.class, retryAfterS, cooldownSeconds },
    call.clock.monotonic(),
  );
}
