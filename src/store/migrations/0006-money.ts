/** What money needs: rules beside configuration, budgets and their leases, cursors of journals, roll-ups, the ledger. */
import type { Engine, Sql } from "../database.ts";
import type { ColumnDefinition, TableDefinition } from "../dialect.ts";
import { addColumns, addTable, replaceUnique } from "./add-columns.ts";
import type { Migration } from "./migration.ts";

const int: ColumnDefinition = { type: "int" };
const flag: ColumnDefinition = { type: "int", default: 0 };
const bigint: ColumnDefinition = { type: "bigint" };
const sum: ColumnDefinition = { type: "bigint", default: 0 };
const long: ColumnDefinition = { type: "long" };
const maybeLong: ColumnDefinition = { type: "long", nullable: true };
const maybeBigint: ColumnDefinition = { type: "bigint", nullable: true };
const key: ColumnDefinition = { type: { text: 191 } };
const name: ColumnDefinition = { type: { text: 255 } };
const word: ColumnDefinition = { type: { text: 64 } };
const kind: ColumnDefinition = { type: { text: 16 } };

const rules = { budget: maybeLong, limits: maybeLong } as const;

/** Columns added to tables that stand already. */
const added: Readonly<Record<string, Readonly<Record<string, ColumnDefinition>>>> = {
  keys: { ...rules, ratio: maybeBigint },
  users: { ...rules, ratio: maybeBigint },
  groups: rules,
  channels: { ...rules, credential_limits: maybeLong, cost_ratio: maybeBigint },
  models: { limits: maybeLong, max_output: maybeBigint },
  prices: {
    // 0: of every channel.
    channel_id: sum,
    // 1: what the operator pays, not what callers do.
    is_cost: flag,
    effective_from: sum,
    locked: flag,
    source: { ...word, nullable: true },
    rates: maybeLong,
  },
  calls: {
    cache_write_1h_tokens: sum,
    channel_cost: sum,
    service_tier: { ...word, nullable: true },
    recovered: flag,
    counted: flag,
  },
};

const rollupKey = ["span", "bucket", "key_id", "user_id", "group", "model", "channel_id"] as const;

const tables: readonly TableDefinition[] = [
  {
    name: "budgets",
    columns: { kind, entity_id: bigint, period: word, credited: sum, settled: sum },
    primaryKey: ["kind", "entity_id", "period"],
  },
  {
    name: "budget_leases",
    columns: {
      kind,
      entity_id: bigint,
      period: word,
      node_id: key,
      fence: bigint,
      granted: sum,
      spent: sum,
      recalled: flag,
      renewed_at: bigint,
    },
    primaryKey: ["kind", "entity_id", "period", "node_id"],
    indexes: [["node_id"]],
  },
  {
    name: "budget_alerts",
    columns: { kind, entity_id: bigint, period: word, percent: int, told_at: bigint },
    primaryKey: ["kind", "entity_id", "period", "percent"],
  },
  {
    name: "journal_cursors",
    columns: {
      node_id: key,
      incarnation: word,
      position: sum,
      settled_until: sum,
      updated_at: bigint,
    },
    primaryKey: ["node_id", "incarnation"],
  },
  {
    name: "usage_rollups",
    columns: {
      span: int,
      bucket: bigint,
      key_id: bigint,
      user_id: bigint,
      group: word,
      model: name,
      channel_id: sum,
      node_id: key,
      calls: sum,
      failed: sum,
      input_tokens: sum,
      cache_read_tokens: sum,
      cache_write_tokens: sum,
      output_tokens: sum,
      reasoning_tokens: sum,
      cost: sum,
      channel_cost: sum,
    },
    primaryKey: [...rollupKey, "node_id"],
    indexes: [["node_id", "bucket"]],
  },
  {
    name: "call_details",
    columns: { day: int, call_id: word, content: long },
    primaryKey: ["day", "call_id"],
  },
  {
    name: "account_entries",
    columns: {
      id: { type: "id" },
      at: bigint,
      // `credit`, `correction`, `redemption`, `reward`, `job`, `closing`.
      kind,
      account_kind: kind,
      account_id: bigint,
      amount: bigint,
      // Day that a closing entry closes; null for others.
      day: { type: "int", nullable: true },
      // What makes it one: writing it again does nothing.
      reference: key,
      remark: long,
      actor_id: maybeBigint,
    },
    unique: [["reference"]],
    indexes: [["account_kind", "account_id", "id"], ["day"]],
  },
];

export const moneyMigrations: readonly Migration[] = [
  ...Object.entries(added).map(([table, columns]) => ({
    name: `0006-${table}-columns`,
    up: (db: Sql, engine: Engine) => addColumns(db, engine, table, columns),
  })),
  {
    name: "0006-prices-unique",
    up: (db, engine) =>
      replaceUnique(db, engine, "prices", {
        before: ["model"],
        after: ["model", "channel_id", "is_cost", "effective_from"],
      }),
  },
  ...tables.map((table) => ({
    name: `0006-${table.name}`,
    up: (db: Sql, engine: Engine) => addTable(db, engine, table),
  })),
];
