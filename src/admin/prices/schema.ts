/** What a price is in the management API: dollars, as numbers or decimal strings in, decimal strings out. */
import { z } from "zod";
import { priceFields } from "../../sync/price-row.ts";
import { laterFields } from "../refused-fields.ts";
import { metaFields } from "../shown-fields.ts";

export const priceSchema = z.strictObject({
  model: priceFields.model,
  mode: priceFields.mode,
  input: priceFields.input.default(null),
  output: priceFields.output.default(null),
  cacheRead: priceFields.cacheRead.default(null),
  cacheWrite5m: priceFields.cacheWrite5m.default(null),
  cacheWrite1h: priceFields.cacheWrite1h.default(null),
  perCall: priceFields.perCall.default(null),
});

export type PriceRowFields = z.output<typeof priceSchema>;

const dollars = z.string().nullable();

export const priceShown = z.object({
  ...metaFields,
  model: z.string(),
  mode: z.enum(["tokens", "call"]),
  /** Dollars per million tokens. */
  input: dollars,
  output: dollars,
  cacheRead: dollars,
  cacheWrite5m: dollars,
  cacheWrite1h: dollars,
  /** Dollars. */
  perCall: dollars,
});

export const priceRefused = laterFields("tiers", "effectiveFrom", "locked");
