/**
 * Calls that are settled after their day was closed. Promise: their closing entries are written in the transaction
 * that writes their rows, so that at every instant entries say what rows say, or said before they went.
 */
import { addAccountEntries } from "./account-entries.ts";
import type { NewCallRow } from "./calls.ts";
import { dayOf } from "./calls.ts";
import { closingEntry, groupIds, isClosed, lockDay } from "./closing-entries.ts";
import type { Sql } from "./database.ts";
import { engineOf, nowMs } from "./dialect.ts";
import { sumRows } from "./ledger-accounts.ts";

/**
 * No day is closed before it is over for an hour. Half of it is left to a transaction, so that a call of the day that
 * just ended, of which every node has some, waits for nobody.
 */
const openForMs = 1_800_000;

/** Within the transaction that settles them, before their rows are written. */
export async function bookLateCalls(trx: Sql, rows: readonly NewCallRow[]): Promise<void> {
  if (rows.length === 0) return;
  const { now } = await trx.selectNoFrom(nowMs(engineOf(trx)).as("now")).executeTakeFirstOrThrow();
  const firstOpen = dayOf(Number(now) - openForMs);
  const late = Map.groupBy(
    rows.filter(({ day }) => day < firstOpen),
    ({ day }) => day,
  );
  for (const [day, some] of [...late].sort(([left], [right]) => left - right)) {
    await lockDay(trx, day);
    if (await isClosed(trx, day)) await bookRows(trx, day, some);
  }
}

async function bookRows(trx: Sql, day: number, rows: readonly NewCallRow[]): Promise<void> {
  const groups = await groupIds(trx);
  const round = rows[0]?.call_id ?? "";
  const entries = sumRows(rows)
    .filter(({ kind, amount }) => kind === "day" || amount !== 0n)
    .map((sum) => closingEntry(day, round, sum, groups));
  for (let at = 0; at < entries.length; at += 200)
    await addAccountEntries(trx, entries.slice(at, at + 200));
}
