/**
 * What prepaid accounts have. Promises: money is put in and taken out together with the ledger's entry that says so, or
 * not at all; nothing is taken out that has been spent.
 */
import { type NanoDollars, maxNano } from "../core/money.ts";
import type { EntryKind } from "./account-entries.ts";
import { addAccountEntry } from "./account-entries.ts";
import { selectBudgetTotals, spentOf } from "./budgets.ts";
import type { Sql } from "./database.ts";
import { insertUnlessThere } from "./insert-unless-there.ts";

export interface Balance {
  /** All that was ever put in, less what was taken out again. */
  readonly credited: NanoDollars;
  /** By calls that are settled. */
  readonly spent: NanoDollars;
  /** Held by nodes for calls that run or are expected; not spent yet. */
  readonly reserved: NanoDollars;
}

/** Of an account that nothing was ever put into. */
export const noBalance: Balance = { credited: 0n, spent: 0n, reserved: 0n };

/** What is left, reserved or not. */
export function leftOf({ credited, spent }: Balance): NanoDollars {
  return credited - spent;
}

/** Balances of accounts; absent where nothing was ever put in or spent. In one statement: of one instant. */
export async function readBalances(
  db: Sql,
  userIds: readonly bigint[],
): Promise<ReadonlyMap<bigint, Balance>> {
  if (userIds.length === 0) return new Map();
  const rows = await selectBudgetTotals(db)
    .where("budgets.kind", "=", "balance")
    .where("budgets.period", "=", "total")
    .where("budgets.entity_id", "in", [...userIds])
    .execute();
  return new Map(
    rows.map((row) => [
      row.entity_id,
      { credited: row.credited, spent: spentOf(row), reserved: row.held ?? 0n },
    ]),
  );
}

/** The balance of one account. */
export async function readBalance(db: Sql, userId: bigint): Promise<Balance> {
  return (await readBalances(db, [userId])).get(userId) ?? noBalance;
}

/** An amount that cannot be put in or taken out; thrown, so that the transaction is undone. */
export class BalanceRefusal extends Error {
  readonly why: "too-little" | "too-much";
  /** What could be taken out. */
  readonly available: NanoDollars;
  constructor(why: "too-little" | "too-much", available: NanoDollars) {
    super(
      why === "too-little" ? "there is not so much in the balance" : "the balance is too large",
    );
    this.name = "BalanceRefusal";
    this.why = why;
    this.available = available;
  }
}

export interface Posting {
  readonly kind: EntryKind;
  readonly userId: bigint;
  /** Negative: taken out. */
  readonly amount: NanoDollars;
  /** Makes it one: posted again it does nothing. */
  readonly reference: string;
  readonly remark: string;
  readonly actorId: number | null;
}

/**
 * Moves a balance and writes the entry, inside a transaction; false when the reference stands already.
 * Throws {@link BalanceRefusal}.
 */
export async function postToBalance(trx: Sql, posting: Posting): Promise<boolean> {
  const { userId, amount, ...entry } = posting;
  const isNew = await addAccountEntry(trx, {
    ...entry,
    accountKind: "user",
    accountId: userId,
    amount,
    day: null,
  });
  if (!isNew) return false;
  await moveCredited(trx, userId, amount);
  if (amount < 0n) await checkCovered(trx, userId, amount);
  return true;
}

async function moveCredited(trx: Sql, userId: bigint, amount: NanoDollars): Promise<void> {
  const row = { kind: "balance", entity_id: userId, period: "total" };
  await insertUnlessThere(trx, "budgets", row);
  const { numUpdatedRows } = await trx
    .updateTable("budgets")
    .set((eb) => ({ credited: eb("credited", "+", amount) }))
    .where("kind", "=", row.kind)
    .where("entity_id", "=", userId)
    .where("period", "=", row.period)
    .where("credited", "<=", amount > 0n ? maxNano - amount : maxNano)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows === 0n) throw new BalanceRefusal("too-much", 0n);
}

/** The row is locked by now. What nodes hold and have not spent is called back; they may still spend some of it. */
async function checkCovered(trx: Sql, userId: bigint, amount: NanoDollars): Promise<void> {
  const left = leftOf(await readBalance(trx, userId));
  if (left < 0n) throw new BalanceRefusal("too-little", left - amount);
  await trx
    .updateTable("budget_leases")
    .set({ recalled: 1 })
    .where("kind", "=", "balance")
    .where("entity_id", "=", userId)
    .where("period", "=", "total")
    .execute();
}
