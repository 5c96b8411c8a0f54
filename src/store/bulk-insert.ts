/**
 * Inserts of many rows by statements of a few fixed sizes, without a query builder between: building one of thousands
 * of values would hold the event loop up for longer than all the rest of writing them.
 */
import { CompiledQuery } from "kysely";
import type { Engine, Sql } from "./database.ts";
import { engineOf, quoteFor } from "./dialect.ts";
import type { Tables } from "./tables.ts";

/** Rows of one statement: at most 128, and few different numbers of them. */
const sizes = [128, 32, 8, 1] as const;

export interface BulkInsert {
  readonly table: keyof Tables & string;
  readonly columns: readonly string[];
  /** Where the key stands already: these columns grow by what is inserted, and these are replaced. Undefined: an error. */
  readonly onConflict?: {
    readonly key: readonly string[];
    readonly add: readonly string[];
    readonly replace?: readonly string[];
  };
}

/** One row: values in the order of the columns. */
export type BulkRow = readonly (string | number | bigint | null)[];

/** Writes rows in their order. The event loop has a turn between statements. */
export async function bulkInsert(
  db: Sql,
  insert: BulkInsert,
  rows: readonly BulkRow[],
): Promise<void> {
  const engine = engineOf(db);
  for (let at = 0; at < rows.length;) {
    const size = sizes.find((count) => count <= rows.length - at) ?? 1;
    const statement = statementText(engine, insert, size);
    const parameters = rows.slice(at, at + size).flat();
    await db.executeQuery(CompiledQuery.raw(statement, parameters));
    at += size;
  }
}

function statementText(engine: Engine, insert: BulkInsert, size: number): string {
  const quote = quoteFor(engine);
  const { table, columns, onConflict } = insert;
  const width = columns.length;
  const rows = Array.from({ length: size }, (_row, row) => {
    const places = columns.map((_column, column) =>
      engine === "postgres" ? `$${row * width + column + 1}` : "?",
    );
    return `(${places.join(",")})`;
  });
  const head = `insert into ${quote(table)} (${columns.map(quote).join(",")}) values ${rows.join(",")}`;
  return onConflict === undefined ? head : `${head} ${conflictText(engine, table, onConflict)}`;
}

function conflictText(
  engine: Engine,
  table: string,
  { key, add, replace = [] }: NonNullable<BulkInsert["onConflict"]>,
): string {
  const quote = quoteFor(engine);
  const incoming = (name: string): string =>
    engine === "mysql" ? `values(${quote(name)})` : `excluded.${quote(name)}`;
  const changes = [
    ...add.map((name) => `${quote(name)} = ${quote(table)}.${quote(name)} + ${incoming(name)}`),
    ...replace.map((name) => `${quote(name)} = ${incoming(name)}`),
  ].join(", ");
  if (engine === "mysql") return `on duplicate key update ${changes}`;
  return `on conflict (${key.map(quote).join(",")}) do update set ${changes}`;
}
