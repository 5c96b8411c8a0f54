/** Tells the metrics of the cluster as a whole: from the leader's look at the registry, and from this node's own state. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Clock } from "./core/clock.ts";
import type { ClusterMeters, SyncMeters } from "./metrics/meters.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { NodeRow } from "./store/sync-store.ts";
import { isLive } from "./sync/registry.ts";
import type { OpenedSync } from "./sync/sync-parts.ts";

export interface WatchParts {
  readonly sync: OpenedSync;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly copies: CopyWatch;
}

/** How often the leader looks at all nodes. */
const lookMs = 5000;
const convergenceMs = 10_000;

/** Remembers when a copy was written last. */
export interface CopyWatch {
  readonly meters: SyncMeters;
  ageSeconds(): number | null;
}

/** Listens to what sync tells of its copies. */
export function watchCopies(meters: SyncMeters, clock: Clock): CopyWatch {
  let writtenAtMs: number | null = null;
  return {
    meters: {
      ...meters,
      diskCopy: (revision, error) => {
        if (revision !== null) writtenAtMs = clock.monotonic();
        meters.diskCopy(revision, error);
      },
    },
    ageSeconds: () => (writtenAtMs === null ? null : (clock.monotonic() - writtenAtMs) / 1000),
  };
}

/** Starts watching; the answered function ends it. */
export function watchCluster({ sync, metrics, clock, copies }: WatchParts): () => void {
  const { cluster } = metrics;
  const stalls = monitorEventLoopDelay({ resolution: 10 });
  stalls.enable();
  let leaderSeenAtMs = clock.monotonic();
  metrics.beforePage(() => {
    if (sync.status().leader !== null) leaderSeenAtMs = clock.monotonic();
    cluster.leader(sync.term()?.lease.fence ?? 0, (clock.monotonic() - leaderSeenAtMs) / 1000);
    cluster.copyAge(copies.ageSeconds());
    cluster.loopStall(stalls.max / 1e9);
    stalls.reset();
  });
  sync.lead({
    name: "count nodes",
    everyMs: lookMs,
    run: async () => countNodes(cluster, await sync.nodes()),
  });
  const stopTiming = timeConvergence(sync, cluster, clock);
  return () => {
    stopTiming();
    stalls.disable();
  };
}

function countNodes(cluster: ClusterMeters, rows: readonly NodeRow[]): void {
  const live = rows.filter(isLive);
  const head = Math.max(0, ...live.map((row) => row.appliedRevision));
  const states: Record<string, number> = {};
  const digests = new Map<string, Set<string>>();
  for (const row of live) {
    states[row.state] = (states[row.state] ?? 0) + 1;
    const position = `${row.epoch} ${row.appliedRevision} ${row.commitId}`;
    digests.set(position, (digests.get(position) ?? new Set()).add(row.digest));
  }
  const mismatches = [...digests.values()].filter((contents) => contents.size > 1).length;
  cluster.nodes(states, live.filter((row) => row.appliedRevision < head).length, mismatches);
}

/** One change at a time, on the leader: a churn is measured by samples. */
function timeConvergence(sync: OpenedSync, cluster: ClusterMeters, clock: Clock): () => void {
  let timing = false;
  return sync.onApplied(({ edition, mode }) => {
    if (timing || mode !== "delta" || sync.term() === undefined) return;
    timing = true;
    const { revision, committedAtMs } = edition.snapshot;
    const sinceCommitMs = Math.max(0, sync.businessNowMs() - committedAtMs);
    const startedAtMs = clock.monotonic();
    void sync
      .convergence(revision, convergenceMs)
      .then(({ converged }) => {
        if (converged) cluster.converged((sinceCommitMs + clock.monotonic() - startedAtMs) / 1000);
      })
      .catch(() => undefined)
      .finally(() => {
        timing = false;
      });
  });
}
