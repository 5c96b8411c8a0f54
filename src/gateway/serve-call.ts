/** The steps of a call, in order, once: authenticate, parse, admit, route, attempt, meter, record. */
import { GatewayError, toGatewayError } from "../core/errors.ts";
import type { Locale } from "../dialects/contract.ts";
import { getDialect } from "../dialects/registry.ts";
import type { CallLog } from "../log/call-record.ts";
import type { CallMeters } from "../metrics/meters.ts";
import type { Sync } from "../sync/sync.ts";
import type { CallRequest, ReplySink } from "../wire/call.ts";
import type { Authenticate } from "../wire/caller.ts";
import { type AnswerParts, answerCall } from "./answer-call.ts";
import { AllFailed } from "./attempts/attempts.ts";
import { answerModels } from "./models/list-models.ts";
import { Reply } from "./exchange/reply.ts";
import { serveResource } from "./resources/serve-resource.ts";
import { openSpending } from "./money/open-spending.ts";
import type { MoneyParts } from "./money/spending.ts";
import { Tally } from "./money/tally.ts";

export interface GatewayParts extends AnswerParts {
  readonly sync: Pick<Sync, "current" | "businessNowMs">;
  readonly authenticate: Authenticate;
  readonly meters: CallMeters;
  readonly callLog: Pick<CallLog, "record" | "open" | "writable">;
  /** What calls are bounded by; left out: nothing. */
  readonly money?: MoneyParts;
  readonly locale: Locale;
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
    const known = { request, dialect, caller, snapshot, reply, tally, spending, admittedAtMs };
    if (request.resource !== undefined) return await serveResource(known, parts);
    await answerCall({ ...known, telling }, parts);
  } catch (thrown) {
    tally.failed(tellFailure(parts, reply, thrown));
  } finally {
    reply.close();
    await tally.close(reply.status);
    await reply.finish();
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
