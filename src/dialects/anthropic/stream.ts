/**
 * Reads stream events of Messages in one pass over their bytes, without parsing them.
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
const lineFeed = 0x0a;

/** Members of the root that are looked into. */
const containers = ["message", "delta", "content_block"] as const;
type Container = (typeof containers)[number];

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
  #within: Container | undefined;
  #type = "";
  #blockType = "";
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
      else if (byte === closeBrace || byte === closeBracket) this.#depth -= 1;
      offset += 1;
    }
    this.kind = this.#decide();
    if (this.kind !== "content") this.textBytes = 0;
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
    this.#within = undefined;
    this.#type = "";
    this.#blockType = "";
    this.#error = false;
    this.#finish = false;
    this.#content = false;
    this.hasUsage = false;
    this.textBytes = 0;
    this.modelStart = -1;
    this.modelEnd = -1;
  }

  #decide(): EventReading["kind"] {
    if (this.#error || this.#type === "error") return "error";
    if (this.#type === "content_block_delta") return this.#content ? "content" : "preamble";
    if (this.#type === "content_block_start") return this.#startKind();
    if (this.#type === "message_stop") return "done";
    if (this.#type === "message_start")
      return this.#finish ? "finish" : this.#content ? "content" : "preamble";
    if (this.#type !== "message_delta") return "preamble";
    return this.#finish ? "finish" : this.hasUsage ? "usage" : "preamble";
  }

  /** Text and thoughts begin empty and say nothing yet; all other blocks are something to see. */
  #startKind(): EventReading["kind"] {
    const empty = this.#blockType === "text" || this.#blockType === "thinking";
    return empty && !this.#content ? "preamble" : "content";
  }

  /** Reads a string and, where it is a member's name, what its value begins with. Answers where to go on. */
  #string(start: number): number {
    const end = skipString(this.#bytes, start, this.#end);
    if (end === -1) return this.#end;
    if (this.#depth > 2) return end;
    const separator = skipSpace(this.#bytes, end, this.#end);
    if (this.#bytes[separator] !== 0x3a) return end;
    const value = skipSpace(this.#bytes, separator + 1, this.#end);
    if (this.#depth === 1) return this.#rootMember(start + 1, end - start - 2, value);
    return this.#within === undefined ? value : this.#innerMember(start + 1, end, value);
  }

  #rootMember(name: number, length: number, value: number): number {
    const opens = this.#bytes[value] === openBrace;
    this.#within = opens
      ? containers.find((word) => word.length === length && this.#is(name, word))
      : undefined;
    if (length === 4 && this.#is(name, "type")) this.#type = this.#word(value);
    else if (length === 5 && this.#is(name, "usage")) this.hasUsage ||= opens;
    else if (length === 5 && this.#is(name, "error"))
      this.#error = opens || this.#bytes[value] === quote;
    return value;
  }

  #innerMember(name: number, nameEnd: number, value: number): number {
    const length = nameEnd - name - 1;
    if (this.#within === "message") return this.#messageMember(name, length, value);
    if (length === 4 && this.#is(name, "type")) {
      if (this.#within === "content_block") this.#blockType = this.#word(value);
      return value;
    }
    if (this.#within === "delta" && length === 11 && this.#is(name, "stop_reason"))
      this.#finish = this.#bytes[value] === quote;
    const before = this.textBytes;
    const next = this.#generated(value);
    // Signatures and what is redacted are something to see, but nothing that was put into words.
    if ((length === 9 && this.#is(name, "signature")) || (length === 4 && this.#is(name, "data")))
      this.textBytes = before;
    return next;
  }

  /** Calls that a vendor's own tool makes come whole within `message_start`, with the end of the answer. */
  #messageMember(name: number, length: number, value: number): number {
    const first = this.#bytes[value];
    if (length === 11 && this.#is(name, "stop_reason")) this.#finish = first === quote;
    else if (length === 7 && this.#is(name, "content") && first === openBracket)
      this.#content = this.#bytes[skipSpace(this.#bytes, value + 1, this.#end)] !== closeBracket;
    if (length !== 5) return value;
    if (this.#is(name, "usage")) this.hasUsage ||= first === openBrace;
    if (first !== quote || !this.#is(name, "model")) return value;
    const end = skipString(this.#bytes, value, this.#end);
    if (end === -1) return this.#end;
    this.modelStart = value;
    this.modelEnd = end;
    return end;
  }

  /** Any member of a block or delta but its type is something generated, as soon as it is not empty. */
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

  #word(value: number): string {
    const end = this.#bytes[value] === quote ? skipString(this.#bytes, value, this.#end) : -1;
    return end === -1 ? "" : this.#bytes.toString("latin1", value + 1, end - 1);
  }

  #is(start: number, name: string): boolean {
    for (let index = 0; index < name.length; index += 1)
      if (this.#bytes[start + index] !== name.charCodeAt(index)) return false;
    return true;
  }
}

function startsWith(bytes: Buffer, offset: number, text: string): boolean {
  for (let index = 0; index < text.length; index += 1)
    if (bytes[offset + index] !== text.charCodeAt(index)) return false;
  return true;
}

/** Offset of the payload where an event is a name and one plain `data:` line, or the line alone; else -1. */
function plainPayload(event: Buffer): number {
  if (startsWith(event, 0, "event: error")) return -1;
  const line = startsWith(event, 0, "event:") ? event.indexOf(lineFeed) + 1 : 0;
  return startsWith(event, line, "data:") ? skipSpace(event, line + 5) : -1;
}

function isDone(payload: Buffer, start: number): boolean {
  return startsWith(payload, start, "[DONE]");
}

/** A reader for one stream. */
export function makeEventReader(): ReadEvent {
  const walk = new EventWalk();
  return (event) => {
    const start = plainPayload(event);
    const lineEnd = start === -1 ? -1 : event.indexOf(lineFeed, start);
    if (lineEnd === -1 || lineEnd < event.length - 2) readOther(event, walk);
    else if (isDone(event, start)) walk.mark("done");
    else walk.walk(event, start, lineEnd);
    return walk;
  };
}

/** Errors, comments, ids, CR line ends or several data lines: rare, so read without haste. */
function readOther(event: Buffer, walk: EventWalk): void {
  const payload = eventData(event);
  if (payload === undefined) return walk.mark("preamble");
  const start = skipSpace(payload, 0);
  if (isDone(payload, start)) return walk.mark("done");
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
