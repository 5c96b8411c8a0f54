/**
 * Reads server-sent events by their bytes, as the event readers of all dialects do it.
 * Promise kept here: an event of one plain line is read where it stands; nothing is copied, nothing parsed.
 */
import { readString, skipSpace, skipString } from "../core/json.ts";
import { eventData, eventName } from "../core/sse.ts";
import type { EventKind, EventReading, ReadEvent } from "./contract.ts";

const quote = 0x22;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** What a walk over an event has found so far. One shape for all dialects keeps the helpers below fast. */
export class Found implements EventReading {
  kind: EventKind = "preamble";
  hasUsage = false;
  textBytes = 0;
  modelStart = -1;
  modelEnd = -1;
  /** Whether anything generated was seen, be it no text. */
  content = false;

  clear(): void {
    this.kind = "preamble";
    this.hasUsage = false;
    this.textBytes = 0;
    this.modelStart = -1;
    this.modelEnd = -1;
    this.content = false;
  }
}

/** Walks the JSON of one event after another. */
export interface EventWalk {
  readonly found: Found;
  /** Walks the JSON text between two offsets of `bytes`, and finds anew. */
  walk(bytes: Buffer, start: number, end: number): void;
}

/** Whether bytes from an offset on are a word (of ASCII). */
export function isWord(bytes: Buffer, start: number, word: string): boolean {
  for (let index = 0; index < word.length; index += 1)
    if (bytes[start + index] !== word.charCodeAt(index)) return false;
  return true;
}

/** Whether the object or list that opens at an offset holds anything. */
export function isFilled(bytes: Buffer, open: number, end: number): boolean {
  const next = bytes[skipSpace(bytes, open + 1, end)];
  return next !== closeBrace && next !== closeBracket;
}

/** Counts the generated string that opens at an offset. Answers the offset behind it. */
export function takeText(into: Found, bytes: Buffer, open: number, end: number): number {
  const behind = skipString(bytes, open, end);
  if (behind === -1) return end;
  if (behind > open + 2) {
    into.content = true;
    into.textBytes += behind - open - 2;
  }
  return behind;
}

/** Counts a generated value of any kind: text, or an object or list that is not empty. Answers where to go on. */
export function takeGenerated(into: Found, bytes: Buffer, value: number, end: number): number {
  const first = bytes[value];
  if (first === quote) return takeText(into, bytes, value, end);
  if (first === openBrace || first === openBracket) into.content ||= isFilled(bytes, value, end);
  return value;
}

/** Takes the string that opens at an offset for the model's name. Answers the offset behind it. */
export function takeModel(into: Found, bytes: Buffer, open: number, end: number): number {
  const behind = skipString(bytes, open, end);
  if (behind === -1) return end;
  into.modelStart = open;
  into.modelEnd = behind;
  return behind;
}

/** Offset of the payload where an event is one `data:` line, be its name before it; else -1. */
function plainPayload(event: Buffer): number {
  if (isWord(event, 0, "data:")) return skipSpace(event, 5);
  if (!isWord(event, 0, "event:") || isWord(event, skipSpace(event, 6), "error")) return -1;
  const line = event.indexOf(lineFeed) + 1;
  return isWord(event, line, "data:") ? skipSpace(event, line + 5) : -1;
}

/** Where the payload of an event of one `data:` line ends; -1: more than empty lines follow it. */
function plainEnd(event: Buffer, start: number): number {
  const feed = event.indexOf(lineFeed, start);
  const returned = event[feed - 1] === carriageReturn;
  if (feed === -1 || feed < event.length - (returned ? 3 : 2)) return -1;
  return returned ? feed - 1 : feed;
}

/** Whether the terminator that OpenAI ends its streams with stands at an offset. */
function isDone(payload: Buffer, start: number): boolean {
  return payload[start] === openBracket && isWord(payload, start, "[DONE]");
}

/** Events with ids, comments or several data lines, and errors: rare, so read without haste. */
function readOther(event: Buffer, walk: EventWalk): void {
  const { found } = walk;
  const payload = eventData(event);
  if (payload === undefined) return tell(found, "preamble");
  const start = skipSpace(payload, 0);
  if (isDone(payload, start)) return tell(found, "done");
  walk.walk(payload, start, payload.length);
  if (eventName(event) === "error") found.kind = "error";
  if (found.modelStart === -1) return;
  const shift = payload.byteOffset - event.byteOffset;
  const within =
    payload.buffer === event.buffer && shift >= 0 && shift + payload.length <= event.length;
  // The payload of several lines was joined anew: its offsets mean nothing in the event.
  found.modelStart = within ? found.modelStart + shift : -1;
  found.modelEnd = within ? found.modelEnd + shift : -1;
}

/** Says what an event without JSON is. */
function tell(found: Found, kind: EventKind): void {
  found.clear();
  found.kind = kind;
}

/** A reader for one stream. */
export function makeWalkingReader(walk: EventWalk): ReadEvent {
  const { found } = walk;
  return (event) => {
    const start = plainPayload(event);
    const end = start === -1 ? -1 : plainEnd(event, start);
    if (end === -1) readOther(event, walk);
    else if (isDone(event, start)) tell(found, "done");
    else walk.walk(event, start, end);
    return found;
  };
}

/** The model's name that a reading points at. */
export function eventModel(event: Buffer, reading: EventReading): string | null {
  if (reading.modelStart === -1) return null;
  // Azure's first event has an empty name.
  return readString(event, { start: reading.modelStart, end: reading.modelEnd }) || null;
}
