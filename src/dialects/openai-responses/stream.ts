/**
 * Reads stream events of the Responses API by their bytes, without parsing them whole.
 * Promise kept here: what an event is gets decided by its own `type`, never by words in a generated text.
 */
import { skipSpace, skipString, skipValue } from "../../core/json.ts";
import { eventData, eventName } from "../../core/sse.ts";
import type { EventKind, EventReading, ReadEvent } from "../contract.ts";
import { isFilled, isWord } from "../event-bytes.ts";

const quote = 0x22;
const openBrace = 0x7b;
const openBracket = 0x5b;
const comma = 0x2c;
const lineFeed = 0x0a;

/** Events that are not what the rule in `kindOf` says. The terminators tell finish and usage as well. */
const kinds: Readonly<Record<string, EventKind>> = {
  "response.created": "preamble",
  "response.queued": "preamble",
  "response.in_progress": "preamble",
  "response.content_part.added": "preamble",
  "response.reasoning_summary_part.added": "preamble",
  "response.completed": "done",
  "response.incomplete": "done",
  "response.failed": "error",
  error: "error",
};

/** Calls `visit` with the bounds of each member's name and the start of its value; it may answer the value's end. */
function walkMembers(
  bytes: Buffer,
  open: number,
  limit: number,
  visit: (name: number, length: number, value: number) => number | undefined,
): number {
  let offset = skipSpace(bytes, open + 1, limit);
  while (offset < limit && bytes[offset] === quote) {
    const nameEnd = skipString(bytes, offset, limit);
    const value = skipSpace(bytes, skipSpace(bytes, nameEnd, limit) + 1, limit);
    const told = visit(offset + 1, nameEnd - offset - 2, value);
    const behind = skipSpace(bytes, told ?? skipValue(bytes, value, limit), limit);
    offset = bytes[behind] === comma ? skipSpace(bytes, behind + 1, limit) : behind;
    if (bytes[behind] !== comma) return behind + 1;
  }
  return offset + 1;
}

function matches(bytes: Buffer, start: number, length: number, name: string): boolean {
  return length === name.length && isWord(bytes, start, name);
}

/** What is known of one event while its bytes are walked. */
class EventWalk implements EventReading {
  kind: EventReading["kind"] = "preamble";
  hasUsage = false;
  textBytes = 0;
  modelStart = -1;
  modelEnd = -1;
  itemStart = -1;
  itemEnd = -1;
  mayHoldIds = false;
  #bytes: Buffer = Buffer.alloc(0);
  #end = 0;
  #type = "";
  #deltaBytes = 0;
  #itemType = "";
  #itemFilled = false;

  /** Walks the JSON text between two offsets of `bytes`. */
  walk(bytes: Buffer, start: number, end: number): void {
    this.mark("preamble");
    this.#bytes = bytes;
    this.#end = end;
    if (bytes[start] !== openBrace) return;
    try {
      walkMembers(bytes, start, end, this.#root);
    } catch {
      return this.mark("preamble");
    }
    this.kind = this.#decide();
    if (this.kind === "content") this.textBytes = this.#deltaBytes;
  }

  /** Says what an event without JSON is. */
  mark(kind: EventKind): void {
    this.kind = kind;
    this.hasUsage = false;
    this.textBytes = 0;
    this.modelStart = -1;
    this.modelEnd = -1;
    this.itemStart = -1;
    this.itemEnd = -1;
    this.mayHoldIds = false;
    this.#type = "";
    this.#deltaBytes = 0;
    this.#itemType = "";
    this.#itemFilled = false;
  }

  /** For vendors that name events only in the SSE field. */
  nameIfUntyped(name: string): void {
    if (this.#type !== "") return;
    this.#type = name;
    this.kind = this.#decide();
  }

  /** The payload was found further on in the event. */
  shiftPlaces(shift: number): void {
    if (this.modelStart !== -1) {
      this.modelStart += shift;
      this.modelEnd += shift;
    }
    if (this.itemStart !== -1) {
      this.itemStart += shift;
      this.itemEnd += shift;
    }
  }

  /** The payload of several lines was joined anew: its offsets mean nothing in the event. */
  forgetPlaces(): void {
    this.modelStart = -1;
    this.modelEnd = -1;
    // Whoever looks for ids has to read it all.
    this.mayHoldIds ||= this.itemStart !== -1;
    this.itemStart = -1;
    this.itemEnd = -1;
  }

  #decide(): EventKind {
    const type = this.#type;
    // Deltas are many and tell of nothing but their item.
    this.mayHoldIds = !type.endsWith(".delta");
    if (Object.hasOwn(kinds, type)) return kinds[type] ?? "preamble";
    if (type.endsWith(".delta")) return this.#deltaBytes > 0 ? "content" : "preamble";
    if (type === "response.output_item.added") {
      const silent = this.#itemType === "message" || this.#itemType === "reasoning";
      return silent && !this.#itemFilled ? "preamble" : "content";
    }
    return type.startsWith("response.") ? "content" : "preamble";
  }

  readonly #root = (name: number, length: number, value: number): number | undefined => {
    const bytes = this.#bytes;
    const first = bytes[value];
    if (first === quote && matches(bytes, name, length, "type")) {
      const end = skipString(bytes, value, this.#end);
      this.#type = bytes.toString("latin1", value + 1, end - 1);
      return end;
    }
    if (first === quote && matches(bytes, name, length, "delta")) {
      const end = skipString(bytes, value, this.#end);
      this.#deltaBytes = end - value - 2;
      return end;
    }
    if (first === quote && matches(bytes, name, length, "item_id")) {
      this.itemStart = value;
      this.itemEnd = skipString(bytes, value, this.#end);
      return this.itemEnd;
    }
    if (first !== openBrace) return undefined;
    if (matches(bytes, name, length, "response"))
      return walkMembers(bytes, value, this.#end, this.#response);
    if (matches(bytes, name, length, "item"))
      return walkMembers(bytes, value, this.#end, this.#item);
    return undefined;
  };

  readonly #response = (name: number, length: number, value: number): number | undefined => {
    const bytes = this.#bytes;
    if (bytes[value] === quote && matches(bytes, name, length, "model")) {
      this.modelStart = value;
      this.modelEnd = skipString(bytes, value, this.#end);
      return this.modelEnd;
    }
    if (bytes[value] === openBrace && matches(bytes, name, length, "usage")) this.hasUsage = true;
    return undefined;
  };

  readonly #item = (name: number, length: number, value: number): number | undefined => {
    const bytes = this.#bytes;
    if (bytes[value] === quote && matches(bytes, name, length, "type")) {
      const end = skipString(bytes, value, this.#end);
      this.#itemType = bytes.toString("latin1", value + 1, end - 1);
      return end;
    }
    if (bytes[value] === openBracket && matches(bytes, name, length, "content"))
      this.#itemFilled = isFilled(bytes, value, this.#end);
    return undefined;
  };
}

/** Offset of the payload where an event is one `data:` line, with or without an `event:` line before it; else -1. */
function plainPayload(event: Buffer): number {
  let offset = 0;
  if (isWord(event, 0, "event:")) offset = event.indexOf(lineFeed) + 1;
  return isWord(event, offset, "data:") ? skipSpace(event, offset + 5) : -1;
}

/** A reader for one stream. */
export function makeEventReader(): ReadEvent {
  const walk = new EventWalk();
  return (event) => {
    const start = plainPayload(event);
    const lineEnd = start === -1 ? -1 : event.indexOf(lineFeed, start);
    if (lineEnd !== -1 && lineEnd >= event.length - 2) walk.walk(event, start, lineEnd);
    else readOther(event, walk);
    if (walk.kind === "preamble" && event[0] !== 0x64) walk.nameIfUntyped(eventName(event) ?? "");
    return walk;
  };
}

/** Events with ids, comments, CR line ends or several data lines: rare, so read without haste. */
function readOther(event: Buffer, walk: EventWalk): void {
  const payload = eventData(event);
  if (payload === undefined) return walk.mark("preamble");
  walk.walk(payload, skipSpace(payload, 0), payload.length);
  const shift = payload.byteOffset - event.byteOffset;
  const within =
    payload.buffer === event.buffer && shift >= 0 && shift + payload.length <= event.length;
  if (!within) return walk.forgetPlaces();
  walk.shiftPlaces(shift);
}

export { eventModel } from "../event-bytes.ts";
