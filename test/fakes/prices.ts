// Prices as an operator writes them, on the way that a row takes: field rules, columns, row, price.
import { z } from "zod";
import type { RawRow } from "../../src/store/sync-store.ts";
import { priceFields } from "../../src/sync/price-fields.ts";
import type { Price } from "../../src/sync/price-rates.ts";
import { parsePriceRow, priceColumns } from "../../src/sync/price-row.ts";

const schema = z.strictObject(priceFields);

export type WrittenPrice = Partial<z.input<typeof schema>>;

/** The row of a price, as the table gives it. */
export function priceRowOf(written: WrittenPrice, id = 1): RawRow {
  const fields = schema.parse({ model: "m", mode: "tokens", ...written });
  return { id: BigInt(id), rev: 7n, ...priceColumns(fields, null) };
}

/** Throws what the field rules or the row parser refuse. */
export function priceOf(written: WrittenPrice, id = 1): Price {
  return parsePriceRow(priceRowOf(written, id));
}
