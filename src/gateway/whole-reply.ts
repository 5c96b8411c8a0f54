/** Takes a reply that is not a stream whole, so that a broken one can still go to another channel. */
import { GatewayError } from "../core/errors.ts";
import { splice } from "../core/json.ts";
import type { UpstreamExchange } from "../upstream/upstream.ts";
import type { Attempt, BodyTaker, Settle } from "./ending.ts";
import { type AttemptFailure, brokenExchange, toldError } from "./failure.ts";
import { makeReplySealer } from "./reply-sealer.ts";

/** Largest whole reply (embeddings of a big batch come near it). */
export const maxReplyBytes = 256 * 1024 * 1024;

/** Collects pieces up to a limit. */
export class Pieces {
  readonly #limit: number;
  readonly #pieces: Buffer[] = [];
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False (and nothing kept) when it would be too much. */
  add(piece: Buffer): boolean {
    if (this.#bytes + piece.length > this.#limit) return false;
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    return true;
  }

  join(): Buffer {
    return this.#pieces.length === 1 && this.#pieces[0] !== undefined
      ? this.#pieces[0]
      : Buffer.concat(this.#pieces, this.#bytes);
  }
}

export class WholeReply implements BodyTaker {
  readonly #attempt: Attempt;
  readonly #settle: Settle;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #pieces = new Pieces(maxReplyBytes);

  constructor(attempt: Attempt, headers: Readonly<Record<string, string>>, settle: Settle) {
    this.#attempt = attempt;
    this.#headers = headers;
    this.#settle = settle;
  }

  onChunk(chunk: Buffer, exchange: UpstreamExchange): void {
    if (this.#pieces.add(chunk)) return;
    exchange.cancel();
    this.onError(
      new GatewayError("upstream_invalid", `the reply is larger than ${maxReplyBytes} bytes`),
    );
  }

  onEnd(): void {
    const { call, shownModel } = this.#attempt;
    const body = this.#pieces.join();
    const facts = call.dialect.readReply(body);
    if (facts === undefined)
      return this.onError(
        new GatewayError("upstream_invalid", "the reply is not the JSON it should be"),
      );
    if (call.reply.begun)
      return this.onError(
        new GatewayError("upstream_invalid", "a whole reply came where a stream was asked for"),
      );
    if (facts.isError) return this.#fail(toldError(call.dialect.readError(body)));
    const edits = makeReplySealer(this.#attempt)?.whole(body) ?? [];
    if (shownModel !== null && facts.modelRange !== null)
      edits.push({ ...facts.modelRange, bytes: JSON.stringify(shownModel) });
    const edited = splice(body, edits);
    const headers = { ...this.#headers, "content-length": String(edited.length) };
    call.reply.whole({ status: 200, headers, body: edited });
    this.#settle({
      kind: "answered",
      outcome: "complete",
      error: null,
      usage: facts.usage,
      textBytes: facts.usage === null ? call.dialect.textBytes(body) : 0,
      modelReported: facts.model,
      firstContentAtMs: call.clock.monotonic(),
    });
  }

  onError(error: GatewayError): void {
    this.#fail(brokenExchange(error));
  }

  onGone(): boolean {
    this.#settle(goneUnanswered);
    return false;
  }

  onDrain(): void {
    this.onError(new GatewayError("temporarily_unavailable", "this node is stopping"));
  }

  #fail(failure: AttemptFailure): void {
    this.#settle({ kind: "failed", failure });
  }
}

/** The caller left before it was told anything. */
export const goneUnanswered = {
  kind: "answered",
  outcome: "caller_gone",
  error: null,
  usage: null,
  textBytes: 0,
  modelReported: null,
  firstContentAtMs: null,
} as const;
