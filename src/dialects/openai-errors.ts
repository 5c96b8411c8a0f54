/** Errors in OpenAI's shape, both ways: `{"error":{message,type,param,code}}`; shared by its two dialects. */
import { type ErrorKind, type GatewayError, errorKinds } from "../core/errors.ts";
import { renderEvent } from "../core/sse.ts";
import type { RenderedReply, Telling, UpstreamError } from "./contract.ts";
import { renderMessage } from "./messages.ts";
import { noRetryHeader } from "./retry-after.ts";

/** Seconds to wait where an unavailable gateway gives none itself. */
const defaultRetryAfterS = 1;

function typeOf(kind: ErrorKind, status: number): string {
  const { blame } = errorKinds[kind];
  // As OpenAI tells that an account is used up (its guide to error codes, 2026-11).
  if (kind === "insufficient_quota") return kind;
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  if (blame === "caller" && status < 500) return "invalid_request_error";
  if (kind === "upstream_refused") return "invalid_request_error";
  return blame === "upstream" ? "upstream_error" : "server_error";
}

/** The members of an error object. */
export interface ErrorFields {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string;
  readonly request_id?: string;
}

/** An error as both dialects describe it. */
export function errorFields(error: GatewayError, telling: Telling): ErrorFields {
  return {
    message: renderMessage(error, telling.locale),
    type: typeOf(error.kind, error.status),
    param: error.fields[0]?.field ?? null,
    code: error.kind,
    ...(telling.requestId === "" ? {} : { request_id: telling.requestId }),
  };
}

function errorBody(error: GatewayError, telling: Telling): string {
  return JSON.stringify({ error: errorFields(error, telling) });
}

/** The whole reply that tells an error. */
export function renderError(error: GatewayError, telling: Telling): RenderedReply {
  const body = Buffer.from(errorBody(error, telling));
  const waits = error.kind === "temporarily_unavailable" || error.kind === "setup_required";
  const retryAfterS = error.retryAfterS ?? (waits ? defaultRetryAfterS : undefined);
  return {
    status: error.status,
    headers: {
      "content-type": "application/json; charset=utf-8",
      "content-length": String(body.length),
      ...(retryAfterS === undefined
        ? {}
        : { "retry-after": String(Math.max(1, Math.ceil(retryAfterS))) }),
      ...noRetryHeader(error),
    },
    body,
  };
}

/** The event that tells an error in a stream that has begun; nothing follows it. */
export function renderErrorEvent(error: GatewayError, telling: Telling): Buffer {
  return renderEvent(errorBody(error, telling));
}

type Fields = Readonly<Record<string, unknown>>;

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : null;
}

const fieldsOf = (value: unknown): Fields =>
  typeof value === "object" && value !== null ? (value as Fields) : {};

/**
 * What a list of faults says that stands in place of a message: `detail: [{loc: ["body", "top_k"], msg}]`, as servers
 * tell it that check bodies against a schema (Mistral, vLLM). Undefined where there is none.
 */
export function explainFaults(fields: Fields): string | undefined {
  const { detail } = { ...fields, ...fieldsOf(fields["message"]) } as Fields;
  if (!Array.isArray(detail)) return undefined;
  const told = detail.map(fieldsOf).flatMap(({ loc, msg }) => {
    const path = Array.isArray(loc) ? loc.filter((step) => step !== "body").join(".") : "";
    return typeof msg !== "string" ? [] : [path === "" ? msg : `${path}: ${msg}`];
  });
  return told.length === 0 ? undefined : told.join("; ").slice(0, 500);
}

/** Reads an upstream's error in OpenAI's shape or one of those seen beside it. */
export function decodeError(text: string): UpstreamError {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return { message: text.slice(0, 500), type: null, code: null, native: false };
  }
  const outer: Fields = typeof parsed === "object" && parsed !== null ? (parsed as Fields) : {};
  const inner = outer["error"];
  const native = typeof inner === "object" && inner !== null;
  const fields: Fields = native ? (inner as Fields) : outer;
  const message =
    textOf(fields["message"]) ?? textOf(inner) ?? textOf(outer["detail"]) ?? explainFaults(fields);
  return {
    message: message ?? text.slice(0, 500),
    type: textOf(fields["type"]),
    code: textOf(fields["code"]),
    native: native && typeof fields["message"] === "string",
  };
}
