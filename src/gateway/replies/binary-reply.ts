/**
 * Hands a reply that is media itself (spoken audio) on as it comes.
 * Promise kept here: what broke off is torn down, so that nobody takes it for whole; before its first byte another
 * channel may do better.
 */
import { GatewayError } from "../../core/errors.ts";
import type { UpstreamExchange } from "../../upstream/upstream.ts";
import type { Usage } from "../../wire/usage.ts";
import type { Attempt, BodyTaker, Settle } from "../exchange/ending.ts";
import { brokenExchange } from "../exchange/failure.ts";
import { goneUnanswered } from "../exchange/held-reply.ts";

export interface BinaryReplyParts {
  readonly attempt: Attempt;
  /** Headers that come down, `content-type` among them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Known without the reply; null: nothing is told. */
  readonly usage: Usage | null;
}

export class BinaryReply implements BodyTaker {
  readonly #parts: BinaryReplyParts;
  readonly #settle: Settle;
  #firstAtMs: number | null = null;
  #settled = false;

  constructor(parts: BinaryReplyParts, settle: Settle) {
    this.#parts = parts;
    this.#settle = settle;
  }

  onChunk(chunk: Buffer, exchange: UpstreamExchange): void {
    if (this.#settled || chunk.length === 0) return;
    const { reply, clock } = this.#parts.attempt.call;
    if (this.#firstAtMs === null) {
      this.#firstAtMs = clock.monotonic();
      reply.beginBytes(this.#parts.headers);
    }
    const drained = reply.write(chunk);
    if (drained === undefined) return;
    exchange.pause();
    void drained.then(() => exchange.resume());
  }

  onEnd(): void {
    if (this.#settled) return;
    if (this.#firstAtMs === null)
      return this.onError(new GatewayError("upstream_invalid", "the reply is empty"));
    this.#parts.attempt.call.reply.end();
    this.#end("complete", null);
  }

  onError(error: GatewayError): void {
    if (this.#settled) return;
    if (this.#firstAtMs === null) {
      this.#settled = true;
      return this.#settle({ kind: "failed", failure: brokenExchange(error) });
    }
    this.#parts.attempt.call.reply.tear();
    this.#end("cut", error);
  }

  onGone(): boolean {
    if (this.#firstAtMs === null) this.#settle(goneUnanswered);
    else this.#end("caller_gone", null);
    return false;
  }

  onDrain(): void {
    this.onError(new GatewayError("temporarily_unavailable", "this node is stopping"));
  }

  #end(outcome: "complete" | "cut" | "caller_gone", error: GatewayError | null): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#settle({
      kind: "answered",
      outcome,
      error,
      usage: this.#parts.usage,
      textBytes: 0,
      modelReported: null,
      firstContentAtMs: this.#firstAtMs,
    });
  }
}
