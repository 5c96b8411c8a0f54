/** Counts and times of sync. Times come from the database's clock and a local monotonic one: node clocks play no part. */
import { Counter, Gauge, Histogram } from "@prometheus-io/client";
import type { Registry } from "@prometheus-io/client";
import type { SyncMeters } from "./meters.ts";

/** Seconds. A change is to be everywhere within one. */
const propagationBuckets = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.8, 1, 1.5, 2.5, 5, 10, 30, 60,
];
const applyBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** All states, so that exactly one of them is 1. */
const states = ["boot", "stale", "live", "degraded", "unsupported"] as const;

interface Gauges {
  readonly gauge: (name: string, help: string, label?: string) => Gauge<string>;
  readonly counter: (name: string, help: string, ...labels: string[]) => Counter<string>;
  readonly histogram: (
    name: string,
    help: string,
    buckets: number[],
    label?: string,
  ) => Histogram<string>;
}

function makers(registry: Registry): Gauges {
  const registers = [registry];
  const labels = (label: string | undefined): string[] => (label === undefined ? [] : [label]);
  return {
    gauge: (name, help, label) =>
      new Gauge<string>({ name, help, labelNames: labels(label), registers }),
    counter: (name, help, ...labelNames) =>
      new Counter<string>({ name, help, labelNames, registers }),
    histogram: (name, help, buckets, label) =>
      new Histogram<string>({ name, help, buckets, labelNames: labels(label), registers }),
  };
}

type SyncMetrics = ReturnType<typeof registerAll>;

function registerAll(registry: Registry) {
  const { gauge, counter, histogram } = makers(registry);
  return {
    appliedRevision: gauge("sync_applied_revision", "Revision that this node serves"),
    headRevision: gauge("sync_head_revision", "Newest revision this node has heard of"),
    propagation: histogram(
      "sync_propagation_seconds",
      "From commit to being served here",
      propagationBuckets,
    ),
    apply: histogram(
      "sync_apply_seconds",
      "From beginning a load to serving it",
      applyBuckets,
      "mode",
    ),
    errors: counter("sync_errors_total", "Failed steps of sync", "stage", "class"),
    lastError: gauge(
      "sync_last_error_timestamp",
      "When a step of sync failed last, seconds since 1970",
    ),
    fullResync: counter("sync_full_resync_total", "Full loads by reason", "reason"),
    pushUp: gauge("sync_push_up", "Whether a bell is proven alive", "channel"),
    pushMissed: counter(
      "sync_push_missed_total",
      "Changes found by polling although a bell was alive",
    ),
    regressions: counter(
      "sync_regressions_total",
      "Times the database went back behind what was served",
    ),
    unlogged: counter("sync_unlogged_changes_total", "Rows changed by hand and adopted"),
    rejected: gauge("sync_rejected_rows", "Rows kept out because they do not parse"),
    state: gauge("sync_state", "1 for the state this node is in", "state"),
    lag: gauge("sync_lag_seconds", "Age of the oldest known change that is not served yet"),
    staleness: gauge(
      "sync_staleness_seconds",
      "Since the head was last confirmed to be what is served",
    ),
    copyRevision: gauge("sync_lkg_revision", "Revision of the newest copy on disk"),
    copyErrors: counter("sync_lkg_errors_total", "Failed writes of the copy on disk"),
  };
}

/** Registers the counters of sync. */
export function makeSyncMeters(registry: Registry): SyncMeters {
  const metrics: SyncMetrics = registerAll(registry);
  return {
    applied: (revision, mode, applySeconds, propagationSeconds) => {
      metrics.appliedRevision.set(revision);
      metrics.apply.observe({ mode }, applySeconds);
      if (propagationSeconds !== null) metrics.propagation.observe(propagationSeconds);
    },
    head: (revision) => metrics.headRevision.set(revision),
    error: (stage, errorClass) => {
      metrics.errors.inc({ stage, class: errorClass });
      metrics.lastError.setToCurrentTime();
    },
    fullResync: (reason) => metrics.fullResync.inc({ reason }),
    bell: (channel, up) => metrics.pushUp.set({ channel }, up ? 1 : 0),
    pushMissed: () => metrics.pushMissed.inc(),
    regression: () => metrics.regressions.inc(),
    unloggedChanges: (count) => metrics.unlogged.inc(count),
    rejectedRows: (count) => metrics.rejected.set(count),
    state: (current, lagSeconds, stalenessSeconds) => {
      for (const name of states) metrics.state.set({ state: name }, name === current ? 1 : 0);
      metrics.lag.set(lagSeconds);
      metrics.staleness.set(stalenessSeconds);
    },
    diskCopy: (revision, error) => {
      if (revision !== null) metrics.copyRevision.set(revision);
      if (error) metrics.copyErrors.inc();
    },
  };
}
