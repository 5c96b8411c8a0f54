/** Cuts a body of JSON lines. Promise kept here: a line is handed over once, when its line feed has come. */
import { GatewayError } from "../../core/errors.ts";
import { maxEventBytes } from "../../core/sse.ts";
import type { StreamEvent } from "../codec.ts";
import { brokenOff, isWhole } from "./whole-json.ts";

const lineFeed = 0x0a;

export class LineCutter {
  readonly #onEvent: (event: StreamEvent) => void;
  #pending: Buffer[] = [];
  #pendingBytes = 0;

  constructor(onEvent: (event: StreamEvent) => void) {
    this.#onEvent = onEvent;
  }

  push(chunk: Buffer): void {
    let start = 0;
    let end = chunk.indexOf(lineFeed);
    while (end !== -1) {
      this.#line(chunk.subarray(start, end));
      start = end + 1;
      end = chunk.indexOf(lineFeed, start);
    }
    if (start < chunk.length) this.#hold(chunk.subarray(start));
  }

  end(): void {
    const line = this.#take();
    if (line === "") return;
    if (!isWhole(line)) throw brokenOff(Buffer.byteLength(line));
    this.#onEvent({ name: null, payload: line });
  }

  #line(tail: Buffer): void {
    this.#hold(tail);
    const payload = this.#take();
    if (payload !== "") this.#onEvent({ name: null, payload });
  }

  #take(): string {
    const [only] = this.#pending;
    const whole = only !== undefined && this.#pending.length === 1 ? only : undefined;
    const line = (whole ?? Buffer.concat(this.#pending)).toString().trim();
    this.#pending = [];
    this.#pendingBytes = 0;
    return line;
  }

  #hold(piece: Buffer): void {
    this.#pending.push(piece);
    this.#pendingBytes += piece.length;
    if (this.#pendingBytes > maxEventBytes)
      throw new GatewayError(
        "upstream_invalid",
        `A line of the stream is larger than ${maxEventBytes} bytes`,
      );
  }
}
