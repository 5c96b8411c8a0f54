/**
 * Takes a vendor's reply to a translated request for rerank or media whole, asks again where it is not finished yet,
 * and tells it in the caller's dialect. Promise kept here: it asks again at the vendor's own host only, since the
 * credential travels with it.
 */
import { GatewayError, toGatewayError } from "../../core/errors.ts";
import type { Cancel } from "../../core/clock.ts";
import type { DecodedMedia, MediaFront } from "../../dialects/media-codec.ts";
import { type ReceivedHeaders, headerValue } from "../../upstream/headers.ts";
import type {
  Upstream,
  UpstreamExchange,
  UpstreamReceiver,
  UpstreamRequest,
} from "../../upstream/upstream.ts";
import type { MediaReply } from "../../wire/media.ts";
import type { Attempt, BodyTaker, Settle } from "../exchange/ending.ts";
import {
  type AttemptFailure,
  brokenExchange,
  fromReplyError,
  refusedReply,
  toldReplyError,
} from "../exchange/failure.ts";
import type { MediaTurn } from "../exchange/endpoint-choice.ts";
import { Pieces, goneUnanswered, maxReplyBytes } from "../exchange/held-reply.ts";

/** Longest time that an unfinished reply is asked for. */
const maxPendingMs = 600_000;

export interface MediaReplyParts {
  readonly attempt: Attempt;
  readonly turn: MediaTurn;
  readonly front: MediaFront;
  readonly headers: Readonly<Record<string, string>>;
  /** As it was sent, credential included. */
  readonly sent: UpstreamRequest;
  readonly upstream: Upstream;
}

/** The request that asks again. Throws `upstream_invalid` where the answer would lie with somebody else. */
function pollRequest(sent: UpstreamRequest, at: string): UpstreamRequest {
  const url = URL.parse(at, sent.url);
  if (url?.origin !== new URL(sent.url).origin)
    throw new GatewayError("upstream_invalid", "the reply is to be had from another host");
  const { "content-type": _type, ...headers } = sent.headers;
  return { ...sent, method: "GET", url: url.href, headers, body: null };
}

export class MediaReplyTaker implements BodyTaker {
  readonly #parts: MediaReplyParts;
  readonly #settle: Settle;
  readonly #startedAtMs: number;
  #pieces = new Pieces(maxReplyBytes);
  #over = false;
  #exchange: UpstreamExchange | undefined;
  #cancelWait: Cancel = () => undefined;

  constructor(parts: MediaReplyParts, settle: Settle) {
    this.#parts = parts;
    this.#settle = settle;
    this.#startedAtMs = parts.attempt.call.clock.monotonic();
  }

  onChunk(chunk: Buffer, exchange: UpstreamExchange): void {
    if (this.#over || this.#pieces.add(chunk)) return;
    exchange.cancel();
    this.onError(
      new GatewayError("upstream_invalid", `the reply is larger than ${maxReplyBytes} bytes`),
    );
  }

  onEnd(): void {
    this.#take(this.#parts.headers);
  }

  onError(error: GatewayError): void {
    this.#fail(brokenExchange(error));
  }

  onGone(): boolean {
    this.#stop();
    this.#settle(goneUnanswered);
    return false;
  }

  onDrain(): void {
    this.onError(new GatewayError("temporarily_unavailable", "this node is stopping"));
  }

  #take(headers: Readonly<Record<string, string>>): void {
    if (this.#over) return;
    const { codec, request, target } = this.#parts.turn;
    const body = this.#pieces.join();
    this.#pieces = new Pieces(maxReplyBytes);
    try {
      const decoded = codec.decodeReply({ headers, body }, { request, target });
      this.#follow(decoded);
    } catch (thrown) {
      this.#fail(brokenExchange(toGatewayError(thrown)));
    }
  }

  #follow(decoded: DecodedMedia): void {
    if (decoded.kind === "failed") return this.#fail(toldReplyError(decoded.error));
    if (decoded.kind === "reply") return this.#tell(decoded.reply);
    const { clock } = this.#parts.attempt.call;
    if (clock.monotonic() - this.#startedAtMs > maxPendingMs)
      return this.onError(new GatewayError("upstream_timeout", "the reply was never finished"));
    const request = pollRequest(this.#parts.sent, decoded.url);
    this.#cancelWait = clock.after(decoded.afterMs, () => this.#poll(request));
  }

  #poll(request: UpstreamRequest): void {
    if (this.#over) return;
    let status = 0;
    let headers: Record<string, string> = {};
    const receiver: UpstreamReceiver = {
      onHead: (told, received) => {
        status = told;
        headers = plainHeaders(received);
      },
      onChunk: (chunk) => void (this.#exchange && this.onChunk(chunk, this.#exchange)),
      onEnd: () => (status < 300 ? this.#take(headers) : this.#refused(status)),
      onError: (error) => this.onError(error),
    };
    this.#exchange = this.#parts.upstream.send(request, receiver);
  }

  #refused(status: number): void {
    const body = this.#pieces.join();
    const told = fromReplyError(this.#parts.turn.codec.decodeError(body));
    this.#fail(refusedReply({ status, told, body, headers: {}, retryAfterS: undefined }));
  }

  #tell(reply: MediaReply): void {
    const { attempt, turn, front, headers } = this.#parts;
    const { call } = attempt;
    const { contentType, body } = front.encodeReply(reply, {
      operation: call.request.operation,
      request: turn.request,
      model: attempt.shownModel ?? reply.model ?? attempt.candidate.model,
      callId: call.request.id,
      createdAtS: Math.floor(call.clock.now() / 1000),
    });
    const own = { "content-type": contentType, "content-length": String(body.length) };
    this.#over = true;
    if (call.reply.begun) call.reply.end(body);
    else call.reply.whole({ status: 200, headers: { ...headers, ...own }, body });
    this.#settle({
      kind: "answered",
      outcome: "complete",
      error: null,
      usage: reply.usage,
      textBytes: reply.kind === "transcription" ? Buffer.byteLength(reply.text) : 0,
      modelReported: reply.model,
      firstContentAtMs: call.clock.monotonic(),
    });
  }

  #fail(failure: AttemptFailure): void {
    if (this.#over) return;
    this.#stop();
    this.#settle({ kind: "failed", failure });
  }

  #stop(): void {
    this.#over = true;
    this.#cancelWait();
    this.#exchange?.cancel();
  }
}

function plainHeaders(received: ReceivedHeaders): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of Object.keys(received)) {
    const value = headerValue(received, name);
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}
