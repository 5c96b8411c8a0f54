/** One attempt: sends the edited body to a channel and picks who takes the reply. */
import { GatewayError } from "../core/errors.ts";
import {
  downHeaders,
  headerValue,
  retryAfterS,
  upHeaders,
  type ReceivedHeaders,
} from "../upstream/headers.ts";
import type { Upstream, UpstreamExchange, UpstreamRequest } from "../upstream/upstream.ts";
import type { UpstreamOperation } from "../providers/contract.ts";
import type { Attempt, BodyTaker, Ending, Settle } from "./ending.ts";
import { brokenExchange } from "./failure.ts";
import { RefusedReply } from "./refused-reply.ts";
import { StreamTee } from "./tee.ts";
import { WholeReply, goneUnanswered } from "./whole-reply.ts";

/** How long usage is waited for when the caller left after the finish. */
const usageWaitMs = 2_000;

function encodeRequest(attempt: Attempt): UpstreamRequest {
  const { call, candidate, provider } = attempt;
  const { request, facts } = call;
  const endpoint = provider.endpoints[request.operation as UpstreamOperation]?.[0];
  const base = candidate.channel.baseUrl ?? provider.defaultBaseUrl;
  if (endpoint === undefined || base === null)
    throw new GatewayError(
      "upstream_unreachable",
      `channel ${candidate.channel.id} has no address for this operation`,
    );
  const secret = candidate.credential?.secret ?? "";
  const { auth } = provider;
  const sent =
    auth.kind === "header"
      ? { name: auth.name, value: secret }
      : { name: "authorization", value: `Bearer ${secret}` };
  return {
    method: "POST",
    url: base + endpoint.path,
    headers: upHeaders({
      dialect: endpoint.dialect,
      caller: request.headers,
      channel: candidate.channel.headers,
      credential: secret === "" ? null : sent,
      stream: facts.stream,
    }),
    body: call.dialect.edit(request.body, facts, {
      model: candidate.model,
      askUsage: endpoint.usageOptIn,
      parameters: candidate.channel.parameters,
      extraBody: {},
      systemPrompt: null,
      omit: [],
      add: {},
    }),
    proxy: candidate.channel.proxy,
    timeouts: candidate.channel.timeouts,
  };
}

/** Resolves when the caller has its answer, or when the attempt failed and the caller has been told nothing. */
export function runAttempt(attempt: Attempt, upstream: Upstream): Promise<Ending> {
  const request = encodeRequest(attempt);
  return new Promise((resolve) => {
    const { signal, drainSignal } = attempt.call.request;
    const receiver = new AttemptReceiver(attempt, (ending) => {
      signal.removeEventListener("abort", onGone);
      drainSignal.removeEventListener("abort", onDrain);
      resolve(ending);
    });
    const onGone = (): void => receiver.onGone();
    const onDrain = (): void => receiver.onDrain();
    if (signal.aborted) return resolve(goneUnanswered);
    signal.addEventListener("abort", onGone);
    drainSignal.addEventListener("abort", onDrain);
    receiver.exchange = upstream.send(request, receiver);
    if (drainSignal.aborted) onDrain();
  });
}

class AttemptReceiver {
  readonly #attempt: Attempt;
  readonly #settle: Settle;
  #taker: BodyTaker | undefined;
  #settled = false;
  exchange: UpstreamExchange | undefined;

  constructor(attempt: Attempt, settle: Settle) {
    this.#attempt = attempt;
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
    const isJson = (headers["content-type"] ?? "").includes("json");
    this.#taker =
      attempt.call.facts.stream && !isJson
        ? new StreamTee(attempt, headers, this.#settle)
        : new WholeReply(attempt, headers, this.#settle);
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
    const waits = this.#taker?.onGone() ?? false;
    if (!waits) {
      this.exchange?.cancel();
      return this.#settle(goneUnanswered);
    }
    this.#attempt.call.clock.after(usageWaitMs, () => {
      this.exchange?.cancel();
      this.#taker?.onError(new GatewayError("caller_gone", "the caller left before usage came"));
    });
  }

  onDrain(): void {
    const error = new GatewayError("temporarily_unavailable", "this node is stopping");
    if (this.#taker === undefined) this.onError(error);
    else this.#taker.onDrain();
    this.exchange?.cancel();
  }
}
