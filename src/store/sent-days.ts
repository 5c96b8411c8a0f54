/**
 * Which calls were sent on to the log store. Promise: what is remembered never goes back, so that a call is sent again
 * where in doubt, and never left out; rows are deleted by their ids, so that none goes that came after the look.
 */
import type { Selectable } from "kysely";
import { sql } from "kysely";
import type { CallRow } from "./calls.ts";
import type { Sql } from "./database.ts";
import { engineOf } from "./dialect.ts";
import { insertUnlessThere } from "./insert-unless-there.ts";
import { sealedPosition } from "./settlement.ts";
import type { SentDayTable } from "./tables.ts";

export type SentDay = Selectable<SentDayTable>;

/** Money of one call, nano-dollars: what the log store is asked to show of it. */
export type CallAmounts = Pick<CallRow, "call_id" | "cost" | "channel_cost">;

/** What calls add up to, nano-dollars. */
export interface CallTotals {
  readonly calls: bigint;
  readonly cost: bigint;
  readonly channelCost: bigint;
}

/** Ids that begin with the same letters, so many, were made within 18 minutes (core/ids.ts). */
export const stretchLength = 6;

const nothingSent = { sent_to: "", sealed: 0, calls: 0n } as const;

export async function findSentDay(db: Sql, day: number): Promise<SentDay> {
  const row = await db
    .selectFrom("sent_days")
    .selectAll()
    .where("day", "=", day)
    .executeTakeFirst();
  return row ?? { day, ...nothingSent };
}

/** Of days from `firstDay` to `lastDay`, each one. */
export async function listSentDays(
  db: Sql,
  firstDay: number,
  lastDay: number,
): Promise<readonly SentDay[]> {
  const rows = await db
    .selectFrom("sent_days")
    .selectAll()
    .where("day", ">=", firstDay)
    .where("day", "<=", lastDay)
    .execute();
  const known = new Map(rows.map((row) => [row.day, row]));
  const length = Math.max(0, lastDay - firstDay + 1);
  return Array.from({ length }, (_, index) => {
    const day = firstDay + index;
    return known.get(day) ?? { day, ...nothingSent };
  });
}

/** Within a transaction: calls of a day were sent as far as this one. */
export async function moveSent(trx: Sql, day: number, callId: string): Promise<void> {
  await insertUnlessThere(trx, "sent_days", { day, ...nothingSent });
  await trx
    .updateTable("sent_days")
    .set({ sent_to: callId })
    .where("day", "=", day)
    .where("sent_to", "<", callId)
    .execute();
}

/** Within a transaction: all calls of a day were found there, `calls` by its roll-ups; or they were not. */
export async function markSealed(
  trx: Sql,
  day: number,
  seal: { readonly sealed: boolean; readonly calls: bigint },
): Promise<void> {
  await insertUnlessThere(trx, "sent_days", { day, ...nothingSent });
  await trx
    .updateTable("sent_days")
    .set({ sealed: seal.sealed ? 1 : 0, calls: seal.calls })
    .where("day", "=", day)
    .execute();
}

/** Calls of a day after one of them and, if told, before an id, in the order of ids. */
export async function readCallsAfter(
  db: Sql,
  ask: {
    readonly day: number;
    readonly after: string;
    readonly before?: string | undefined;
    readonly limit: number;
  },
): Promise<readonly CallRow[]> {
  return await alongKey(db, async (trx) => {
    let query = trx
      .selectFrom("calls")
      .selectAll()
      .where("day", "=", ask.day)
      .where("call_id", ">", ask.after)
      .orderBy("call_id")
      .limit(ask.limit);
    if (ask.before !== undefined) query = query.where("call_id", "<", ask.before);
    return await query.execute();
  });
}

/** The same, only what is compared. */
export async function readAmountsAfter(
  db: Sql,
  ask: { readonly day: number; readonly after: string; readonly limit: number },
): Promise<readonly CallAmounts[]> {
  return await alongKey(
    db,
    async (trx) =>
      await trx
        .selectFrom("calls")
        .select(["call_id", "cost", "channel_cost"])
        .where("day", "=", ask.day)
        .where("call_id", ">", ask.after)
        .orderBy("call_id")
        .limit(ask.limit)
        .execute(),
  );
}

/**
 * Reads a stretch of the key in its order. PostgreSQL's statistics may not know a young day yet: it would then take it
 * for a few rows and sort the whole rest of it for each page.
 */
async function alongKey<T>(db: Sql, read: (db: Sql) => Promise<T>): Promise<T> {
  if (engineOf(db) !== "postgres") return await read(db);
  return await db.transaction().execute(async (trx) => {
    await sql`set local enable_sort = off`.execute(trx);
    return await read(trx);
  });
}

/** Rows of calls by their ids; those that are there. */
export async function readCallsByIds(
  db: Sql,
  day: number,
  ids: readonly string[],
): Promise<readonly CallRow[]> {
  return await db
    .selectFrom("calls")
    .selectAll()
    .where("day", "=", day)
    .where("call_id", "in", [...ids])
    .execute();
}

export async function deleteCalls(trx: Sql, day: number, ids: readonly string[]): Promise<void> {
  await trx
    .deleteFrom("calls")
    .where("day", "=", day)
    .where("call_id", "in", [...ids])
    .execute();
}

/** What the rows of a day add up to, by {@link stretchLength} letters of their ids. */
export async function sumStretches(db: Sql, day: number): Promise<ReadonlyMap<string, CallTotals>> {
  const stretch = sql<string>`substr(call_id, 1, ${sql.raw(String(stretchLength))})`;
  const rows = await db
    .selectFrom("calls")
    .select([
      stretch.as("stretch"),
      sql<bigint>`count(*)`.as("calls"),
      sql<bigint>`sum(cost)`.as("cost"),
      sql<bigint>`sum(channel_cost)`.as("channel_cost"),
    ])
    .where("day", "=", day)
    .groupBy(stretch)
    .execute();
  return new Map(
    rows.map(({ stretch: name, calls, cost, channel_cost: channelCost }) => [
      name,
      { calls, cost, channelCost },
    ]),
  );
}

/**
 * Ms UTC: what was admitted before is in SQL, as far as living journals tell. One that says nothing for `patienceMs`,
 * or lets a call run for longer, is not waited for.
 */
export async function settledUntilMs(db: Sql, nowMs: number, patienceMs: number): Promise<number> {
  const least = nowMs - patienceMs;
  const row = await db
    .selectFrom("journal_cursors")
    .select(sql<bigint | null>`min(settled_until)`.as("until"))
    .where("position", "<", sealedPosition)
    .where("updated_at", ">", BigInt(least))
    .executeTakeFirst();
  const until = Number(row?.until ?? nowMs);
  return Math.min(nowMs, Math.max(least, until));
}
