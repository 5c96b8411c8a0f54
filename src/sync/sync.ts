/**
 * What the other rooms see of sync: the current snapshot, the one write door, callers, and who has what.
 */
import type { KeyRecord, Snapshot } from "./entities.ts";
import type { AuditEntry, ConfigKind, NodeRow, RawRow, RowValues } from "../store/sync-store.ts";

/** Who writes, for the commit's author and the audit row. */
export interface Author {
  /** `user:<name>`, `sql`, `setup`, `job:<name>`. */
  readonly name: string;
  readonly userId: number | null;
  readonly address: string;
  readonly requestId: string;
}

/** The write door's transaction: every change goes through it, is logged, and is validated whole before commit. */
export interface ConfigWrites {
  /** The revision this transaction will make. */
  readonly revision: number;
  /** Configuration as of the locked head (not this node's snapshot, which may be behind), before this transaction's writes. */
  readonly base: Snapshot;
  /** Database's clock, ms UTC. */
  readonly nowMs: number;
  find(kind: ConfigKind, id: number): Promise<RawRow | undefined>;
  insert(kind: ConfigKind, values: RowValues): Promise<number>;
  update(kind: ConfigKind, id: number, values: RowValues): Promise<void>;
  remove(kind: ConfigKind, id: number): Promise<void>;
  audit(
    entry: Omit<AuditEntry, "revision" | "actorId" | "actor" | "address" | "requestId">,
  ): Promise<void>;
}

export interface Written<T> {
  readonly value: T;
  readonly revision: number;
}

export interface Convergence {
  readonly revision: number;
  readonly converged: boolean;
  /** Live nodes that have not applied the revision. */
  readonly pending: readonly string[];
}

export type SyncState = "boot" | "stale" | "live" | "degraded" | "unsupported";

export interface SyncStatus {
  readonly nodeId: string;
  readonly state: SyncState;
  readonly appliedRevision: number | null;
  readonly headRevision: number | null;
  readonly commitId: string | null;
  readonly epoch: string | null;
  readonly digest: string | null;
  /** Where the serving snapshot came from. */
  readonly source: "database" | "disk" | "shared-copy" | null;
  /** Ms since the head was last confirmed equal to what is applied. */
  readonly stalenessMs: number;
  readonly lagMs: number;
  readonly lastError: string | null;
  readonly lastErrorAtMs: number | null;
  readonly bells: Readonly<Record<string, "up" | "down">>;
  readonly leader: string | null;
}

/** Why a caller could not be found: truly unknown, or not to be asked now. */
export type CallerLookup =
  | { readonly found: true; readonly key: KeyRecord }
  | { readonly found: false; readonly reason: "unknown" | "unavailable" };

export interface Sync {
  /** The serving snapshot; undefined until a validated one exists. Read once per call and keep it. */
  current(): Snapshot | undefined;
  /** Finds a key by its stored hash: cache, else the database; never turns an error into `unknown`. */
  findCaller(hash: string): Promise<CallerLookup> | CallerLookup;
  /**
   * The only way to change configuration. Throws GatewayError `validation_failed` (fields) or `temporarily_unavailable`;
   * nothing is written then. Resolves after this node has applied the revision (or 1 s at most).
   */
  write<T>(author: Author, work: (tx: ConfigWrites) => Promise<T>): Promise<Written<T>>;
  /** Who has a revision; with a timeout, waits for all live nodes. */
  convergence(revision: number, timeoutMs?: number): Promise<Convergence>;
  /** Whether this node serves a revision (or a later one); waits for it up to `timeoutMs`. Asks no database. */
  reached(revision: number, timeoutMs: number): Promise<boolean>;
  nodes(): Promise<readonly NodeRow[]>;
  status(): SyncStatus;
  /** Business time: last database time + elapsed monotonic; the wall clock before the first reading. */
  businessNowMs(): number;
  /** Hands a held lease over, writes the disk copy, tells the registry that this node stopped. */
  close(): Promise<void>;
}
