/**
 * Reads stream events of chat and completions in one pass over their bytes, without parsing them.
 * Promise kept here: what an event is gets decided by its structure, never by words in a generated text.
 */
import { readString, skipSpace, skipString } from "../../core/json.ts";
import { eventData, eventName } from "../../core/sse.ts";
import type { EventReading, ReadEvent } from "../contract.ts";

const quote = 0x22;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** Depth of a choice's own members, and of those of its delta. */
const choiceDepth = 3;
const deltaDepth = 4;

/** What is known of one event while its bytes are walked. */
class EventWalk implements EventReading {
  kind: EventReading["kind"] = "preamble";
  hasUsage = false;
  textBytes = 0;
  modelStart = -1;
  modelEnd = -1;
  #bytes: Buffer = Buffer.alloc(0);
  #end = 0;
  #depth = 0;
  #inDelta = false;
  #noChoices = false;
  #error = false;
  #finish = false;
  #content = false;

  /** Walks the JSON text between two offsets of `bytes`. */
  walk(bytes: Buffer, start: number, end: number): void {
    this.#reset(bytes, end);
    let offset = start;
    while (offset < end) {
      const byte = bytes[offset];
      if (byte === quote) {
        offset = this.#string(offset);
        continue;
      }
      if (byte === openBrace || byte === openBracket) this.#depth += 1;
      else if (byte === closeBrace || byte === closeBracket) this.#leave();
      offset += 1;
    }
    this.kind = this.#decide();
  }

  /** Says what an event without JSON is. */
  mark(kind: EventReading["kind"]): void {
    this.#reset(this.#bytes, 0);
    this.kind = kind;
  }

  #reset(bytes: Buffer, end: number): void {
    this.#bytes = bytes;
    this.#end = end;
    this.#depth = 0;
    this.#inDelta = false;
    this.#noChoices = false;
    this.#error = false;
    this.#finish = false;
    this.#content = false;
    this.hasUsage = false;
    this.textBytes = 0;
    this.modelStart = -1;
    this.modelEnd = -1;
  }

  #leave(): void {
    this.#depth -= 1;
    if (this.#depth < deltaDepth) this.#inDelta = false;
  }

  #decide(): EventReading["kind"] {
    if (this.#error) return "error";
    if (this.#finish) return "finish";
    if (this.#content) return "content";
    return this.hasUsage && this.#noChoices ? "usage" : "preamble";
  }

  /** Reads a string and, where it is a member's name, what its value begins with. Answers where to go on. */
  #string(start: number): number {
    const end = skipString(this.#bytes, start, this.#end);
    if (end === -1) return this.#end;
    const separator = skipSpace(this.#bytes, end, this.#end);
    if (this.#bytes[separator] !== 0x3a) return end;
    const value = skipSpace(this.#bytes, separator + 1, this.#end);
    return this.#member(start + 1, end - start - 2, value);
  }

  #member(name: number, length: number, value: number): number {
    if (this.#depth === 1) return this.#rootMember(name, length, value);
    if (this.#inDelta) return this.#deltaMember(name, length, value);
    if (length === 5 && this.#is(name, "usage")) this.#usage(value);
    if (this.#depth !== choiceDepth) return value;
    if (length === 5 && this.#is(name, "delta")) this.#inDelta = this.#bytes[value] === openBrace;
    else if (length === 13 && this.#is(name, "finish_reason"))
      this.#finish ||= this.#bytes[value] === quote;
    else if (length === 4 && this.#is(name, "text")) return this.#generated(value);
    return value;
  }

  #rootMember(name: number, length: number, value: number): number {
    const first = this.#bytes[value];
    if (length === 7 && this.#is(name, "choices"))
      this.#noChoices =
        first === openBracket && this.#bytes[skipSpace(this.#bytes, value + 1)] === closeBracket;
    if (length !== 5) return value;
    if (this.#is(name, "usage")) this.#usage(value);
    else if (this.#is(name, "error")) this.#error = first === openBrace || first === quote;
    else if (this.#is(name, "model") && first === quote) {
      const end = skipString(this.#bytes, value, this.#end);
      if (end === -1) return this.#end;
      this.modelStart = value;
      this.modelEnd = end;
      return end;
    }
    return value;
  }

  /** Any member of a delta but its role is something generated, as soon as it is not empty. */
  #deltaMember(name: number, length: number, value: number): number {
    if (this.#depth === deltaDepth)
      return this.#is(name, "role") && length === 4 ? value : this.#generated(value);
    return length === 9 && this.#is(name, "arguments") ? this.#generated(value) : value;
  }

  #generated(value: number): number {
    const first = this.#bytes[value];
    if (first === quote) {
      const end = skipString(this.#bytes, value, this.#end);
      if (end > value + 2) {
        this.#content = true;
        this.textBytes += end - value - 2;
      }
      return end === -1 ? this.#end : end;
    }
    if (first !== openBrace && first !== openBracket) return value;
    const next = this.#bytes[skipSpace(this.#bytes, value + 1, this.#end)];
    this.#content ||= next !== closeBrace && next !== closeBracket;
    return value;
  }

  #usage(value: number): void {
    this.hasUsage ||= this.#bytes[value] === openBrace;
  }

  #is(start: number, name: string): boolean {
    for (let index = 0; index < name.length; index += 1)
      if (this.#bytes[start + index] !== name.charCodeAt(index)) return false;
    return true;
  }
}

const plainStart = "data:";

/** Offset of the payload where an event is one plain `data:` line, else -1. */
function plainPayload(event: Buffer): number {
  for (let index = 0; index < plainStart.length; index += 1)
    if (event[index] !== plainStart.charCodeAt(index)) return -1;
  return skipSpace(event, plainStart.length);
}

function isDone(payload: Buffer, start: number, end: number): boolean {
  return (
    payload[start] === openBracket &&
    payload.toString("latin1", start, Math.min(end, start + 6)) === "[DONE]"
  );
}

/** A reader for one stream. */
export function makeEventReader(): ReadEvent {
  const walk = new EventWalk();
  return (event) => {
    const start = plainPayload(event);
    const lineEnd = start === -1 ? -1 : event.indexOf(0x0a, start);
    if (lineEnd !== -1 && lineEnd >= event.length - 2) {
      if (isDone(event, start, lineEnd)) walk.mark("done");
      else walk.walk(event, start, lineEnd);
      return walk;
    }
    readOther(event, walk);
    return walk;
  };
}

/** Events with names, ids, comments, CR line ends or several data lines: rare, so read without haste. */
function readOther(event: Buffer, walk: EventWalk): void {
  const payload = eventData(event);
  if (payload === undefined) return walk.mark("preamble");
  const start = skipSpace(payload, 0);
  if (isDone(payload, start, payload.length)) return walk.mark("done");
  walk.walk(payload, start, payload.length);
  if (eventName(event) === "error") walk.kind = "error";
  const shift = payload.byteOffset - event.byteOffset;
  const within =
    payload.buffer === event.buffer && shift >= 0 && shift + payload.length <= event.length;
  // The payload of several lines was joined anew: its offsets mean nothing in the event.
  if (walk.modelStart === -1) return;
  walk.modelStart = within ? walk.modelStart + shift : -1;
  walk.modelEnd = within ? walk.modelEnd + shift : -1;
}

/** The model's name that a reading points at. */
export function eventModel(event: Buffer, reading: EventReading): string | null {
  if (reading.modelStart === -1) return null;
  return readString(event, { start: reading.modelStart, end: reading.modelEnd }) ?? null;
}
