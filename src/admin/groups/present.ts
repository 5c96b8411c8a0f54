/** A group as it leaves. */
import type { JsonObject } from "../../core/json-value.ts";
import { formatRatio } from "../../core/money.ts";
import type { AnyRow } from "../config-noun.ts";
import { spendingInputOf } from "../spending-fields.ts";
import { dollarsColumn, flagColumn, presentMeta, textColumn } from "../present-value.ts";

/** The fields that can be edited, as the schema takes them. */
export function groupInput(row: AnyRow): JsonObject {
  return {
    symbol: textColumn(row["symbol"]),
    name: textColumn(row["name"]),
    ratio: formatRatio(BigInt(row["ratio"] ?? 0)),
    public: flagColumn(row["public"]),
    enabled: flagColumn(row["enabled"]),
    ...spendingInputOf(row),
    promoteAt: dollarsColumn(row["promote_at"]),
  };
}

export function presentGroup(row: AnyRow): JsonObject {
  return { ...presentMeta(row), ...groupInput(row) };
}
