/** From column values to what clients read. A broken row is shown as it is, so that it can be seen and mended. */
import type { Json } from "../core/json-value.ts";
import { formatDollars } from "../core/money.ts";
import type { ColumnValue } from "../store/sync-store.ts";

/** JSON kept as text; NULL and broken text become `absent`. */
export function jsonColumn(value: ColumnValue | undefined, absent: Json): Json {
  if (typeof value !== "string") return absent;
  try {
    return JSON.parse(value) as Json;
  } catch {
    return absent;
  }
}

export function numberColumn(value: ColumnValue | undefined, absent: number): number;
export function numberColumn(value: ColumnValue | undefined, absent: null): number | null;
export function numberColumn(value: ColumnValue | undefined, absent: number | null): number | null {
  return value === null || value === undefined ? absent : Number(value);
}

export function textColumn(value: ColumnValue | undefined): string | null {
  return value === null || value === undefined ? null : String(value);
}

export function flagColumn(value: ColumnValue | undefined): boolean {
  return Number(value ?? 0) === 1;
}

/** Nano-dollars as a decimal string of dollars. */
export function dollarsColumn(value: ColumnValue | undefined): string | null {
  return value === null || value === undefined ? null : formatDollars(BigInt(value));
}

/** Ms UTC as ISO 8601. */
export function timeColumn(value: ColumnValue | undefined): string | null {
  if (value === null || value === undefined) return null;
  const date = new Date(Number(value));
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

/** Id, revision and times, which every configuration object shows. */
export function presentMeta(row: Readonly<Record<string, ColumnValue>>): {
  id: number;
  rev: number;
  createdAt: string | null;
  updatedAt: string | null;
} {
  return {
    id: Number(row["id"]),
    rev: Number(row["rev"]),
    createdAt: timeColumn(row["created_at"]),
    updatedAt: timeColumn(row["updated_at"]),
  };
}
