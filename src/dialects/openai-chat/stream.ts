/**
 * Reads stream events of chat and completions in one pass over their bytes, without parsing them.
 * Promise kept here: what an event is gets decided by its structure, never by words in a generated text.
 */
import { skipSpace, skipString } from "../../core/json.ts";
import type { EventKind, ReadEvent } from "../contract.ts";
import {
  type EventWalk,
  Found,
  isFilled,
  isWord,
  makeWalkingReader,
  takeGenerated,
  takeModel,
} from "../event-bytes.ts";

// Local: the walk compares every byte with them, and imported ones are looked up anew each time.
const quote = 0x22;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** Depth of a choice's own members, and of those of its delta. */
const choiceDepth = 3;
const deltaDepth = 4;

/** What is known of one event while its bytes are walked. */
class ChatWalk implements EventWalk {
  readonly found = new Found();
  #bytes: Buffer = Buffer.alloc(0);
  #end = 0;
  #depth = 0;
  #inDelta = false;
  #noChoices = false;
  #error = false;
  #finish = false;

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
    this.found.kind = this.#decide();
  }

  #reset(bytes: Buffer, end: number): void {
    this.#bytes = bytes;
    this.#end = end;
    this.#depth = 0;
    this.#inDelta = false;
    this.#noChoices = false;
    this.#error = false;
    this.#finish = false;
    this.found.clear();
  }

  #leave(): void {
    this.#depth -= 1;
    if (this.#depth < deltaDepth) this.#inDelta = false;
  }

  #decide(): EventKind {
    if (this.#error) return "error";
    if (this.#finish) return "finish";
    if (this.found.content) return "content";
    return this.found.hasUsage && this.#noChoices ? "usage" : "preamble";
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
    if (length === 5 && isWord(this.#bytes, name, "usage")) this.#usage(value);
    if (this.#depth !== choiceDepth) return value;
    if (length === 5 && isWord(this.#bytes, name, "delta"))
      this.#inDelta = this.#bytes[value] === openBrace;
    else if (length === 13 && isWord(this.#bytes, name, "finish_reason"))
      this.#finish ||= this.#bytes[value] === quote;
    else if (length === 4 && isWord(this.#bytes, name, "text")) return this.#generated(value);
    return value;
  }

  #rootMember(name: number, length: number, value: number): number {
    const first = this.#bytes[value];
    if (length === 7 && isWord(this.#bytes, name, "choices"))
      this.#noChoices = first === openBracket && !isFilled(this.#bytes, value, this.#end);
    if (length !== 5) return value;
    if (isWord(this.#bytes, name, "usage")) this.#usage(value);
    else if (isWord(this.#bytes, name, "error"))
      this.#error = first === openBrace || first === quote;
    else if (isWord(this.#bytes, name, "model") && first === quote)
      return takeModel(this.found, this.#bytes, value, this.#end);
    return value;
  }

  /** Any member of a delta but its role is something generated, as soon as it is not empty. */
  #deltaMember(name: number, length: number, value: number): number {
    if (this.#depth === deltaDepth)
      return isWord(this.#bytes, name, "role") && length === 4 ? value : this.#generated(value);
    return length === 9 && isWord(this.#bytes, name, "arguments") ? this.#generated(value) : value;
  }

  #generated(value: number): number {
    return takeGenerated(this.found, this.#bytes, value, this.#end);
  }

  #usage(value: number): void {
    this.found.hasUsage ||= this.#bytes[value] === openBrace;
  }
}

/** A reader for one stream. */
export function makeEventReader(): ReadEvent {
  return makeWalkingReader(new ChatWalk());
}
