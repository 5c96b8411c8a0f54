/**
 * Days of the ledger: open, then closed by one entry for each account, then without rows. Promises: a day is closed
 * when every journal that can be waited for is settled beyond its end; what comes later is closed by further entries;
 * rows go only when entries say the same as they do.
 */
import { sql } from "kysely";
import type { AccountKind, NewAccountEntry } from "./account-entries.ts";
import { addAccountEntries } from "./account-entries.ts";
import { closingEntry, groupIds, lockDay } from "./closing-entries.ts";
import type { Sql } from "./database.ts";
import { engineOf, nowMs } from "./dialect.ts";
import { sumDay } from "./ledger-accounts.ts";
import { sealedPosition } from "./settlement.ts";

export const dayLengthMs = 86_400_000;

/** How long after its end a day is left open at least. */
const graceMs = 3_600_000;
/** A journal that was not heard of for so long is waited for no longer: its node is gone, or comes back late. */
const lostAfterMs = 26 * 3_600_000;

/** The first day that has no closing entry yet, if any day has. */
export async function nextOpenDay(db: Sql): Promise<number | undefined> {
  const closed = await db
    .selectFrom("account_entries")
    .select(sql<bigint | null>`max(account_id)`.as("day"))
    .where("account_kind", "=", "day")
    .where("kind", "=", "closing")
    .executeTakeFirst();
  if (closed?.day != null) return Number(closed.day) + 1;
  return await oldestDay(db);
}

/** The oldest day that has rows. */
export async function oldestDay(db: Sql): Promise<number | undefined> {
  const row = await db
    .selectFrom("calls")
    .select(sql<number | null>`min(day)`.as("day"))
    .executeTakeFirst();
  return row?.day == null ? undefined : Number(row.day);
}

/** The database's clock, ms UTC. */
export async function readNowMs(db: Sql): Promise<number> {
  const { now } = await db.selectNoFrom(nowMs(engineOf(db)).as("now")).executeTakeFirstOrThrow();
  return Number(now);
}

/** The day that is running, by the database's clock. */
export async function currentDay(db: Sql): Promise<number> {
  return Math.floor((await readNowMs(db)) / dayLengthMs);
}

/** Whether all that was admitted in a day is settled, as far as that can be known. */
export async function isDaySettled(db: Sql, day: number): Promise<boolean> {
  const now = await readNowMs(db);
  const endMs = (day + 1) * dayLengthMs;
  if (now < endMs + graceMs) return false;
  const behind = await db
    .selectFrom("journal_cursors")
    .select("node_id")
    .where("position", "<", sealedPosition)
    .where("settled_until", "<", BigInt(endMs))
    .where("updated_at", ">", BigInt(now - lostAfterMs))
    .limit(1)
    .executeTakeFirst();
  return behind === undefined;
}

/** What the entries since the rows last went say of each account of a day. */
export interface ClosedDay {
  /** How often it was closed. */
  readonly rounds: number;
  /** `open`: no entry yet; `closed`; `dropping`: rows are going; `dropped`: those that were there are gone. */
  readonly state: "open" | "closed" | "dropping" | "dropped";
  /** Whether rows of it went already, or are going. */
  readonly hasDropped: boolean;
  /** By account; what was closed before rows went is not among them. */
  readonly sums: ReadonlyMap<string, bigint>;
  /** All closing entries, also those from before. */
  readonly allSums: ReadonlyMap<string, bigint>;
  /** Id of its last entry; 0: none. */
  readonly last: bigint;
}

export function accountName(kind: string, name: string): string {
  return `${kind} ${name}`;
}

export async function readClosedDay(db: Sql, day: number): Promise<ClosedDay> {
  const rows = await db
    .selectFrom("account_entries")
    .selectAll()
    .where("day", "=", day)
    .where("kind", "in", ["closing", "dropped"])
    .orderBy("id")
    .execute();
  const sums = new Map<string, bigint>();
  const allSums = new Map<string, bigint>();
  let rounds = 0;
  let state: ClosedDay["state"] = "open";
  let hasDropped = false;
  for (const row of rows) {
    state = stateAfter(state, row);
    if (row.kind === "dropped") {
      hasDropped = true;
      if (state === "dropped") sums.clear();
      continue;
    }
    if (row.account_kind === "day") rounds += 1;
    const account = accountName(row.account_kind, nameIn(row.reference, row.account_kind, day));
    sums.set(account, (sums.get(account) ?? 0n) + row.amount);
    allSums.set(account, (allSums.get(account) ?? 0n) + row.amount);
  }
  return { rounds, state, hasDropped, sums, allSums, last: rows.at(-1)?.id ?? 0n };
}

/** A call that comes while rows are going is closed by an entry of its own, and goes with them. */
function stateAfter(
  before: ClosedDay["state"],
  entry: { readonly kind: string; readonly remark: string },
): ClosedDay["state"] {
  if (entry.kind === "dropped") return entry.remark === "dropping" ? "dropping" : "dropped";
  return before === "dropping" ? "dropping" : "closed";
}

/** `closing:<day>:<kind>:<name>:<round>`; a group's symbol may hold anything. */
function nameIn(reference: string, kind: string, day: number): string {
  return reference.slice(`closing:${day}:${kind}:`.length, reference.lastIndexOf(":"));
}

/** Entries that a day lacks. */
export interface Closing {
  readonly entries: readonly NewAccountEntry[];
  /** Its last entry when they were summed. */
  readonly after: bigint;
}

/** What rows say and entries do not yet; read it at one instant. Nothing while rows are going. */
export async function findClosing(db: Sql, day: number): Promise<Closing> {
  const before = await readClosedDay(db, day);
  if (before.state === "dropping") return { entries: [], after: before.last };
  const groups = await groupIds(db);
  const sums = await sumDay(db, day);
  const entries = sums.flatMap((sum): NewAccountEntry[] => {
    const amount = sum.amount - (before.sums.get(accountName(sum.kind, sum.name)) ?? 0n);
    const first = sum.kind === "day" && before.rounds === 0;
    if (amount === 0n && !first) return [];
    return [closingEntry(day, before.rounds, { ...sum, amount }, groups)];
  });
  // The day itself tells how often it was closed.
  const whole = sums[0];
  if (entries.length > 0 && whole !== undefined && !entries.some(isWholeDay))
    entries.push(closingEntry(day, before.rounds, { ...whole, amount: 0n }, groups));
  return { entries, after: before.last };
}

/** Within a transaction: writes these entries; false: others were written meanwhile, and none of these. */
export async function closeDay(
  trx: Sql,
  day: number,
  { entries, after }: Closing,
): Promise<boolean> {
  await lockDay(trx, day);
  if ((await readClosedDay(trx, day)).last !== after) return false;
  for (let at = 0; at < entries.length; at += 200)
    await addAccountEntries(trx, entries.slice(at, at + 200));
  return true;
}

function isWholeDay(entry: NewAccountEntry): boolean {
  return entry.accountKind === "day";
}

/** Within a transaction: a closed day's rows begin to go. */
export async function markDropping(trx: Sql, day: number): Promise<void> {
  await mark(trx, day, "dropping");
}

/** Within a transaction: they are gone; false: some are there. */
export async function markDropped(trx: Sql, day: number): Promise<boolean> {
  // Who settles into the day now has written rows and entries before, or will write both after the mark.
  await lockDay(trx, day);
  const left = await trx
    .selectFrom("calls")
    .select("call_id")
    .where("day", "=", day)
    .limit(1)
    .executeTakeFirst();
  if (left !== undefined) return false;
  await mark(trx, day, "dropped");
  return true;
}

async function mark(trx: Sql, day: number, state: "dropping" | "dropped"): Promise<void> {
  const { rounds } = await readClosedDay(trx, day);
  const accountKind: AccountKind = "day";
  await addAccountEntries(trx, [
    {
      kind: "dropped",
      accountKind,
      accountId: day,
      amount: 0n,
      day,
      reference: `closing:${day}:${state}:${rounds}`,
      remark: state,
      actorId: null,
    },
  ]);
}

/** Deletes at most so many rows of some days, oldest first; answers whether more are left. */
export async function deleteRows(
  db: Sql,
  table: "calls" | "call_details",
  ask: { readonly firstDay: number; readonly lastDay: number; readonly limit: number },
): Promise<boolean> {
  const last = await db
    .selectFrom(table)
    .select(["day", "call_id"])
    .where("day", ">=", ask.firstDay)
    .where("day", "<=", ask.lastDay)
    .orderBy("day")
    .orderBy("call_id")
    .limit(1)
    .offset(ask.limit)
    .executeTakeFirst();
  if (last === undefined) {
    await db
      .deleteFrom(table)
      .where("day", ">=", ask.firstDay)
      .where("day", "<=", ask.lastDay)
      .execute();
    return false;
  }
  await db
    .deleteFrom(table)
    .where("day", ">=", ask.firstDay)
    .where((where) =>
      where.or([
        where("day", "<", last.day),
        where.and([where("day", "=", last.day), where("call_id", "<", last.call_id)]),
      ]),
    )
    .execute();
  return true;
}

/** Days that have rows or entries, oldest first. */
export async function listDays(
  db: Sql,
): Promise<readonly { readonly day: number; readonly state: ClosedDay["state"] }[]> {
  const marks = await db
    .selectFrom("account_entries")
    .select(["day", "kind", "remark"])
    .where("account_kind", "=", "day")
    .orderBy("id")
    .execute();
  const states = new Map<number, ClosedDay["state"]>();
  for (const { day: marked, ...entry } of marks) {
    const day = marked ?? 0;
    states.set(day, stateAfter(states.get(day) ?? "open", entry));
  }
  const today = await currentDay(db);
  const first = (await oldestDay(db)) ?? today + 1;
  for (let day = first; day <= today; day += 1) if (!states.has(day)) states.set(day, "open");
  return [...states].map(([day, state]) => ({ day, state })).sort((a, b) => a.day - b.day);
}
