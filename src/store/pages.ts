/** Lists in pages by key, so that a page neither skips nor repeats rows while others are written. */
import type { RawBuilder } from "kysely";
import { sql } from "kysely";
import type { Sql } from "./database.ts";
import { engineOf } from "./dialect.ts";

export interface PageOptions {
  /** Most rows of one page, ≥ 1. */
  readonly limit: number;
  /** The `nextCursor` of the page before. */
  readonly after?: string | undefined;
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Give it as `after` to read on; null: this was the last page. */
  readonly nextCursor: string | null;
}

/** The text given as `after` is none of our cursors. */
export class InvalidCursor extends Error {
  constructor() {
    super("the cursor is not one that a list answered with");
    this.name = "InvalidCursor";
  }
}

/** A cursor of lists ordered by id. */
export function readIdCursor(after: string): bigint {
  if (!/^\d{1,18}$/.test(after)) throw new InvalidCursor();
  return BigInt(after);
}

/** Makes a page of rows that were read with a limit of one more than the page holds. */
export function toPage<Row>(
  rows: readonly Row[],
  limit: number,
  cursorOf: (row: Row) => string,
): Page<Row> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    rows: shown,
    nextCursor: rows.length > limit && last !== undefined ? cursorOf(last) : null,
  };
}

/** {@link toPage} for rows with an id. */
export function toIdPage<Row extends { readonly id: bigint }>(
  rows: readonly Row[],
  limit: number,
): Page<Row> {
  return toPage(rows, limit, (row) => row.id.toString());
}

/** Whether a text column holds a text, in any case of letters. LIKE means something else on each engine. */
export function holdsText(db: Sql, column: string, text: string): RawBuilder<boolean> {
  const find = sql.raw(engineOf(db) === "postgres" ? "strpos" : "instr");
  const name = sql.ref(column);
  // As written too, since not every engine folds letters beyond ASCII.
  return sql<boolean>`(${find}(${name}, ${text}) > 0 or ${find}(lower(${name}), ${text.toLowerCase()}) > 0)`;
}

/** Whether a column with a JSON array of strings holds exactly this one. */
export function holdsItem(db: Sql, column: string, item: string): RawBuilder<boolean> {
  const find = sql.raw(engineOf(db) === "postgres" ? "strpos" : "instr");
  return sql<boolean>`${find}(${sql.ref(column)}, ${JSON.stringify(item)}) > 0`;
}
