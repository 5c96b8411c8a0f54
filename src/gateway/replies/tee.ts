/**
 * Pumps an upstream's stream to the caller, whole events at a time, reading only what metering needs.
 * Promise kept here: events that need no edit go on as the same bytes, and a stream that ends without its terminator
 * is told as an error.
 */
import { GatewayError, toGatewayError } from "../../core/errors.ts";
import { type ByteEdit, splice } from "../../core/json.ts";
import { SseFramer } from "../../core/sse.ts";
import type { EventReading, ReadEvent } from "../../dialects/contract.ts";
import { makeFramer, renderSse } from "../../dialects/framing.ts";
import type { UpstreamExchange } from "../../upstream/upstream.ts";
import type { Usage } from "../../wire/usage.ts";
import { Delivery, type Measured } from "./delivery.ts";
import { bareEnd, completeEvent, payloadOf } from "../exchange/complete-event.ts";
import type { Attempt, BodyTaker, Settle } from "../exchange/ending.ts";
import { toldError } from "../exchange/failure.ts";
import { keeperThere, keptEvent, upstreamRunsInBackground } from "../responses/keep-there.ts";
import { type ReplySealer, makeReplySealer } from "./reply-sealer.ts";
import { responseIdOf } from "../jobs/response-job.ts";
import type { ResponseKeeper } from "../state/response-keeper.ts";

const noEdits: readonly ByteEdit[] = [];

/** How long the end of a stream is waited for whose terminator has come: a bare one may stand behind it. */
const lastWordMs = 250;

/** Cuts a body into server-sent events: as they are, or made of whatever frames they came in. */
interface Cutter {
  push(chunk: Buffer): void;
  end(): void;
}

function makeCutter(attempt: Attempt, onEvent: (event: Buffer) => void): Cutter {
  const { framing = "sse" } = attempt.endpoint;
  if (framing !== "sse") return makeFramer(framing, (event) => onEvent(renderSse(event)));
  const framer = new SseFramer(onEvent);
  return {
    push: (chunk) => framer.push(chunk),
    end: () => {
      const last = completeEvent(framer.rest());
      if (last !== undefined) onEvent(last);
    },
  };
}

export class StreamTee implements BodyTaker {
  readonly #attempt: Attempt;
  readonly #delivery: Delivery;
  readonly #read: ReadEvent;
  readonly #sealer: ReplySealer | null;
  readonly #cutter: Cutter;
  #finished = false;
  /** The terminator has come; what has come with it may still go on. */
  #over = false;
  #closed = false;
  /** The end has come and is told once the response is kept. */
  #keeping = false;
  /** What came behind it meanwhile. */
  #rest: Buffer | undefined;
  #ended = false;
  /** Takes what stands behind the terminator, once that has gone. */
  #onLastWord: ((event: Buffer | undefined) => void) | undefined;
  /** The first and the last event that tell usage: between them nobody tells what the last one does not repeat. */
  #firstUsage: Buffer | undefined;
  #lastUsage: Buffer | undefined;
  /** Of all events, where each tells only of itself. */
  #summed: Usage | null = null;
  #usageFinal = false;
  #textBytes = 0;
  #modelReported: string | null = null;
  readonly #inBackground: boolean;
  /** The vendor's id of a response that goes on without its caller. */
  #runningId: string | undefined;
  /** The caller left before that was told. */
  #leaving = false;

  constructor(attempt: Attempt, headers: Readonly<Record<string, string>>, settle: Settle) {
    this.#attempt = attempt;
    this.#delivery = new Delivery(attempt, headers, settle, () => this.#measured());
    this.#read = attempt.call.dialect.makeEventReader();
    this.#sealer = makeReplySealer(attempt);
    this.#inBackground = upstreamRunsInBackground(attempt.call);
    this.#cutter = makeCutter(attempt, (event) => this.#onEvent(event));
  }

  onChunk(chunk: Buffer, exchange: UpstreamExchange): void {
    // Whoever goes on talking behind the terminator is not waited for.
    if (this.#delivery.settled && this.#onLastWord === undefined) return exchange.cancel();
    try {
      this.#cutter.push(chunk);
    } catch (thrown) {
      exchange.cancel();
      if (!this.#over) return this.#delivery.broken(toGatewayError(thrown));
      this.#closed = true;
    }
    if (this.#leaving && this.#runningId !== undefined) {
      this.#delivery.leave(false);
      exchange.cancel();
    } else if (this.#over && !this.#keeping) this.#complete();
    else this.#delivery.flush(exchange);
  }

  onEnd(): void {
    this.#ended = true;
    if (this.#delivery.settled && this.#onLastWord === undefined) return;
    try {
      this.#cutter.end();
    } catch (thrown) {
      return this.#delivery.broken(toGatewayError(thrown));
    }
    if (this.#keeping) return;
    if (this.#finished || this.#over) return this.#complete();
    this.#delivery.broken(
      new GatewayError("upstream_truncated", "the stream ended without its terminator"),
    );
  }

  onError(error: GatewayError): void {
    this.#ended = true;
    if (!this.#keeping) this.#delivery.broken(error);
    this.#onLastWord?.(undefined);
  }

  onGone(): boolean {
    if (this.#inBackground && this.#runningId === undefined) return (this.#leaving = true);
    return this.#delivery.leave(this.#finished && !this.#usageFinal);
  }

  onDrain(): void {
    this.#delivery.broken(new GatewayError("temporarily_unavailable", "this node is stopping"));
  }

  #onEvent(event: Buffer): void {
    const delivery = this.#delivery;
    if (this.#over) return this.#onRest(event);
    if (delivery.settled) return;
    const reading = this.#read(event);
    this.#note(event, reading);
    const { kind } = reading;
    if (kind === "error") {
      const failure = toldError(this.#attempt.call.dialect.eventError(event));
      return delivery.told(failure, this.#edited(event, reading));
    }
    if (kind === "usage" && !this.#attempt.call.facts.usageAsked) {
      if (delivery.gone) delivery.leave(false);
      return;
    }
    // Some terminators tell how it ended and what it cost; a bare one behind nothing ends an empty stream.
    if (kind === "done" && !delivery.committed && !this.#finished && !reading.hasUsage)
      return delivery.broken(new GatewayError("upstream_invalid", "the stream was empty"));
    const edited = this.#edited(event, reading);
    const keeper = kind === "done" ? keeperThere(this.#attempt) : null;
    if (keeper === null) delivery.put(edited);
    else this.#endKept(keeper, edited);
    if (kind === "content" || kind === "finish" || kind === "done") delivery.commit();
    if (kind !== "done") return;
    this.#over = true;
    this.#closed = payloadOf(event) === bareEnd;
  }

  /** The end is told once the response is kept; what the upstream's connection does meanwhile matters no more. */
  #endKept(keeper: ResponseKeeper, event: Buffer): void {
    const delivery = this.#delivery;
    this.#keeping = true;
    delivery.commit();
    void keptEvent(this.#attempt, keeper, event).then((told) => {
      if (delivery.settled) return;
      delivery.put(told);
      if (this.#rest !== undefined) delivery.put(this.#rest);
      this.#keeping = false;
      this.#complete();
    });
  }

  /** The terminator may go: what stands behind it comes at once, if at all. */
  #complete(): void {
    const delivery = this.#delivery;
    if (this.#closed || this.#ended) this.#onLastWord?.(undefined);
    if (delivery.settled) return;
    if (this.#closed || this.#ended) return delivery.complete();
    const { clock } = this.#attempt.call;
    const lastWord = new Promise<Buffer | undefined>((resolve) => {
      this.#onLastWord = resolve;
      clock.after(lastWordMs, () => resolve(undefined));
    });
    delivery.complete(lastWord);
  }

  /** Some vendors of Responses close their streams once more, with a bare terminator behind the one that tells all. */
  #onRest(event: Buffer): void {
    if (this.#closed || payloadOf(event) !== bareEnd) return;
    this.#closed = true;
    if (this.#keeping) this.#rest = event;
    else if (this.#onLastWord === undefined) this.#delivery.put(event);
    else this.#onLastWord(event);
  }

  #note(event: Buffer, reading: EventReading): void {
    this.#textBytes += reading.textBytes;
    if (reading.kind === "finish") this.#finished = true;
    if (this.#inBackground && this.#runningId === undefined) this.#noteRunning(event);
    if (reading.hasUsage) {
      const { dialect } = this.#attempt.call;
      if (dialect.usageAddsUp === true) this.#summed = dialect.eventUsage(event, this.#summed);
      if (this.#firstUsage === undefined) this.#firstUsage = event;
      this.#lastUsage = event;
      this.#usageFinal = this.#finished || reading.kind === "done";
    }
    if (this.#modelReported === null && reading.modelStart !== -1)
      this.#modelReported = this.#attempt.call.dialect.eventModel(event, reading);
  }

  /** It runs from now on, whatever becomes of this stream: its caller is told its id, and no other channel is asked. */
  #noteRunning(event: Buffer): void {
    this.#runningId = responseIdOf(event);
    if (this.#runningId !== undefined) this.#delivery.commit();
  }

  #edited(event: Buffer, reading: EventReading): Buffer {
    const edits = this.#modelEdits(reading);
    return this.#sealer === null ? splice(event, edits) : this.#sealer.event(event, reading, edits);
  }

  #modelEdits({ modelStart: start, modelEnd: end }: EventReading): readonly ByteEdit[] {
    const { shownModel } = this.#attempt;
    if (shownModel === null || start === -1) return noEdits;
    return [{ start, end, bytes: JSON.stringify(shownModel) }];
  }

  #measured(): Measured {
    const { dialect } = this.#attempt.call;
    if (this.#summed !== null) return this.#measuredAs(this.#summed);
    const first = this.#firstUsage;
    const last = this.#lastUsage;
    let usage = first === undefined ? null : dialect.eventUsage(first, null);
    if (last !== undefined && last !== first) usage = dialect.eventUsage(last, usage);
    return this.#measuredAs(usage);
  }

  #measuredAs(usage: Usage | null): Measured {
    const id = this.#runningId;
    return {
      usage,
      usageFinal: this.#usageFinal,
      textBytes: this.#textBytes,
      modelReported: this.#modelReported,
      ...(this.#over || this.#finished ? { ranThere: id } : { runsOn: id }),
    };
  }
}
