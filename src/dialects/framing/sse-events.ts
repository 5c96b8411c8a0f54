/** Reads server-sent events. Promise kept here: events without data yield nothing, as the SSE standard wants it. */
import { SseFramer, eventData, eventName } from "../../core/sse.ts";
import type { StreamEvent } from "../codec.ts";
import { brokenOff, isWhole } from "./whole-json.ts";

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const colon = 0x3a;
const space = 0x20;

const nameField = "event: ";
const dataField = "data:";

function startsWith(event: Buffer, field: string, start: number): boolean {
  return event.toString("latin1", start, start + field.length) === field;
}

/** Where the data line begins, a name before it; -1: the event is written otherwise. */
function plainDataStart(event: Buffer): number {
  if (startsWith(event, dataField, 0)) return 0;
  if (!startsWith(event, nameField, 0)) return -1;
  const start = event.indexOf(lineFeed) + 1;
  return startsWith(event, dataField, start) ? start : -1;
}

/** An event of one data line and at most a name before it, as vendors write them; undefined for all others. */
function readPlain(event: Buffer): StreamEvent | undefined {
  const start = plainDataStart(event);
  const end = event.length - 2;
  if (start === -1 || event.indexOf(lineFeed, start) !== end) return undefined;
  if (event.includes(carriageReturn)) return undefined;
  const name = start === 0 ? null : event.toString("utf8", nameField.length, start - 1);
  const from = start + dataField.length;
  return { name, payload: event.toString("utf8", event[from] === space ? from + 1 : from, end) };
}

function readEvent(event: Buffer): StreamEvent | undefined {
  const plain = readPlain(event);
  if (plain !== undefined) return plain.payload === "" ? undefined : plain;
  const payload = eventData(event)?.toString() ?? "";
  if (payload === "") return undefined;
  return { name: eventName(event) ?? null, payload };
}

/** Whether nothing but comments and white space is left. */
function isIdle(rest: Buffer): boolean {
  const lines = rest.toString().split(/[\r\n]+/u);
  return lines.every((line) => line.charCodeAt(0) === colon || line.trim() === "");
}

export class SseCutter {
  readonly #framer: SseFramer;
  readonly #onEvent: (event: StreamEvent) => void;

  constructor(onEvent: (event: StreamEvent) => void) {
    this.#onEvent = onEvent;
    this.#framer = new SseFramer((event) => this.#read(event));
  }

  push(chunk: Buffer): void {
    this.#framer.push(chunk);
  }

  end(): void {
    const rest = this.#framer.rest();
    if (rest.length === 0 || isIdle(rest)) return;
    const payload = eventData(rest)?.toString() ?? "";
    if (!isWhole(payload)) throw brokenOff(rest.length);
    this.#onEvent({ name: eventName(rest) ?? null, payload });
  }

  #read(bytes: Buffer): void {
    const event = readEvent(bytes);
    if (event !== undefined) this.#onEvent(event);
  }
}
