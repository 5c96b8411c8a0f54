/** One attempt: puts the credential on its request, sends it, and picks who takes the reply. */
import { GatewayError, toGatewayError } from "../../core/errors.ts";
import { settingsOf } from "../../providers/fill-template.ts";
import {
  downHeaders,
  headerValue,
  retryAfterS,
  type ReceivedHeaders,
} from "../../upstream/headers.ts";
import type { Upstream, UpstreamExchange, UpstreamRequest } from "../../upstream/upstream.ts";
import type { Attempt, BodyTaker, Ending, Settle } from "../exchange/ending.ts";
import type { HeaderMap } from "../../wire/call.ts";
import { takeEmbeddings } from "../requests/embeddings.ts";
import { brokenExchange } from "../exchange/failure.ts";
import { FoldedStream } from "../replies/fold-reply.ts";
import { toldHeaders, upstreamRunsInBackground } from "../responses/keep-there.ts";
import { type Sending, mediaTakerOf } from "../replies/media-takers.ts";
import type { PreparedAttempt, SendingParts } from "../exchange/prepared-attempt.ts";
import { RefusedReply } from "../replies/refused-reply.ts";
import { StreamTee } from "../replies/tee.ts";
import { TranslatedStream } from "../replies/translated-stream.ts";
import { takeTranslatedWhole } from "../replies/translated-whole.ts";
import { goneUnanswered } from "../exchange/held-reply.ts";
import { WholeReply } from "../replies/whole-reply.ts";

/** How long usage is waited for when the caller left after the finish. */
const usageWaitMs = 2_000;
/** How long what begins a job is waited for behind the drain's deadline: what is told last has 2 s to go out. */
export const heardOutMs = 1500;
/** The same for the name of a response that runs on without its caller: nobody could charge it otherwise. */
const nameWaitMs = 30_000;

/** Resolves when the caller has its answer, or when the attempt failed and the caller has been told nothing. */
export function runAttempt(prepared: PreparedAttempt, parts: SendingParts): Promise<Ending> {
  const { attempt, request } = prepared;
  const { candidate, provider, endpoint } = attempt;
  const settings = settingsOf(provider, candidate.channel.options.settings);
  const secret = candidate.credential?.secret ?? "";
  const auth = endpoint.auth ?? provider.auth;
  const given = parts.authorizer.authorize(request, auth, secret, settings);
  // Most credentials are headers as they are: only those that are signed or exchanged wait for a turn of the loop.
  return given instanceof Promise
    ? sendOnceSigned(prepared, given, parts.upstream)
    : send(attempt, authorized(request, given), parts.upstream);
}

function authorized(request: UpstreamRequest, given: HeaderMap): UpstreamRequest {
  return { ...request, headers: { ...request.headers, ...given } };
}

async function sendOnceSigned(
  { attempt, request }: PreparedAttempt,
  given: Promise<HeaderMap>,
  upstream: Upstream,
): Promise<Ending> {
  let headers: HeaderMap;
  try {
    headers = await given;
  } catch (thrown) {
    const failure = brokenExchange(toGatewayError(thrown));
    const ours = failure.error.kind === "upstream_auth";
    return { kind: "failed", failure: ours ? { ...failure, class: "credential" } : failure };
  }
  return await send(attempt, authorized(request, headers), upstream);
}

function send(attempt: Attempt, request: UpstreamRequest, upstream: Upstream): Promise<Ending> {
  return new Promise((resolve) => {
    const { signal, drainSignal } = attempt.call.request;
    const receiver = new AttemptReceiver(attempt, { request, upstream }, (ending) => {
      signal.removeEventListener("abort", onGone);
      drainSignal.removeEventListener("abort", onDrain);
      resolve(ending);
    });
    const onGone = (): void => receiver.onGone();
    const onDrain = (): void => receiver.onDrain();
    if (signal.aborted) return resolve(goneUnanswered);
    signal.addEventListener("abort", onGone);
    drainSignal.addEventListener("abort", onDrain);
    if (drainSignal.aborted) return receiver.stop();
    receiver.exchange = upstream.send(request, receiver);
  });
}

class AttemptReceiver {
  readonly #attempt: Attempt;
  readonly #sending: Sending;
  readonly #settle: Settle;
  #taker: BodyTaker | undefined;
  #settled = false;
  #gone = false;
  exchange: UpstreamExchange | undefined;

  constructor(attempt: Attempt, sending: Sending, settle: Settle) {
    this.#attempt = attempt;
    this.#sending = sending;
    this.#settle = (ending) => {
      if (this.#settled) return;
      this.#settled = true;
      settle(ending);
    };
  }

  onHead(status: number, received: ReceivedHeaders): void {
    const headers = downHeaders(received);
    const attempt = this.#attempt;
    if (status < 200 || status > 299) {
      const nowMs = attempt.call.clock.now();
      const head = { status, headers, retryAfterS: retryAfterS(received, nowMs) };
      this.#taker = new RefusedReply(attempt, head, this.#settle);
      return;
    }
    const encoding = headerValue(received, "content-encoding") ?? "identity";
    if (encoding !== "identity") {
      this.exchange?.cancel();
      return this.onError(
        new GatewayError("upstream_invalid", `the reply is encoded (${encoding}) against our wish`),
      );
    }
    this.#taker =
      mediaTakerOf(attempt, headers, this.#settle, this.#sending) ??
      takerOf(attempt, headers, this.#settle);
    if (this.#gone) this.#taker.onGone();
  }

  onChunk(chunk: Buffer): void {
    if (this.exchange !== undefined) this.#taker?.onChunk(chunk, this.exchange);
  }

  onEnd(): void {
    this.#taker?.onEnd();
  }

  onError(error: GatewayError): void {
    if (this.#taker === undefined) this.#settle({ kind: "failed", failure: brokenExchange(error) });
    else this.#taker.onError(error);
  }

  onGone(): void {
    this.#gone = true;
    const runsOn = upstreamRunsInBackground(this.#attempt.call);
    const waits = this.#taker?.onGone() ?? runsOn;
    if (!waits) {
      this.exchange?.cancel();
      return this.#settle(goneUnanswered);
    }
    this.#attempt.call.clock.after(runsOn ? nameWaitMs : usageWaitMs, () => {
      this.exchange?.cancel();
      this.onError(new GatewayError("caller_gone", "the caller left before usage came"));
    });
  }

  /** What begins to run in the background is known by its vendor's answer alone. */
  onDrain(): void {
    const { call } = this.#attempt;
    if (upstreamRunsInBackground(call)) call.clock.after(heardOutMs, () => this.stop());
    else this.stop();
  }

  stop(): void {
    const error = new GatewayError("temporarily_unavailable", "this node is stopping");
    if (this.#taker === undefined) this.onError(error);
    else this.#taker.onDrain();
    this.exchange?.cancel();
  }
}

/** Who takes the body of a reply of success. */
function takerOf(
  attempt: Attempt,
  headers: Readonly<Record<string, string>>,
  settle: Settle,
): BodyTaker {
  const { call, translation, embedding } = attempt;
  if (embedding !== undefined) return takeEmbeddings(attempt, embedding, { headers, settle });
  const streams = call.facts.stream || attempt.endpoint.streamsOnly === true;
  const isStream = streams && !isWholeJson(headers["content-type"] ?? "");
  const { front } = call.dialect;
  const told = toldHeaders(attempt, headers);
  if (translation === null || front === null)
    return isStream ? new StreamTee(attempt, told, settle) : new WholeReply(attempt, told, settle);
  const parts = { attempt, translation, front, headers: told };
  if (!isStream) return takeTranslatedWhole(parts, settle);
  return call.facts.stream ? new TranslatedStream(parts, settle) : new FoldedStream(parts, settle);
}

/** Lines of JSON are a stream. */
function isWholeJson(contentType: string): boolean {
  return contentType.includes("json") && !/ndjson|jsonl|json-seq|stream\+json/.test(contentType);
}
