/** What the price book's routes take and answer. */
import { z } from "zod";
import { modelPattern } from "../../sync/name-fields.ts";
import { priceSides } from "../../sync/price-rates.ts";

/** Where prices come from; also what their rows carry as `source`. */
const bookSources = ["builtin", "litellm", "one-hub"] as const;
export type BookSource = (typeof bookSources)[number];

const diffFields = {
  source: z.enum(bookSources),
  /** The file: as text (which loses no digit), or as JSON. `builtin` needs none; a newer file of its form may be given. */
  document: z
    .union([z.string(), z.array(z.unknown()), z.record(z.string(), z.unknown())])
    .nullable()
    .default(null),
  /** One Hub's option `QuotaPerUnit`. */
  quotaPerUnit: z.union([z.number(), z.string()]).nullable().default(null),
  /** Vendors, as the list names them, whose prices count although they only sell what others make. */
  providers: z.array(z.string().min(1).max(100)).min(1).max(200).nullable().default(null),
  /** Names or `prefix*`. */
  models: z.array(modelPattern).min(1).max(1000).nullable().default(null),
  /** Ids: rows for these channels alone, from the vendors that they pay. */
  channels: z.array(z.int().min(1)).min(1).max(1000).nullable().default(null),
  side: z.enum(priceSides).default("charge"),
};

export const diffSchema = z.strictObject(diffFields);
export type DiffFields = z.output<typeof diffSchema>;

export const applySchema = z.strictObject({
  ...diffFields,
  /** Of the diff that was looked at. */
  digest: z.string().regex(/^[0-9a-f]{64}$/, "must be the digest of a diff"),
});

/** A row with what it names, and nothing else. */
const row = z.looseObject({ model: z.string(), mode: z.string() });

export const diffShown = z.object({
  source: z.enum(bookSources),
  digest: z.string(),
  added: z.array(row),
  changed: z.array(
    z.object({
      id: z.int(),
      model: z.string(),
      channelId: z.int().nullable(),
      side: z.enum(priceSides),
      effectiveFrom: z.string().nullable(),
      fields: z.record(z.string(), z.object({ from: z.unknown(), to: z.unknown() })),
    }),
  ),
  /** Rows of an import at dates that the list no longer has. */
  removed: z.array(z.looseObject({ id: z.int(), model: z.string() })),
  /** Left alone. */
  kept: z.array(
    z.object({
      model: z.string(),
      channelId: z.int().nullable(),
      side: z.enum(priceSides),
      reason: z.enum(["locked", "operator", "covered"]),
      by: z.string(),
    }),
  ),
  unchanged: z.int(),
  /** Models of this source in the table that the list does not have; they stay. */
  missing: z.array(z.string()),
  /** What could not be taken as it stands in the list. */
  notUnderstood: z.array(
    z.object({
      vendor: z.string(),
      field: z.string(),
      effect: z.enum(["row-left-out", "field-left-out", "approximated", "rounded"]),
      reason: z.string(),
      count: z.int(),
      models: z.array(z.string()),
    }),
  ),
  /** Entries of vendors that only sell what others make, by vendor. */
  passedOver: z.record(z.string(), z.int()),
});

export const applyShown = z.object({
  source: z.enum(bookSources),
  added: z.int(),
  changed: z.int(),
  removed: z.int(),
  kept: z.int(),
  unchanged: z.int(),
});
