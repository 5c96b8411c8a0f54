/** Reads server-sent events. Promise kept here: events without data yield nothing, as the SSE standard wants it. */
import { SseFramer, eventData, eventName } from "../../core/sse.ts";
import type { StreamEvent } from "../codec.ts";
import { brokenOff, isWhole } from "./whole-json.ts";

const lineFeed = 0x0a;
const colon = 0x3a;
const space = 0x20;

/** Length of `data:`. */
const fieldLength = 5;

/** The payload of an event that is one plain `data:` line; undefined for all others. */
function plainData(event: Buffer): string | undefined {
  if (event.toString("latin1", 0, fieldLength) !== "data:") return undefined;
  const end = event.length - 2;
  if (event.indexOf(lineFeed) !== end || event[end - 1] === 0x0d) return undefined;
  return event.toString("utf8", event[fieldLength] === space ? fieldLength + 1 : fieldLength, end);
}

function readEvent(event: Buffer): StreamEvent | undefined {
  const plain = plainData(event);
  if (plain !== undefined) return plain === "" ? undefined : { name: null, payload: plain };
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
