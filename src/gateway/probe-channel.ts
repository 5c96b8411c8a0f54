/**
 * Tries a channel out with one small real call, over the same steps that callers' calls take.
 * Promise kept here: a trial neither rests a channel nor wakes it; it only tells.
 */
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import { silentLogger } from "../core/logger.ts";
import { getDialect } from "../dialects/registry.ts";
import type { Locale } from "../dialects/contract.ts";
import type { UpstreamOperation } from "../providers/contract.ts";
import { RouteHealth } from "../route/health.ts";
import type { RoutePlan } from "../route/plan.ts";
import { mapModel } from "../route/plan.ts";
import type { Channel, Settings } from "../sync/entities.ts";
import { fillSettings } from "../sync/settings.ts";
import type { Authorizer } from "../upstream/authorizer.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { CallRequest, ReplySink } from "../wire/call.ts";
import { AllFailed, attemptUntilAnswered } from "./attempts/attempts.ts";
import { DecodedRequest } from "./exchange/decoded-request.ts";
import { Reply } from "./exchange/reply.ts";

export interface ProbeParts {
  readonly upstream: Upstream;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly locale: Locale;
}

/** What the trial found. */
export interface Probed {
  readonly ok: boolean;
  /** Status of the upstream's reply; null when there was none. */
  readonly status: number | null;
  readonly durationMs: number;
  readonly message: string | null;
}

/** Longest time for a trial. */
const probeMs = 30_000;

/** Model names that serve vectors, not chat. */
const embeddingName = /embed|bge-|gte-|e5-/i;

/** Makes the trial of a channel with a model. The answered function never rejects for a fault of the upstream. */
export function makeChannelProbe(
  parts: ProbeParts,
): (channel: Channel, model: string) => Promise<Probed> {
  return async (channel, model) => {
    const { clock } = parts;
    const startedAtMs = clock.monotonic();
    const late = new AbortController();
    const cancelLate = clock.after(probeMs, () => late.abort());
    const request = makeRequest(model, late.signal);
    const dialect = getDialect(request.dialect);
    const telling = { locale: parts.locale, requestId: "" };
    const reply = new Reply({ sink: deafSink(), dialect, telling, clock });
    const facts = dialect.parse(request);
    const none = { attempted: () => undefined };
    const own = {
      upstream: parts.upstream,
      authorizer: parts.authorizer,
      health: new RouteHealth(),
      meters: none,
      logger: silentLogger,
    };
    const found = (ok: boolean, status: number | null, message: string | null): Probed => ({
      ok,
      status,
      message,
      durationMs: Math.round(clock.monotonic() - startedAtMs),
    });
    try {
      const decoded = new DecodedRequest({ request, dialect, facts });
      const call = {
        request,
        dialect,
        facts,
        wish: null,
        decoded,
        upload: null,
        telling,
        reply,
        clock,
      };
      const { ending } = await attemptUntilAnswered(call, onlyPlan(channel, model), {
        ...own,
        settings: noRetries,
        spending: undefined,
        onAttempt: () => undefined,
      });
      const { outcome, error } = ending;
      if (outcome === "caller_gone")
        return found(false, null, `no answer within ${probeMs / 1000} s`);
      return found(outcome === "complete", reply.status, error === null ? null : messageOf(error));
    } catch (thrown) {
      const failure = thrown instanceof AllFailed ? thrown.failure : undefined;
      return found(false, failure?.passOn?.status ?? null, messageOf(failure?.error ?? thrown));
    } finally {
      cancelLate();
      reply.close();
    }
  };
}

const noRetries: Settings = {
  ...fillSettings({}),
  retryTimes: 0,
  cooldownSeconds: 0,
  responseState: "off",
};

function makeRequest(model: string, signal: AbortSignal): CallRequest {
  const operation: UpstreamOperation = embeddingName.test(model) ? "embeddings" : "chat";
  const body =
    operation === "chat"
      ? { model, messages: [{ role: "user", content: "hi" }], max_tokens: 1 }
      : { model, input: "hi" };
  return {
    id: "",
    dialect: "openai-chat",
    operation,
    headers: {},
    query: {},
    body: Buffer.from(JSON.stringify(body)),
    address: "127.0.0.1",
    signal,
    drainSignal: new AbortController().signal,
  };
}

function onlyPlan(channel: Channel, model: string): RoutePlan {
  let asked = false;
  return {
    next: () => {
      if (asked) return undefined;
      asked = true;
      const [credential = null] = channel.credentials;
      return {
        channel,
        credential,
        group: undefined,
        groupSymbol: channel.groups[0] ?? "",
        ...mapModel(channel, model),
      };
    },
    exclude: () => undefined,
    passOver: () => undefined,
  };
}

/** Takes a reply and forgets it: only its status is of interest, and the Reply keeps that. */
function deafSink(): ReplySink {
  return {
    head: () => undefined,
    write: () => undefined,
    end: () => undefined,
    destroy: () => undefined,
    headSent: false,
  };
}
