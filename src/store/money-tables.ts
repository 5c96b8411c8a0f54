/** The columns of the tables that hold money (tables.ts tells the rules). All amounts are nano-dollars. */
import type { Generated } from "kysely";

/** A budget's counter for one period; what nodes have spent and not handed in stands in their leases. */
export interface BudgetTable {
  /** `key`, `user`, `group`, `channel`, or `balance` of a prepaid user. */
  kind: string;
  entity_id: bigint;
  /** core/periods.ts; `total` where it never ends. */
  period: string;
  /** Of a balance: all that was ever put in. */
  credited: Generated<bigint>;
  /** Spent, and no longer in any lease. */
  settled: Generated<bigint>;
}

/** What one node may spend of a budget, and has: settled + Σ max(granted, spent) never exceeds the limit. */
export interface BudgetLeaseTable {
  kind: string;
  entity_id: bigint;
  period: string;
  node_id: string;
  /** Rises with each new lease: what a former holder writes finds no row. */
  fence: bigint;
  /** What the node may spend under this lease, from its begin on. */
  granted: Generated<bigint>;
  /** What it has settled under it. */
  spent: Generated<bigint>;
  /** 1: another node needs what is unused. */
  recalled: Generated<number>;
  renewed_at: bigint;
}

/** That operators were told of a budget: whoever makes the row tells them. */
export interface BudgetAlertTable {
  kind: string;
  entity_id: bigint;
  period: string;
  /** Of the budget's amount. */
  percent: number;
  told_at: bigint;
}

/** How far a node's journal has been settled. */
export interface JournalCursorTable {
  node_id: string;
  /** Of the process that wrote the journal. */
  incarnation: string;
  position: Generated<bigint>;
  /** Ms UTC: what the process admitted before is settled. */
  settled_until: Generated<bigint>;
  updated_at: bigint;
}

/** Sums for reading. Each node adds to rows of its own; the leader folds those of closed buckets. */
export interface UsageRollupTable {
  /** Minutes that a bucket spans: 15, or 1440 of the reporting zone's days. */
  span: number;
  /** Ms UTC of its begin. */
  bucket: bigint;
  key_id: bigint;
  user_id: bigint;
  group: string;
  /** The billed name. */
  model: string;
  /** 0: none answered. */
  channel_id: Generated<bigint>;
  /** Empty once folded. */
  node_id: string;
  calls: Generated<bigint>;
  failed: Generated<bigint>;
  input_tokens: Generated<bigint>;
  cache_read_tokens: Generated<bigint>;
  cache_write_tokens: Generated<bigint>;
  output_tokens: Generated<bigint>;
  reasoning_tokens: Generated<bigint>;
  cost: Generated<bigint>;
  channel_cost: Generated<bigint>;
}

/** What of a call is kept for a few days only: attempts, lines of the charge, raw usage. */
export interface CallDetailTable {
  day: number;
  call_id: string;
  /** JSON. */
  content: string;
}

/** The ledger beside calls: append only. */
export interface AccountEntryTable {
  id: Generated<bigint>;
  at: bigint;
  /** `credit`, `correction`, `redemption`, `reward`, `job`, `closing`. */
  kind: string;
  account_kind: string;
  account_id: bigint;
  amount: bigint;
  /** Day that a closing entry closes. */
  day: number | null;
  /** What makes it one: writing it again does nothing. */
  reference: string;
  remark: string;
  actor_id: bigint | null;
}

/** Jobs at vendors that go on after the call that began them, until their end is charged. */
export interface JobTable {
  /** Id of the call that began it. */
  call_id: string;
  /** SHA-256 in hex of account and the vendor's own id. */
  digest: string;
  /** `batch` or `response`. */
  kind: string;
  key_id: bigint;
  user_id: bigint;
  channel_id: bigint;
  /** `running`, `ended` (charged), or `lost` (its vendor has it no more). */
  state: string;
  /** JSON (log/job-content.ts). */
  content: string;
  /** When its vendor is asked next. */
  poll_at: bigint;
  /** How often it was asked. */
  polls: Generated<number>;
  begun_at: bigint;
  ended_at: bigint | null;
}
