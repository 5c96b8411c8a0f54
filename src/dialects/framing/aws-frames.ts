/**
 * Cuts a body of AWS event-stream frames by their length prefix.
 * Promise kept here: a length is believed only after its checksum, so a body that is no event stream fails at once.
 */
import { crc32 } from "node:zlib";
import { GatewayError } from "../../core/errors.ts";
import { maxEventBytes } from "../../core/sse.ts";
import { brokenOff } from "./whole-json.ts";

/** Total length, length of the headers, checksum of both. */
const preludeLength = 12;
/** The prelude and the checksum of the whole. */
const shortestFrame = 16;

/** Length of the frame that begins at `start`; the prelude must be there. */
function frameLength(bytes: Buffer, start: number): number {
  const told = bytes.readUInt32BE(start + 8);
  if (crc32(bytes.subarray(start, start + 8)) !== told)
    throw new GatewayError(
      "upstream_invalid",
      "The body is no AWS event stream: the checksum of a frame's length is wrong",
    );
  const length = bytes.readUInt32BE(start);
  if (length < shortestFrame || length > maxEventBytes)
    throw new GatewayError(
      "upstream_invalid",
      `A frame of the stream claims ${length} bytes; the limit is ${maxEventBytes}`,
    );
  return length;
}

/** Hands over whole frames. */
export class AwsFrameCutter {
  readonly #onFrame: (frame: Buffer) => void;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** Bytes that must be there before it is worth looking again. */
  #needed = preludeLength;

  constructor(onFrame: (frame: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    if (this.#pendingBytes + chunk.length < this.#needed) return this.#hold(chunk);
    this.#cut(this.#pendingBytes === 0 ? chunk : Buffer.concat([...this.#pending, chunk]));
  }

  end(): void {
    if (this.#pendingBytes > 0) throw brokenOff(this.#pendingBytes);
  }

  #cut(bytes: Buffer): void {
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#needed = preludeLength;
    let start = 0;
    while (bytes.length - start >= preludeLength) {
      const length = frameLength(bytes, start);
      this.#needed = length;
      if (bytes.length - start < length) break;
      this.#onFrame(bytes.subarray(start, start + length));
      start += length;
      this.#needed = preludeLength;
    }
    if (start < bytes.length) this.#hold(bytes.subarray(start));
  }

  #hold(piece: Buffer): void {
    this.#pending.push(piece);
    this.#pendingBytes += piece.length;
  }
}
