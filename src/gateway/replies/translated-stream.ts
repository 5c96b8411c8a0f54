/**
 * Turns an upstream's stream into the caller's dialect, event by event.
 * Promise kept here: what breaks off, whether before the finish or the terminator, never looks whole to the caller.
 */
import { GatewayError, toGatewayError } from "../../core/errors.ts";
import type { EncodeEvent, FrontCodec } from "../../dialects/codec.ts";
import { type Framer, makeFramer } from "../../dialects/framing.ts";
import type { UpstreamExchange } from "../../upstream/upstream.ts";
import type { ReplyEvent } from "../../wire/chat-reply.ts";
import type { Translation } from "../exchange/endpoint-choice.ts";
import { Delivery } from "./delivery.ts";
import type { Attempt, BodyTaker, Settle } from "../exchange/ending.ts";
import { EventMeter } from "./event-meter.ts";
import { toldReplyError } from "../exchange/failure.ts";
import { type KeptStream, makeKeptStream } from "../responses/kept-stream.ts";
import { readContext, replyContext } from "./reply-context.ts";
import { SingleCalls, wantsSingleCall } from "./single-call.ts";

export interface TranslatedParts {
  readonly attempt: Attempt;
  readonly translation: Translation;
  readonly front: FrontCodec;
  readonly headers: Readonly<Record<string, string>>;
}

/** Takes the events of one reply in our own shape and tells them in the caller's. */
export class EventTeller {
  readonly #parts: TranslatedParts;
  readonly #meter = new EventMeter();
  readonly #single: SingleCalls | undefined;
  readonly delivery: Delivery;
  #encode: EncodeEvent | undefined;
  #kept: KeptStream | undefined;
  /** The upstream's part is over and whole; what becomes of its connection matters no more. */
  ending = false;

  constructor(parts: TranslatedParts, settle: Settle) {
    this.#parts = parts;
    if (wantsSingleCall(parts.attempt.call)) this.#single = new SingleCalls();
    const measure = (): ReturnType<EventMeter["measured"]> => this.#meter.measured();
    this.delivery = new Delivery(parts.attempt, parts.headers, settle, measure);
  }

  tell(event: ReplyEvent): void {
    const { delivery } = this;
    if (delivery.settled || this.ending) return;
    if (event.type === "error") return delivery.told(toldReplyError(event.error), null);
    if (event.type === "done" && !this.#meter.whole)
      return delivery.broken(new GatewayError("upstream_truncated", "the stream ended unfinished"));
    if (this.#meter.strays(event))
      return delivery.broken(
        new GatewayError("upstream_invalid", "the stream goes on behind its finish"),
      );
    const carries = this.#meter.note(event);
    if (this.#single?.leavesOut(event) === true) return;
    this.#encode ??= this.#makeEncoder();
    if (event.type === "done" && this.#kept !== undefined) return this.#endKept(this.#kept);
    this.#put(this.#encode(event));
    if (carries) delivery.commit();
    if (event.type === "done") delivery.complete();
  }

  /** Made with the first event, which tells the model's name. */
  #makeEncoder(): EncodeEvent {
    const { attempt, front } = this.#parts;
    const context = replyContext(attempt, this.#meter.modelReported);
    this.#kept = makeKeptStream(attempt, context);
    return this.#kept?.encode ?? front.makeEventEncoder(context);
  }

  #put(bytes: string | undefined): void {
    if (bytes !== undefined && bytes !== "") this.delivery.put(Buffer.from(bytes));
  }

  /** The upstream's part is over and whole; the end is told once the response is kept. */
  #endKept(kept: KeptStream): void {
    const { delivery } = this;
    this.ending = true;
    const { bytes, ready } = kept.beforeEnd();
    this.#put(bytes);
    delivery.commit();
    void ready.then(() => {
      if (delivery.settled) return;
      this.#put(kept.encode({ type: "done" }));
      delivery.complete();
    });
  }

  /** The body is over: for some dialects that is the terminator. */
  end(): void {
    this.tell({ type: "done" });
  }

  get awaitsUsage(): boolean {
    return this.#meter.awaitsUsage;
  }
}

export class TranslatedStream implements BodyTaker {
  readonly #teller: EventTeller;
  readonly #framer: Framer;

  constructor(parts: TranslatedParts, settle: Settle) {
    const { attempt, translation } = parts;
    const { codec } = translation;
    const teller = new EventTeller(parts, settle);
    const decode = codec.makeEventDecoder(readContext(attempt));
    const tell = (event: ReplyEvent): void => teller.tell(event);
    this.#teller = teller;
    this.#framer = makeFramer(attempt.endpoint.framing ?? codec.framing, (event) => {
      if (!teller.delivery.settled) decode(event, tell);
    });
  }

  onChunk(chunk: Buffer, exchange: UpstreamExchange): void {
    const { delivery } = this.#teller;
    if (delivery.settled) return exchange.cancel();
    try {
      this.#framer.push(chunk);
    } catch (thrown) {
      exchange.cancel();
      return delivery.broken(toGatewayError(thrown));
    }
    delivery.flush(exchange);
  }

  onEnd(): void {
    const { delivery } = this.#teller;
    if (delivery.settled) return;
    try {
      this.#framer.end();
      this.#teller.end();
    } catch (thrown) {
      delivery.broken(toGatewayError(thrown));
    }
  }

  onError(error: GatewayError): void {
    if (!this.#teller.ending) this.#teller.delivery.broken(error);
  }

  onGone(): boolean {
    return this.#teller.delivery.leave(this.#teller.awaitsUsage);
  }

  onDrain(): void {
    this.onError(new GatewayError("temporarily_unavailable", "this node is stopping"));
  }
}
