/** A redemption code as it leaves: never the code itself, nor its hash. */
import type { JsonObject } from "../../core/json-value.ts";
import { formatDollars } from "../../core/money.ts";
import type { CodeRow } from "../../store/redemption-codes.ts";
import { numberColumn, timeColumn } from "../present-value.ts";

export function presentCode(row: CodeRow): JsonObject {
  return {
    id: Number(row.id),
    name: row.name,
    hint: row.hint,
    batch: row.batch,
    amount: formatDollars(row.amount),
    status: row.status,
    expiresAt: timeColumn(row.expires_at),
    createdBy: numberColumn(row.created_by, null),
    createdAt: timeColumn(row.created_at),
    redeemedBy: numberColumn(row.redeemed_by, null),
    redeemedAt: timeColumn(row.redeemed_at),
  };
}
