/** A key as it leaves: never the key itself, nor its hash. */
import type { JsonObject } from "../../core/json-value.ts";
import { shownRatio } from "../../sync/money-fields.ts";
import type { AnyRow } from "../config-noun.ts";
import { spendingInputOf } from "../spending-fields.ts";
import { jsonColumn, numberColumn, presentMeta, textColumn, timeColumn } from "../present-value.ts";

/** The fields that can be edited, as the schema takes them. */
export function keyInput(row: AnyRow): JsonObject {
  return {
    name: textColumn(row["name"]),
    owner: numberColumn(row["owner_id"], 0),
    group: textColumn(row["group"]),
    fallbackGroup: textColumn(row["fallback_group"]),
    models: jsonColumn(row["models"], null),
    ipRanges: jsonColumn(row["ip_ranges"], null),
    expiresAt: timeColumn(row["expires_at"]),
    status: textColumn(row["status"]),
    ...spendingInputOf(row),
    ratio: shownRatio(row["ratio"]),
  };
}

export function presentKey(row: AnyRow): JsonObject {
  return { ...presentMeta(row), ...keyInput(row), hint: textColumn(row["hint"]) };
}
