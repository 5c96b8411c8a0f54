/** A budget in one of its periods as the management API tells it. Amounts are decimal dollars. */
import { z } from "zod";
import { pageQuery } from "../ask-database.ts";

export const budgetKinds = ["key", "user", "balance", "group", "channel"] as const;

export const budgetQuery = z.strictObject({
  ...pageQuery,
  kind: z.enum(budgetKinds).exactOptional(),
});

export const budgetShown = z.object({
  kind: z.enum(budgetKinds),
  /** Of the key, user, group or channel. */
  id: z.int(),
  name: z.string(),
  /** `total`, or such as `day:2026-11-23@Asia/Kathmandu`. */
  period: z.string(),
  /** Null: never. */
  periodEndsAt: z.string().nullable(),
  /** What may be spent in all, a raise included; of a balance: what was put in. */
  limit: z.string(),
  /** As far as nodes have handed it in, which they do within a second. */
  spent: z.string(),
  /** What nodes hold: reserved by running calls, not handed in yet, or not used. */
  held: z.string(),
  /** What is neither spent nor held; below 0 where calls have cost more than was reserved. */
  left: z.string(),
  /** Percentages of the amount at which operators are told, and when they were. */
  alerts: z.array(z.object({ percent: z.int(), toldAt: z.string().nullable() })),
});
