/** Budgets, limits and ratios in the management API, the same for every noun that has them. */
import { z } from "zod";
import type { JsonObject } from "../core/json-value.ts";
import { ratioOne } from "../core/money.ts";
import { budgetField, limitsField, ratioField } from "../sync/money-fields.ts";
import type { AnyRow } from "./config-noun.ts";
import { jsonColumn } from "./present-value.ts";

export const limitsInput = limitsField.default([]);
export const spendingInput = { budget: budgetField.nullable().default(null), limits: limitsInput };
export const ratioInput = ratioField.default(ratioOne);

const budgetShown = z.object({
  /** Dollars. */
  amount: z.string(),
  period: z.string(),
  timeZone: z.string(),
  /** Percentages. */
  alerts: z.array(z.int()),
  raise: z.object({ amount: z.string(), until: z.string() }).nullable(),
  /** Tokens. */
  reserveCap: z.int().nullable(),
});

export const limitsShown = z.array(
  z.object({
    of: z.string(),
    amount: z.union([z.number(), z.string()]),
    per: z.string(),
    models: z.array(z.string()).nullable(),
    exact: z.boolean(),
  }),
);

export const spendingShown = { budget: budgetShown.nullable(), limits: limitsShown };

/** The fields that can be edited, as the schema takes them. */
export function spendingInputOf(row: AnyRow): JsonObject {
  return { budget: jsonColumn(row["budget"], null), limits: jsonColumn(row["limits"], []) };
}
