/** What a budget is, as every room sees it. Amounts are nano-dollars. */
import type { NanoDollars } from "./money.ts";

/** `balance`: what a prepaid user has; the others are set by operators. `channel`: counts the operator's own cost. */
export type BudgetKind = "key" | "user" | "balance" | "group" | "channel";

export const budgetPeriods = ["total", "day", "week", "month"] as const;

/** `total` never ends; the others are calendar periods of a zone, weeks from Monday. */
export type BudgetPeriod = (typeof budgetPeriods)[number];

export interface BudgetRule {
  readonly amount: NanoDollars;
  readonly period: BudgetPeriod;
  /** IANA name. */
  readonly timeZone: string;
  /** Percentages of the amount at which operators are told, ascending. */
  readonly alerts: readonly number[];
  /** Added to the amount until then. */
  readonly raise: { readonly amount: NanoDollars; readonly untilMs: number } | null;
  /** Most tokens of output that are reserved for one call; null: as many as it may answer. */
  readonly reserveCap: number | null;
}

/** One budget in one of its periods: what spending is counted by. */
export interface BudgetShare {
  readonly kind: BudgetKind;
  readonly id: number;
  /** core/periods.ts. */
  readonly period: string;
}

/** What the budget allows at an instant. */
export function budgetLimit(rule: BudgetRule, atMs: number): NanoDollars {
  const { amount, raise } = rule;
  return raise !== null && atMs < raise.untilMs ? amount + raise.amount : amount;
}
