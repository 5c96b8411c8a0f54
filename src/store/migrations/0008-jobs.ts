/** Jobs at vendors that are charged at their end, long after the call that began them. */
import type { Engine, Sql } from "../database.ts";
import type { TableDefinition } from "../dialect.ts";
import { addTable } from "./add-columns.ts";
import type { Migration } from "./migration.ts";

const jobs: TableDefinition = {
  name: "jobs",
  columns: {
    call_id: { type: { text: 64 } },
    digest: { type: { text: 64 } },
    // `batch` or `response`.
    kind: { type: { text: 16 } },
    key_id: { type: "bigint" },
    user_id: { type: "bigint" },
    channel_id: { type: "bigint" },
    // `running`, `ended` or `lost`.
    state: { type: { text: 16 } },
    content: { type: "long" },
    poll_at: { type: "bigint" },
    polls: { type: "int", default: 0 },
    begun_at: { type: "bigint" },
    ended_at: { type: "bigint", nullable: true },
  },
  primaryKey: ["call_id"],
  indexes: [["state", "poll_at"], ["digest"]],
};

export const jobMigrations: readonly Migration[] = [
  { name: "0008-jobs", up: (db: Sql, engine: Engine) => addTable(db, engine, jobs) },
];
