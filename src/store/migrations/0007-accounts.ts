/** What accounts need: who was invited by whom, promotion of groups, redemption codes, and spending read by account. */
import type { Engine, Sql } from "../database.ts";
import type { ColumnDefinition, TableDefinition } from "../dialect.ts";
import { addColumns, addIndex, addTable } from "./add-columns.ts";
import type { Migration } from "./migration.ts";

const bigint: ColumnDefinition = { type: "bigint" };
const maybeBigint: ColumnDefinition = { type: "bigint", nullable: true };
const word: ColumnDefinition = { type: { text: 64 } };
const key: ColumnDefinition = { type: { text: 191 } };

/** Columns added to tables that stand already. */
const added: Readonly<Record<string, Readonly<Record<string, ColumnDefinition>>>> = {
  // The rewards are those that stood in the settings when the account was made.
  users: { invited_by: maybeBigint, inviter_reward: maybeBigint, invitee_reward: maybeBigint },
  groups: { promote_at: maybeBigint },
};

const tables: readonly TableDefinition[] = [
  {
    name: "redemption_codes",
    columns: {
      id: { type: "id" },
      hash: word,
      hint: { type: { text: 16 } },
      name: key,
      batch: word,
      amount: bigint,
      status: { type: { text: 16 } },
      expires_at: maybeBigint,
      created_by: maybeBigint,
      created_at: bigint,
      redeemed_by: maybeBigint,
      redeemed_at: maybeBigint,
    },
    unique: [["hash"]],
    indexes: [["batch"]],
  },
  {
    name: "redeem_attempts",
    columns: { subject: key, minute: bigint, attempts: { type: "int" } },
    primaryKey: ["subject"],
  },
];

export const accountMigrations: readonly Migration[] = [
  ...Object.entries(added).map(([table, columns]) => ({
    name: `0007-${table}-columns`,
    up: (db: Sql, engine: Engine) => addColumns(db, engine, table, columns),
  })),
  ...tables.map((table) => ({
    name: `0007-${table.name}`,
    up: (db: Sql, engine: Engine) => addTable(db, engine, table),
  })),
  ...["key_id", "user_id"].map((column) => ({
    name: `0007-usage_rollups-${column}`,
    up: (db: Sql, engine: Engine) =>
      addIndex(db, engine, "usage_rollups", [column, "span", "bucket"]),
  })),
];
