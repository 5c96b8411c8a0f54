/** Errors in Anthropic's shape, both ways: `{"type":"error","error":{type,message},"request_id"}`, whole or as an event. */
import type { ErrorKind, GatewayError } from "../../core/errors.ts";
import { renderEvent } from "../../core/sse.ts";
import { lookUp } from "../../core/look-up.ts";
import type { ReplyError } from "../../wire/chat-reply.ts";
import type { RenderedReply, Telling, UpstreamError } from "../contract.ts";
import { type Fields, fieldsOf } from "../loose-fields.ts";
import { renderMessage } from "../messages.ts";
import { noRetryHeader, retryAfterHeader } from "../retry-after.ts";

/** Kinds whose type does not follow from their status. */
const kindTypes: Readonly<Partial<Record<ErrorKind, string>>> = {
  precondition_failed: "invalid_request_error",
  validation_failed: "invalid_request_error",
  no_available_channel: "overloaded_error",
  temporarily_unavailable: "overloaded_error",
  insufficient_quota: "billing_error",
};

/** What Anthropic answers an account that is used up (its page of errors, 2026-11). */
const billingStatus = 402;

const statusTypes: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  408: "timeout_error",
  409: "conflict_error",
  413: "request_too_large",
  429: "rate_limit_error",
  504: "timeout_error",
  529: "overloaded_error",
};

function typeOf(error: GatewayError): string {
  const told = kindTypes[error.kind] ?? statusTypes[error.status];
  return told ?? (error.status < 500 ? "invalid_request_error" : "api_error");
}

/** Names the message that a conversation goes on from, where the vendor has kept it. */
export const threadField = "thread.previous_message_id";

/** Clients of kept conversations send all of it again where they hear that it is not kept. */
function detailsOf(field: string | undefined): object {
  return field === threadField ? { details: { error_code: "thread_not_found" } } : {};
}

function errorBody(error: GatewayError, telling: Telling): string {
  const field = error.fields[0]?.field;
  return JSON.stringify({
    type: "error",
    error: {
      type: typeOf(error),
      message: renderMessage(error, telling.locale),
      code: error.kind,
      ...(field === undefined ? {} : { param: field }),
      ...detailsOf(field),
    },
    ...(telling.requestId === "" ? {} : { request_id: telling.requestId }),
  });
}

/** The whole reply that tells an error. */
export function renderError(error: GatewayError, telling: Telling): RenderedReply {
  const body = Buffer.from(errorBody(error, telling));
  return {
    status: error.kind === "insufficient_quota" ? billingStatus : error.status,
    headers: {
      "content-type": "application/json; charset=utf-8",
      "content-length": String(body.length),
      ...noRetryHeader(error),
      ...(telling.requestId === "" ? {} : { "request-id": telling.requestId }),
      ...retryAfterHeader(error),
    },
    body,
  };
}

/** The event that tells an error in a stream that has begun; nothing follows it. */
export function renderErrorEvent(error: GatewayError, telling: Telling): Buffer {
  return renderEvent(errorBody(error, telling), "error");
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : null;
}

/** Reads an upstream's error in Anthropic's shape or one of those seen beside it. */
export function readError(text: string): UpstreamError {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return { message: text.slice(0, 500), type: null, code: null, native: false };
  }
  const outer = fieldsOf(parsed);
  const inner = outer["error"];
  const fields = typeof inner === "object" && inner !== null ? (inner as Fields) : outer;
  const message = textOf(fields["message"]) ?? textOf(inner) ?? textOf(outer["detail"]);
  const type = textOf(fields["type"]);
  return {
    message: message ?? text.slice(0, 500),
    type,
    code: textOf(fieldsOf(fields["details"])["error_code"]) ?? textOf(fields["code"]),
    native: outer["type"] === "error" && type !== null && typeof fields["message"] === "string",
  };
}

/** HTTP statuses that error types stand for. */
const typeStatuses: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  conflict_error: 409,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
};

/** The same in our own shape, with the status that its type stands for. */
export function decodeError(text: string): ReplyError {
  const { message, type, code } = readError(text);
  return { message, type, code, status: lookUp(typeStatuses, type) ?? null };
}
