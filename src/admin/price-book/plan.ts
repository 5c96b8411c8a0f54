/**
 * What taking a list over would change. Promises kept here: a model of which an operator wrote or locked any row keeps all
 * of its rows, and so do names under a prefix that an operator priced; taking the same list over twice changes nothing the second time.
 */
import { createHash } from "node:crypto";
import type { Json, JsonObject } from "../../core/json-value.ts";
import type { RawRow } from "../../store/sync-store.ts";
import type { BookRow } from "./render-row.ts";
import { showRow } from "./render-row.ts";

export interface ChangedRow {
  readonly id: bigint;
  readonly next: BookRow;
  /** The fields that differ, by name. */
  readonly fields: Readonly<Record<string, { readonly from: Json; readonly to: Json }>>;
}

export interface RemovedRow {
  readonly id: bigint;
  readonly shown: JsonObject;
}

/** Why rows of a model are left as they are. */
export interface KeptModel {
  readonly model: string;
  readonly channelId: Json;
  readonly side: Json;
  readonly reason: "locked" | "operator" | "covered";
  /** The row that says so. */
  readonly by: string;
}

/** What becomes of all rows of one model, channel and side: they are written together or not at all. */
export interface PlannedModel {
  readonly name: string;
  readonly added: readonly BookRow[];
  readonly changed: readonly ChangedRow[];
  readonly removed: readonly RemovedRow[];
}

export interface BookPlan {
  /** Only those that something changes of. */
  readonly models: readonly PlannedModel[];
  readonly kept: readonly KeptModel[];
  /** Rows that are as the list says. */
  readonly unchanged: number;
  /** Of exactly these changes to exactly these rows. */
  readonly digest: string;
}

/** Compares the rows of a list with all rows of the table. */
export function planBook(listed: readonly BookRow[], rows: readonly RawRow[]): BookPlan {
  const table = groupRows(rows, (row) => row);
  const governing = rows.filter((row) => isGoverned(row) && String(row["model"]).endsWith("*"));
  const models: PlannedModel[] = [];
  const kept: KeptModel[] = [];
  let unchanged = 0;
  for (const [name, wanted] of groupRows(listed, (row) => row.columns)) {
    const before = table.get(name) ?? [];
    const keeper = findKeeper(wanted, before, governing);
    if (keeper !== undefined) {
      kept.push(keeper);
      continue;
    }
    const model = planModel(name, wanted, before);
    unchanged += wanted.length - model.added.length - model.changed.length;
    if (model.added.length + model.changed.length + model.removed.length > 0) models.push(model);
  }
  return { models, kept, unchanged, digest: digestOf(models) };
}

type Columns = Readonly<Record<string, unknown>>;

function groupRows<Row>(
  rows: readonly Row[],
  columnsOf: (row: Row) => Columns,
): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const columns = columnsOf(row);
    const shelf = ["model", "channel_id", "is_cost"].map((name) => String(columns[name] ?? 0));
    const name = JSON.stringify(shelf);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [row]);
    else group.push(row);
  }
  return groups;
}

function isLocked(row: RawRow): boolean {
  return Number(row["locked"] ?? 0) === 1;
}

/** Whether a row is an operator's word. */
function isGoverned(row: RawRow): boolean {
  return row["source"] === null || isLocked(row);
}

function findKeeper(
  wanted: readonly BookRow[],
  before: readonly RawRow[],
  governing: readonly RawRow[],
): KeptModel | undefined {
  const columns: Columns = wanted[0]?.columns ?? {};
  const model = String(columns["model"]);
  const own = before.find(isLocked) ?? before.find(isGoverned);
  const covering = governing.find((row) => row !== own && covers(row, columns));
  const by = own ?? covering;
  if (by === undefined) return undefined;
  const shown = wanted[0]?.shown ?? {};
  const reason = own === undefined ? "covered" : isLocked(own) ? "locked" : "operator";
  return {
    model,
    channelId: shown["channelId"] ?? null,
    side: shown["side"] ?? null,
    reason,
    by: String(by["model"]),
  };
}

/** An operator's prefix speaks for every name under it; one price for all that has none (`*`) does not. */
function covers(row: RawRow, listed: Columns): boolean {
  const prefix = String(row["model"]).slice(0, -1);
  const isSameShelf = ["channel_id", "is_cost"].every(
    (name) => String(row[name] ?? 0) === String(listed[name] ?? 0),
  );
  return prefix !== "" && isSameShelf && String(listed["model"]).startsWith(prefix);
}

function planModel(
  name: string,
  wanted: readonly BookRow[],
  before: readonly RawRow[],
): PlannedModel {
  const fromOf = (columns: Columns): string => String(columns["effective_from"] ?? 0);
  const old = new Map(before.map((row) => [fromOf(row), row] as const));
  const dates = new Set(wanted.map((row) => fromOf(row.columns)));
  const added = wanted.filter((row) => !old.has(fromOf(row.columns)));
  const changed = wanted.flatMap((next): ChangedRow[] => {
    const row = old.get(fromOf(next.columns));
    if (row === undefined) return [];
    const fields = differences(showRow(row), next.shown);
    return Object.keys(fields).length === 0 ? [] : [{ id: row.id, next, fields }];
  });
  // A date that the list no longer knows would go on being charged by.
  const removed = before
    .filter((row) => !dates.has(fromOf(row)))
    .map((row) => ({ id: row.id, shown: showRow(row) }));
  return { name, added, changed, removed };
}

function differences(before: JsonObject, after: JsonObject): ChangedRow["fields"] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const differing = [...names].flatMap((name) => {
    const [from, to] = [before[name] ?? null, after[name] ?? null];
    return JSON.stringify(from) === JSON.stringify(to) ? [] : [[name, { from, to }] as const];
  });
  return Object.fromEntries(differing);
}

/** Of a plan's changes, or of part of them. */
export function digestOf(models: readonly PlannedModel[]): string {
  const content = models
    .map(({ name, added, changed, removed }) => ({
      name,
      added: added.map((row) => row.shown),
      changed: changed.map(({ id, fields }) => [String(id), fields]),
      removed: removed.map(({ id, shown }) => [String(id), shown]),
    }))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}
