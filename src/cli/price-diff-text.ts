/** A diff of prices as lines for people: what changes first, then what is left alone, then what was not understood. */
import { isObject, type Json, type JsonObject } from "../core/json-value.ts";
import { objectsOf } from "./api-client.ts";
import type { MessageKey, Translate } from "./messages.ts";
import { renderCell, renderTable } from "./render-table.ts";

/** Lines of each part; a first import has hundreds. */
const shownRows = 20;

const columns = ["model", "mode", "input", "output", "cacheRead", "perCall", "effectiveFrom"];

export function renderPriceDiff(diff: JsonObject, t: Translate): readonly string[] {
  const [added, changed, removed, kept] = ["added", "changed", "removed", "kept"].map((part) =>
    objectsOf(diff[part]),
  ) as [Rows, Rows, Rows, Rows];
  const counts = { added, changed, removed, kept };
  const values = Object.fromEntries(
    Object.entries(counts).map(([name, rows]) => [name, String(rows.length)]),
  );
  return [
    t("note.priceDiff", { ...values, unchanged: String(diff["unchanged"]) }),
    ...few(added, t, (rows) => renderTable(columns, rows)),
    ...changed.flatMap(renderChange),
    ...removed.map((row) =>
      t("note.priceRemoved", { model: cell(row["model"]), from: cell(row["effectiveFrom"]) }),
    ),
    ...few(kept, t, (rows) => rows.map((row) => renderKept(row, t))),
    ...renderMissing(diff["missing"], t),
    ...few(objectsOf(diff["notUnderstood"]), t, (rows) => rows.map((row) => renderRemark(row, t))),
    ...renderPassedOver(diff["passedOver"], t),
    t("note.priceDigest", { digest: cell(diff["digest"]) }),
  ];
}

type Rows = readonly JsonObject[];

function few(
  rows: Rows,
  t: Translate,
  render: (rows: Rows) => readonly string[],
): readonly string[] {
  if (rows.length === 0) return [];
  const more = rows.length - shownRows;
  return [
    ...render(rows.slice(0, shownRows)),
    ...(more > 0 ? [t("note.priceMore", { count: String(more) })] : []),
  ];
}

function renderChange(row: JsonObject): readonly string[] {
  const fields = isObject(row["fields"]) ? row["fields"] : {};
  const from = row["effectiveFrom"] == null ? "" : ` (${cell(row["effectiveFrom"])})`;
  return Object.entries(fields).map(([name, change]) => {
    const { from: before, to } = isObject(change) ? change : {};
    return `${cell(row["model"])}${from}: ${name}: ${cell(before)} → ${cell(to)}`;
  });
}

const reasons: Readonly<Record<string, MessageKey>> = {
  locked: "note.priceKeptLocked",
  operator: "note.priceKeptOperator",
  covered: "note.priceKeptCovered",
};

function renderKept(row: JsonObject, t: Translate): string {
  const reason = reasons[String(row["reason"])] ?? "note.priceKeptOperator";
  return t("note.priceKept", {
    model: cell(row["model"]),
    reason: t(reason),
    by: cell(row["by"]),
  });
}

function renderMissing(missing: Json | undefined, t: Translate): readonly string[] {
  if (!Array.isArray(missing) || missing.length === 0) return [];
  return [t("note.priceMissing", { count: String(missing.length), models: cell(missing) })];
}

function renderRemark(row: JsonObject, t: Translate): string {
  const names = ["vendor", "models", "field", "effect", "reason"];
  return t(
    "note.priceRemark",
    Object.fromEntries(names.map((name) => [name, cell(row[name])] as const)),
  );
}

function renderPassedOver(passedOver: Json | undefined, t: Translate): readonly string[] {
  const counts = isObject(passedOver) ? Object.values(passedOver) : [];
  const count = counts.reduce((sum: number, one) => sum + Number(one), 0);
  return count === 0 ? [] : [t("note.pricePassedOver", { count: String(count) })];
}

function cell(value: Json | undefined): string {
  return typeof value === "string" ? value : renderCell(value);
}
