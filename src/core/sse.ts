/**
 * Cuts a byte stream into whole server-sent events and reads their fields.
 * Promise kept here: the events of a stream, put one behind another, are its bytes; where chunks hold whole
 * events nothing is copied.
 */
import { GatewayError } from "./errors.ts";

/** Largest single event kept while it arrives in pieces. */
export const maxEventBytes = 16 * 1024 * 1024;

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;

/** Where a line ends that an empty one follows; -1: nowhere. A single byte is found several times faster than two. */
function findBlankLine(chunk: Buffer, start: number): number {
  let end = chunk.indexOf(lineFeed, start);
  while (end !== -1 && chunk[end + 1] !== lineFeed) end = chunk.indexOf(lineFeed, end + 1);
  return end;
}

/** Takes chunks; hands over each event with the blank line that ends it. */
export class SseFramer {
  readonly #limit: number;
  readonly #onEvent: (event: Buffer) => void;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** Whether nothing but a line end would end the event now. */
  #lineEmpty = true;
  /** The last byte was a CR: an LF that follows belongs to the same line end. */
  #afterReturn = false;
  /** No CR seen so far, so that blank lines can be searched by native code. */
  #plain = true;
  /** Lines end in CR and LF here. */
  #pairs = false;
  /** The CR of an event's last line end came, but not its LF yet. */
  #awaitsFeed = false;

  constructor(onEvent: (event: Buffer) => void, limit = maxEventBytes) {
    this.#onEvent = onEvent;
    this.#limit = limit;
  }

  /** Throws `upstream_invalid` when an event outgrows the limit. */
  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    if (this.#plain && chunk.indexOf(carriageReturn) === -1) this.#pushPlain(chunk);
    else this.#pushAny(chunk);
  }

  /** Bytes of an event that has not ended; empty when the last one has. */
  rest(): Buffer {
    return this.#pending.length === 1
      ? (this.#pending[0] ?? Buffer.alloc(0))
      : Buffer.concat(this.#pending);
  }

  #pushPlain(chunk: Buffer): void {
    let start = 0;
    if (this.#lineEmpty && this.#pendingBytes > 0 && chunk[0] === lineFeed) {
      this.#emit(chunk.subarray(0, 1));
      start = 1;
    }
    while (start < chunk.length) {
      const end = findBlankLine(chunk, start);
      if (end === -1) break;
      this.#emit(start === 0 && end + 2 === chunk.length ? chunk : chunk.subarray(start, end + 2));
      start = end + 2;
    }
    if (start < chunk.length) this.#hold(chunk.subarray(start));
    this.#lineEmpty = start >= chunk.length || chunk[chunk.length - 1] === lineFeed;
  }

  #pushAny(chunk: Buffer): void {
    this.#plain = false;
    let start = this.#awaitsFeed ? this.#endAwaited(chunk) : 0;
    for (let offset = start; offset < chunk.length; offset += 1) {
      const byte = chunk[offset];
      const continues = byte === lineFeed && this.#afterReturn;
      this.#afterReturn = byte === carriageReturn;
      this.#pairs ||= continues;
      if (continues) continue;
      if (byte !== lineFeed && byte !== carriageReturn) {
        this.#lineEmpty = false;
        continue;
      }
      if (!this.#lineEmpty) {
        this.#lineEmpty = true;
        continue;
      }
      // Without its LF the event would end in half a line end, which some clients wait on.
      this.#awaitsFeed = this.#pairs && byte === carriageReturn && offset + 1 === chunk.length;
      if (this.#awaitsFeed) break;
      const end =
        byte === carriageReturn && chunk[offset + 1] === lineFeed ? offset + 2 : offset + 1;
      this.#emit(chunk.subarray(start, end));
      start = end;
    }
    if (start < chunk.length) this.#hold(chunk.subarray(start));
  }

  /** Ends the event whose last CR came at the end of a chunk; answers where the next one begins. */
  #endAwaited(chunk: Buffer): number {
    this.#awaitsFeed = false;
    this.#afterReturn = false;
    const end = chunk[0] === lineFeed ? 1 : 0;
    this.#emit(chunk.subarray(0, end));
    return end;
  }

  #hold(piece: Buffer): void {
    this.#pending.push(piece);
    this.#pendingBytes += piece.length;
    if (this.#pendingBytes > this.#limit)
      throw new GatewayError(
        "upstream_invalid",
        `An event of the stream is larger than ${this.#limit} bytes`,
      );
  }

  #emit(tail: Buffer): void {
    if (this.#pendingBytes === 0) return this.#onEvent(tail);
    this.#hold(tail);
    const whole = this.rest();
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#onEvent(whole);
  }
}

/** One line's value when it is the named field, a single leading space removed. */
function fieldValue(event: Buffer, field: string, start: number, end: number): Buffer | undefined {
  const colon = start + field.length;
  if (end < colon || event.toString("latin1", start, colon) !== field) return undefined;
  if (end === colon) return event.subarray(end, end);
  if (event[colon] !== 0x3a) return undefined;
  return event.subarray(event[colon + 1] === space && colon + 1 < end ? colon + 2 : colon + 1, end);
}

/** Values of every line of an event that names the field. */
function fieldValues(event: Buffer, field: string): Buffer[] {
  const values: Buffer[] = [];
  let start = event[0] === 0xef && event[1] === 0xbb && event[2] === 0xbf ? 3 : 0;
  while (start < event.length) {
    let end = start;
    while (end < event.length && event[end] !== lineFeed && event[end] !== carriageReturn) end += 1;
    const value = end > start ? fieldValue(event, field, start, end) : undefined;
    if (value !== undefined) values.push(value);
    start = end + 1;
  }
  return values;
}

/** The payload of an event: its `data` lines joined with LF; undefined for comments and pings without data. */
export function eventData(event: Buffer): Buffer | undefined {
  const values = fieldValues(event, "data");
  if (values.length <= 1) return values[0];
  return Buffer.concat(
    values.flatMap((value, index) => (index === 0 ? [value] : [Buffer.from("\n"), value])),
  );
}

/** The `event` field; undefined where there is none. */
export function eventName(event: Buffer): string | undefined {
  return fieldValues(event, "event").at(-1)?.toString();
}

/** Writes an event; every line of `data` gets a `data` field of its own. */
export function renderEvent(data: string, name?: string): Buffer {
  const lines = data.split("\n").map((line) => `data: ${line}\n`);
  return Buffer.from(`${name === undefined ? "" : `event: ${name}\n`}${lines.join("")}\n`);
}
