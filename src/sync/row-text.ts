/** Rows as values of JSON and back; JSON has no BigInt: an array of its digits stands for one. */
import type { ColumnValue, RawRow } from "../store/sync-store.ts";

type Cell = string | number | null | readonly [string];
export type Cells = Readonly<Record<string, Cell>>;

export function renderRow(row: RawRow): Cells {
  const cells: Record<string, Cell> = {};
  for (const [name, value] of Object.entries(row) as [string, ColumnValue][])
    cells[name] = typeof value === "bigint" ? [String(value)] : value;
  return cells;
}

/** Throws for what is no row. */
export function parseRow(cells: Cells): RawRow {
  const row: Record<string, ColumnValue> = {};
  for (const [name, cell] of Object.entries(cells))
    row[name] = typeof cell === "object" && cell !== null ? BigInt(cell[0]) : cell;
  if (typeof row["id"] !== "bigint" || typeof row["rev"] !== "bigint")
    throw new Error("a row has no id");
  return row as RawRow;
}
