/** Reads a request's body whole, within a size, a pace and the process's total of held bytes. */
import type { IncomingMessage } from "node:http";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";

export interface BodyLimits {
  readonly maxBytes: number;
  /** Longest pause between two pieces. */
  readonly idleMs: number;
  /** Longest time for the whole. */
  readonly totalMs: number;
}

/** The process's total of held bodies. */
export interface HeldBytes {
  /** Takes bytes; false (and nothing taken) when they would be too many. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

/** Makes the counter of held bytes. */
export function makeHeldBytes(maxBytes: number): HeldBytes {
  let held = 0;
  return {
    take: (bytes) => {
      if (held + bytes > maxBytes) return false;
      held += bytes;
      return true;
    },
    give: (bytes) => void (held -= bytes),
  };
}

export interface BodyReaderParts {
  readonly clock: Clock;
  readonly limits: BodyLimits;
  readonly held: HeldBytes;
}

/**
 * Reads the body. What it holds is counted in `held` until the caller gives back `body.length`; a failed read has given
 * everything back. Rejects with GatewayError: `request_too_large`, `request_timeout`, `temporarily_unavailable`, `caller_gone`.
 */
export function readBody(message: IncomingMessage, parts: BodyReaderParts): Promise<Buffer> {
  const { clock, limits, held } = parts;
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const pieces: Buffer[] = [];
  let length = 0;
  let done = false;
  const startedAtMs = clock.monotonic();
  let heardAtMs = startedAtMs;
  let cancelWatch = (): void => undefined;

  function finish(): void {
    done = true;
    cancelWatch();
    message.off("data", take);
    message.off("end", complete);
    message.off("close", gone);
  }
  function fail(error: GatewayError): void {
    if (done) return;
    finish();
    held.give(length);
    message.pause();
    reject(error);
  }
  function complete(): void {
    finish();
    resolve(pieces.length === 1 ? (pieces[0] ?? Buffer.alloc(0)) : Buffer.concat(pieces, length));
  }
  function gone(): void {
    fail(new GatewayError("caller_gone", "The caller closed the connection"));
  }
  function take(piece: Buffer): void {
    if (length + piece.length > limits.maxBytes) return fail(tooLarge(limits.maxBytes));
    if (!held.take(piece.length)) return fail(tooMuchHeld());
    length += piece.length;
    pieces.push(piece);
    heardAtMs = clock.monotonic();
  }
  /** One timer for both limits, set anew only when it runs out: pieces are many. */
  function watch(): void {
    const endMs = Math.min(heardAtMs + limits.idleMs, startedAtMs + limits.totalMs);
    const leftMs = endMs - clock.monotonic();
    if (leftMs <= 0) return fail(tooSlow());
    // Timers may come a moment early.
    cancelWatch = clock.after(Math.max(1, leftMs), watch);
  }

  const refusal = refuseUnread(message, limits);
  if (refusal !== undefined) fail(refusal);
  else {
    watch();
    message.on("data", take).on("end", complete).on("close", gone);
  }
  return promise;
}

/** What the head alone tells to be refused. */
export function refuseUnread(
  message: IncomingMessage,
  limits: Pick<BodyLimits, "maxBytes">,
): GatewayError | undefined {
  const encoding = (message.headers["content-encoding"] ?? "identity").toLowerCase();
  if (encoding !== "identity")
    return new GatewayError("invalid_request", `Send the body uncompressed, not as ${encoding}`, {
      fields: [{ field: "content-encoding", message: "must be absent or identity" }],
    });
  return Number(message.headers["content-length"] ?? 0) > limits.maxBytes
    ? tooLarge(limits.maxBytes)
    : undefined;
}

/** The error of a body that is too large. */
export function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError("request_too_large", `The body is larger than ${maxBytes} bytes`, {
    values: { maxBytes: String(maxBytes) },
  });
}

function tooSlow(): GatewayError {
  return new GatewayError("request_timeout", "The body did not arrive in time");
}

function tooMuchHeld(): GatewayError {
  return new GatewayError("temporarily_unavailable", "Too many large requests at once", {
    retryAfterS: 1,
  });
}
