/** What a price is in the management API: dollars, as numbers or decimal strings in, decimal strings out. */
import { z } from "zod";
import { type PriceFields, priceFields } from "../../sync/price-fields.ts";
import { priceSides, tokenRates, unitRates } from "../../sync/price-rates.ts";
import { readOnly } from "../parse-fields.ts";
import { ownFields } from "../refused-fields.ts";
import { metaFields } from "../shown-fields.ts";

export const priceSchema = z.strictObject(priceFields);

export type PriceRowFields = PriceFields;

const dollars = z.string().nullable();
const amounts = <Name extends string>(names: readonly Name[]): Record<Name, typeof dollars> =>
  Object.fromEntries(names.map((name) => [name, dollars])) as Record<Name, typeof dollars>;

/** Only what is named is shown. */
const change = {
  factor: z.string().exactOptional(),
  ...Object.fromEntries(tokenRates.map((name) => [name, z.string().exactOptional()])),
};

export const priceShown = z.object({
  ...metaFields,
  model: z.string(),
  mode: z.enum(["tokens", "call"]),
  /** Of one channel alone. */
  channelId: z.int().nullable(),
  side: z.enum(priceSides),
  /** ISO 8601; null: always. */
  effectiveFrom: z.string().nullable(),
  locked: z.boolean(),
  /** Where it came from; null: an operator wrote it. */
  source: z.string().nullable(),
  /** Dollars per million tokens. */
  ...amounts(tokenRates),
  /** Dollars each. */
  ...amounts(unitRates),
  /** Dollars by `size/quality`. */
  perImage: z.record(z.string(), z.string()).nullable(),
  tiers: z.array(z.object({ above: z.int(), ...change })),
  times: z.array(
    z.object({
      zone: z.string(),
      from: z.string(),
      to: z.string(),
      weekdays: z.array(z.int()).nullable(),
      ...change,
    }),
  ),
  serviceTiers: z.record(z.string(), z.object(change)),
});

export const priceRefused = { ...ownFields, source: readOnly };
