/** Every migration, in order. Append only: a released entry is never changed or removed. */
import { sql } from "kysely";
import type { Engine, Sql } from "../database.ts";
import type { TableDefinition } from "../dialect.ts";
import { createTable } from "../dialect.ts";
import { configTables } from "./0001-config-tables.ts";
import { clusterTables, recordTables } from "./0002-cluster-tables.ts";
import { insertFirstRows } from "./0003-first-rows.ts";
import { responseStates } from "./0004-response-states.ts";
import { resources } from "./0005-resources.ts";
import { moneyMigrations } from "./0006-money.ts";
import { accountMigrations } from "./0007-accounts.ts";
import { jobMigrations } from "./0008-jobs.ts";
import { sentDayMigrations } from "./0009-sent-days.ts";
import type { Migration } from "./migration.ts";

export const migrationList: readonly Migration[] = [
  ...configTables.map((table) => tableMigration("0001", table)),
  ...clusterTables.map((table) => tableMigration("0002", table)),
  ...recordTables.map((table) => tableMigration("0002", table)),
  tableMigration("0004", responseStates),
  tableMigration("0005", resources),
  ...moneyMigrations,
  ...accountMigrations,
  ...jobMigrations,
  ...sentDayMigrations,
  // Last of a new database: nodes follow it once these rows are there, and then need all of its tables and columns.
  { name: "0003-first-rows", up: insertFirstRows },
];

function tableMigration(number: string, table: TableDefinition): Migration {
  return {
    name: `${number}-${table.name}`,
    up: (db, engine) => createTables(db, engine, [table]),
  };
}

async function createTables(
  db: Sql,
  engine: Engine,
  tables: readonly TableDefinition[],
): Promise<void> {
  for (const table of tables)
    for (const statement of createTable(engine, table)) await sql.raw(statement).execute(db);
}

/** The table that remembers which steps were done; made before the first of them. */
export const migrationTable: TableDefinition = {
  name: "switchyard_migrations",
  columns: { name: { type: { text: 191 } }, applied_at: { type: "bigint" } },
  primaryKey: ["name"],
};
