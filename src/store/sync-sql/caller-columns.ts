/** The columns of a key and of its owner side by side in one row, and how they are taken apart again. */
import type { CallerRows, ColumnValue, RawRow } from "../sync-store.ts";
import type { KeyTable, UserTable } from "../tables.ts";

const keyNames = [
  "id",
  "rev",
  "hash",
  "name",
  "owner_id",
  "group",
  "fallback_group",
  "models",
  "ip_ranges",
  "expires_at",
  "status",
  "hint",
  "budget",
  "limits",
  "ratio",
  "created_at",
  "updated_at",
] as const satisfies readonly (keyof KeyTable)[];

const ownerNames = [
  "id",
  "rev",
  "username",
  "role",
  "group",
  "billing",
  "status",
  "budget",
  "limits",
  "ratio",
  "created_at",
  "updated_at",
] as const satisfies readonly (keyof UserTable)[];

export const keyColumns = keyNames.map((name) => `keys.${name} as key_${name}` as const);
export const ownerColumns = ownerNames.map((name) => `users.${name} as owner_${name}` as const);

/** The two rows of a joined one; undefined where the key or its owner is not there. */
export function splitCaller(row: Readonly<Record<string, unknown>>): CallerRows | undefined {
  if (row["key_id"] == null || row["owner_id"] == null) return undefined;
  return { key: pick(row, "key_", keyNames), owner: pick(row, "owner_", ownerNames) };
}

function pick(
  row: Readonly<Record<string, unknown>>,
  prefix: string,
  names: readonly string[],
): RawRow {
  const entries = names.map((name) => [name, row[prefix + name] as ColumnValue] as const);
  return Object.fromEntries(entries) as RawRow;
}
