/**
 * What lies in a database: nothing, our tables (older, current, newer), or somebody else's.
 * Promise: a database that is not ours is recognised before anything is written to it.
 */
import { sql } from "kysely";
import type { Sql } from "./database.ts";
import { engineOf } from "./dialect.ts";
import { migrationList } from "./migrations/migration-list.ts";

/** The snapshot schema that this release reads; a head whose `min_reader` is above it refuses us. */
export const readerVersion = 1;

export interface SchemaState {
  /** `older`: steps are missing; `newer`: steps are there that this release does not know (fine unless SchemaTooNew). */
  readonly state: "empty" | "older" | "current" | "newer";
  readonly missing: readonly string[];
  readonly unknown: readonly string[];
}

/** The database holds tables that are not ours. Nothing was written. */
export class ForeignDatabase extends Error {
  /** `One Hub`, `one-api`, `new-api`, or undefined when unknown. */
  readonly product: string | undefined;
  constructor(product: string | undefined, tables: readonly string[]) {
    const shown = tables.slice(0, 5).join(", ") + (tables.length > 5 ? ", …" : "");
    super(
      product === undefined
        ? `The database holds tables that are not Switchyard's (${shown}). Nothing was written. Give SQL_DSN (or SQLITE_PATH) an empty database.`
        : `The database belongs to ${product} (it holds ${shown}). Nothing was written. Give SQL_DSN (or SQLITE_PATH) an empty database; ` +
            "docs/from-one-hub.md tells how to move over.",
    );
    this.name = "ForeignDatabase";
    this.product = product;
  }
}

/** A newer release raised the lowest version that may read this database. */
export class SchemaTooNew extends Error {
  constructor(minReader: number) {
    super(
      `The database needs readers of version ${minReader}, this release is version ${readerVersion}. Upgrade this node.`,
    );
    this.name = "SchemaTooNew";
  }
}

/** Reads the state; throws {@link ForeignDatabase} or {@link SchemaTooNew}. Writes nothing. */
export async function readSchema(db: Sql): Promise<SchemaState> {
  const tables = await listTables(db);
  if (!tables.includes("switchyard_migrations")) {
    if (tables.length > 0) throw new ForeignDatabase(productOf(tables), tables);
    return { state: "empty", missing: migrationList.map(({ name }) => name), unknown: [] };
  }
  const rows = await db.selectFrom("switchyard_migrations").select("name").execute();
  const applied = rows.map(({ name }) => name);
  const known = migrationList.map(({ name }) => name);
  const missing = known.filter((name) => !applied.includes(name));
  const unknown = applied.filter((name) => !known.includes(name));
  if (tables.includes("sync_head")) await refuseTooNew(db);
  const state = missing.length > 0 ? "older" : unknown.length > 0 ? "newer" : "current";
  return { state, missing, unknown };
}

async function refuseTooNew(db: Sql): Promise<void> {
  const head = await db.selectFrom("sync_head").select("min_reader").executeTakeFirst();
  if (head !== undefined && head.min_reader > readerVersion)
    throw new SchemaTooNew(head.min_reader);
}

/** Names of the tables in the schema we would write to, without those that extensions brought. */
async function listTables(db: Sql): Promise<string[]> {
  const engine = engineOf(db);
  const query =
    engine === "sqlite"
      ? sql<{
          name: string;
        }>`select name from sqlite_master where type = 'table' and name not like 'sqlite_%'`
      : engine === "postgres"
        ? sql<{ name: string }>`
            select c.relname::text as name from pg_class c
            where c.relkind in ('r', 'p') and c.relnamespace = current_schema()::regnamespace
              and not exists (select 1 from pg_depend d
                              where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')`
        : sql<{ name: string }>`
            select table_name as name from information_schema.tables
            where table_schema = database() and table_type = 'BASE TABLE'`;
  const { rows } = await query.execute(db);
  return rows.map(({ name }) => name).sort();
}

/** Whose tables these are, told by those that only that product makes. */
function productOf(tables: readonly string[]): string | undefined {
  const has = (...names: string[]): boolean => names.every((name) => tables.includes(name));
  if (!has("channels", "tokens", "options")) return undefined;
  if (has("user_groups") || has("model_owned_by") || has("prices")) return "One Hub";
  if (!has("abilities")) return undefined;
  // new-api grew out of one-api and kept its tables; these it added.
  const added = ["quota_data", "tasks", "setups", "vendors", "models", "two_fas", "prefill_groups"];
  return added.some((name) => tables.includes(name)) ? "new-api" : "one-api";
}
