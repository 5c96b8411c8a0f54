/** The tables that make nodes one cluster (head, change log, registry, leases) and those of what happened (calls, audit). */
import type { ColumnDefinition, TableDefinition } from "../dialect.ts";

const int: ColumnDefinition = { type: "int" };
const bigint: ColumnDefinition = { type: "bigint" };
const long: ColumnDefinition = { type: "long" };
const key: ColumnDefinition = { type: { text: 191 } };
const name: ColumnDefinition = { type: { text: 255 } };
const word: ColumnDefinition = { type: { text: 64 } };

function optional(column: ColumnDefinition): ColumnDefinition {
  return { ...column, nullable: true };
}

export const clusterTables: readonly TableDefinition[] = [
  {
    name: "cluster",
    columns: {
      id: int,
      cluster_id: word,
      pepper: long,
      data_key: long,
      setup_token_hash: optional(word),
      setup_expires_at: optional(bigint),
      created_at: bigint,
    },
    primaryKey: ["id"],
  },
  {
    name: "sync_head",
    columns: {
      id: int,
      epoch: word,
      revision: bigint,
      commit_id: word,
      min_retained: bigint,
      min_reader: int,
      committed_at: bigint,
    },
    primaryKey: ["id"],
  },
  {
    name: "sync_commit",
    columns: {
      revision: bigint,
      commit_id: word,
      txn_id: word,
      author: name,
      node_id: key,
      summary: long,
      committed_at: bigint,
    },
    primaryKey: ["revision"],
    unique: [["txn_id"]],
  },
  {
    name: "sync_change",
    columns: { revision: bigint, seq: int, kind: word, entity_id: key, op: { type: { text: 1 } } },
    primaryKey: ["revision", "seq"],
  },
  {
    name: "nodes",
    columns: {
      node_id: key,
      incarnation: word,
      type: word,
      version: word,
      schema_version: int,
      started_at: bigint,
      heartbeat_at: bigint,
      state: word,
      epoch: word,
      applied_revision: bigint,
      commit_id: word,
      digest: name,
      lag_ms: bigint,
      staleness_ms: bigint,
      last_error: optional(long),
      rejected: long,
    },
    primaryKey: ["node_id"],
  },
  {
    name: "leases",
    columns: { name: key, holder: name, fence: bigint, expires_at: bigint, renewed_at: bigint },
    primaryKey: ["name"],
  },
];

export const recordTables: readonly TableDefinition[] = [
  {
    name: "calls",
    columns: {
      day: int,
      call_id: word,
      admitted_at: bigint,
      node_id: key,
      key_id: bigint,
      user_id: bigint,
      group: word,
      channel_id: optional(bigint),
      dialect: word,
      operation: word,
      model_asked: name,
      model_billed: name,
      model_sent: optional(name),
      model_reported: optional(name),
      status: int,
      error: optional(word),
      outcome: word,
      stream: int,
      attempts: int,
      input_tokens: bigint,
      cache_read_tokens: bigint,
      cache_write_tokens: bigint,
      output_tokens: bigint,
      reasoning_tokens: bigint,
      estimated: int,
      unpriced: int,
      cost: bigint,
      price_id: optional(bigint),
      revision: bigint,
      first_byte_ms: optional(int),
      duration_ms: int,
      end_user: optional(name),
      address: name,
    },
    // Call ids sort by the time of their admission, so the key serves pages of the newest calls as well.
    primaryKey: ["day", "call_id"],
    indexes: [
      ["key_id", "call_id"],
      ["user_id", "call_id"],
      ["channel_id", "call_id"],
    ],
  },
  {
    name: "audit",
    columns: {
      id: { type: "id" },
      at: bigint,
      actor_id: optional(bigint),
      actor: name,
      action: word,
      kind: word,
      entity_id: key,
      revision: bigint,
      detail: long,
      address: name,
      request_id: name,
    },
    indexes: [["kind", "entity_id"]],
  },
];
