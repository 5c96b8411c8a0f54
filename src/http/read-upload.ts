/**
 * Reads an upload as it arrives: a form whose files are too large to be held.
 * Promises kept here: no byte is read before somebody wants it, a caller that stops sending is not waited for, and what
 * is left of an upload that nobody wants any more is read away for a moment, so that its sender hears the answer.
 */
import type { IncomingMessage } from "node:http";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { Operation, Upload } from "../wire/call.ts";
import { type HeldBytes, refuseUnread, tooLarge } from "./read-body.ts";

export interface UploadLimits {
  readonly maxBytes: number;
  /** Longest wait for a piece. */
  readonly idleMs: number;
  /** Longest time that all waits for pieces may take together. */
  readonly totalMs: number;
}

export interface UploadReaderParts {
  readonly clock: Clock;
  readonly limits: UploadLimits;
  /** What uploads may hold in this process. */
  readonly held: HeldBytes;
}

/** An upload and the one who ends it. */
export interface OpenUpload extends Upload {
  /** Nobody wants the rest; everything held is given back. */
  close(): void;
}

/** How long the rest of an upload is read away. */
const lingerMs = 2000;

const uploadOperations: readonly Operation[] = [
  "image-edit",
  "image-variation",
  "transcription",
  "translation",
  "image-tool",
  "files",
  "uploads",
  "containers",
];

/** Whether a request's body is an upload: a form of an operation that takes files. */
export function isUpload(message: IncomingMessage, operation: Operation): boolean {
  const type = message.headers["content-type"] ?? "";
  return uploadOperations.includes(operation) && /^multipart\/form-data\b/i.test(type.trim());
}

/** Opens the body of a request as an upload. Throws what its head alone tells to be refused. */
export function openUpload(message: IncomingMessage, parts: UploadReaderParts): OpenUpload {
  const refusal = refuseUnread(message, parts.limits);
  if (refusal !== undefined) throw refusal;
  return new UploadReader(message, parts);
}

class UploadReader implements OpenUpload {
  readonly length: number | null;
  readonly #message: IncomingMessage;
  readonly #parts: UploadReaderParts;
  readonly #pieces: Buffer[] = [];
  #arrived = 0;
  #ended = false;
  #failure: GatewayError | undefined;
  #waitedMs = 0;
  #held = 0;
  /** Wakes the one who waits for a piece. */
  #wake: () => void = () => undefined;

  constructor(message: IncomingMessage, parts: UploadReaderParts) {
    const told = message.headers["content-length"];
    this.length = told === undefined ? null : Number(told);
    this.#message = message;
    this.#parts = parts;
    message.on("data", this.#take).on("end", this.#end).on("close", this.#gone).pause();
  }

  async next(): Promise<Buffer | undefined> {
    if (this.#pieces.length === 0 && !this.#ended && this.#failure === undefined)
      await this.#arrival();
    const piece = this.#pieces.shift();
    if (piece !== undefined) return piece;
    if (this.#failure !== undefined) throw this.#failure;
    return undefined;
  }

  hold(bytes: number): boolean {
    if (!this.#parts.held.take(bytes)) return false;
    this.#held += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#held -= bytes;
    this.#parts.held.give(bytes);
  }

  close(): void {
    this.release(this.#held);
    this.#pieces.length = 0;
    this.#fail(new GatewayError("caller_gone", "The upload was closed"));
    const message = this.#message;
    message.off("data", this.#take).off("end", this.#end).off("close", this.#gone);
    if (message.complete || message.destroyed) return;
    const cancel = this.#parts.clock.after(lingerMs, () => void message.destroy());
    message.once("close", cancel).once("end", cancel).resume();
  }

  /** Resolves when there is something new: a piece, the end or a failure. */
  async #arrival(): Promise<void> {
    const { clock, limits } = this.#parts;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const sinceMs = clock.monotonic();
    const waitMs = Math.min(limits.idleMs, limits.totalMs - this.#waitedMs);
    const cancel = clock.after(Math.max(1, waitMs), () =>
      this.#fail(new GatewayError("request_timeout", "The upload did not arrive in time")),
    );
    this.#message.resume();
    await promise;
    cancel();
    this.#waitedMs += clock.monotonic() - sinceMs;
  }

  readonly #take = (piece: Buffer): void => {
    this.#message.pause();
    this.#arrived += piece.length;
    if (this.#arrived > this.#parts.limits.maxBytes)
      return this.#fail(tooLarge(this.#parts.limits.maxBytes));
    this.#pieces.push(piece);
    this.#wake();
  };

  readonly #end = (): void => {
    this.#ended = true;
    this.#wake();
  };

  readonly #gone = (): void => {
    if (!this.#ended)
      this.#fail(new GatewayError("caller_gone", "The caller closed the connection"));
  };

  #fail(failure: GatewayError): void {
    this.#failure ??= failure;
    this.#message.pause();
    this.#wake();
  }
}
