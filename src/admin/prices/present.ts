/** A price's row in the terms of its schema: what is shown, and what an edit is merged into. */
import { isObject, type Json, type JsonObject } from "../../core/json-value.ts";
import { lookUp } from "../../core/look-up.ts";
import { tokenRates, unitRates } from "../../sync/price-rates.ts";
import { classicRates } from "../../sync/price-row.ts";
import type { AnyRow } from "../config-noun.ts";
import {
  dollarsColumn,
  flagColumn,
  jsonColumn,
  numberColumn,
  textColumn,
  timeColumn,
} from "../present-value.ts";

/** All that can be written. */
export function priceInput(row: AnyRow): JsonObject {
  const further = jsonColumn(row["rates"], {});
  const rates = isObject(further) ? further : {};
  const amounts = [...tokenRates, ...unitRates].map((name): [string, Json] => {
    const column = lookUp<string>(classicRates, name);
    return [name, column === undefined ? (rates[name] ?? null) : dollarsColumn(row[column])];
  });
  const effectiveFrom = numberColumn(row["effective_from"], 0);
  return {
    model: textColumn(row["model"]),
    mode: textColumn(row["mode"]),
    channelId: numberColumn(row["channel_id"], 0) || null,
    side: flagColumn(row["is_cost"]) ? "cost" : "charge",
    effectiveFrom: effectiveFrom === 0 ? null : timeColumn(row["effective_from"]),
    locked: flagColumn(row["locked"]),
    ...Object.fromEntries(amounts),
    perImage: rates["perImage"] ?? null,
    tiers: rates["tiers"] ?? [],
    times: rates["times"] ?? [],
    serviceTiers: rates["serviceTiers"] ?? {},
  };
}

/** What is shown beside id and times. */
export function presentPrice(row: AnyRow): JsonObject {
  return { ...priceInput(row), source: textColumn(row["source"]) };
}
