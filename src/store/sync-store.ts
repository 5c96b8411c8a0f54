/**
 * The port between sync and the database. sync/ knows only this; `store/sync-sql.ts` fills it for the three engines,
 * the simulation fills it in memory. Every promise that sync relies on is stated here and tested on each engine.
 */

/** Kinds of configuration that live in the snapshot, in the order in which they are loaded. */
export const snapshotKinds = [
  "group",
  "channel",
  "credential",
  "price",
  "model",
  "setting",
] as const;
/** Kinds that only invalidate cached callers. */
export const callerKinds = ["user", "key", "token"] as const;

export type SnapshotKind = (typeof snapshotKinds)[number];
export type CallerKind = (typeof callerKinds)[number];
export type ConfigKind = SnapshotKind | CallerKind;

/** A value as it lies in a column. */
export type ColumnValue = string | number | bigint | null;

/** A row as it lies in the table (column names as in tables.ts), before any parsing. */
export type RawRow = Readonly<Record<string, ColumnValue>> & {
  readonly id: bigint;
  readonly rev: bigint;
};

/** The head row together with the database's clock, read in one statement. */
export interface Head {
  readonly epoch: string;
  readonly revision: number;
  /** Random id of the commit that made this revision: tells a reused revision number from the true one. */
  readonly commitId: string;
  /** The change log is complete for revisions above this one. */
  readonly minRetained: number;
  readonly minReader: number;
  readonly committedAtMs: number;
  /** The database's clock at the reading. */
  readonly nowMs: number;
}

/** One line of the change log: which entity, written or deleted. Holds no content. */
export interface Change {
  readonly revision: number;
  readonly kind: string;
  /** The row's id as text; for kind `key` the stored hash. */
  readonly entityId: string;
  readonly op: "u" | "d";
}

/** A key with its owner, as one look-up finds them. */
export interface CallerRows {
  readonly key: RawRow;
  readonly owner: RawRow;
}

/** Reads inside one repeatable-read, read-only transaction: all answers are of one instant. */
export interface SyncReads {
  head(): Promise<Head>;
  /** The commit id logged for a revision; undefined when compacted away or never committed. */
  commitId(revision: number): Promise<string | undefined>;
  /** Changes with revision > `after`, in order, at most `limit`. */
  changesAfter(after: number, limit: number): Promise<readonly Change[]>;
  /** Rows of a kind: all of them, or those with the given ids (absent ids are simply missing). */
  rows(kind: SnapshotKind, ids?: readonly bigint[]): Promise<readonly RawRow[]>;
  /** Number of rows of a kind. */
  count(kind: SnapshotKind): Promise<number>;
  /** Keys (with owners) among the given hashes. */
  callers(hashes: readonly string[]): Promise<readonly CallerRows[]>;
}

/** What a commit writes into the log and the head. */
export interface CommitEntry {
  readonly revision: number;
  readonly commitId: string;
  /** Made by the writer before it began, so that an uncertain commit can be looked up. */
  readonly txnId: string;
  readonly author: string;
  readonly nodeId: string;
  readonly summary: string;
  readonly changes: readonly Omit<Change, "revision">[];
}

/** One audit row, written in the transaction of the change it tells of. */
export interface AuditEntry {
  readonly actorId: number | null;
  readonly actor: string;
  readonly action: "create" | "update" | "delete" | "test";
  readonly kind: string;
  readonly entityId: string;
  readonly revision: number;
  /** What changed; secrets already redacted. */
  readonly detail: string;
  readonly address: string;
  readonly requestId: string;
}

/** Columns to write; `id` and `rev` are the store's. */
export type RowValues = Readonly<Record<string, ColumnValue>>;

/** Reads and writes inside the one write transaction, opened by locking the head row (its first statement). */
export interface SyncWrites extends SyncReads {
  /** Rows of any kind by id. */
  find(kind: ConfigKind, id: bigint): Promise<RawRow | undefined>;
  /** Inserts with `rev` stamped and answers the new id. Duplicate unique values throw {@link DuplicateRow}. */
  insert(kind: ConfigKind, rev: number, values: RowValues): Promise<bigint>;
  /** Updates the named columns and stamps `rev`. */
  update(kind: ConfigKind, rev: number, id: bigint, values: RowValues): Promise<void>;
  remove(kind: ConfigKind, id: bigint): Promise<void>;
  /** The database's clock, ms UTC. */
  nowMs(): Promise<number>;
  audit(entry: AuditEntry): Promise<void>;
  /** Appends commit and changes and moves the head: the last statements before COMMIT. */
  commit(entry: CommitEntry): Promise<void>;
}

/** Thrown where a unique value is taken: names the column for the field error. */
export class DuplicateRow extends Error {
  readonly kind: ConfigKind;
  readonly column: string;
  /** `what`: all that is taken together. */
  constructor(kind: ConfigKind, column: string, cause: unknown, what = column) {
    super(`a ${kind} with this ${what} exists already`, { cause });
    this.name = "DuplicateRow";
    this.kind = kind;
    this.column = column;
  }
}

/** What a node tells of itself: one row of the registry. */
export interface NodeReport {
  readonly nodeId: string;
  readonly incarnation: string;
  readonly type: "master" | "slave" | "unset";
  readonly version: string;
  readonly schemaVersion: number;
  readonly startedAtMs: number;
  readonly state: string;
  readonly epoch: string;
  readonly appliedRevision: number;
  readonly commitId: string;
  readonly digest: string;
  readonly lagMs: number;
  readonly stalenessMs: number;
  readonly lastError: string | null;
  /** JSON array of quarantined rows. */
  readonly rejected: string;
}

/** A report as read back, with the database's time of its last heartbeat and its age at the reading. */
export interface NodeRow extends NodeReport {
  readonly heartbeatAtMs: number;
  readonly ageMs: number;
}

/** A held lease. Side effects in SQL end with {@link SyncStore.withFence}. */
export interface LeaseRow {
  readonly name: string;
  readonly holder: string;
  readonly fence: number;
  /** Milliseconds until it ends, by the database's clock; negative when over. */
  readonly leftMs: number;
}

export interface SyncStore {
  /** The head, autocommit, one row: the poll. Rejects after `timeoutMs` at the latest. */
  readHead(timeoutMs: number): Promise<Head>;
  /** One REPEATABLE READ, READ ONLY transaction. Any error rejects; nothing partial is ever returned. */
  read<T>(work: (tx: SyncReads) => Promise<T>): Promise<T>;
  /**
   * One write transaction whose first statement locks the head. Deadlocks, lock timeouts and serialisation failures
   * are retried with jitter (the work runs again from its start); a connection lost at COMMIT rejects with
   * {@link UncertainCommit}.
   */
  write<T>(work: (tx: SyncWrites, head: Head) => Promise<T>): Promise<T>;
  /** The revision that a transaction committed, if it did. */
  findCommit(txnId: string): Promise<{ revision: number; commitId: string } | undefined>;
  /** One key with owner and the head revision of the same instant, in one statement. */
  findCaller(hash: string): Promise<{ revision: number; caller: CallerRows | undefined }>;

  writeReport(report: NodeReport): Promise<void>;
  readReports(): Promise<readonly NodeRow[]>;
  /** Removes reports older than `ageMs` by the database's clock. */
  purgeReports(ageMs: number): Promise<void>;

  /** Takes a lease that is free or over (fence + 1); undefined when another holds it. */
  takeLease(name: string, holder: string, ttlMs: number): Promise<LeaseRow | undefined>;
  /** Prolongs; undefined when it was lost. */
  renewLease(lease: LeaseRow, ttlMs: number): Promise<LeaseRow | undefined>;
  /** Ends it at once. */
  releaseLease(lease: LeaseRow): Promise<void>;
  readLease(name: string): Promise<LeaseRow | undefined>;
  /** Drops log entries that are older than `ageMs` and not among the newest `keep` revisions; fenced by the lease. */
  compact(lease: LeaseRow, keep: number, ageMs: number): Promise<number>;
}

/** The connection broke while COMMIT was under way: it may or may not have happened. */
export class UncertainCommit extends Error {
  constructor(cause: unknown) {
    super("the connection was lost during COMMIT", { cause });
    this.name = "UncertainCommit";
  }
}
