/** The ledger in the management API: entries, corrections, days, what a check found. */
import { z } from "zod";
import { creditSchema, entryShown } from "../credits/schema.ts";
import { idQuery, pageQuery } from "../ask-database.ts";

const dayText = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}$/, "must be a day such as 2026-11-23")
  .refine((text) => !Number.isNaN(Date.parse(`${text}T00:00:00Z`)), "must be a day that exists");

const dayMs = 86_400_000;

/** A UTC day; days since 1970 after parsing. */
export const dayQuery = dayText.transform((text) => Date.parse(`${text}T00:00:00Z`) / dayMs);

/** Days since 1970 as a date. */
export function dayName(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10);
}

export const accountKinds = ["key", "user", "group", "channel"] as const;

export const entriesQuery = z.strictObject({
  ...pageQuery,
  kind: z.string().exactOptional(),
  accountKind: z.string().exactOptional(),
  account: idQuery.exactOptional(),
  day: dayQuery.exactOptional(),
});

export type EntriesQuery = z.output<typeof entriesQuery>;

export const ledgerEntryShown = entryShown.extend({
  /** `key`, `user`, `group`, `channel`, `day`; of closing entries also `key_total`, `balance`, …: what counts against budgets that never end. */
  accountKind: z.string(),
  account: z.int(),
  day: z.string().nullable(),
});

export const correctionSchema = creditSchema.extend({
  accountKind: z.enum(accountKinds),
  account: z.int().min(1),
});

export const dayShown = z.object({
  day: z.string(),
  /** `open`; `closed`: by entries; `dropping`, `dropped`: its rows are going, are gone. */
  state: z.string(),
});

export const verifyQuery = z.strictObject({
  /** Left out: budgets and balances are checked, else this day. */
  day: dayQuery.exactOptional(),
});

export const discrepancyShown = z.object({
  check: z.string(),
  day: z.string().nullable(),
  account: z.string(),
  of: z.string(),
  /** Dollars, or a count of calls. */
  expected: z.string(),
  found: z.string(),
  difference: z.string(),
});

export const channelCostQuery = z.strictObject({
  from: dayQuery,
  /** Inclusive. */
  to: dayQuery,
  channel: idQuery.exactOptional(),
});

export const channelCostShown = z.object({
  day: z.string(),
  /** As it was sent to the vendor. */
  model: z.string(),
  /** As the vendor's replies name it. */
  modelReported: z.string().nullable(),
  calls: z.int(),
  inputTokens: z.int(),
  outputTokens: z.int(),
  /** Dollars. */
  channelCost: z.string(),
});
