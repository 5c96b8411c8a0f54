/** Holds a reply back until it is whole, so that a broken one can still go to another channel. */
import { GatewayError } from "../../core/errors.ts";
import type { UpstreamExchange } from "../../upstream/upstream.ts";
import type { BodyTaker, Settle } from "./ending.ts";
import { type AttemptFailure, brokenExchange } from "./failure.ts";

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

/** Takes a body whole; what is done with it is told by `onEnd`. */
export abstract class HeldReply implements BodyTaker {
  protected readonly settle: Settle;
  readonly #pieces = new Pieces(maxReplyBytes);

  constructor(settle: Settle) {
    this.settle = settle;
  }

  abstract onEnd(): void;

  onChunk(chunk: Buffer, exchange: UpstreamExchange): void {
    if (this.#pieces.add(chunk)) return;
    exchange.cancel();
    this.onError(
      new GatewayError("upstream_invalid", `the reply is larger than ${maxReplyBytes} bytes`),
    );
  }

  onError(error: GatewayError): void {
    this.fail(brokenExchange(error));
  }

  onGone(): boolean {
    this.settle(goneUnanswered);
    return false;
  }

  onDrain(): void {
    this.onError(new GatewayError("temporarily_unavailable", "this node is stopping"));
  }

  /** The body as it came. */
  protected body(): Buffer {
    return this.#pieces.join();
  }

  protected fail(failure: AttemptFailure): void {
    this.settle({ kind: "failed", failure });
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
