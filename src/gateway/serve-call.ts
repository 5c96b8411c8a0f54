/** The steps of a call, in order, once: authenticate, parse, admit, route, attempt, meter, record. */
import { checkModelAllowed } from "../auth/model-allowed.ts";
import type { Clock } from "../core/clock.ts";
import { GatewayError, toGatewayError } from "../core/errors.ts";
import type { Locale, Telling } from "../dialects/contract.ts";
import { getDialect } from "../dialects/registry.ts";
import type { CallLog } from "../log/call-record.ts";
import type { CallMeters } from "../metrics/meters.ts";
import { parseModelWish } from "../route/model-wish.ts";
import { type RoutePlan, planCall } from "../route/pinned-plan.ts";
import type { Sync } from "../sync/sync.ts";
import type { CallRequest, ReplySink } from "../wire/call.ts";
import type { Authenticate } from "../wire/caller.ts";
import { AllFailed, type AttemptParts, type LoopParts, attemptUntilAnswered } from "./attempts.ts";
import { type StateParts, beginCall } from "./call-state.ts";
import { answerCount, countedHere, countsLocally } from "./count-locally.ts";
import { DecodedRequest } from "./decoded-request.ts";
import type { Answered, Call } from "./ending.ts";
import { answerModels } from "./list-models.ts";
import { Reply } from "./reply.ts";
import { refuseUnmeteredCall } from "./refuse-unmetered.ts";
import type { ResourceCall } from "./resource-call.ts";
import { serveResource } from "./serve-resource.ts";
import { servesCall } from "./serves-call.ts";
import { type MoneyParts, Spending, type SpendingParts } from "./spending.ts";
import { Tally } from "./tally.ts";
import { openUploadCall } from "./upload-call.ts";

export interface GatewayParts extends AttemptParts {
  readonly sync: Pick<Sync, "current" | "businessNowMs">;
  readonly authenticate: Authenticate;
  readonly meters: CallMeters;
  readonly callLog: Pick<CallLog, "record" | "open" | "writable">;
  /** What calls are bounded by; left out: nothing. */
  readonly money?: MoneyParts;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly locale: Locale;
  /** What reaches beyond calls; left out: nothing is sealed, opened or kept. */
  readonly state?: StateParts;
}

export interface Gateway {
  /** Serves one call to its end. Never rejects: every failure is told to the caller. */
  serve(request: CallRequest, sink: ReplySink): Promise<void>;
}

export function makeGateway(parts: GatewayParts): Gateway {
  return { serve: (request, sink) => serveCall(parts, request, sink) };
}

async function serveCall(
  parts: GatewayParts,
  request: CallRequest,
  sink: ReplySink,
): Promise<void> {
  const { clock, meters, callLog } = parts;
  const dialect = getDialect(request.dialect);
  const telling = { locale: parts.locale, requestId: request.id };
  const reply = new Reply({ sink, dialect, telling, clock });
  const admittedAtMs = parts.sync.businessNowMs();
  const tally = new Tally({ request, clock, admittedAtMs, meters, callLog });
  try {
    const caller = await parts.authenticate(request);
    const snapshot = pinned(parts.sync);
    tally.authenticated(caller, snapshot);
    if (request.operation === "models" || request.operation === "model")
      return reply.whole(answerModels(request, caller, { snapshot, dialect }));
    const spending = openSpending(parts, { request, caller, snapshot, admittedAtMs });
    const known = { request, dialect, caller, snapshot, reply, tally };
    if (request.resource !== undefined)
      return await serveResource({ ...known, budgeted: spending?.budgeted ?? false }, parts);
    await answer({ ...known, spending, telling }, parts);
  } catch (thrown) {
    tally.failed(tellFailure(parts, reply, thrown));
  } finally {
    reply.close();
    await tally.close(reply.status);
    await reply.finish();
  }
}

/** A call whose caller is known. */
interface KnownCall extends Omit<ResourceCall, "budgeted" | "tally"> {
  readonly tally: Tally;
  readonly spending: Spending | undefined;
  readonly telling: Telling;
}

async function answer(known: KnownCall, parts: GatewayParts): Promise<void> {
  const { request, dialect, caller, snapshot, reply, tally, spending, telling } = known;
  const { clock, health, random } = parts;
  const opening = openUploadCall(request);
  const upload = opening === null ? null : await opening;
  const told = upload === null ? dialect.parse(request) : upload.facts;
  const { model, wish } = parseModelWish(told.model);
  const asked = wish === null ? told : { ...told, model };
  tally.parsed(asked);
  checkModelAllowed(caller, model);
  tally.admitted(spending);
  refuseUnmeteredCall({ request, facts: asked }, spending?.budgeted ?? false);
  spending?.asked(asked, () => dialect.textBytes(request.body));
  await spending?.admit(model, (headers) => reply.addHeaders(headers));
  health.keepOnly(snapshot.channels);
  const begin = { request, dialect, facts: asked, caller, settings: snapshot.settings, clock };
  const beginning = beginCall(begin, upload === null ? parts.state : undefined);
  const begun = beginning instanceof Promise ? await beginning : beginning;
  const { facts } = begun;
  const serves = servesCall(begun);
  const routing = { snapshot, caller, model, health, random, serves };
  const plan = planCall(routing, begun.state?.pin ?? null);
  await spending?.reserve();
  if (facts.stream) reply.keepAwake();
  const decoded = new DecodedRequest({ ...begun, dialect });
  const call = { ...begun, dialect, wish, decoded, upload, telling, reply, clock };
  const ending = await deliver(call, plan, {
    ...parts,
    settings: snapshot.settings,
    spending,
    onAttempt: (candidate) => tally.attempted(candidate),
  });
  const kinds = dialect.requestKinds?.(request.operation, request.body);
  tally.answered(ending, () => decoded.textBytes(), kinds);
}

type SpendingCall = Omit<SpendingParts, "money" | "recordable">;

/** Undefined where nothing can be bounded; counting and listing cost nobody anything. */
function openSpending(parts: GatewayParts, call: SpendingCall): Spending | undefined {
  const { money, callLog } = parts;
  if (money === undefined || call.request.operation === "count-tokens") return undefined;
  return new Spending({ ...call, money, recordable: () => callLog.writable });
}

async function deliver(call: Call, plan: RoutePlan, parts: LoopParts): Promise<Answered> {
  try {
    return (await attemptUntilAnswered(call, plan, parts)).ending;
  } catch (thrown) {
    if (call.request.operation !== "count-tokens" || !countsLocally(thrown)) throw thrown;
    call.reply.whole(await answerCount(call));
    return countedHere;
  }
}

function pinned(sync: Pick<Sync, "current">): NonNullable<ReturnType<Sync["current"]>> {
  const snapshot = sync.current();
  if (snapshot !== undefined) return snapshot;
  throw new GatewayError("temporarily_unavailable", "no configuration has been loaded yet");
}

function tellFailure(parts: GatewayParts, reply: Reply, thrown: unknown): GatewayError {
  const failure = thrown instanceof AllFailed ? thrown.failure : undefined;
  const error = failure?.error ?? toGatewayError(thrown);
  if (error.kind === "internal")
    parts.logger.error({ kind: error.kind, err: error.cause ?? error }, "call failed");
  if (failure?.passOn != null && !reply.begun) reply.whole(failure.passOn);
  else reply.fail(error);
  return error;
}
