/**
 * Reads the chunks of a stream in one pass over their bytes, without parsing them.
 * Promise kept here: what a chunk is gets decided by its structure, never by words in a generated text.
 */
import { readString, skipSpace, skipString } from "../../core/json.ts";
import { eventData } from "../../core/sse.ts";
import type { EventReading, ReadEvent } from "../contract.ts";

const quote = 0x22;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** Depths of the members of a candidate, of its content, and of one of the content's parts. */
const candidateDepth = 3;
const contentDepth = 4;
const partDepth = 6;

/** Members of a part that nobody can use by themselves. */
const silent: readonly string[] = ["thought", "thoughtSignature", "videoMetadata", "partMetadata"];

type Section = "candidates" | "usage" | "feedback" | "other";

/** What is known of one chunk while its bytes are walked. */
class ChunkWalk implements EventReading {
  kind: EventReading["kind"] = "preamble";
  hasUsage = false;
  textBytes = 0;
  modelStart = -1;
  modelEnd = -1;
  #bytes: Buffer = Buffer.alloc(0);
  #end = 0;
  #depth = 0;
  #section: Section = "other";
  #inContent = false;
  #inParts = false;
  /** Whether strings below the part's own members are generated text (a call's arguments). */
  #counts = false;
  #answered = false;
  #error = false;
  #blocked = false;
  #finish = false;
  #content = false;

  /** Walks the JSON text between two offsets of `bytes`. */
  walk(bytes: Buffer, start: number, end: number): void {
    this.reset();
    this.#bytes = bytes;
    this.#end = end;
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
  }

  reset(): void {
    this.kind = "preamble";
    this.hasUsage = false;
    this.textBytes = 0;
    this.modelStart = -1;
    this.modelEnd = -1;
    this.#depth = 0;
    this.#section = "other";
    this.#inContent = false;
    this.#inParts = false;
    this.#counts = false;
    this.#answered = false;
    this.#error = false;
    this.#blocked = false;
    this.#finish = false;
    this.#content = false;
  }

  #decide(): EventReading["kind"] {
    if (this.#error) return "error";
    if (this.#finish || (this.#blocked && !this.#answered)) return "finish";
    if (this.#content) return "content";
    return this.hasUsage && !this.#answered ? "usage" : "preamble";
  }

  /** Reads a string and, where it is a member's name, what its value begins with. Answers where to go on. */
  #string(start: number): number {
    const end = skipString(this.#bytes, start, this.#end);
    if (end === -1) return this.#end;
    const separator = skipSpace(this.#bytes, end, this.#end);
    const value = skipSpace(this.#bytes, separator + 1, this.#end);
    if (this.#counts && this.#depth > partDepth) {
      this.textBytes += end - start - 2;
      return end;
    }
    if (this.#bytes[separator] !== 0x3a) return end;
    return this.#member(start + 1, end - start - 2, value);
  }

  #member(name: number, length: number, value: number): number {
    if (this.#depth === 1) return this.#rootMember(name, length, value);
    if (this.#section === "candidates") return this.#candidateMember(name, length, value);
    if (this.#depth !== 2) return value;
    if (this.#section === "usage")
      this.hasUsage ||= this.#is(name, length, "totalTokenCount") || this.#tells(name, length);
    else if (this.#section === "feedback" && this.#is(name, length, "blockReason"))
      this.#blocked = this.#bytes[value] === quote;
    return value;
  }

  #tells(name: number, length: number): boolean {
    return (
      this.#is(name, length, "promptTokenCount") || this.#is(name, length, "candidatesTokenCount")
    );
  }

  #rootMember(name: number, length: number, value: number): number {
    const first = this.#bytes[value];
    this.#section = "other";
    if (this.#is(name, length, "candidates")) {
      this.#section = "candidates";
      this.#answered =
        first === openBracket &&
        this.#bytes[skipSpace(this.#bytes, value + 1, this.#end)] !== closeBracket;
    } else if (this.#is(name, length, "usageMetadata")) this.#section = "usage";
    else if (this.#is(name, length, "promptFeedback")) this.#section = "feedback";
    else if (this.#is(name, length, "error")) this.#error = first === openBrace;
    else if (this.#is(name, length, "modelVersion") && first === quote) {
      const end = skipString(this.#bytes, value, this.#end);
      if (end === -1) return this.#end;
      this.modelStart = value;
      this.modelEnd = end;
      return end;
    }
    return value;
  }

  #candidateMember(name: number, length: number, value: number): number {
    const first = this.#bytes[value];
    if (this.#depth === candidateDepth) {
      this.#counts = false;
      this.#inParts = false;
      this.#inContent = first === openBrace && this.#is(name, length, "content");
      if (this.#is(name, length, "finishReason")) this.#finish ||= first === quote;
    } else if (this.#inContent && this.#depth === contentDepth) {
      this.#counts = false;
      this.#inParts = first === openBracket && this.#is(name, length, "parts");
    } else if (this.#inParts && this.#depth === partDepth)
      return this.#partMember(name, length, value);
    return value;
  }

  #partMember(name: number, length: number, value: number): number {
    const first = this.#bytes[value];
    this.#counts = false;
    if (silent.some((one) => this.#is(name, length, one))) return value;
    if (first === quote) {
      const end = skipString(this.#bytes, value, this.#end);
      if (end > value + 2) {
        this.#content = true;
        this.textBytes += end - value - 2;
      }
      return end === -1 ? this.#end : end;
    }
    if (first !== openBrace) return value;
    this.#content ||= this.#bytes[skipSpace(this.#bytes, value + 1, this.#end)] !== closeBrace;
    this.#counts = !this.#is(name, length, "inlineData") && !this.#is(name, length, "fileData");
    return value;
  }

  #is(start: number, length: number, name: string): boolean {
    if (length !== name.length) return false;
    for (let index = 0; index < length; index += 1)
      if (this.#bytes[start + index] !== name.charCodeAt(index)) return false;
    return true;
  }
}

const plainStart = "data:";

/** Offset of the payload where an event begins with a `data:` line, else -1. */
function plainPayload(event: Buffer): number {
  for (let index = 0; index < plainStart.length; index += 1)
    if (event[index] !== plainStart.charCodeAt(index)) return -1;
  return skipSpace(event, plainStart.length);
}

/** Where the payload of an event of one `data:` line ends, whatever its line ends are; -1: it has several lines. */
function plainEnd(event: Buffer, start: number): number {
  const feed = event.indexOf(0x0a, start);
  const carriage = event.indexOf(0x0d, start);
  const end = carriage === -1 ? feed : feed === -1 ? carriage : Math.min(feed, carriage);
  return end !== -1 && skipSpace(event, end) === event.length ? end : -1;
}

/** A reader for one stream. */
export function makeEventReader(): ReadEvent {
  const walk = new ChunkWalk();
  return (event) => {
    const start = plainPayload(event);
    const end = start === -1 ? -1 : plainEnd(event, start);
    if (end === -1) readOther(event, walk);
    else walk.walk(event, start, end);
    return walk;
  };
}

/** Events with names, ids, comments or several data lines: Google sends none, so they are read without haste. */
function readOther(event: Buffer, walk: ChunkWalk): void {
  const payload = eventData(event);
  if (payload === undefined) return walk.reset();
  walk.walk(payload, 0, payload.length);
  const shift = payload.byteOffset - event.byteOffset;
  const within =
    payload.buffer === event.buffer && shift >= 0 && shift + payload.length <= event.length;
  if (walk.modelStart === -1) return;
  // The payload of several lines was joined anew: its offsets mean nothing in the event.
  walk.modelStart = within ? walk.modelStart + shift : -1;
  walk.modelEnd = within ? walk.modelEnd + shift : -1;
}

/** The model's name that a reading points at. */
export function eventModel(event: Buffer, reading: EventReading): string | null {
  if (reading.modelStart === -1) return null;
  return readString(event, { start: reading.modelStart, end: reading.modelEnd }) ?? null;
}
