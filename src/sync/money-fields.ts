/** Field rules of budgets, limits and ratios, and how they are written as JSON: the management API and the row parsers check by them. */
import { z } from "zod";
import { type BudgetRule, budgetPeriods } from "../core/budget-rule.ts";
import type { JsonObject } from "../core/json-value.ts";
import { type LimitRule, limitSpans, limitedThings } from "../core/limit-rule.ts";
import {
  formatDollars,
  formatRatio,
  maxNano,
  parseDollars,
  parseRatio,
  ratioOne,
} from "../core/money.ts";
import { isTimeZone } from "../core/periods.ts";
import type { ColumnValue } from "../store/sync-store.ts";
import { modelPattern } from "./name-fields.ts";
import { bigInteger, json } from "./row-columns.ts";

const nano = z
  .bigint()
  .min(0n, "must not be negative")
  .max(maxNano, "must be at most 9000000000 dollars");

/** Dollars as a number or decimal text; nano-dollars after parsing. */
export const dollarsField = z
  .union([z.number(), z.string()])
  .transform((value, context) => {
    const amount = parseDollars(value);
    if (amount !== undefined) return amount;
    context.addIssue("must be a decimal amount of dollars with at most 9 decimals");
    return z.NEVER;
  })
  .pipe(nano);

/** Nano-dollars as they lie in a column. */
export const nanoField = nano;

/** Millionths as they lie in a column. */
export const ratioColumn = z
  .bigint()
  .min(0n, "must not be negative")
  .max(1_000_000_000_000n, "must be at most 1000000");

/** A ratio as a decimal number or text; millionths after parsing. */
export const ratioField = z
  .union([z.number(), z.string()])
  .transform((value, context) => {
    const ratio = parseRatio(value);
    if (ratio !== undefined) return ratio;
    context.addIssue("must be a decimal with at most 6 decimals");
    return z.NEVER;
  })
  .pipe(ratioColumn);

/** A point in time: ISO 8601 with a zone, or ms UTC; ms UTC after parsing. */
export const instantField = z
  .union([
    z.iso.datetime({ offset: true, error: "must be a time such as 2030-01-31T00:00:00Z" }),
    z.int(),
  ])
  .transform((value) => (typeof value === "number" ? value : Date.parse(value)))
  .pipe(z.int().min(0).max(253_402_300_799_999));

export const budgetField = z
  .strictObject({
    amount: dollarsField,
    period: z.enum(budgetPeriods).default("total"),
    timeZone: z
      .string()
      .max(64)
      .refine(isTimeZone, "must be a time zone such as Europe/Berlin")
      .default("UTC"),
    alerts: z
      .array(z.int().min(1).max(100))
      .max(20)
      .transform((list) => [...new Set(list)].sort((left, right) => left - right))
      .default([]),
    raise: z
      .strictObject({ amount: dollarsField, until: instantField })
      .transform(({ amount, until }) => ({ amount, untilMs: until }))
      .nullable()
      .default(null),
    reserveCap: z.int().min(1).max(100_000_000).nullable().default(null),
  })
  .transform((rule): BudgetRule => rule);

/** As JSON: what {@link budgetField} reads back. */
export function renderBudget(rule: BudgetRule): JsonObject {
  const { raise } = rule;
  return {
    amount: formatDollars(rule.amount),
    period: rule.period,
    timeZone: rule.timeZone,
    alerts: rule.alerts,
    raise:
      raise === null
        ? null
        : { amount: formatDollars(raise.amount), until: new Date(raise.untilMs).toISOString() },
    reserveCap: rule.reserveCap,
  };
}

const limit = z
  .strictObject({
    of: z.enum(limitedThings),
    amount: z.union([z.number(), z.string()]),
    per: z.enum(Object.keys(limitSpans) as (keyof typeof limitSpans)[]).default("minute"),
    models: z.array(modelPattern).min(1).max(1000).nullable().default(null),
    exact: z.boolean().default(false),
  })
  .transform(({ amount, ...rule }, context): LimitRule => {
    const count = rule.of === "dollars" ? parseDollars(amount) : wholeNumber(amount);
    if (count !== undefined && count > 0n && count <= maxNano) return { ...rule, amount: count };
    const what = rule.of === "dollars" ? "a positive amount of dollars" : "a positive whole number";
    context.addIssue(`amount must be ${what}`);
    return z.NEVER;
  });

function wholeNumber(value: number | string): bigint | undefined {
  return /^\d{1,15}$/.test(String(value)) ? BigInt(value) : undefined;
}

export const limitsField = z.array(limit).max(50, "must have at most 50 rules");

/** As JSON: what {@link limitsField} reads back. */
export function renderLimits(rules: readonly LimitRule[]): JsonObject[] {
  return rules.map((rule) => ({
    ...rule,
    amount: rule.of === "dollars" ? formatDollars(rule.amount) : Number(rule.amount),
  }));
}

/** As the row parsers take them: columns beside their rules. */
export const spendingColumns = {
  budget: json("budget"),
  limits: json("limits", []),
};

export const spendingFields = { budget: budgetField.nullable(), limits: limitsField };

/** A ratio's column: NULL is one. */
export const ratioRule = {
  ...bigInteger("ratio"),
  decode: (value: ColumnValue): unknown =>
    value === null ? ratioOne : bigInteger("ratio").decode(value),
};

/** The columns of an object's rules; a ratio of one is none. */
export function ruleColumns(rules: {
  readonly budget: BudgetRule | null;
  readonly limits: readonly LimitRule[];
}): { readonly budget: string | null; readonly limits: string | null } {
  const { budget, limits } = rules;
  return {
    budget: budget === null ? null : JSON.stringify(renderBudget(budget)),
    limits: limitsColumn(limits),
  };
}

/** A column of limits alone. */
export function limitsColumn(limits: readonly LimitRule[]): string | null {
  return limits.length === 0 ? null : JSON.stringify(renderLimits(limits));
}

/** A ratio's column. */
export function ratioOf(ratio: bigint): bigint | null {
  return ratio === ratioOne ? null : ratio;
}

/** How a ratio's column is shown. */
export function shownRatio(column: unknown): string {
  return typeof column === "bigint" || typeof column === "number"
    ? formatRatio(BigInt(column))
    : "1";
}
