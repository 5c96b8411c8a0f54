/** The columns of the tables that make nodes one cluster (tables.ts tells the rules). */

/** One row: what makes these tables one cluster. */
export interface ClusterTable {
  id: number;
  cluster_id: string;
  /** Sealed with HKDF(SECRET_KEY); opening it proves that the secret is the cluster's. */
  pepper: string;
  data_key: string;
  setup_token_hash: string | null;
  setup_expires_at: bigint | null;
  created_at: bigint;
}

/** One row: the revision that everything follows. */
export interface SyncHeadTable {
  id: number;
  epoch: string;
  revision: bigint;
  commit_id: string;
  /** The change log is complete for revisions above this one. */
  min_retained: bigint;
  /** Lowest snapshot schema that a reader must support. */
  min_reader: number;
  committed_at: bigint;
}

export interface SyncCommitTable {
  revision: bigint;
  commit_id: string;
  txn_id: string;
  author: string;
  node_id: string;
  summary: string;
  committed_at: bigint;
}

export interface SyncChangeTable {
  revision: bigint;
  seq: number;
  kind: string;
  entity_id: string;
  /** `u` (written) or `d` (deleted). */
  op: string;
}

export interface NodeTable {
  node_id: string;
  incarnation: string;
  type: string;
  version: string;
  schema_version: number;
  started_at: bigint;
  heartbeat_at: bigint;
  state: string;
  epoch: string;
  applied_revision: bigint;
  commit_id: string;
  digest: string;
  lag_ms: bigint;
  staleness_ms: bigint;
  last_error: string | null;
  /** JSON array of quarantined rows. */
  rejected: string;
}

export interface LeaseTable {
  name: string;
  holder: string;
  fence: bigint;
  expires_at: bigint;
  renewed_at: bigint;
}

export interface MigrationTable {
  name: string;
  applied_at: bigint;
}
