/** Entries of the ledger as they leave. */
import type { JsonObject } from "../../core/json-value.ts";
import { formatDollars } from "../../core/money.ts";
import type { AccountEntryRow } from "../../store/account-entries.ts";
import { numberColumn, timeColumn } from "../present-value.ts";

export function presentEntry(row: AccountEntryRow): JsonObject {
  return {
    id: Number(row.id),
    at: timeColumn(row.at),
    kind: row.kind,
    amount: formatDollars(row.amount),
    remark: row.remark,
    reference: row.reference,
    by: numberColumn(row.actor_id, null),
  };
}
