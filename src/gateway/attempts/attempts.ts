/**
 * The retry loop: another channel is tried where the error allows it and the caller has been told nothing.
 * Promise kept here: when all have failed the caller hears of the last failure as it was.
 */
import { GatewayError, messageOf } from "../../core/errors.ts";
import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import type { CallMeters } from "../../metrics/meters.ts";
import { settingsOf } from "../../providers/fill-template.ts";
import type { RouteHealth } from "../../route/health.ts";
import type { Candidate, RoutePlan } from "../../route/plan.ts";
import type { Settings } from "../../sync/entities.ts";
import type { CallRequest } from "../../wire/call.ts";
import type { Answered, Call, Ending } from "../exchange/ending.ts";
import { type AttemptFailure, brokenExchange } from "../exchange/failure.ts";
import type { CallMedia, MediaFetcher } from "../requests/fetch-media.ts";
import { prepareAttempt } from "../requests/prepare-attempt.ts";
import type { PreparedAttempt, SendingParts } from "../exchange/prepared-attempt.ts";
import { runAttempt } from "./run-attempt.ts";
import type { Spending } from "../money/spending.ts";
import { withoutSignatures } from "../requests/unsigned-retry.ts";

export interface AttemptParts extends SendingParts {
  readonly health: RouteHealth;
  readonly meters: Pick<CallMeters, "attempted">;
  readonly logger: Logger;
  /** Fetches media for upstreams that take them only inline; left out: nobody does. */
  readonly media?: MediaFetcher;
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

/** What the loop needs beside the call. */
export type LoopParts = AttemptParts & {
  readonly settings: Settings;
  readonly onAttempt: OnAttempt;
  /** What the call may spend; left out: it is not bounded. */
  readonly spending: Spending | undefined;
};

/** Asks channel after channel. Throws {@link AllFailed}, or `invalid_request` where no channel can do what is asked. */
export async function attemptUntilAnswered(
  call: Call,
  plan: RoutePlan,
  parts: LoopParts,
): Promise<Delivered> {
  const { signal } = call.request;
  const media = parts.media?.open({ signal, body: () => call.decoded.body() });
  try {
    return await askInTurn(call, plan, parts, media);
  } finally {
    media?.close();
  }
}

async function askInTurn(
  call: Call,
  plan: RoutePlan,
  parts: LoopParts,
  media: CallMedia | undefined,
): Promise<Delivered> {
  let failure: AttemptFailure | undefined;
  let refusal: GatewayError | undefined;
  let attempts = 0;
  while (attempts <= parts.settings.retryTimes) {
    const candidate = plan.next(call.clock.monotonic());
    if (candidate === undefined) break;
    const made = prepareAttempt(call, candidate, media);
    const prepared = made instanceof Promise ? await made : made;
    if (prepared instanceof GatewayError) {
      plan.passOver(candidate);
      if (prepared.kind === "invalid_request") refusal ??= prepared;
      else failure ??= unaddressed(call, candidate, { parts, error: prepared });
      continue;
    }
    const barred = await parts.spending?.beforeAttempt(candidate);
    if (barred !== undefined) {
      plan.passOver(candidate, barred.what);
      refusal ??= barred.error;
      continue;
    }
    attempts += 1;
    parts.onAttempt(candidate);
    if (call.facts.stream && call.facts.streamForm === "json-array") call.reply.useArray();
    const ending = await tryPrepared(prepared, parts);
    report(call, candidate, ending, parts);
    if (ending.kind === "answered") return { ending, candidate, attempts };
    parts.spending?.attemptFailed();
    failure = ending.failure;
    if (failure.class === "channel" || failure.class === null) plan.exclude(candidate.channel);
    // What went up of an upload and is not held any more cannot be sent to anybody else.
    if (!failure.tryAnother || call.upload?.replayable === false) break;
  }
  if (failure === undefined && refusal !== undefined) throw refusal;
  const none = new GatewayError("temporarily_unavailable", "no channel could be asked");
  throw new AllFailed(failure ?? brokenExchange(none));
}

/** A channel that lacks what its address is made of: its operator has to hear of it. */
function unaddressed(
  call: Call,
  candidate: Candidate,
  told: { readonly parts: LoopParts; readonly error: GatewayError },
): AttemptFailure {
  const failure: AttemptFailure = { ...brokenExchange(told.error), class: null };
  report(call, candidate, { kind: "failed", failure }, told.parts);
  return failure;
}

/** Tries it, and once more where what stood in the way can be mended here. */
async function tryPrepared(prepared: PreparedAttempt, parts: AttemptParts): Promise<Ending> {
  const ending = await runAttempt(prepared, parts);
  if (ending.kind === "answered") return ending;
  if (hasStaleToken(prepared, ending, parts)) return await runAttempt(prepared, parts);
  const unsigned = withoutSignatures(prepared, ending);
  return unsigned === undefined ? ending : await runAttempt(unsigned, parts);
}

/** Whether the vendor no longer takes a token, which is then exchanged anew. */
function hasStaleToken(
  { attempt }: PreparedAttempt,
  ending: Extract<Ending, { kind: "failed" }>,
  parts: AttemptParts,
): boolean {
  if (ending.failure.error.kind !== "upstream_auth") return false;
  const { call, candidate, provider, endpoint } = attempt;
  const settings = settingsOf(provider, candidate.channel.options.settings);
  const secret = candidate.credential?.secret ?? "";
  const stale = parts.authorizer.refused(endpoint.auth ?? provider.auth, secret, settings);
  return stale && call.upload?.replayable !== false;
}

/** What of a call is told of where one of its attempts ended. */
export interface ReportedCall {
  readonly request: Pick<CallRequest, "id">;
  readonly clock: Pick<Clock, "monotonic">;
}

/** Counts an attempt, tells operators what went wrong, and lets channels rest or be well again. */
export function report(
  call: ReportedCall,
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
