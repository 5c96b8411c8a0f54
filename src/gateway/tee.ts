/**
 * Pumps an upstream's stream to the caller, whole events at a time, reading only what metering needs.
 * Promises kept here: nothing is sent before the first event that carries something; nothing is held back after it;
 * a stream that ends without its terminator is told as an error.
 */
import { GatewayError } from "../core/errors.ts";
import { splice } from "../core/json.ts";
import { SseFramer, eventData } from "../core/sse.ts";
import type { EventReading, ReadEvent } from "../dialects/contract.ts";
import type { UpstreamExchange } from "../upstream/upstream.ts";
import type { Attempt, BodyTaker, Settle } from "./ending.ts";
import { type AttemptFailure, brokenExchange, toldError } from "./failure.ts";

/** More preamble than this is sent on: no vendor has so much to say before its first word. */
const maxHeldBytes = 1024 * 1024;

/** The last event of a vendor that forgets its blank line; undefined for one that broke off in the middle. */
function completeEvent(rest: Buffer): Buffer | undefined {
  const payload = eventData(rest)?.toString().trim() ?? "";
  try {
    if (payload !== "[DONE]") JSON.parse(payload);
  } catch {
    return undefined;
  }
  return Buffer.concat([rest, Buffer.from(rest.at(-1) === 0x0a ? "\n" : "\n\n")]);
}

export class StreamTee implements BodyTaker {
  readonly #attempt: Attempt;
  readonly #settle: Settle;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #read: ReadEvent;
  readonly #framer = new SseFramer((event) => this.#onEvent(event));
  /** Events to write: before the commit all that came, afterwards those of the chunk at hand. */
  #out: Buffer[] = [];
  #outBytes = 0;
  /** Whether `#out` is one unbroken piece of the chunk at hand. */
  #unbroken = true;
  #chunk: Buffer | undefined;
  #committed = false;
  #finished = false;
  #settled = false;
  #gone = false;
  #usageEvent: Buffer | undefined;
  #textBytes = 0;
  #modelReported: string | null = null;
  #firstContentAtMs: number | null = null;

  constructor(attempt: Attempt, headers: Readonly<Record<string, string>>, settle: Settle) {
    this.#attempt = attempt;
    this.#headers = headers;
    this.#settle = settle;
    this.#read = attempt.call.dialect.makeEventReader();
  }

  onChunk(chunk: Buffer, exchange: UpstreamExchange): void {
    // Whoever goes on talking behind the terminator is not waited for.
    if (this.#settled) return exchange.cancel();
    this.#chunk = chunk;
    try {
      this.#framer.push(chunk);
    } catch (thrown) {
      exchange.cancel();
      return this.#broken(
        thrown instanceof GatewayError
          ? thrown
          : new GatewayError("internal", "tee", { cause: thrown }),
      );
    }
    if (!this.#settled && this.#committed) this.#flush(exchange);
  }

  onEnd(): void {
    if (this.#settled) return;
    const last = completeEvent(this.#framer.rest());
    if (last !== undefined) this.#onEvent(last);
    if (this.#settled) return;
    if (this.#finished) return this.#complete();
    this.#broken(new GatewayError("upstream_truncated", "the stream ended without its terminator"));
  }

  onError(error: GatewayError): void {
    this.#broken(error);
  }

  onGone(): boolean {
    if (this.#settled) return false;
    this.#gone = true;
    if (this.#finished && this.#usageEvent === undefined) return true;
    this.#end("caller_gone", null);
    return false;
  }

  onDrain(): void {
    this.#broken(new GatewayError("temporarily_unavailable", "this node is stopping"));
  }

  #onEvent(event: Buffer): void {
    if (this.#settled) return;
    const reading = this.#read(event);
    this.#note(event, reading);
    if (reading.kind === "error") return this.#onError(event);
    if (reading.kind === "usage" && !this.#attempt.call.facts.usageAsked) {
      this.#unbroken = false;
      if (this.#gone) this.#end("caller_gone", null);
      return;
    }
    if (reading.kind === "done" && !this.#committed && !this.#finished)
      return this.#broken(new GatewayError("upstream_invalid", "the stream was empty"));
    this.#put(event, reading);
    if (reading.kind === "content" || reading.kind === "finish") this.#commit();
    if (reading.kind === "done") this.#complete();
  }

  #note(event: Buffer, reading: EventReading): void {
    this.#textBytes += reading.textBytes;
    if (reading.kind === "finish") this.#finished = true;
    if (reading.hasUsage) this.#usageEvent = event;
    if (this.#modelReported === null && reading.modelStart !== -1)
      this.#modelReported = this.#attempt.call.dialect.eventModel(event, reading);
  }

  #put(event: Buffer, reading: EventReading): void {
    const { shownModel } = this.#attempt;
    const edited = shownModel !== null && reading.modelStart !== -1;
    const bytes = edited
      ? splice(event, [
          { start: reading.modelStart, end: reading.modelEnd, bytes: JSON.stringify(shownModel) },
        ])
      : event;
    if (edited || event.buffer !== this.#chunk?.buffer) this.#unbroken = false;
    this.#out.push(bytes);
    this.#outBytes += bytes.length;
    if (!this.#committed && this.#outBytes > maxHeldBytes) this.#commit();
  }

  #commit(): void {
    if (this.#committed) return;
    this.#committed = true;
    this.#firstContentAtMs = this.#attempt.call.clock.monotonic();
    this.#attempt.call.reply.begin(this.#headers);
  }

  /** What is to be written, as one piece; copied only where it is not one already. */
  #takeOut(): Buffer | undefined {
    const [first] = this.#out;
    if (first === undefined) return undefined;
    const chunk = this.#chunk;
    const start = chunk === undefined ? 0 : first.byteOffset - chunk.byteOffset;
    const piece =
      this.#out.length === 1
        ? first
        : this.#unbroken && chunk !== undefined && start >= 0
          ? chunk.subarray(start, start + this.#outBytes)
          : Buffer.concat(this.#out);
    this.#out = [];
    this.#outBytes = 0;
    this.#unbroken = true;
    return piece;
  }

  #flush(exchange: UpstreamExchange): void {
    const bytes = this.#takeOut();
    if (bytes === undefined || this.#gone) return;
    const drained = this.#attempt.call.reply.write(bytes);
    if (drained === undefined) return;
    exchange.pause();
    void drained.then(() => exchange.resume());
  }

  #complete(): void {
    this.#attempt.call.reply.end(this.#takeOut());
    this.#end(this.#gone ? "caller_gone" : "complete", null);
  }

  /** The upstream tells an error in its stream: before the commit another channel may do better. */
  #onError(event: Buffer): void {
    const failure = toldError(this.#attempt.call.dialect.eventError(event));
    if (!this.#committed) return this.#fail(failure);
    this.#out.push(event);
    this.#unbroken = false;
    this.#attempt.call.reply.end(this.#takeOut());
    this.#end("cut", failure.error);
  }

  #broken(error: GatewayError): void {
    if (this.#settled) return;
    if (!this.#committed) return this.#fail(brokenExchange(error));
    if (this.#gone) return this.#end("caller_gone", null);
    const { reply } = this.#attempt.call;
    const bytes = this.#takeOut();
    if (bytes !== undefined) void reply.write(bytes);
    reply.fail(error);
    this.#end("cut", error);
  }

  #fail(failure: AttemptFailure): void {
    this.#settled = true;
    this.#settle({ kind: "failed", failure });
  }

  #end(outcome: "complete" | "cut" | "caller_gone", error: GatewayError | null): void {
    this.#settled = true;
    const { dialect } = this.#attempt.call;
    this.#settle({
      kind: "answered",
      outcome,
      error,
      usage: this.#usageEvent === undefined ? null : dialect.eventUsage(this.#usageEvent),
      textBytes: this.#textBytes,
      modelReported: this.#modelReported,
      firstContentAtMs: this.#firstContentAtMs,
    });
  }
}
