/**
 * Finds the channel that a realtime session is held with: another one is tried until an upstream's upgrade has succeeded.
 * Promise kept here: until then the caller has been told nothing, and its own upgrade is still unanswered.
 */
import { GatewayError, toGatewayError } from "../../core/errors.ts";
import { getDialect } from "../../dialects/registry.ts";
import { endpointUrl } from "../../providers/address-channel.ts";
import type { Endpoint, Provider } from "../../providers/contract.ts";
import { settingsOf } from "../../providers/fill-template.ts";
import { findProvider } from "../../providers/registry.ts";
import type { Candidate } from "../../route/plan.ts";
import { downHeaders, retryAfterS, upHeaders } from "../../upstream/headers.ts";
import type { UpstreamSocketRequest, UpstreamSockets } from "../../upstream/websocket.ts";
import type { CallRequest } from "../../wire/call.ts";
import type { ManagedSocket } from "../../wire/managed-socket.ts";
import type { Admitted } from "./admit-socket.ts";
import { report } from "../attempts/attempts.ts";
import { endpointsFor } from "../requests/choose-endpoint.ts";
import { barredNow } from "./realtime-spending.ts";
import { type AttemptFailure, brokenExchange, refusedReply } from "../exchange/failure.ts";
import { withoutSecret } from "../replies/refused-reply.ts";
import type { GatewayParts } from "../serve-call.ts";

/** Longest event that an upstream may send. */
const maxUpstreamBytes = 64 * 1024 * 1024;

export interface ConnectParts extends GatewayParts {
  readonly sockets: UpstreamSockets;
}

export interface Connected {
  readonly candidate: Candidate;
  /** Has to be listened to. */
  readonly upstream: ManagedSocket;
}

interface Attempt {
  readonly request: CallRequest;
  readonly candidate: Candidate;
  readonly provider: Provider;
  readonly endpoint: Endpoint;
}

/** Rejects with the last failure where nobody could be connected to. */
export async function connectRealtime(
  request: CallRequest,
  admitted: Admitted,
  parts: ConnectParts,
): Promise<Connected> {
  const { plan, snapshot, model } = admitted;
  const { settings } = snapshot;
  const call = { request, clock: parts.clock };
  let failure: AttemptFailure | undefined;
  let refusal: GatewayError | undefined;
  let attempts = 0;
  while (attempts <= settings.retryTimes) {
    const candidate = plan.next(parts.clock.monotonic());
    if (candidate === undefined) break;
    const barred = await barredNow(parts, request, admitted, { model, candidate });
    if (barred !== undefined) {
      plan.passOver(candidate, barred.what);
      refusal ??= barred.error;
      continue;
    }
    attempts += 1;
    const outcome = await tryCandidate(request, candidate, parts);
    if ("upstream" in outcome) {
      parts.health.succeeded(candidate.channel, candidate.model);
      parts.meters.attempted({ channelId: candidate.channel.id, result: "complete" });
      return { candidate, upstream: outcome.upstream };
    }
    report(call, candidate, { kind: "failed", failure: outcome }, { ...parts, settings });
    failure = outcome;
    if (failure.class === "channel" || failure.class === null) plan.exclude(candidate.channel);
    if (!failure.tryAnother) break;
  }
  throw (
    failure?.error ??
    refusal ??
    new GatewayError("temporarily_unavailable", "no channel could be asked")
  );
}

/** Tries one; a token that the vendor no longer takes is exchanged anew and tried once more. */
async function tryCandidate(
  request: CallRequest,
  candidate: Candidate,
  parts: ConnectParts,
): Promise<{ readonly upstream: ManagedSocket } | AttemptFailure> {
  const { channel, model, credential } = candidate;
  const provider = findProvider(channel.provider);
  if (provider === undefined)
    throw new GatewayError("internal", `unknown provider ${channel.provider}`);
  const [endpoint] = endpointsFor(channel, provider, { operation: "realtime", model });
  if (endpoint === undefined)
    return brokenExchange(new GatewayError("upstream_unreachable", "the channel has no endpoint"));
  const attempt: Attempt = { request, candidate, provider, endpoint };
  const outcome = await connect(attempt, parts);
  if ("upstream" in outcome || outcome.error.kind !== "upstream_auth") return outcome;
  const settings = settingsOf(provider, channel.options.settings);
  const auth = endpoint.auth ?? provider.auth;
  const isStale = parts.authorizer.refused(auth, credential?.secret ?? "", settings);
  return isStale ? await connect(attempt, parts) : outcome;
}

async function connect(
  attempt: Attempt,
  parts: ConnectParts,
): Promise<{ readonly upstream: ManagedSocket } | AttemptFailure> {
  try {
    const sent = await authorized(attempt, makeRequest(attempt), parts);
    if (!("url" in sent)) return sent;
    const answer = await parts.sockets.open(sent, attempt.request.signal);
    if (answer.kind === "open") return { upstream: answer.socket };
    const { status, headers } = answer;
    const body = withoutSecret(answer.body, attempt.candidate.credential?.secret ?? "");
    return refusedReply({
      status,
      body,
      told: getDialect(attempt.request.dialect).readError(body),
      headers: downHeaders(headers),
      retryAfterS: retryAfterS(headers, parts.clock.now()),
    });
  } catch (thrown) {
    return brokenExchange(toGatewayError(thrown));
  }
}

async function authorized(
  { candidate, provider, endpoint }: Attempt,
  request: UpstreamSocketRequest,
  parts: ConnectParts,
): Promise<UpstreamSocketRequest | AttemptFailure> {
  const settings = settingsOf(provider, candidate.channel.options.settings);
  const secret = candidate.credential?.secret ?? "";
  try {
    const auth = endpoint.auth ?? provider.auth;
    const given = await parts.authorizer.authorize(request, auth, secret, settings);
    return { ...request, headers: { ...request.headers, ...given } };
  } catch (thrown) {
    const failure = brokenExchange(toGatewayError(thrown));
    return failure.error.kind === "upstream_auth" ? { ...failure, class: "credential" } : failure;
  }
}

function makeRequest({ request, candidate, provider, endpoint }: Attempt): UpstreamSocketRequest {
  const { channel } = candidate;
  const headers = upHeaders({
    dialect: endpoint.dialect,
    caller: { ...betaOf(request), ...request.headers },
    provider: provider.headers ?? {},
    channel: channel.headers,
    accept: "",
  });
  for (const name of ["accept", "accept-encoding", "content-type"]) delete headers[name];
  return {
    method: "GET",
    url: urlOf({ request, candidate, provider, endpoint }),
    headers,
    body: null,
    proxy: channel.proxy,
    timeouts: channel.timeouts,
    maxMessageBytes: maxUpstreamBytes,
  };
}

/** Browsers, which cannot set headers, ask for the beta by a sub-protocol. */
function betaOf({ headers }: CallRequest): Record<string, string> {
  const offered = headers["sec-websocket-protocol"]?.split(",").map((one) => one.trim()) ?? [];
  return offered.includes("openai-beta.realtime-v1") ? { "openai-beta": "realtime=v1" } : {};
}

function urlOf({ request, candidate, provider, endpoint }: Attempt): string {
  const text = endpointUrl(provider, candidate.channel, endpoint, {
    model: candidate.model,
    secret: candidate.credential?.secret ?? "",
    stream: true,
  });
  if (request.query["intent"] !== "transcription") return text;
  // A session that only writes down names its model by its first event, not here.
  const url = new URL(text);
  url.searchParams.delete("model");
  url.searchParams.set("intent", "transcription");
  return url.href;
}
