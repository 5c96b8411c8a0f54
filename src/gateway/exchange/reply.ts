/**
 * The caller's side of one call, across all its attempts.
 * Promises kept here: status and headers are held until there is something to tell; what is told last is honest (a whole
 * error before the reply has begun, an error event after, never a terminator behind it) and goes only once the call is
 * on record.
 */
import type { Cancel, Clock } from "../../core/clock.ts";
import type { GatewayError } from "../../core/errors.ts";
import { SseFramer } from "../../core/sse.ts";
import type { Dialect, RenderedReply, Telling } from "../../dialects/contract.ts";
import type { ReplySink } from "../../wire/call.ts";
import { JsonArray, arrayPing } from "./json-array.ts";

/** Silence after which a caller of a stream is sent a comment; before content this opens the reply. */
const pingAfterMs = 10_000;

const streamHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
  "x-accel-buffering": "no",
} as const;

const arrayHeaders = {
  "content-type": "application/json; charset=utf-8",
  "cache-control": "no-cache",
  "x-accel-buffering": "no",
} as const;

export interface ReplyParts {
  readonly sink: ReplySink;
  readonly dialect: Dialect;
  readonly telling: Telling;
  readonly clock: Clock;
}

export class Reply {
  readonly #parts: ReplyParts;
  #state: "waiting" | "open" | "ended" = "waiting";
  /** Sends what is told last; held until the call is on record. */
  #sendLast: (() => void | Promise<void>) | undefined;
  #headers: Readonly<Record<string, string>> = {};
  #wroteAtMs = 0;
  #cancelPing: Cancel = () => undefined;
  /** The form of a stream that is no server-sent events. */
  #array: JsonArray | undefined;
  /** Whether anything but comments was written. */
  #told = false;
  /** Whether what is open is no stream of events. */
  #isBytes = false;
  /** Status that the caller was shown; 0 before. */
  status = 0;

  constructor(parts: ReplyParts) {
    this.#parts = parts;
  }

  /** An attempt begins: its stream will be told as one JSON array. What was shaped for an earlier one was not told. */
  useArray(): void {
    if (!this.#told) this.#array = new JsonArray();
  }

  /** From now on the caller of a stream hears a comment whenever it has heard nothing for a while. */
  keepAwake(): void {
    this.#wroteAtMs = this.#parts.clock.monotonic();
    this.#cancelPing = this.#parts.clock.after(pingAfterMs, () => this.#ping());
  }

  /** Headers of every reply, whatever becomes of the call. */
  addHeaders(headers: Readonly<Record<string, string>>): void {
    this.#headers = { ...this.#headers, ...headers };
  }

  /** Sends the head of a stream, unless a ping has. */
  begin(headers: Readonly<Record<string, string>>): void {
    if (this.#state !== "waiting") return;
    this.#state = "open";
    this.status = 200;
    const type = headers["content-type"] ?? "";
    const own = type.startsWith("text/event-stream")
      ? { ...streamHeaders, "content-type": type }
      : streamHeaders;
    const form = this.#array === undefined ? own : arrayHeaders;
    this.#parts.sink.head(200, { ...headers, ...this.#headers, ...form });
  }

  /** Sends the head of a reply that is media itself. */
  beginBytes(headers: Readonly<Record<string, string>>): void {
    if (this.#state !== "waiting") return;
    this.#state = "open";
    this.#isBytes = true;
    this.status = 200;
    this.#parts.sink.head(200, { ...headers, ...this.#headers });
  }

  /** Ends a reply of bytes that is not whole: the connection breaks, so that nobody takes it for whole. */
  tear(): void {
    this.close();
    this.#parts.sink.destroy();
  }

  /** Whole server-sent events in the form that this caller's stream has; the same bytes where that is events. */
  shape(events: Buffer): Buffer {
    return this.#array === undefined ? events : this.#array.elements(events);
  }

  /** Writes shaped events of a stream that has begun; answers a promise where the caller reads too slowly. */
  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#state !== "open") return undefined;
    this.#wroteAtMs = this.#parts.clock.monotonic();
    this.#told = true;
    return this.#parts.sink.write(bytes);
  }

  /** Ends a stream with its last shaped events; `lastWord`: what may still come behind them. */
  end(bytes?: Uint8Array, lastWord?: Promise<Uint8Array | undefined>): void {
    if (this.#state !== "open") return;
    this.close();
    const { sink } = this.#parts;
    const array = this.#array;
    if (array !== undefined) {
      const last = Buffer.concat([...(bytes === undefined ? [] : [bytes]), array.end()]);
      this.#sendLast = () => sink.end(last);
    } else if (lastWord === undefined) this.#sendLast = () => sink.end(bytes);
    else
      this.#sendLast = async () => {
        if (bytes !== undefined) void sink.write(bytes);
        sink.end(await lastWord);
      };
  }

  /** Tells a whole reply. */
  whole(reply: RenderedReply): void {
    if (this.#state !== "waiting") return;
    this.close();
    this.status = reply.status;
    const { sink } = this.#parts;
    this.#sendLast = () => {
      sink.head(reply.status, { ...reply.headers, ...this.#headers });
      sink.end(reply.body);
    };
  }

  /** The call is on record: what was told last goes out. Resolves when that is all. */
  finish(): void | Promise<void> {
    const send = this.#sendLast;
    this.#sendLast = undefined;
    return send?.();
  }

  /** Tells an error in whichever way is still open. */
  fail(error: GatewayError): void {
    const { dialect, telling } = this.#parts;
    if (this.#state === "waiting") return this.whole(dialect.renderError(error, telling));
    if (this.#isBytes) return this.tear();
    if (this.#array !== undefined) this.useArray();
    this.end(this.shape(dialect.renderErrorEvent(error, telling)));
  }

  /** Tells that a stream broke off which tells of what goes on: the error alone, and no end of that. */
  breakOff(error: GatewayError): void {
    if (this.#state !== "open") return this.fail(error);
    const { dialect, telling } = this.#parts;
    const events: Buffer[] = [];
    new SseFramer((event) => events.push(event)).push(dialect.renderErrorEvent(error, telling));
    this.end(events[0]);
  }

  /** Whether there is a head already, sent or about to be. */
  get begun(): boolean {
    return this.status !== 0;
  }

  /** No pings any more, and no reply either; what was sent stays as it is. */
  close(): void {
    this.#state = "ended";
    this.#cancelPing();
  }

  #ping(): void {
    const { clock, dialect } = this.#parts;
    const silentMs = clock.monotonic() - this.#wroteAtMs;
    if (silentMs >= pingAfterMs) {
      this.begin({});
      this.#wroteAtMs = clock.monotonic();
      if (this.#state === "open")
        void this.#parts.sink.write(this.#array === undefined ? dialect.ping : arrayPing);
    }
    const waitMs = Math.max(1, pingAfterMs - (clock.monotonic() - this.#wroteAtMs));
    this.#cancelPing = clock.after(waitMs, () => this.#ping());
  }
}
