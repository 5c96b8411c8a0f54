/**
 * Finished calls. Promise: a batch may be written any number of times and each call stands there once; no text that a
 * caller chose can make its row unwritable.
 */
import type { Insertable, SelectQueryBuilder, Selectable } from "kysely";
import { sql } from "kysely";
import { callAdmittedAtMs } from "../core/ids.ts";
import type { Sql } from "./database.ts";
import { insertUnlessThere } from "./insert-unless-there.ts";
import type { Page, PageOptions } from "./pages.ts";
import { InvalidCursor, toPage } from "./pages.ts";
import { chunksOf } from "./sync-sql/sync-reads.ts";
import type { CallTable, Tables } from "./tables.ts";

export type CallRow = Selectable<CallTable>;
export type NewCallRow = Insertable<CallTable>;

const dayMs = 86_400_000;

/** The `day` of a call: days since 1970 UTC of its admission. */
export function dayOf(admittedAtMs: number): number {
  return Math.floor(admittedAtMs / dayMs);
}

/** Widths of the text columns (migration 0002). */
const widths: Readonly<Partial<Record<keyof CallTable, number>>> = {
  group: 64,
  dialect: 64,
  operation: 64,
  model_asked: 255,
  model_billed: 255,
  model_sent: 255,
  model_reported: 255,
  error: 64,
  outcome: 64,
  end_user: 255,
  address: 255,
  service_tier: 64,
};

/** Every column, in the order of bulk inserts. */
export const callColumns = [
  "day",
  "call_id",
  "admitted_at",
  "node_id",
  "key_id",
  "user_id",
  "group",
  "channel_id",
  "dialect",
  "operation",
  "model_asked",
  "model_billed",
  "model_sent",
  "model_reported",
  "status",
  "error",
  "outcome",
  "stream",
  "attempts",
  "input_tokens",
  "cache_read_tokens",
  "cache_write_tokens",
  "output_tokens",
  "reasoning_tokens",
  "estimated",
  "unpriced",
  "cost",
  "price_id",
  "revision",
  "first_byte_ms",
  "duration_ms",
  "end_user",
  "address",
  "cache_write_1h_tokens",
  "channel_cost",
  "service_tier",
  "recovered",
  "counted",
] as const satisfies readonly (keyof CallTable)[];

/** Inserts calls that are not there yet. */
export async function insertCalls(db: Sql, calls: readonly NewCallRow[]): Promise<void> {
  for (const chunk of chunksOf(calls.map(fittingCall), 200))
    await insertUnlessThere(db, "calls", chunk);
}

/** Cuts what is too long, and drops NUL, which PostgreSQL cannot hold. */
export function fittingCall(call: NewCallRow): NewCallRow {
  const fitted: Record<string, unknown> = { ...call };
  for (const [column, width] of Object.entries(widths)) {
    const value = fitted[column];
    if (typeof value !== "string") continue;
    const clean = value.replaceAll("\0", "").toWellFormed();
    // By code points, as the engines count.
    fitted[column] = clean.length <= width ? clean : [...clean].slice(0, width).join("");
  }
  return fitted as unknown as NewCallRow;
}

export interface CallFilters {
  readonly keyId?: bigint | undefined;
  readonly userId?: bigint | undefined;
  readonly channelId?: bigint | undefined;
  /** The model asked for, word for word. */
  readonly model?: string | undefined;
  readonly group?: string | undefined;
  readonly status?: number | undefined;
  readonly outcome?: string | undefined;
  /** Ms UTC of the admission, inclusive. */
  readonly fromMs?: number | undefined;
  /** Ms UTC, exclusive. */
  readonly toMs?: number | undefined;
}

/** Newest first. */
export async function listCalls(
  db: Sql,
  options: PageOptions & { readonly filters?: CallFilters },
): Promise<Page<CallRow>> {
  const { limit, after, filters = {} } = options;
  let query = filtered(db.selectFrom("calls").selectAll(), filters).limit(limit + 1);
  if (after !== undefined) {
    const admittedAtMs = callAdmittedAtMs(after);
    if (admittedAtMs === undefined) throw new InvalidCursor();
    query = query.where("day", "<=", dayOf(admittedAtMs)).where("call_id", "<", after);
  }
  // With one of these filters their own index gives the order; without, the primary key does.
  const indexed = filters.keyId ?? filters.userId ?? filters.channelId;
  if (indexed === undefined) query = query.orderBy("day", "desc");
  const rows = await query.orderBy("call_id", "desc").execute();
  return toPage(rows, limit, (row) => row.call_id);
}

export async function findCall(db: Sql, callId: string): Promise<CallRow | undefined> {
  const admittedAtMs = callAdmittedAtMs(callId);
  if (admittedAtMs === undefined) return undefined;
  return await db
    .selectFrom("calls")
    .selectAll()
    .where("day", "=", dayOf(admittedAtMs))
    .where("call_id", "=", callId)
    .executeTakeFirst();
}

export interface CallSums {
  readonly calls: bigint;
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  /** Nano-dollars. */
  readonly cost: bigint;
}

/** Exact sums over the calls that a filter leaves. */
export async function sumCalls(db: Sql, filters: CallFilters): Promise<CallSums> {
  const query = db
    .selectFrom("calls")
    .select([
      sql<bigint>`count(*)`.as("calls"),
      sql<bigint | null>`sum(input_tokens)`.as("input"),
      sql<bigint | null>`sum(output_tokens)`.as("output"),
      sql<bigint | null>`sum(cost)`.as("cost"),
    ]);
  const row = await filtered(query, filters).executeTakeFirstOrThrow();
  return {
    calls: row.calls,
    inputTokens: row.input ?? 0n,
    outputTokens: row.output ?? 0n,
    cost: row.cost ?? 0n,
  };
}

function filtered<Row>(
  query: SelectQueryBuilder<Tables, "calls", Row>,
  filters: CallFilters,
): SelectQueryBuilder<Tables, "calls", Row> {
  let next = query;
  if (filters.keyId !== undefined) next = next.where("key_id", "=", filters.keyId);
  if (filters.userId !== undefined) next = next.where("user_id", "=", filters.userId);
  if (filters.channelId !== undefined) next = next.where("channel_id", "=", filters.channelId);
  if (filters.model !== undefined) next = next.where("model_asked", "=", filters.model);
  if (filters.group !== undefined) next = next.where("group", "=", filters.group);
  if (filters.status !== undefined) next = next.where("status", "=", filters.status);
  if (filters.outcome !== undefined) next = next.where("outcome", "=", filters.outcome);
  if (filters.fromMs !== undefined)
    next = next
      .where("day", ">=", dayOf(filters.fromMs))
      .where("admitted_at", ">=", BigInt(filters.fromMs));
  if (filters.toMs !== undefined)
    next = next
      .where("day", "<=", dayOf(filters.toMs))
      .where("admitted_at", "<", BigInt(filters.toMs));
  return next;
}
