/** What budgets have spent, and who was told of it. */
import { sql } from "kysely";
import type { BudgetShare } from "../core/budget-rule.ts";
import type { NanoDollars } from "../core/money.ts";
import type { Sql } from "./database.ts";
import { engineOf, nowMs } from "./dialect.ts";
import { violatedUnique } from "./sql-errors.ts";

/** The columns that name a budget's row. */
export function budgetKey({ kind, id, period }: BudgetShare) {
  return { kind, entity_id: BigInt(id), period };
}

/** What was spent of a budget, as far as it was handed in. */
export async function sumSpent(db: Sql, share: BudgetShare): Promise<NanoDollars> {
  // One statement: a lease that is folded between two reads would be counted twice or not at all.
  const { settled } = await db
    .selectNoFrom((select) => [
      select
        .selectFrom("budgets")
        .select("settled")
        .where((where) => where.and(budgetKey(share)))
        .as("settled"),
      select
        .selectFrom("budget_leases")
        .select(sql<bigint | null>`sum(spent)`.as("spent"))
        .where((where) => where.and(budgetKey(share)))
        .as("leased"),
    ])
    .executeTakeFirstOrThrow()
    .then((row) => ({ settled: (row.settled ?? 0n) + (row.leased ?? 0n) }));
  return settled;
}

/** True for the one who tells operators. */
export async function insertAlert(db: Sql, share: BudgetShare, percent: number): Promise<boolean> {
  try {
    await db
      .insertInto("budget_alerts")
      .values({ ...budgetKey(share), percent, told_at: nowMs(engineOf(db)) })
      .execute();
    return true;
  } catch (error) {
    if (violatedUnique(error) === undefined) throw error;
    return false;
  }
}
