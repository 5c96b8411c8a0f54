/** Prices of models. */
import { z } from "zod";
import { findPrice, listPrices } from "../../store/prices.ts";
import type { RawRow, RowValues } from "../../store/sync-store.ts";
import { priceFaults } from "../../sync/price-fields.ts";
import { priceSides } from "../../sync/price-rates.ts";
import { priceColumns } from "../../sync/price-row.ts";
import type { AdminParts } from "../admin-parts.ts";
import type { ConfigNoun, NounWrite } from "../config-noun.ts";
import { configRoutes } from "../config-routes.ts";
import { invalid } from "../parse-fields.ts";
import { presentMeta, textColumn } from "../present-value.ts";
import type { RouteSpec } from "../route-spec.ts";
import { presentPrice, priceInput } from "./present.ts";
import type { PriceRowFields } from "./schema.ts";
import { priceRefused, priceSchema, priceShown } from "./schema.ts";

const managers = ["root", "admin"] as const;

export function priceRoutes(parts: AdminParts): readonly RouteSpec[] {
  const text = z.string().exactOptional();
  const noun: ConfigNoun<PriceRowFields> = {
    kind: "price",
    name: "prices",
    singular: "price",
    readers: managers,
    writers: managers,
    schema: priceSchema,
    shown: priceShown,
    refused: priceRefused,
    filters: {
      model: text,
      mode: text,
      search: text,
      source: text,
      channelId: z.coerce.number().int().min(0).exactOptional(),
      side: z.enum(priceSides).exactOptional(),
    },
    list: listPrices,
    find: findPrice,
    input: priceInput,
    present: (_db, rows) =>
      Promise.resolve(rows.map((row) => ({ ...presentMeta(row), ...presentPrice(row) }))),
    columns: columnsOf,
    check: checkPrice,
  };
  return configRoutes(noun, parts);
}

const bookkeeping = ["locked", "source"];

/** What an operator changed came from them, whoever wrote the row first. */
function columnsOf(fields: PriceRowFields, row: RawRow | undefined): RowValues {
  const own = priceColumns(fields, null);
  if (row === undefined) return own;
  const isSame = Object.entries(own).every(
    ([name, value]) =>
      bookkeeping.includes(name) || String(value ?? "") === String(row[name] ?? ""),
  );
  return isSame ? { ...own, source: textColumn(row["source"]) } : own;
}

async function checkPrice({ tx, fields }: NounWrite<PriceRowFields>): Promise<void> {
  const faults = priceFaults(fields);
  if (faults.length > 0) throw invalid(faults);
  const { channelId } = fields;
  if (channelId !== null && (await tx.find("channel", channelId)) === undefined)
    throw invalid([{ field: "channelId", message: "names no channel" }]);
}
