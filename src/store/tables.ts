/**
 * The columns of every table, as Kysely reads and writes them on all three engines.
 * BIGINT columns are BigInt on every engine (see money: sums above 2^53 exist); JSON is kept as text, so that
 * one definition holds everywhere. All times are milliseconds UTC of the database's clock.
 */
import type { Generated } from "kysely";
import type { RedeemAttemptTable, RedemptionCodeTable } from "./account-tables.ts";
import type {
  ClusterTable,
  LeaseTable,
  MigrationTable,
  NodeTable,
  SyncChangeTable,
  SyncCommitTable,
  SyncHeadTable,
} from "./cluster-tables.ts";
import type {
  AccountEntryTable,
  BudgetAlertTable,
  BudgetLeaseTable,
  BudgetTable,
  CallDetailTable,
  JobTable,
  JournalCursorTable,
  UsageRollupTable,
} from "./money-tables.ts";
import type {
  AuditTable,
  CallTable,
  ResourceTable,
  ResponseStateTable,
  SentDayTable,
} from "./record-tables.ts";

export type * from "./account-tables.ts";
export type * from "./cluster-tables.ts";
export type * from "./money-tables.ts";
export type * from "./record-tables.ts";

/** Columns that every configuration table has. */
interface ConfigRow {
  id: Generated<bigint>;
  /** Revision that last wrote this row; 0 where a row was written by hand and not yet adopted. */
  rev: Generated<bigint>;
}

export interface ChannelTable extends ConfigRow {
  name: string;
  provider: string;
  base_url: string | null;
  /** JSON array of model names or `prefix*`. */
  models: string;
  /** JSON array of group symbols. */
  groups: string;
  priority: number | null;
  weight: number | null;
  /** `enabled` or `disabled`. */
  status: string;
  /** JSON object: asked model → sent model. */
  model_mapping: string | null;
  /** JSON object: header → value, sent upstream. */
  headers: string | null;
  /** JSON object: body member → value, put over the caller's. */
  parameters: string | null;
  proxy: string | null;
  tag: string | null;
  /** JSON object: connectMs, firstByteMs, idleMs. */
  timeouts: string | null;
  /** JSON object of further options (`replyModel`, …). */
  options: string | null;
  /** JSON (sync/budget-field.ts); null: none. */
  budget: string | null;
  /** JSON (sync/limit-field.ts); null: none. */
  limits: string | null;
  /** JSON: limits of each credential; null: none. */
  credential_limits: string | null;
  /** Millionths of the price that the operator pays; null: one. */
  cost_ratio: bigint | null;
  created_at: bigint;
  updated_at: bigint;
}

export interface CredentialTable extends ConfigRow {
  channel_id: bigint;
  /** Order within the channel. */
  position: number;
  /** The secret, sealed with the cluster's data key. */
  sealed: string;
  status: string;
}

export interface GroupTable extends ConfigRow {
  symbol: string;
  name: string;
  /** Millionths. */
  ratio: bigint;
  public: number;
  enabled: number;
  /** JSON (sync/budget-field.ts); null: none. */
  budget: string | null;
  /** JSON (sync/limit-field.ts); null: none. */
  limits: string | null;
  /** Whoever was credited this much in all comes into the group; null: nobody. */
  promote_at: bigint | null;
  created_at: bigint;
  updated_at: bigint;
}

export interface PriceTable extends ConfigRow {
  /** Model name or `prefix*`. */
  model: string;
  /** `tokens` or `call`. */
  mode: string;
  /** Nano-dollars per million tokens; null: not priced apart. */
  input: bigint | null;
  output: bigint | null;
  cache_read: bigint | null;
  cache_write_5m: bigint | null;
  cache_write_1h: bigint | null;
  /** Nano-dollars per call. */
  per_call: bigint | null;
  /** 0: of every channel. */
  channel_id: Generated<bigint>;
  /** 1: what the operator pays, not what callers do. */
  is_cost: Generated<number>;
  /** Ms UTC from which it holds. */
  effective_from: Generated<bigint>;
  /** 1: no update of the price book changes it. */
  locked: Generated<number>;
  /** Where it came from; null: an operator wrote it. */
  source: string | null;
  /** JSON of rates beyond the columns (sync/price-row.ts). */
  rates: string | null;
  created_at: bigint;
  updated_at: bigint;
}

export interface ModelTable extends ConfigRow {
  model: string;
  owner: string | null;
  context: bigint | null;
  /** JSON array. */
  modalities: string | null;
  description: string | null;
  /** JSON (sync/limit-field.ts); null: none. */
  limits: string | null;
  /** Most tokens that it can answer. */
  max_output: bigint | null;
  created_at: bigint;
  updated_at: bigint;
}

export interface SettingTable extends ConfigRow {
  name: string;
  /** JSON value. */
  value: string;
  updated_at: bigint;
}

export interface KeyTable extends ConfigRow {
  /** HMAC of the key (core/seal.ts hashApiKey), hex. */
  hash: string;
  name: string;
  owner_id: bigint;
  /** Group symbol; null: the owner's. */
  group: string | null;
  fallback_group: string | null;
  /** JSON array of allowed model names or `prefix*`; null: all. */
  models: string | null;
  /** JSON array of address ranges; null: all. */
  ip_ranges: string | null;
  expires_at: bigint | null;
  status: string;
  /** Last four characters, to tell keys apart. */
  hint: string;
  /** JSON (sync/budget-field.ts); null: none. */
  budget: string | null;
  /** JSON (sync/limit-field.ts); null: none. */
  limits: string | null;
  /** Millionths; null: one. */
  ratio: bigint | null;
  created_at: bigint;
  updated_at: bigint;
}

export interface UserTable extends ConfigRow {
  username: string;
  /** `root`, `admin` or `member`. */
  role: string;
  group: string;
  /** `prepaid` or `postpaid`. */
  billing: string;
  status: string;
  /** JSON (sync/budget-field.ts); null: none. */
  budget: string | null;
  /** JSON (sync/limit-field.ts); null: none. */
  limits: string | null;
  /** Millionths; null: one. */
  ratio: bigint | null;
  /** Account whose invitation this one came by. */
  invited_by: bigint | null;
  /** What its inviter and it itself get for that; null: nothing. */
  inviter_reward: bigint | null;
  invitee_reward: bigint | null;
  created_at: bigint;
  updated_at: bigint;
}

/** Management tokens. */
export interface TokenTable extends ConfigRow {
  hash: string;
  user_id: bigint;
  name: string;
  expires_at: bigint | null;
  created_at: bigint;
}

/** All tables by name. */
export interface Tables {
  channels: ChannelTable;
  credentials: CredentialTable;
  groups: GroupTable;
  prices: PriceTable;
  models: ModelTable;
  settings: SettingTable;
  keys: KeyTable;
  users: UserTable;
  tokens: TokenTable;
  cluster: ClusterTable;
  sync_head: SyncHeadTable;
  sync_commit: SyncCommitTable;
  sync_change: SyncChangeTable;
  nodes: NodeTable;
  leases: LeaseTable;
  calls: CallTable;
  audit: AuditTable;
  response_states: ResponseStateTable;
  resources: ResourceTable;
  budgets: BudgetTable;
  budget_leases: BudgetLeaseTable;
  budget_alerts: BudgetAlertTable;
  journal_cursors: JournalCursorTable;
  usage_rollups: UsageRollupTable;
  call_details: CallDetailTable;
  jobs: JobTable;
  sent_days: SentDayTable;
  account_entries: AccountEntryTable;
  redemption_codes: RedemptionCodeTable;
  redeem_attempts: RedeemAttemptTable;
  switchyard_migrations: MigrationTable;
}
