/** The columns of the tables that hold what happened, beside those of configuration (tables.ts, which tells the rules). */
import type { Generated } from "kysely";

export interface CallTable {
  /** Days since 1970 UTC of the admission. */
  day: number;
  call_id: string;
  admitted_at: bigint;
  node_id: string;
  key_id: bigint;
  user_id: bigint;
  group: string;
  channel_id: bigint | null;
  dialect: string;
  operation: string;
  model_asked: string;
  model_billed: string;
  model_sent: string | null;
  model_reported: string | null;
  status: number;
  /** Error kind, null when the call went well. */
  error: string | null;
  /** `complete`, `cut`, `caller_gone`, `failed`. */
  outcome: string;
  stream: number;
  attempts: number;
  input_tokens: bigint;
  cache_read_tokens: bigint;
  cache_write_tokens: bigint;
  output_tokens: bigint;
  reasoning_tokens: bigint;
  /** 1 where usage was counted by us, not told by the upstream. */
  estimated: number;
  /** 1 where no price was found. */
  unpriced: number;
  /** Nano-dollars. */
  cost: bigint;
  /** Id and revision of the price row used. */
  price_id: bigint | null;
  revision: bigint;
  first_byte_ms: number | null;
  duration_ms: number;
  end_user: string | null;
  address: string;
  /** Of the cache writes: those that last an hour. */
  cache_write_1h_tokens: Generated<bigint>;
  /** Nano-dollars that the operator pays. */
  channel_cost: Generated<bigint>;
  /** Tier that the reply stated. */
  service_tier: string | null;
  /** 1 where a later process wrote it for one that died. */
  recovered: Generated<number>;
  /** Which budgets it counts against (counted-budgets.ts). */
  counted: Generated<number>;
}

export interface AuditTable {
  id: Generated<bigint>;
  at: bigint;
  actor_id: bigint | null;
  actor: string;
  action: string;
  kind: string;
  entity_id: string;
  revision: bigint;
  /** JSON of what changed, secrets redacted. */
  detail: string;
  address: string;
  request_id: string;
}

/** What one stored response added to its conversation. */
export interface ResponseStateTable {
  id: string;
  owner_id: bigint;
  /** The response before it. */
  parent_id: string | null;
  /** Its place in the conversation, from 1. */
  links: number;
  /** Sealed: compressed JSON. */
  content: string;
  created_at: bigint;
  expires_at: bigint;
}

/** Something that a caller made at a vendor. */
export interface ResourceTable {
  /** SHA-256 of the id, hex: ids are too long for a key. */
  digest: string;
  owner_id: bigint;
  /** Of the API it was made through: each lists its own. */
  dialect: string;
  kind: string;
  /** As callers know it: sealed. */
  id: string;
  /** Sealed: the object as it was last told. */
  content: string;
  created_at: bigint;
}

/** How far the calls of a day were sent on to the log store. */
export interface SentDayTable {
  day: number;
  /** The last call that was sent in the order of ids; empty: none. */
  sent_to: string;
  /** 1: all calls of the day were found there. */
  sealed: Generated<number>;
  /** How many calls the roll-ups told of when it was sealed: more of them came late. */
  calls: Generated<bigint>;
}
