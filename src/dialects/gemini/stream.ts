/**
 * Reads the chunks of a stream in one pass over their bytes, without parsing them.
 * Promise kept here: what a chunk is gets decided by its structure, never by words in a generated text.
 */
import { skipSpace, skipString } from "../../core/json.ts";
import type { EventKind, ReadEvent } from "../contract.ts";
import {
  type EventWalk,
  Found,
  isFilled,
  isWord,
  makeWalkingReader,
  takeModel,
  takeText,
} from "../event-bytes.ts";

// Local: the walk compares every byte with them, and imported ones are looked up anew each time.
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
class ChunkWalk implements EventWalk {
  readonly found = new Found();
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

  /** Walks the JSON text between two offsets of `bytes`. */
  walk(bytes: Buffer, start: number, end: number): void {
    this.#reset();
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
    this.found.kind = this.#decide();
  }

  #reset(): void {
    this.found.clear();
    this.#depth = 0;
    this.#section = "other";
    this.#inContent = false;
    this.#inParts = false;
    this.#counts = false;
    this.#answered = false;
    this.#error = false;
    this.#blocked = false;
    this.#finish = false;
  }

  #decide(): EventKind {
    if (this.#error) return "error";
    if (this.#finish || (this.#blocked && !this.#answered)) return "finish";
    if (this.found.content) return "content";
    return this.found.hasUsage && !this.#answered ? "usage" : "preamble";
  }

  /** Reads a string and, where it is a member's name, what its value begins with. Answers where to go on. */
  #string(start: number): number {
    const end = skipString(this.#bytes, start, this.#end);
    if (end === -1) return this.#end;
    const separator = skipSpace(this.#bytes, end, this.#end);
    const value = skipSpace(this.#bytes, separator + 1, this.#end);
    if (this.#counts && this.#depth > partDepth) {
      this.found.textBytes += end - start - 2;
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
      this.found.hasUsage ||=
        this.#is(name, length, "totalTokenCount") || this.#tells(name, length);
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
      this.#answered = first === openBracket && isFilled(this.#bytes, value, this.#end);
    } else if (this.#is(name, length, "usageMetadata")) this.#section = "usage";
    else if (this.#is(name, length, "promptFeedback")) this.#section = "feedback";
    else if (this.#is(name, length, "error")) this.#error = first === openBrace;
    else if (this.#is(name, length, "modelVersion") && first === quote)
      return takeModel(this.found, this.#bytes, value, this.#end);
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
    if (first === quote) return takeText(this.found, this.#bytes, value, this.#end);
    if (first !== openBrace) return value;
    this.found.content ||= isFilled(this.#bytes, value, this.#end);
    this.#counts = !this.#is(name, length, "inlineData") && !this.#is(name, length, "fileData");
    return value;
  }

  #is(start: number, length: number, name: string): boolean {
    return length === name.length && isWord(this.#bytes, start, name);
  }
}

/** A reader for one stream. */
export function makeEventReader(): ReadEvent {
  return makeWalkingReader(new ChunkWalk());
}
