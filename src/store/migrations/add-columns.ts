/** Further columns of tables that stand already. Promise: a step that was cut off anywhere does the rest when run again. */
import { sql } from "kysely";
import type { Engine, Sql } from "../database.ts";
import type { ColumnDefinition, TableDefinition } from "../dialect.ts";
import { columnText, createTable, quoteFor } from "../dialect.ts";

type Columns = Readonly<Record<string, ColumnDefinition>>;

/** Adds those that are not there yet; what is not nullable needs a default. */
export async function addColumns(
  db: Sql,
  engine: Engine,
  table: string,
  columns: Columns,
): Promise<void> {
  const quote = quoteFor(engine);
  const there = await columnNames(db, table);
  for (const [name, column] of Object.entries(columns)) {
    if (there.has(name)) continue;
    const statement = `alter table ${quote(table)} add column ${quote(name)} ${columnText(engine, column)}`;
    await sql.raw(statement).execute(db);
  }
}

async function columnNames(db: Sql, table: string): Promise<ReadonlySet<string>> {
  const tables = await db.introspection.getTables();
  const found = tables.find((candidate) => candidate.name === table);
  return new Set(found?.columns.map((column) => column.name));
}

/** Puts a unique index in the place of another; `before` and `after` are lists of columns. */
export async function replaceUnique(
  db: Sql,
  engine: Engine,
  table: string,
  change: { readonly before: readonly string[]; readonly after: readonly string[] },
): Promise<void> {
  const quote = quoteFor(engine);
  const names = {
    before: uniqueName(table, change.before),
    after: uniqueName(table, change.after),
  };
  const there = await indexNames(db, engine, table);
  if (!there.has(names.after)) {
    const list = change.after.map(quote).join(", ");
    await sql
      .raw(`create unique index ${quote(names.after)} on ${quote(table)} (${list})`)
      .execute(db);
  }
  if (!there.has(names.before)) return;
  const on = engine === "mysql" ? ` on ${quote(table)}` : "";
  await sql.raw(`drop index ${quote(names.before)}${on}`).execute(db);
}

/** Adds an index of a table that stands already, unless it is there. */
export async function addIndex(
  db: Sql,
  engine: Engine,
  table: string,
  columns: readonly string[],
): Promise<void> {
  const quote = quoteFor(engine);
  const name = `${table}_${columns.join("_")}_index`;
  if ((await indexNames(db, engine, table)).has(name)) return;
  const list = columns.map(quote).join(", ");
  await sql.raw(`create index ${quote(name)} on ${quote(table)} (${list})`).execute(db);
}

function uniqueName(table: string, columns: readonly string[]): string {
  return `${table}_${columns.join("_")}_unique`;
}

async function indexNames(db: Sql, engine: Engine, table: string): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ name: string }>`${sql.raw(indexQueries[engine])} ${table}`.execute(
    db,
  );
  return new Set(rows.map((row) => row.name));
}

const indexQueries: Readonly<Record<Engine, string>> = {
  sqlite: "select name from sqlite_master where type = 'index' and tbl_name =",
  postgres:
    "select indexname as name from pg_indexes where schemaname = current_schema() and tablename =",
  mysql:
    "select distinct index_name as name from information_schema.statistics where table_schema = database() and table_name =",
};

/** A step that makes a whole table. */
export async function addTable(db: Sql, engine: Engine, table: TableDefinition): Promise<void> {
  for (const statement of createTable(engine, table)) await sql.raw(statement).execute(db);
}
