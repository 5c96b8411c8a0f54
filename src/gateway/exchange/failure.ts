/** What a failed attempt means: whose fault it is, whether another channel may do better, and what the caller is told. */
import { type ErrorKind, GatewayError, errorKinds } from "../../core/errors.ts";
import type { RenderedReply, UpstreamError } from "../../dialects/contract.ts";
import type { FailureClass } from "../../route/health.ts";
import type { ReplyError } from "../../wire/chat-reply.ts";

export interface AttemptFailure {
  readonly error: GatewayError;
  readonly tryAnother: boolean;
  /** How the channel is to rest; null: it is not at fault. */
  readonly class: FailureClass | null;
  /** Seconds the upstream asked to wait. */
  readonly retryAfterS: number | undefined;
  /** The upstream's own error, passed on as it is where nobody does better; null: ours is told. */
  readonly passOn: RenderedReply | null;
}

interface Verdict {
  readonly kind: ErrorKind;
  readonly class: FailureClass | null;
  readonly tryAnother?: boolean;
  /** Status told in place of the kind's own. */
  readonly status?: number;
}

const overloaded: Verdict = { kind: "upstream_overloaded", class: "channel", status: 503 };

/** Statuses with a meaning of their own; all others by their hundred. */
const byStatus: Readonly<Record<number, Verdict>> = {
  401: { kind: "upstream_auth", class: "credential" },
  402: { kind: "upstream_auth", class: "credential" },
  403: { kind: "upstream_auth", class: "credential" },
  // The vendor lacks the model or the path: another channel may have it, and this one need not rest for others' models.
  404: { kind: "upstream_refused", class: null, tryAnother: true },
  405: { kind: "upstream_refused", class: null, tryAnother: true },
  408: { kind: "upstream_timeout", class: "channel" },
  429: { kind: "upstream_overloaded", class: "rate" },
  503: overloaded,
  504: { kind: "upstream_timeout", class: "channel" },
  524: { kind: "upstream_timeout", class: "channel" },
  529: overloaded,
};

/** Codes and types with which vendors say that the operator's account is the trouble, whatever the status. */
const accountCodes: readonly string[] = [
  "invalid_api_key",
  "insufficient_quota",
  "account_deactivated",
  "billing_not_active",
  "authentication_error",
  "permission_error",
];

/** Words in a stream's or a 200's error that stand for a status. */
const statusByWord: Readonly<Record<string, number>> = {
  rate_limit_exceeded: 429,
  rate_limit_error: 429,
  overloaded_error: 529,
  invalid_request_error: 400,
  context_length_exceeded: 400,
  content_filter: 400,
};

function verdictOf(status: number, told: UpstreamError): Verdict {
  const words = [told.code, told.type];
  if (status < 500 && words.some((word) => word !== null && accountCodes.includes(word)))
    return { kind: "upstream_auth", class: "credential" };
  const known = byStatus[status];
  if (known !== undefined) return known;
  if (status >= 500) return { kind: "upstream_failed", class: "channel" };
  if (status >= 400) return { kind: "upstream_refused", class: null, status };
  return { kind: "upstream_invalid", class: "channel" };
}

/** An upstream's reply with a status other than success. */
export function refusedReply(parts: {
  readonly status: number;
  readonly told: UpstreamError;
  readonly body: Buffer;
  /** Headers that may come down. */
  readonly headers: Readonly<Record<string, string>>;
  readonly retryAfterS: number | undefined;
}): AttemptFailure {
  const { status, told, body, headers } = parts;
  const retryAfterS = parts.retryAfterS ?? told.retryAfterS;
  const verdict = verdictOf(status, told);
  const callersFault = verdict.kind === "upstream_refused";
  const detail = told.message.trim() || `The upstream answered ${status} and said nothing`;
  const error = new GatewayError(verdict.kind, `upstream answered ${status}: ${told.message}`, {
    ...(retryAfterS === undefined ? {} : { retryAfterS }),
    ...(callersFault ? { status, values: { detail } } : {}),
    ...(verdict.status === undefined ? {} : { status: verdict.status }),
  });
  const length = { "content-length": String(body.length) };
  return {
    error,
    tryAnother: verdict.tryAnother ?? errorKinds[verdict.kind].tryAnother,
    class: verdict.class,
    retryAfterS,
    passOn:
      callersFault && told.native ? { status, headers: { ...headers, ...length }, body } : null,
  };
}

/** The status that an error's own words stand for. */
function statusOf(told: UpstreamError): number {
  const numeric = Number(told.code);
  if (numeric >= 400 && numeric < 600) return numeric;
  const word = [told.code, told.type].find(
    (one) => one !== null && Object.hasOwn(statusByWord, one),
  );
  return word == null ? 500 : (statusByWord[word] ?? 500);
}

/** An error told inside a stream, or in a body whose status was success. */
export function toldError(told: UpstreamError, status = statusOf(told)): AttemptFailure {
  const parts = { status, told, body: Buffer.alloc(0), headers: {}, retryAfterS: undefined };
  return { ...refusedReply(parts), passOn: null };
}

/** The same, as the decoder of another dialect read it. */
export function toldReplyError(error: ReplyError): AttemptFailure {
  const told = fromReplyError(error);
  return error.status === null ? toldError(told) : toldError(told, error.status);
}

/** What a decoder read cannot be passed on as it is: the caller speaks another dialect. */
export function fromReplyError({ message, type, code, retryAfterS }: ReplyError): UpstreamError {
  const told = { message, type, code, native: false };
  return retryAfterS === undefined ? told : { ...told, retryAfterS };
}

/** A failure of the connection or of the reply's form. */
export function brokenExchange(error: GatewayError): AttemptFailure {
  const { tryAnother, blame } = errorKinds[error.kind];
  return {
    error,
    tryAnother,
    class: blame === "upstream" ? "channel" : null,
    retryAfterS: undefined,
    passOn: null,
  };
}
