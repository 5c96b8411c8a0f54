/** What a group is in the management API. */
import { z } from "zod";
import { groupFields } from "../../sync/group-row.ts";
import { dollarsField } from "../../sync/money-fields.ts";
import { ownFields } from "../refused-fields.ts";
import { metaFields } from "../shown-fields.ts";
import { spendingInput, spendingShown } from "../spending-fields.ts";

export const groupSchema = z.strictObject({
  symbol: groupFields.symbol,
  name: groupFields.name.exactOptional(),
  ratio: groupFields.ratio.default(1_000_000n),
  /** Whether members may choose it for their keys. */
  public: groupFields.public.default(false),
  enabled: groupFields.enabled.default(true),
  ...spendingInput,
  /** Dollars credited in all, at which an account comes into the group by itself; null: none does. */
  promoteAt: dollarsField.nullable().default(null),
});

export type GroupFields = z.output<typeof groupSchema>;

export const groupShown = z.object({
  ...metaFields,
  symbol: z.string(),
  name: z.string(),
  /** Decimal. */
  ratio: z.string(),
  public: z.boolean(),
  enabled: z.boolean(),
  ...spendingShown,
  promoteAt: z.string().nullable(),
});

export const groupRefused = ownFields;
