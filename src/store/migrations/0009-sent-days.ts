/** How far the calls of each day were sent on to the log store. */
import type { Engine, Sql } from "../database.ts";
import type { TableDefinition } from "../dialect.ts";
import { addTable } from "./add-columns.ts";
import type { Migration } from "./migration.ts";

const sentDays: TableDefinition = {
  name: "sent_days",
  columns: {
    day: { type: "int" },
    sent_to: { type: { text: 64 } },
    sealed: { type: "int", default: 0 },
    calls: { type: "bigint", default: 0 },
  },
  primaryKey: ["day"],
};

export const sentDayMigrations: readonly Migration[] = [
  { name: "0009-sent-days", up: (db: Sql, engine: Engine) => addTable(db, engine, sentDays) },
];
