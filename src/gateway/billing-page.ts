/**
 * What a key may spend and has spent, on the paths that OpenAI's dashboard had and One Hub's clients still ask.
 * Promises: decimals are exact; where the database cannot be asked that is a retryable 503, never a zero.
 */
import { GatewayError, toGatewayError } from "../core/errors.ts";
import { type NanoDollars, formatDollars } from "../core/money.ts";
import type { Logger } from "../core/logger.ts";
import type { Locale, RenderedReply } from "../dialects/contract.ts";
import { getDialect } from "../dialects/registry.ts";
import type { Database, Sql } from "../store/database.ts";
import { findKey } from "../store/keys.ts";
import type { Sync } from "../sync/sync.ts";
import type { CallRequest, ReplySink } from "../wire/call.ts";
import type { Authenticate, Caller } from "../wire/caller.ts";
import { type Span, readLimit, readPaid } from "./money/billing-payer.ts";
import type { Gateway } from "./serve-call.ts";

export interface BillingParts {
  readonly authenticate: Authenticate;
  readonly database: Pick<Database, "reads">;
  readonly sync: Pick<Sync, "businessNowMs">;
  readonly locale: Locale;
  readonly logger: Logger;
}

/** Answers the `billing` operation and hands all others on: it is no call, costs nothing and is not recorded. */
export function makeBillingDoor(parts: BillingParts, gateway: Gateway): Gateway {
  return {
    serve: (request, sink) =>
      request.operation === "billing"
        ? serveBilling(parts, request, sink)
        : gateway.serve(request, sink),
  };
}

async function serveBilling(
  parts: BillingParts,
  request: CallRequest,
  sink: ReplySink,
): Promise<void> {
  const { status, headers, body } = await answer(parts, request);
  sink.head(status, headers);
  sink.end(body);
}

async function answer(parts: BillingParts, request: CallRequest): Promise<RenderedReply> {
  try {
    const caller = await parts.authenticate(request);
    const page = request.pathAction === "usage" ? usagePage : subscriptionPage;
    const nowMs = parts.sync.businessNowMs();
    return json(await page({ db: parts.database.reads, caller, request, nowMs }));
  } catch (thrown) {
    const error =
      thrown instanceof GatewayError
        ? thrown
        : new GatewayError("temporarily_unavailable", "The balance cannot be read at the moment", {
            cause: thrown,
            retryAfterS: 2,
          });
    if (error.status >= 500)
      parts.logger.warn({ requestId: request.id, err: error.cause ?? error }, "billing not read");
    const telling = { locale: parts.locale, requestId: request.id };
    return getDialect(request.dialect).renderError(toGatewayError(error), telling);
  }
}

interface Ask {
  readonly db: Sql;
  readonly caller: Caller;
  readonly request: CallRequest;
  readonly nowMs: number;
}

/** What One Hub shows where nothing bounds a key: clients take it for "unlimited". */
const unlimited = "100000000";

/** All three limits are the same, as in One Hub; `access_until` in seconds, 0: the key never expires. */
async function subscriptionPage({ db, caller, nowMs }: Ask): Promise<string> {
  const key = await findKey(db, BigInt(caller.keyId));
  const limit = await readLimit(db, caller, nowMs);
  const amount = limit === null ? unlimited : formatDollars(limit);
  const until = (key?.expires_at ?? 0n) / 1000n;
  return (
    `{"object":"billing_subscription","has_payment_method":true,"soft_limit_usd":${amount},` +
    `"hard_limit_usd":${amount},"system_hard_limit_usd":${amount},"access_until":${until}}`
  );
}

/** In cents. */
async function usagePage({ db, caller, request, nowMs }: Ask): Promise<string> {
  const span = { fromMs: readDate(request, "start_date"), toMs: readDate(request, "end_date") };
  const spent = await readPaid(db, caller, { span: checkSpan(span), nowMs });
  return `{"object":"list","total_usage":${formatCents(spent)}}`;
}

function checkSpan(span: Span): Span {
  const { fromMs = 0, toMs = Infinity } = span;
  if (fromMs <= toMs) return span;
  throw wrongDate("end_date", "must not be before start_date");
}

/** A UTC day's begin; undefined: not asked for. */
function readDate(request: CallRequest, name: "start_date" | "end_date"): number | undefined {
  const text = request.query[name];
  if (text === undefined || text === "") return undefined;
  const timeMs = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(timeMs)) throw wrongDate(name, "must be a date such as 2026-01-31");
  return timeMs;
}

function wrongDate(field: string, message: string): GatewayError {
  return new GatewayError("invalid_request", `${field} ${message}`, {
    fields: [{ field, message }],
  });
}

/** A hundred cents are a dollar. */
function formatCents(amount: NanoDollars): string {
  return formatDollars(amount * 100n);
}

/** Written as text: a number of JavaScript would lose digits of a large balance. */
function json(text: string): RenderedReply {
  return {
    status: 200,
    headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" },
    body: Buffer.from(text),
  };
}
