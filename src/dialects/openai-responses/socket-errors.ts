/**
 * What callers of Responses over a WebSocket are told beside a response's own events: refusals and errors.
 * Promise kept here: both of OpenAI's ways to read an error find it, and the connection stays.
 */
import { type ErrorKind, type GatewayError, errorKinds } from "../../core/errors.ts";
import { isObject, type JsonObject } from "../../core/json-value.ts";
import type { Telling } from "../contract.ts";
import { errorFields } from "../openai-errors.ts";
import type { ClientFrame } from "./socket-frames.ts";

/** A refusal of `response.steer`, which gives the input back. */
export function renderSteerFailed(frame: ClientFrame): string {
  const parsed = JSON.parse(frame.data.toString()) as JsonObject;
  const { previous_response_id: id = "", input = [] } = parsed;
  return JSON.stringify({
    type: "response.steer.failed",
    sequence_number: 0,
    steer: { previous_response_id: id, input },
    error: {
      type: "invalid_request_error",
      code: "steering_not_supported",
      message: "Responses cannot be steered here; send the input with the next `response.create`",
    },
  });
}

/** An error of our own as a frame; the connection stays. `code`: where this transport has a word of its own for it. */
export function renderErrorFrame(error: GatewayError, telling: Telling, code?: string): JsonObject {
  const fields = errorFields(error, telling);
  const { retryAfterS } = error;
  return errorFrame(
    error.status,
    { ...fields, ...(code === undefined ? {} : { code }) },
    retryAfterS === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterS)) },
  );
}

/** Headers are told where OpenAI's client looks for them, and where its agent does. */
function errorFrame(
  status: number,
  error: JsonObject,
  headers: Readonly<Record<string, string>>,
): JsonObject {
  if (Object.keys(headers).length === 0) return { type: "error", status, error };
  return { type: "error", status, error: { ...error, headers }, headers };
}

/** A whole reply that tells an error, as a frame. */
export function errorReplyFrame(reply: {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer;
}): JsonObject {
  const told: Record<string, string> = {};
  for (const name of ["retry-after", "retry-after-ms", "x-should-retry", "x-request-id"]) {
    const value = reply.headers[name];
    if (typeof value === "string") told[name] = value;
  }
  return errorFrame(reply.status, errorOf(reply.body), told);
}

function errorOf(body: Buffer): JsonObject {
  const text = body.toString();
  try {
    const parsed: unknown = JSON.parse(text);
    if (isObject(parsed) && isObject(parsed["error"])) return parsed["error"];
  } catch {
    // Told as it is.
  }
  return { type: "upstream_error", code: null, message: text.slice(0, 500), param: null };
}

/** Words of vendors that stand for a status. */
const statusByWord: Readonly<Record<string, number>> = {
  rate_limit_exceeded: 429,
  rate_limit_error: 429,
  insufficient_quota: 429,
  invalid_prompt: 400,
  invalid_request_error: 400,
  context_length_exceeded: 400,
  authentication_error: 401,
};

function statusOf(error: JsonObject): number {
  for (const word of [error["code"], error["type"]]) {
    if (typeof word !== "string") continue;
    if (Object.hasOwn(errorKinds, word)) return errorKinds[word as ErrorKind].status;
    if (Object.hasOwn(statusByWord, word)) return statusByWord[word] ?? 500;
  }
  return 500;
}

/**
 * The event of a stream that tells an error, as a frame: agents know it for an error only by its status, and clients
 * look for the words within `error`.
 */
export function errorEventFrame(event: JsonObject): JsonObject {
  const { code = null, message = "", param = null } = event;
  const within = isObject(event["error"]) ? event["error"] : {};
  const error = { type: "server_error", code, message, param, ...within };
  return { ...event, type: "error", status: statusOf(error), error };
}
