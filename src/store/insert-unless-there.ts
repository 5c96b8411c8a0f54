/** Inserts that do nothing where a row with the same key stands already: what makes steps and batches repeatable. */
import type { InsertObject } from "kysely";
import { sql } from "kysely";
import type { Sql } from "./database.ts";
import { engineOf } from "./dialect.ts";
import type { Tables } from "./tables.ts";

export async function insertUnlessThere<T extends keyof Tables & string>(
  db: Sql,
  table: T,
  rows: InsertObject<Tables, T> | readonly InsertObject<Tables, T>[],
): Promise<void> {
  const list = Array.isArray(rows) ? rows : [rows];
  const [first] = list;
  if (first === undefined) return;
  const insert = db.insertInto(table).values(list);
  if (engineOf(db) !== "mysql") {
    await insert.onConflict((conflict) => conflict.doNothing()).execute();
    return;
  }
  // Not `insert ignore`: that would also turn values that do not fit into cut ones.
  const column = Object.keys(first)[0] ?? "";
  await insert.onDuplicateKeyUpdate({ [column]: sql.ref(column) } as never).execute();
}
