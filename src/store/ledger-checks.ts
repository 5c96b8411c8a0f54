/**
 * Whether the views of the same money agree: rows of calls, roll-ups, closing entries, budgets, balances. Promise: what
 * is compared is of one instant, so that a difference is a fault and never a settlement under way.
 */
import { sql } from "kysely";
import type { Sql } from "./database.ts";
import { sumDay } from "./ledger-accounts.ts";
import { accountName, dayLengthMs, readClosedDay } from "./ledger-days.ts";
import { daySpan, sumRolledDay } from "./rollups.ts";

export interface Discrepancy {
  /** `rollups`: sums against rows; `closing`: entries against rows; `crossfoot`: a day's entries against each other; `budget`, `balance`: counters against rows, entries. */
  readonly check: "rollups" | "closing" | "crossfoot" | "budget" | "balance";
  /** Days since 1970 UTC; null: not of one day. */
  readonly day: number | null;
  /** Such as `key 12`, or a bucket with all that it is kept by. */
  readonly account: string;
  /** Of what: `cost`, `channel_cost`, `calls`. */
  readonly of: string;
  /** What the rows (of balances: the entries) say. */
  readonly expected: bigint;
  readonly found: bigint;
}

/** Runs checks on one instant of the database. */
export async function atOneInstant<T>(db: Sql, work: (trx: Sql) => Promise<T>): Promise<T> {
  return await db
    .transaction()
    .setIsolationLevel("repeatable read")
    .setAccessMode("read only")
    .execute(work);
}

const sums = ["calls", "cost", "channel_cost"] as const;

/** A day's rows against its quarter-hours; where rows went, what was closed against them, while there are any. */
export async function checkRollups(db: Sql, day: number): Promise<readonly Discrepancy[]> {
  const { hasDropped, allSums } = await readClosedDay(db, day);
  if (!hasDropped) return await compareRows(db, day);
  const { cost: found } = await sumRolledDay(db, day);
  const expected = allSums.get(accountName("day", String(day))) ?? 0n;
  if (found === 0n || found === expected) return [];
  return [{ check: "rollups", day, account: "all calls", of: "cost", expected, found }];
}

const rollupGroup = ["bucket", "key_id", "user_id", "group", "model", "channel_id"] as const;

/** The database compares: of a day there may be more sums than a loop that serves calls should walk through. */
async function compareRows(db: Sql, day: number): Promise<readonly Discrepancy[]> {
  const fromMs = BigInt(day * dayLengthMs);
  const toMs = fromMs + BigInt(dayLengthMs);
  const none = sql<bigint>`0`;
  const rolled = db
    .selectFrom("usage_rollups")
    .select(rollupGroup)
    .select(["calls as found_calls", "cost as found_cost", "channel_cost as found_channel_cost"])
    .select(sums.map((of) => none.as(`expected_${of}` as const)))
    .where("span", "<", daySpan)
    .where("bucket", ">=", fromMs)
    .where("bucket", "<", toMs);
  const bucket = sql<bigint>`admitted_at - admitted_at % 900000`;
  const channel = sql<bigint>`coalesce(channel_id, 0)`;
  const counted = db
    .selectFrom("calls")
    .select([bucket.as("bucket"), "key_id", "user_id", "group", "model_billed as model"])
    .select(channel.as("channel_id"))
    .select(sums.map((of) => none.as(`found_${of}` as const)))
    .select([
      sql<bigint>`count(*)`.as("expected_calls"),
      sql<bigint>`sum(cost)`.as("expected_cost"),
      sql<bigint>`sum(channel_cost)`.as("expected_channel_cost"),
    ])
    .where("day", "=", day)
    .groupBy([bucket, "key_id", "user_id", "group", "model_billed", channel]);
  const rows = await db
    .selectFrom(rolled.unionAll(counted).as("sides"))
    .select(rollupGroup)
    .select(
      sums.flatMap((of) => [
        sql<bigint>`sum(${sql.ref(`expected_${of}`)})`.as(`expected_${of}` as const),
        sql<bigint>`sum(${sql.ref(`found_${of}`)})`.as(`found_${of}` as const),
      ]),
    )
    .groupBy(rollupGroup)
    .having(
      sql<boolean>`sum(expected_calls) <> sum(found_calls) or sum(expected_cost) <> sum(found_cost)
        or sum(expected_channel_cost) <> sum(found_channel_cost)`,
    )
    .execute();
  return rows
    .flatMap((row) => differences(day, row))
    .toSorted((left, right) =>
      left.account === right.account ? 0 : left.account < right.account ? -1 : 1,
    );
}

type ComparedRow = Readonly<Record<`${"expected" | "found"}_${(typeof sums)[number]}`, bigint>> & {
  readonly bucket: bigint;
  readonly key_id: bigint;
  readonly user_id: bigint;
  readonly group: string;
  readonly model: string;
  readonly channel_id: bigint;
};

function differences(day: number, row: ComparedRow): readonly Discrepancy[] {
  // The day is told beside it. To MySQL names are the same that differ by spaces at their ends.
  const at = new Date(Number(row.bucket)).toISOString().slice(11, 16);
  const account = `${at} ${row.model.trimEnd()} key ${row.key_id} user ${row.user_id} group ${row.group} channel ${row.channel_id}`;
  return sums.flatMap((of): Discrepancy[] => {
    const [expected, found] = [row[`expected_${of}`], row[`found_${of}`]];
    return expected === found ? [] : [{ check: "rollups", day, account, of, expected, found }];
  });
}

/** A day's entries against its rows while they are there, and against each other always. */
export async function checkClosing(db: Sql, day: number): Promise<readonly Discrepancy[]> {
  const closed = await readClosedDay(db, day);
  if (closed.state === "open") return [];
  const faults: Discrepancy[] = [];
  const whole = closed.allSums.get(accountName("day", String(day))) ?? 0n;
  for (const kind of ["key", "user", "group"]) {
    let found = 0n;
    for (const [account, amount] of closed.allSums)
      if (account.startsWith(`${kind} `)) found += amount;
    if (found === whole) continue;
    const account = `all of ${kind}`;
    faults.push({ check: "crossfoot", day, account, of: "cost", expected: whole, found });
  }
  if (closed.state === "dropping") return faults;
  const rows = new Map(
    (await sumDay(db, day)).map((sum) => [accountName(sum.kind, sum.name), sum.amount]),
  );
  for (const account of new Set([...rows.keys(), ...closed.sums.keys()])) {
    const expected = rows.get(account) ?? 0n;
    const found = closed.sums.get(account) ?? 0n;
    const of = account.startsWith("channel") ? "channel_cost" : "cost";
    if (expected !== found) faults.push({ check: "closing", day, account, of, expected, found });
  }
  return faults;
}
