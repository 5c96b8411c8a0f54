/** Entries and findings as they leave. */
import type { JsonObject } from "../../core/json-value.ts";
import { formatDollars } from "../../core/money.ts";
import type { AccountEntryRow } from "../../store/account-entries.ts";
import type { Discrepancy } from "../../store/ledger-checks.ts";
import { presentEntry } from "../credits/present.ts";
import { dayName } from "./schema.ts";

export function presentLedgerEntry(row: AccountEntryRow): JsonObject {
  return {
    ...presentEntry(row),
    accountKind: row.account_kind,
    account: Number(row.account_id),
    day: row.day === null ? null : dayName(row.day),
  };
}

export function presentDiscrepancy(fault: Discrepancy): JsonObject {
  const { check, day, account, of, expected, found } = fault;
  const shown = (value: bigint): string => (of === "calls" ? String(value) : formatDollars(value));
  return {
    check,
    day: day === null ? null : dayName(day),
    account,
    of,
    expected: shown(expected),
    found: shown(found),
    difference: shown(found - expected),
  };
}
