/** Prints rows as aligned columns, wide (Chinese, Japanese, Korean) characters counted as two. */
import type { Json, JsonObject } from "../core/json-value.ts";

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]/gu;

/** Longest text shown in a cell; `-o json` shows all. */
const maxCell = 60;

/** One value as a cell: lists joined, objects as JSON, absent as `-`. */
export function renderCell(value: Json | undefined): string {
  const text = cellText(value).replace(/\s+/g, " ");
  return text.length > maxCell ? `${text.slice(0, maxCell - 1)}…` : text;
}

function cellText(value: Json | undefined): string {
  if (value === undefined || value === null || value === "") return "-";
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return JSON.stringify(value);
  if (value.length === 0) return "-";
  return value.map((item) => (typeof item === "string" ? item : JSON.stringify(item))).join(",");
}

/** Lines of a table: a head of column names, then one line a row. */
export function renderTable(columns: readonly string[], rows: readonly JsonObject[]): string[] {
  const cells = [
    columns.map(columnTitle),
    ...rows.map((row) => columns.map((column) => renderCell(row[column]))),
  ];
  const widths = columns.map((_, index) =>
    Math.max(...cells.map((line) => width(line[index] ?? ""))),
  );
  return cells.map((line) =>
    line
      .map((cell, index) => cell + " ".repeat((widths[index] ?? 0) - width(cell)))
      .join("  ")
      .trimEnd(),
  );
}

/** Lines of one object: a name and a value each. */
export function renderObject(row: JsonObject): string[] {
  const names = Object.keys(row);
  const longest = Math.max(0, ...names.map(width));
  return names.map((name) => `${name}${" ".repeat(longest - width(name))}  ${cellText(row[name])}`);
}

function columnTitle(column: string): string {
  return column.replace(/(?<=[a-z])(?=[A-Z0-9])/g, " ").toUpperCase();
}

function width(text: string): number {
  return text.length + (text.match(wide)?.length ?? 0);
}
