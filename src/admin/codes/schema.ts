/** What a redemption code is in the management API. */
import { z } from "zod";
import { dollarsField } from "../../sync/money-fields.ts";
import { displayName, statusField } from "../../sync/name-fields.ts";
import { entryShown } from "../credits/schema.ts";
import { instantField } from "../../sync/money-fields.ts";

const batchField = z.string().min(1).max(64);

export const codesSchema = z.strictObject({
  name: displayName,
  /** Dollars that each is worth. */
  amount: dollarsField.refine((amount) => amount > 0n, "must be more than 0"),
  count: z.int().min(1).max(1000).default(1),
  expiresAt: instantField
    .refine((timeMs) => timeMs >= 100_000_000_000, "must be a time, not seconds since 1970")
    .nullable()
    .default(null),
});

export const codeEdit = z.strictObject({ status: statusField });

export const disableSchema = z.strictObject({ batch: batchField });

export const redeemSchema = z.strictObject({ code: z.string().min(1).max(200) });

export const codeShown = z.object({
  id: z.int(),
  name: z.string(),
  /** Its last four characters. */
  hint: z.string(),
  batch: z.string(),
  amount: z.string(),
  status: z.enum(["enabled", "disabled"]),
  expiresAt: z.string().nullable(),
  createdBy: z.int().nullable(),
  createdAt: z.string().nullable(),
  redeemedBy: z.int().nullable(),
  redeemedAt: z.string().nullable(),
});

/** What a creation answers: the only time that the codes are shown. */
export const codesMade = z.object({
  batch: z.string(),
  codes: z.array(codeShown.extend({ code: z.string() })),
});

export const redeemedShown = entryShown.extend({ balance: z.string() });
