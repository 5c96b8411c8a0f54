/**
 * Reads stream events of Messages in one pass over their bytes, without parsing them.
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

/** Members of the root that are looked into. */
const containers = ["message", "delta", "content_block"] as const;
type Container = (typeof containers)[number];

/** What is known of one event while its bytes are walked. */
class MessageWalk implements EventWalk {
  readonly found = new Found();
  #bytes: Buffer = Buffer.alloc(0);
  #end = 0;
  #depth = 0;
  #within: Container | undefined;
  #type = "";
  #blockType = "";
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
      else if (byte === closeBrace || byte === closeBracket) this.#depth -= 1;
      offset += 1;
    }
    this.found.kind = this.#decide();
    if (this.found.kind !== "content") this.found.textBytes = 0;
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
    this.found.clear();
  }

  #decide(): EventKind {
    if (this.#error || this.#type === "error") return "error";
    if (this.#type === "content_block_delta") return this.found.content ? "content" : "preamble";
    if (this.#type === "content_block_start") return this.#startKind();
    if (this.#type === "message_stop") return "done";
    if (this.#type === "message_start")
      return this.#finish ? "finish" : this.found.content ? "content" : "preamble";
    if (this.#type !== "message_delta") return "preamble";
    return this.#finish ? "finish" : this.found.hasUsage ? "usage" : "preamble";
  }

  /** Text and thoughts begin empty and say nothing yet; all other blocks are something to see. */
  #startKind(): EventKind {
    const empty = this.#blockType === "text" || this.#blockType === "thinking";
    return empty && !this.found.content ? "preamble" : "content";
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
      ? containers.find((word) => word.length === length && isWord(this.#bytes, name, word))
      : undefined;
    if (length === 4 && isWord(this.#bytes, name, "type")) this.#type = this.#word(value);
    else if (length === 5 && isWord(this.#bytes, name, "usage")) this.found.hasUsage ||= opens;
    else if (length === 5 && isWord(this.#bytes, name, "error"))
      this.#error = opens || this.#bytes[value] === quote;
    return value;
  }

  #innerMember(name: number, nameEnd: number, value: number): number {
    const length = nameEnd - name - 1;
    if (this.#within === "message") return this.#messageMember(name, length, value);
    if (length === 4 && isWord(this.#bytes, name, "type")) {
      if (this.#within === "content_block") this.#blockType = this.#word(value);
      return value;
    }
    if (this.#within === "delta" && length === 11 && isWord(this.#bytes, name, "stop_reason"))
      this.#finish = this.#bytes[value] === quote;
    const before = this.found.textBytes;
    const next = this.#generated(value);
    // Signatures and what is redacted are something to see, but nothing that was put into words.
    if (
      (length === 9 && isWord(this.#bytes, name, "signature")) ||
      (length === 4 && isWord(this.#bytes, name, "data"))
    )
      this.found.textBytes = before;
    return next;
  }

  /** Calls that a vendor's own tool makes come whole within `message_start`, with the end of the answer. */
  #messageMember(name: number, length: number, value: number): number {
    const first = this.#bytes[value];
    if (length === 11 && isWord(this.#bytes, name, "stop_reason")) this.#finish = first === quote;
    else if (length === 7 && isWord(this.#bytes, name, "content") && first === openBracket)
      this.found.content = isFilled(this.#bytes, value, this.#end);
    if (length !== 5) return value;
    if (isWord(this.#bytes, name, "usage")) this.found.hasUsage ||= first === openBrace;
    if (first !== quote || !isWord(this.#bytes, name, "model")) return value;
    return takeModel(this.found, this.#bytes, value, this.#end);
  }

  /** Any member of a block or delta but its type is something generated, as soon as it is not empty. */
  #generated(value: number): number {
    return takeGenerated(this.found, this.#bytes, value, this.#end);
  }

  #word(value: number): string {
    const end = this.#bytes[value] === quote ? skipString(this.#bytes, value, this.#end) : -1;
    return end === -1 ? "" : this.#bytes.toString("latin1", value + 1, end - 1);
  }
}

/** A reader for one stream. */
export function makeEventReader(): ReadEvent {
  return makeWalkingReader(new MessageWalk());
}
