/**
 * Which budgets a call counts against, in one number of its row: so that what budgets say was spent can be compared
 * with the calls, exactly, for as long as their rows are kept. Ids stand in the row itself, periods follow from its
 * admission.
 */
import type { BudgetKind, BudgetPeriod, BudgetShare } from "../core/budget-rule.ts";
import { budgetPeriods } from "../core/budget-rule.ts";

/** A budget's place in the number: three bits each, none or its period. */
const shifts: Readonly<Record<BudgetKind, number>> = {
  key: 0,
  user: 3,
  balance: 6,
  group: 9,
  channel: 12,
};

export function countedBy(shares: readonly BudgetShare[]): number {
  let counted = 0;
  for (const { kind, period } of shares) counted |= codeOf(period) << shifts[kind];
  return counted;
}

/** How rows are found that count against a kind of budget in a kind of period: `(counted & mask) = code`. */
export function countedCode(
  kind: BudgetKind,
  period: BudgetPeriod,
): { readonly mask: number; readonly code: number } {
  return { mask: 7 << shifts[kind], code: codeOf(period) << shifts[kind] };
}

/** The kind of a period that was named by core/periods.ts. */
export function periodKind(period: string): BudgetPeriod {
  return budgetPeriods.find((kind) => period === kind || period.startsWith(`${kind}:`)) ?? "total";
}

function codeOf(period: string): number {
  return budgetPeriods.indexOf(periodKind(period)) + 1;
}
