/**
 * The one table of error kinds and the one error class.
 * Promise kept here: blame is honest. A fault of ours is 5xx and retryable, never 401.
 */

/** Who has to act: the caller mends the request, we mend the gateway, the upstream vendor mends theirs. */
export type Blame = "caller" | "gateway" | "upstream";

interface KindFacts {
  /** HTTP status shown to the caller. */
  readonly status: number;
  readonly blame: Blame;
  /** Whether another channel may succeed where this one failed (before the response has begun). */
  readonly tryAnother: boolean;
}

/** Every kind of failure a caller or operator can see; the key is the stable `code` on the wire. */
export const errorKinds = {
  invalid_request: { status: 400, blame: "caller", tryAnother: false },
  invalid_api_key: { status: 401, blame: "caller", tryAnother: false },
  key_expired: { status: 401, blame: "caller", tryAnother: false },
  key_disabled: { status: 401, blame: "caller", tryAnother: false },
  unauthorized: { status: 401, blame: "caller", tryAnother: false },
  forbidden: { status: 403, blame: "caller", tryAnother: false },
  ip_not_allowed: { status: 403, blame: "caller", tryAnother: false },
  model_not_allowed: { status: 403, blame: "caller", tryAnother: false },
  group_not_available: { status: 403, blame: "caller", tryAnother: false },
  channel_not_available: { status: 503, blame: "caller", tryAnother: false },
  model_not_found: { status: 404, blame: "caller", tryAnother: false },
  previous_response_not_found: { status: 400, blame: "caller", tryAnother: false },
  not_found: { status: 404, blame: "caller", tryAnother: false },
  method_not_allowed: { status: 405, blame: "caller", tryAnother: false },
  request_timeout: { status: 408, blame: "caller", tryAnother: false },
  conflict: { status: 409, blame: "caller", tryAnother: false },
  precondition_failed: { status: 412, blame: "caller", tryAnother: false },
  request_too_large: { status: 413, blame: "caller", tryAnother: false },
  validation_failed: { status: 422, blame: "caller", tryAnother: false },
  rate_limit_exceeded: { status: 429, blame: "caller", tryAnother: false },
  insufficient_quota: { status: 429, blame: "caller", tryAnother: false },
  model_not_priced: { status: 403, blame: "caller", tryAnother: false },
  not_metered: { status: 403, blame: "caller", tryAnother: false },
  caller_gone: { status: 499, blame: "caller", tryAnother: false },
  internal: { status: 500, blame: "gateway", tryAnother: false },
  no_available_channel: { status: 503, blame: "gateway", tryAnother: false },
  temporarily_unavailable: { status: 503, blame: "gateway", tryAnother: false },
  setup_required: { status: 503, blame: "gateway", tryAnother: false },
  upstream_unreachable: { status: 502, blame: "upstream", tryAnother: true },
  upstream_timeout: { status: 504, blame: "upstream", tryAnother: true },
  upstream_invalid: { status: 502, blame: "upstream", tryAnother: true },
  upstream_truncated: { status: 502, blame: "upstream", tryAnother: true },
  upstream_auth: { status: 502, blame: "upstream", tryAnother: true },
  upstream_overloaded: { status: 429, blame: "upstream", tryAnother: true },
  upstream_failed: { status: 502, blame: "upstream", tryAnother: true },
  upstream_refused: { status: 400, blame: "upstream", tryAnother: false },
} as const satisfies Record<string, KindFacts>;

/** Stable name of a failure: the `code` of the wire. */
export type ErrorKind = keyof typeof errorKinds;

/** One field at fault: where it stands (`models[0]`) and how to mend it. */
export interface FieldFault {
  readonly field: string;
  readonly message: string;
}

export interface GatewayErrorOptions {
  /** What was thrown below; logged, never shown. */
  readonly cause?: unknown;
  /** Seconds a caller should wait; sent as `Retry-After`. */
  readonly retryAfterS?: number;
  /** Fields at fault, for 400 and 422. */
  readonly fields?: readonly FieldFault[];
  /** Values for the localised message template of the kind. */
  readonly values?: Readonly<Record<string, string>>;
  /** Status to show in place of the kind's own (an upstream's 4xx passed on). */
  readonly status?: number;
}

/** The only error class thrown on purpose. Anything else that is thrown is `internal` and shown without its message. */
export class GatewayError extends Error {
  readonly kind: ErrorKind;
  readonly retryAfterS: number | undefined;
  readonly fields: readonly FieldFault[];
  readonly values: Readonly<Record<string, string>> | undefined;
  readonly status: number;

  constructor(kind: ErrorKind, message: string, options: GatewayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "GatewayError";
    this.kind = kind;
    this.retryAfterS = options.retryAfterS;
    this.fields = options.fields ?? [];
    this.values = options.values;
    this.status = options.status ?? errorKinds[kind].status;
  }
}

/** Wraps whatever was thrown: ours as it is, anything else as `internal` with the original as cause. */
export function toGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  return new GatewayError("internal", "Internal error", { cause: thrown });
}

/** The message of anything thrown, for logs and status fields. */
export function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  // A refused connection to a name with two addresses is an AggregateError with an empty message.
  if (thrown.message === "" && thrown instanceof AggregateError)
    return thrown.errors.map(messageOf).join("; ");
  return thrown.message;
}
