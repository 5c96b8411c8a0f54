/**
 * The entries that close a day, and the lock under which they are written. Promise: whoever writes one holds the day,
 * so that nobody sees a day open, or its rows there, that is closed or emptied before its own rows are committed.
 */
import type { NewAccountEntry } from "./account-entries.ts";
import type { Sql } from "./database.ts";
import { engineOf } from "./dialect.ts";
import { insertUnlessThere } from "./insert-unless-there.ts";
import type { AccountSum } from "./ledger-accounts.ts";

/** Within a transaction: nobody else closes this day, lets its rows go or settles into it late, until that ends. */
export async function lockDay(trx: Sql, day: number): Promise<void> {
  await insertUnlessThere(trx, "sent_days", { day, sent_to: "" });
  // SQLite has one writer at a time.
  if (engineOf(trx) === "sqlite") return;
  await trx.selectFrom("sent_days").select("day").where("day", "=", day).forUpdate().execute();
}

/** Whether a day has been closed at all. */
export async function isClosed(db: Sql, day: number): Promise<boolean> {
  const entry = await db
    .selectFrom("account_entries")
    .select("id")
    .where("account_kind", "=", "day")
    .where("account_id", "=", BigInt(day))
    .where("kind", "=", "closing")
    .limit(1)
    .executeTakeFirst();
  return entry !== undefined;
}

/** `round` makes it one: how often the day was closed before, or the id of a call that came late. */
export function closingEntry(
  day: number,
  round: number | string,
  sum: AccountSum,
  groups: ReadonlyMap<string, bigint>,
): NewAccountEntry {
  const named = sum.kind === "group" || sum.kind === "group_total";
  return {
    kind: "closing",
    accountKind: sum.kind,
    accountId: named ? (groups.get(sum.name) ?? 0n) : BigInt(sum.name),
    amount: sum.amount,
    day,
    reference: `closing:${day}:${sum.kind}:${sum.name}:${round}`,
    remark: sum.kind === "day" ? `${sum.calls} calls` : "",
    actorId: null,
  };
}

/** Ids by symbol. */
export async function groupIds(db: Sql): Promise<ReadonlyMap<string, bigint>> {
  const rows = await db.selectFrom("groups").select(["id", "symbol"]).execute();
  return new Map(rows.map(({ id, symbol }) => [symbol, id]));
}
