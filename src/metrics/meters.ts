/** What is counted, as rooms see it; `metrics/registry.ts` fills it with Prometheus counters. */

export interface CallMeters {
  /** One finished call. */
  finished(
    labels: { operation: string; status: number; outcome: string },
    seconds: number,
    firstByteSeconds: number | null,
  ): void;
  /** One attempt at an upstream. */
  attempted(labels: { channelId: number; result: string }): void;
  running(delta: 1 | -1): void;
}

/** sync.md §5.10, names there. Times in seconds, measured on the database's clock and a local monotonic one. */
export interface SyncMeters {
  applied(
    revision: number,
    mode: "delta" | "full",
    applySeconds: number,
    propagationSeconds: number | null,
  ): void;
  head(revision: number): void;
  error(stage: string, errorClass: string): void;
  fullResync(reason: string): void;
  bell(channel: string, up: boolean): void;
  /** A change found by polling although a bell was up. */
  pushMissed(): void;
  regression(): void;
  unloggedChanges(count: number): void;
  rejectedRows(count: number): void;
  state(state: string, lagSeconds: number, stalenessSeconds: number): void;
  diskCopy(revision: number | null, error: boolean): void;
}

/** What the call log counts. */
export interface LogMeters {
  /** Calls whose record was lost because the journal was full. */
  recordsDropped(count: number): void;
}

/** What the leader counts of calls that it sends on to the log store. */
export interface LogStoreMeters {
  sent(calls: number): void;
  /** One turn that ended because the log store did not do what it was asked. */
  failed(): void;
}

/** What is counted of budgets. `kind`: `key`, `user`, `balance`, `group` or `channel`. */
export interface BudgetMeters {
  /** One transaction with the database. */
  asked(result: "ok" | "failed", seconds: number): void;
  refused(kind: string): void;
  alerted(kind: string, percent: number): void;
}

/** What is known of the cluster as a whole; told by the node that leads, but for the leader itself. */
export interface ClusterMeters {
  /** Live nodes by state, those behind the head, and those that hold another content at the same revision. */
  nodes(states: Readonly<Record<string, number>>, laggards: number, mismatches: number): void;
  /** From a commit to the last live node's report of it. */
  converged(seconds: number): void;
  /** Fence of this node's term, 0 while it does not lead; seconds without any leader known here. */
  leader(fence: number, absentSeconds: number): void;
  /** Age of the newest copy on disk; null: none was written yet. */
  copyAge(seconds: number | null): void;
  /** Longest stall of the event loop since it was told last. */
  loopStall(seconds: number): void;
}
