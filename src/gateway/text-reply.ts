/** Takes a transcript that is plain text or subtitles whole, so that a broken one can still go to another channel. */
import { GatewayError } from "../core/errors.ts";
import { subtitleSeconds } from "../dialects/openai-media/usage.ts";
import type { UpstreamExchange } from "../upstream/upstream.ts";
import { type Usage, noUsage } from "../wire/usage.ts";
import type { Attempt, BodyTaker, Settle } from "./ending.ts";
import { brokenExchange } from "./failure.ts";
import { Pieces, goneUnanswered, maxReplyBytes } from "./whole-reply.ts";

/** Subtitles tell how long the recording is; the tokens stay unknown. */
function usageOf(body: Buffer): Usage | null {
  const seconds = subtitleSeconds(body.toString("utf8", Math.max(0, body.length - 4096)));
  return seconds === undefined ? null : { ...noUsage, kinds: { seconds } };
}

export class TextReply implements BodyTaker {
  readonly #attempt: Attempt;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #settle: Settle;
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
    const { call } = this.#attempt;
    const body = this.#pieces.join();
    const headers = { ...this.#headers, "content-length": String(body.length) };
    call.reply.whole({ status: 200, headers, body });
    const usage = usageOf(body);
    this.#settle({
      kind: "answered",
      outcome: "complete",
      error: null,
      usage,
      textBytes: usage === null ? body.length : 0,
      modelReported: null,
      firstContentAtMs: call.clock.monotonic(),
    });
  }

  onError(error: GatewayError): void {
    this.#settle({ kind: "failed", failure: brokenExchange(error) });
  }

  onGone(): boolean {
    this.#settle(goneUnanswered);
    return false;
  }

  onDrain(): void {
    this.onError(new GatewayError("temporarily_unavailable", "this node is stopping"));
  }
}
