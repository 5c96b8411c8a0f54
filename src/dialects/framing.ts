/**
 * Cuts an upstream's body into the events that decoders read, whatever its framing.
 * Promise kept here: where chunks are cut changes nothing, and a body that breaks off within an event is told as such.
 */
import { GatewayError } from "../core/errors.ts";
import { nestsTooDeep } from "../core/json-depth.ts";
import { renderEvent } from "../core/sse.ts";
import { lookUp } from "../core/look-up.ts";
import type { ReplyError } from "../wire/chat-reply.ts";
import type { Framing, StreamEvent } from "./codec.ts";
import { AwsFrameCutter } from "./framing/aws-frames.ts";
import { makeConverseFrameReader, makeInvokeFrameReader } from "./framing/aws-events.ts";
import { LineCutter } from "./framing/lines.ts";
import { SseCutter } from "./framing/sse-events.ts";

/** Cuts one body. Both throw; a framer that has thrown is not used again. */
export interface Framer {
  /** Hands over the events that the chunk ends. Throws `upstream_invalid` for what cannot be an event. */
  push(chunk: Buffer): void;
  /**
   * The body is over. A last event that lacks only its end is handed over if its payload is whole. Throws
   * `upstream_truncated` when bytes of a broken event remain.
   */
  end(): void;
}

const framers: Readonly<Record<Framing, (onEvent: (event: StreamEvent) => void) => Framer>> = {
  sse: (onEvent) => new SseCutter(onEvent),
  ndjson: (onEvent) => new LineCutter(onEvent),
  "aws-event-stream": (onEvent) => new AwsFrameCutter(makeConverseFrameReader(onEvent)),
  "aws-invoke": (onEvent) => new AwsFrameCutter(makeInvokeFrameReader(onEvent)),
};

/** A framer for one body. Comments, blank lines and events without data yield nothing. */
export function makeFramer(framing: Framing, onEvent: (event: StreamEvent) => void): Framer {
  return framers[framing]((event) => {
    if (nestsTooDeep(event.payload))
      throw new GatewayError("upstream_invalid", "An event of the stream nests too deep");
    onEvent(event);
  });
}

/** Writes an event as SSE, for streams that are framed otherwise upstream and pass through to SSE callers. */
export function renderSse(event: StreamEvent): Buffer {
  return event.name === null ? renderEvent(event.payload) : renderEvent(event.payload, event.name);
}

/** HTTP statuses that AWS's exception frames stand for. */
const exceptionStatuses: Readonly<Record<string, number>> = {
  validationException: 400,
  accessDeniedException: 403,
  resourceNotFoundException: 404,
  modelTimeoutException: 408,
  modelErrorException: 424,
  modelStreamErrorException: 424,
  throttlingException: 429,
  modelNotReadyException: 429,
  serviceQuotaExceededException: 400,
  internalServerException: 500,
  serviceUnavailableException: 503,
};

/** The status of an AWS exception by its name, whether `ThrottlingException` or `throttlingException`. */
export function exceptionStatus(name: string): number | null {
  return lookUp(exceptionStatuses, name.charAt(0).toLowerCase() + name.slice(1)) ?? null;
}

/**
 * The error that an exception frame tells (framing `aws-event-stream`). Undefined for other events:
 * names of exceptions end in `Exception`, no other event's name does.
 */
export function readException(event: StreamEvent): ReplyError | undefined {
  const { name, payload } = event;
  if (name === null || !name.endsWith("Exception")) return undefined;
  let message: unknown;
  try {
    const body = JSON.parse(payload) as { readonly message?: unknown } | null;
    message = body?.message;
  } catch {
    message = payload;
  }
  return {
    message: typeof message === "string" && message !== "" ? message : name,
    type: name,
    code: null,
    status: exceptionStatus(name),
  };
}

/** Parses an event's payload. Throws `upstream_invalid` for what is no JSON object. */
export function parsePayload(payload: string): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(payload);
  } catch (cause) {
    throw new GatewayError("upstream_invalid", "An event of the stream is no JSON", { cause });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw new GatewayError("upstream_invalid", "An event of the stream is no JSON object");
  return parsed as Readonly<Record<string, unknown>>;
}
