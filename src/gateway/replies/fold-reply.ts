/**
 * Puts an upstream's stream together to the whole reply that the caller asked for, where the endpoint only streams.
 * Promise kept here: what breaks off is an error, never a shorter answer.
 */
import { GatewayError, toGatewayError } from "../../core/errors.ts";
import { ReplyFold } from "../../dialects/fold-events.ts";
import { type Framer, makeFramer } from "../../dialects/framing.ts";
import type { UpstreamExchange } from "../../upstream/upstream.ts";
import type { ReplyEvent } from "../../wire/chat-reply.ts";
import type { BodyTaker, Settle } from "../exchange/ending.ts";
import { EventMeter } from "./event-meter.ts";
import { type AttemptFailure, brokenExchange, toldReplyError } from "../exchange/failure.ts";
import { readContext } from "./reply-context.ts";
import type { TranslatedParts } from "./translated-stream.ts";
import { tellWhole } from "./translated-whole.ts";
import { goneUnanswered, maxReplyBytes } from "../exchange/held-reply.ts";

export class FoldedStream implements BodyTaker {
  readonly #parts: TranslatedParts;
  readonly #settle: Settle;
  readonly #framer: Framer;
  readonly #fold = new ReplyFold();
  readonly #meter = new EventMeter();
  #bytes = 0;
  #over = false;

  constructor(parts: TranslatedParts, settle: Settle) {
    const { attempt, translation } = parts;
    this.#parts = parts;
    this.#settle = settle;
    const decode = translation.codec.makeEventDecoder(readContext(attempt));
    const take = (event: ReplyEvent): void => this.#take(event);
    this.#framer = makeFramer(attempt.endpoint.framing ?? translation.codec.framing, (event) => {
      if (!this.#over) decode(event, take);
    });
  }

  onChunk(chunk: Buffer, exchange: UpstreamExchange): void {
    // Whoever goes on talking behind the terminator is not waited for.
    if (this.#over) return exchange.cancel();
    this.#bytes += chunk.length;
    try {
      if (this.#bytes > maxReplyBytes)
        throw new GatewayError(
          "upstream_invalid",
          `the reply is larger than ${maxReplyBytes} bytes`,
        );
      this.#framer.push(chunk);
    } catch (thrown) {
      exchange.cancel();
      this.#fail(brokenExchange(toGatewayError(thrown)));
    }
  }

  onEnd(): void {
    try {
      this.#framer.end();
      this.#take({ type: "done" });
    } catch (thrown) {
      this.#fail(brokenExchange(toGatewayError(thrown)));
    }
  }

  onError(error: GatewayError): void {
    this.#fail(brokenExchange(error));
  }

  onGone(): boolean {
    this.#over = true;
    this.#settle(goneUnanswered);
    return false;
  }

  onDrain(): void {
    this.onError(new GatewayError("temporarily_unavailable", "this node is stopping"));
  }

  #take(event: ReplyEvent): void {
    if (this.#over) return;
    if (event.type === "error") return this.#fail(toldReplyError(event.error));
    if (event.type !== "done") {
      this.#meter.note(event);
      return this.#fold.take(event);
    }
    if (!this.#meter.whole)
      return this.onError(new GatewayError("upstream_truncated", "the stream ended unfinished"));
    this.#over = true;
    tellWhole(this.#fold.reply(), this.#parts, this.#settle);
  }

  #fail(failure: AttemptFailure): void {
    if (this.#over) return;
    this.#over = true;
    this.#settle({ kind: "failed", failure });
  }
}
