/** A row of `keys` with its owner's as a cached caller, checked by the rules of caller-fields.ts. */
import { z } from "zod";
import type { CallerRows, RawRow } from "../store/sync-store.ts";
import { keyFields } from "./caller-fields.ts";
import type { KeyRecord } from "./entities.ts";
import { ratioColumn, ratioRule, spendingColumns, spendingFields } from "./money-fields.ts";
import { entityId, integer, json, parseColumns, plain } from "./row-columns.ts";
import { parseUserRow } from "./user-row.ts";

const schema = z.object({
  ...keyFields,
  ...spendingFields,
  ratio: ratioColumn,
  hash: z.string().min(1).max(191),
  ownerId: z.int().min(1),
});
const columns = {
  hash: plain("hash"),
  name: plain("name"),
  ownerId: integer("owner_id"),
  group: plain("group"),
  fallbackGroup: plain("fallback_group"),
  models: json("models"),
  ipRanges: json("ip_ranges"),
  expiresAtMs: integer("expires_at"),
  status: plain("status"),
  ...spendingColumns,
  ratio: ratioRule,
};

/** The key's own part; throws RowFault. */
export function parseKeyRow(row: RawRow): Omit<KeyRecord, "owner"> {
  const id = entityId(row);
  const { status, ownerId: _owner, ...values } = parseColumns(row, schema, columns);
  return { ...values, id, rev: Number(row.rev), enabled: status === "enabled" };
}

/** Key and owner; throws RowFault. */
export function parseCallerRows(rows: CallerRows): KeyRecord {
  return Object.freeze({ ...parseKeyRow(rows.key), owner: parseUserRow(rows.owner) });
}
