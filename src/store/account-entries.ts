/** The ledger beside calls. Promise: an entry is written once however often it is asked for, and never changed after. */
import type { InsertObject, Selectable } from "kysely";
import { sql } from "kysely";
import type { NanoDollars } from "../core/money.ts";
import type { Sql } from "./database.ts";
import { engineOf, nowMs } from "./dialect.ts";
import type { Page, PageOptions } from "./pages.ts";
import { readIdCursor, toIdPage } from "./pages.ts";
import { violatedUnique } from "./sql-errors.ts";
import type { AccountEntryTable, Tables } from "./tables.ts";

export type AccountEntryRow = Selectable<AccountEntryTable>;

export type EntryKind =
  | "credit"
  | "correction"
  | "redemption"
  | "reward"
  | "promotion"
  | "job"
  | "closing"
  | "dropped";

/** `day`: all calls of a day together; `…_total` and `balance`: what they took of budgets that never end. */
export type AccountKind =
  | "key"
  | "user"
  | "group"
  | "channel"
  | "day"
  | "key_total"
  | "user_total"
  | "balance"
  | "group_total"
  | "channel_total";

export interface NewAccountEntry {
  /** Ms UTC; left out: the database's now. */
  readonly atMs?: number;
  readonly kind: EntryKind;
  readonly accountKind: AccountKind;
  /** Of a group: its row's id. */
  readonly accountId: number | bigint;
  /** What the account gains (negative: loses); of a closing entry, what its calls cost. */
  readonly amount: NanoDollars;
  /** Days since 1970 UTC that a closing entry closes; null for others. */
  readonly day: number | null;
  /** Unique, at most 191 characters: the entry's own name. */
  readonly reference: string;
  readonly remark: string;
  /** User who made it; null: the gateway. */
  readonly actorId: number | null;
}

/** Writes an entry unless its reference stands already; answers whether it is new. May be part of a transaction. */
export async function addAccountEntry(trx: Sql, entry: NewAccountEntry): Promise<boolean> {
  return (await addAccountEntries(trx, [entry])) === 1;
}

/** As {@link addAccountEntry} for many; answers how many are new. */
export async function addAccountEntries(
  trx: Sql,
  entries: readonly NewAccountEntry[],
): Promise<number> {
  if (entries.length === 0) return 0;
  const engine = engineOf(trx);
  const rows = entries.map((entry) => ({
    at: entry.atMs === undefined ? nowMs(engine) : BigInt(entry.atMs),
    kind: entry.kind,
    account_kind: entry.accountKind,
    account_id: BigInt(entry.accountId),
    amount: entry.amount,
    day: entry.day,
    reference: entry.reference,
    remark: entry.remark.replaceAll("\0", "").toWellFormed(),
    actor_id: entry.actorId === null ? null : BigInt(entry.actorId),
  }));
  if (engine === "mysql") {
    let added = 0;
    for (const row of rows) added += (await isAdded(trx, row)) ? 1 : 0;
    return added;
  }
  const { numInsertedOrUpdatedRows = 0n } = await trx
    .insertInto("account_entries")
    .values(rows)
    .onConflict((conflict) => conflict.column("reference").doNothing())
    .executeTakeFirstOrThrow();
  return Number(numInsertedOrUpdatedRows);
}

/** Counting what `on duplicate key update` touched depends on a flag of the connection; a refusal does not. */
async function isAdded(trx: Sql, row: InsertObject<Tables, "account_entries">): Promise<boolean> {
  try {
    await trx.insertInto("account_entries").values(row).execute();
    return true;
  } catch (error) {
    // A refused statement leaves the rest of the transaction as it was on this engine.
    if (violatedUnique(error) === undefined) throw error;
    return false;
  }
}

export interface EntryFilters {
  readonly kind?: string | undefined;
  readonly accountKind?: string | undefined;
  readonly accountId?: bigint | undefined;
  readonly day?: number | undefined;
}

/** Newest first. */
export async function listAccountEntries(
  db: Sql,
  options: PageOptions & { readonly filters?: EntryFilters },
): Promise<Page<AccountEntryRow>> {
  const { limit, after, filters = {} } = options;
  let query = db.selectFrom("account_entries").selectAll();
  if (after !== undefined) query = query.where("id", "<", readIdCursor(after));
  if (filters.kind !== undefined) query = query.where("kind", "=", filters.kind);
  if (filters.accountKind !== undefined)
    query = query.where("account_kind", "=", filters.accountKind);
  if (filters.accountId !== undefined) query = query.where("account_id", "=", filters.accountId);
  if (filters.day !== undefined) query = query.where("day", "=", filters.day);
  const rows = await query
    .orderBy("id", "desc")
    .limit(limit + 1)
    .execute();
  return toIdPage(rows, limit);
}

export async function findAccountEntry(
  db: Sql,
  reference: string,
): Promise<AccountEntryRow | undefined> {
  return await db
    .selectFrom("account_entries")
    .selectAll()
    .where("reference", "=", reference)
    .executeTakeFirst();
}

/** Exact sum of an account's entries of some kinds. */
export async function sumAccountEntries(
  db: Sql,
  account: { readonly kind: AccountKind; readonly id: number | bigint },
  kinds: readonly EntryKind[],
): Promise<NanoDollars> {
  const row = await db
    .selectFrom("account_entries")
    .select(sql<bigint | null>`sum(amount)`.as("amount"))
    .where("account_kind", "=", account.kind)
    .where("account_id", "=", BigInt(account.id))
    .where("kind", "in", [...kinds])
    .executeTakeFirst();
  return row?.amount ?? 0n;
}
