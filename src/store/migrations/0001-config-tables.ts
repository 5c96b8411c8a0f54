/** The tables of configuration: every row carries the revision that last wrote it. */
import type { ColumnDefinition, TableDefinition } from "../dialect.ts";

const id: ColumnDefinition = { type: "id" };
// A row written by hand has revision 0 until sync adopts it.
const rev: ColumnDefinition = { type: "bigint", default: 0 };
const int: ColumnDefinition = { type: "int" };
const bigint: ColumnDefinition = { type: "bigint" };
const long: ColumnDefinition = { type: "long" };
const symbol: ColumnDefinition = { type: { text: 64 } };
const name: ColumnDefinition = { type: { text: 255 } };
const word: ColumnDefinition = { type: { text: 32 } };
const digest: ColumnDefinition = { type: { text: 64 } };
const times = { created_at: bigint, updated_at: bigint };

function optional(column: ColumnDefinition): ColumnDefinition {
  return { ...column, nullable: true };
}

export const configTables: readonly TableDefinition[] = [
  {
    name: "channels",
    columns: {
      id,
      rev,
      name,
      provider: symbol,
      base_url: optional(long),
      models: long,
      groups: long,
      priority: optional(int),
      weight: optional(int),
      status: word,
      model_mapping: optional(long),
      headers: optional(long),
      parameters: optional(long),
      proxy: optional(long),
      tag: optional(name),
      timeouts: optional(long),
      options: optional(long),
      ...times,
    },
    indexes: [["rev"]],
  },
  {
    name: "credentials",
    columns: { id, rev, channel_id: bigint, position: int, sealed: long, status: word },
    indexes: [["rev"], ["channel_id"]],
  },
  {
    name: "groups",
    columns: { id, rev, symbol, name, ratio: bigint, public: int, enabled: int, ...times },
    unique: [["symbol"]],
    indexes: [["rev"]],
  },
  {
    name: "prices",
    columns: {
      id,
      rev,
      model: name,
      mode: word,
      input: optional(bigint),
      output: optional(bigint),
      cache_read: optional(bigint),
      cache_write_5m: optional(bigint),
      cache_write_1h: optional(bigint),
      per_call: optional(bigint),
      ...times,
    },
    unique: [["model"]],
    indexes: [["rev"]],
  },
  {
    name: "models",
    columns: {
      id,
      rev,
      model: name,
      owner: optional(name),
      context: optional(bigint),
      modalities: optional(long),
      description: optional(long),
      ...times,
    },
    unique: [["model"]],
    indexes: [["rev"]],
  },
  {
    name: "settings",
    columns: { id, rev, name, value: long, updated_at: bigint },
    unique: [["name"]],
    indexes: [["rev"]],
  },
  {
    name: "keys",
    columns: {
      id,
      rev,
      hash: digest,
      name,
      owner_id: bigint,
      group: optional(symbol),
      fallback_group: optional(symbol),
      models: optional(long),
      ip_ranges: optional(long),
      expires_at: optional(bigint),
      status: word,
      hint: word,
      ...times,
    },
    unique: [["hash"]],
    indexes: [["rev"], ["owner_id"]],
  },
  {
    name: "users",
    columns: {
      id,
      rev,
      username: name,
      role: word,
      group: symbol,
      billing: word,
      status: word,
      ...times,
    },
    unique: [["username"]],
    indexes: [["rev"]],
  },
  {
    name: "tokens",
    columns: {
      id,
      rev,
      hash: digest,
      user_id: bigint,
      name,
      expires_at: optional(bigint),
      created_at: bigint,
    },
    unique: [["hash"]],
    indexes: [["rev"], ["user_id"]],
  },
];
