/** Errors in Google's shape, both ways: `{"error":{code,message,status,details}}` before a reply and inside a stream. */
import type { GatewayError } from "../../core/errors.ts";
import type { ReplyError } from "../../wire/chat-reply.ts";
import type { RenderedReply, Telling, UpstreamError } from "../contract.ts";
import { renderMessage } from "../messages.ts";
import { statusOf, wordOf } from "./status-words.ts";

/** Seconds to wait where an unavailable gateway gives none itself. */
const defaultRetryAfterS = 1;

const rpc = "type.googleapis.com/google.rpc.";

function waitOf(error: GatewayError): number | undefined {
  const waits = error.kind === "temporarily_unavailable" || error.kind === "setup_required";
  return error.retryAfterS ?? (waits ? defaultRetryAfterS : undefined);
}

/** Google's clients do not try again where a day's quota is used up (Gemini CLI, read in its code of 2026-11). */
function quotaFailureOf(error: GatewayError, { locale }: Telling): object[] {
  if (error.kind !== "insufficient_quota") return [];
  const description = renderMessage(error, locale);
  const violation = { subject: "budget", description, quotaId: "BudgetPerDay" };
  return [{ "@type": `${rpc}QuotaFailure`, violations: [violation] }];
}

function detailsOf(error: GatewayError, telling: Telling): object[] {
  const wait = waitOf(error);
  const fieldViolations = error.fields.map(({ field, message }) => ({
    field,
    description: message,
  }));
  return [
    { "@type": `${rpc}ErrorInfo`, reason: error.kind, domain: "switchyard" },
    ...(fieldViolations.length === 0 ? [] : [{ "@type": `${rpc}BadRequest`, fieldViolations }]),
    ...quotaFailureOf(error, telling),
    ...(wait === undefined ? [] : [{ "@type": `${rpc}RetryInfo`, retryDelay: `${wait}s` }]),
    ...(telling.requestId === ""
      ? []
      : [{ "@type": `${rpc}RequestInfo`, requestId: telling.requestId }]),
  ];
}

function errorBody(error: GatewayError, telling: Telling): string {
  return JSON.stringify({
    error: {
      code: error.status,
      message: renderMessage(error, telling.locale),
      status: wordOf(error.status),
      details: detailsOf(error, telling),
    },
  });
}

/** The whole reply that tells an error. */
export function renderError(error: GatewayError, telling: Telling): RenderedReply {
  const body = Buffer.from(errorBody(error, telling));
  const wait = waitOf(error);
  return {
    status: error.status,
    headers: {
      "content-type": "application/json; charset=utf-8",
      "content-length": String(body.length),
      ...(wait === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(wait))) }),
    },
    body,
  };
}

/** The event that tells an error in a stream that has begun; nothing follows it. */
export function renderErrorEvent(error: GatewayError, telling: Telling): Buffer {
  return Buffer.from(`data: ${errorBody(error, telling)}\r\n\r\n`);
}

type Fields = Readonly<Record<string, unknown>>;

interface ToldError {
  readonly message: string;
  readonly word: string | null;
  readonly status: number | null;
  /** Why, in one word of Google's (`API_KEY_INVALID`). */
  readonly reason: string | null;
  readonly retryAfterS: number | null;
  readonly native: boolean;
}

const untold = { word: null, status: null, reason: null, retryAfterS: null, native: false };

function reasonIn(details: unknown): string | null {
  if (!Array.isArray(details)) return null;
  for (const detail of details as unknown[]) {
    const { reason } = (detail ?? {}) as { readonly reason?: unknown };
    if (typeof reason === "string") return reason;
  }
  return null;
}

/** Seconds of a delay such as `34.4s`. */
function delayIn(details: unknown): number | null {
  if (!Array.isArray(details)) return null;
  for (const detail of details as unknown[]) {
    const { retryDelay } = (detail ?? {}) as { readonly retryDelay?: unknown };
    const seconds = typeof retryDelay === "string" ? /^(\d+(?:\.\d+)?)s$/.exec(retryDelay) : null;
    if (seconds !== null) return Number(seconds[1]);
  }
  return null;
}

function readTold(text: string): ToldError {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return { ...untold, message: text.slice(0, 500) };
  }
  // Without alt=sse an error comes in an array.
  const outer = ((Array.isArray(parsed) ? parsed[0] : parsed) ?? {}) as Fields;
  const inner = outer["error"];
  const native = typeof inner === "object" && inner !== null;
  const fields = native ? (inner as Fields) : outer;
  const { message, status, code } = fields;
  const word = typeof status === "string" ? status : null;
  const numeric = typeof code === "number" && code >= 400 && code < 600 ? code : null;
  return {
    message: typeof message === "string" ? message : text.slice(0, 500),
    word,
    status: numeric ?? (word === null ? null : statusOf(word)),
    reason: reasonIn(fields["details"]),
    retryAfterS: delayIn(fields["details"]),
    native: native && typeof message === "string" && word !== null,
  };
}

/** Google refuses a wrong key with 400, as if the caller's request were at fault. */
function isKeyFault({ reason, message }: ToldError): boolean {
  return reason === "API_KEY_INVALID" || message.startsWith("API key not valid");
}

/** Reads an upstream's error; `code` is its HTTP status, so that errors told in streams can be judged. */
export function decodeError(text: string): UpstreamError {
  const told = readTold(text);
  const code = told.status === null ? told.reason : String(told.status);
  return {
    message: told.message,
    type: told.word,
    code: isKeyFault(told) ? "invalid_api_key" : code,
    native: told.native,
    ...(told.retryAfterS === null ? {} : { retryAfterS: told.retryAfterS }),
  };
}

/** The same for callers of other dialects. */
export function decodeReplyError(text: string): ReplyError {
  const told = readTold(text);
  return {
    message: told.message,
    type: told.word,
    code: isKeyFault(told) ? "invalid_api_key" : told.reason,
    status: told.status,
    ...(told.retryAfterS === null ? {} : { retryAfterS: told.retryAfterS }),
  };
}
