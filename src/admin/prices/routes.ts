/** Prices of models. */
import { z } from "zod";
import type { JsonObject } from "../../core/json-value.ts";
import { findPrice, listPrices } from "../../store/prices.ts";
import type { AdminParts } from "../admin-parts.ts";
import type { AnyRow, ConfigNoun, NounWrite } from "../config-noun.ts";
import { configRoutes } from "../config-noun.ts";
import { invalid } from "../parse-fields.ts";
import { dollarsColumn, presentMeta, textColumn } from "../present-value.ts";
import type { RouteSpec } from "../route-spec.ts";
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
    filters: { model: text, mode: text, search: text },
    list: listPrices,
    find: findPrice,
    input: priceInput,
    present: (_db, rows) =>
      Promise.resolve(rows.map((row) => ({ ...presentMeta(row), ...priceInput(row) }))),
    columns: (fields) => ({
      model: fields.model,
      mode: fields.mode,
      input: fields.input,
      output: fields.output,
      cache_read: fields.cacheRead,
      cache_write_5m: fields.cacheWrite5m,
      cache_write_1h: fields.cacheWrite1h,
      per_call: fields.perCall,
    }),
    check: checkPrice,
  };
  return configRoutes(noun, parts);
}

function priceInput(row: AnyRow): JsonObject {
  return {
    model: textColumn(row["model"]),
    mode: textColumn(row["mode"]),
    input: dollarsColumn(row["input"]),
    output: dollarsColumn(row["output"]),
    cacheRead: dollarsColumn(row["cache_read"]),
    cacheWrite5m: dollarsColumn(row["cache_write_5m"]),
    cacheWrite1h: dollarsColumn(row["cache_write_1h"]),
    perCall: dollarsColumn(row["per_call"]),
  };
}

/** A price that names no amount of its mode would make calls free by oversight: zero must be written. */
function checkPrice({ fields }: NounWrite<PriceRowFields>): void {
  const { mode, perCall, input, output } = fields;
  if (mode === "call" && perCall === null)
    throw invalid([{ field: "perCall", message: "is required in mode call" }]);
  if (mode === "tokens" && input === null && output === null)
    throw invalid([{ field: "input", message: "or output is required in mode tokens" }]);
  const bucket = (["input", "output", "cacheRead", "cacheWrite5m", "cacheWrite1h"] as const).find(
    (name) => mode === "call" && fields[name] !== null,
  );
  if (bucket !== undefined)
    throw invalid([{ field: bucket, message: "has no effect in mode call" }]);
  if (mode === "tokens" && perCall !== null)
    throw invalid([{ field: "perCall", message: "has no effect in mode tokens" }]);
}
