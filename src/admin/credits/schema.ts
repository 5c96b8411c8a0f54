/** What a credit and an entry of the ledger are in the management API. */
import { z } from "zod";
import { maxNano, parseDollars } from "../../core/money.ts";

/** A reference as a client makes it: part of the entry's own name. */
export const referenceField = z
  .string()
  .regex(/^[\x21-\x7e]{1,128}$/, "must be 1 to 128 visible ASCII characters");

/** Dollars, negative for what is taken out; nano-dollars after parsing. */
const signedDollars = z.union([z.number(), z.string()]).transform((value, context) => {
  const amount = parseDollars(value);
  if (amount !== undefined && amount !== 0n && amount >= -maxNano && amount <= maxNano)
    return amount;
  context.addIssue("must be a decimal amount of dollars other than 0 with at most 9 decimals");
  return z.NEVER;
});

export const creditSchema = z.strictObject({
  /** Negative: taken out of the balance, never more than is left. */
  amount: signedDollars,
  remark: z.string().trim().min(1, "must not be empty").max(1000),
  /** Makes the credit one: sent again it does nothing. As the header `Idempotency-Key`. */
  reference: referenceField.exactOptional(),
});

export const entryShown = z.object({
  id: z.int(),
  at: z.string().nullable(),
  kind: z.string(),
  /** Dollars, negative for what was taken. */
  amount: z.string(),
  remark: z.string(),
  reference: z.string(),
  /** Account that made it; null: the gateway. */
  by: z.int().nullable(),
});

/** What a posting answers: the entry, and what is in the balance after it. */
export const postedShown = entryShown.extend({ balance: z.string() });
