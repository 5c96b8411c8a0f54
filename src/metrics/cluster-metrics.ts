/** Counts of the cluster as a whole, and of this node's part in it. */
import { Counter, Gauge, Histogram } from "@prometheus-io/client";
import type { Registry } from "@prometheus-io/client";
import type { ClusterMeters } from "./meters.ts";

/** Seconds. A change is to be everywhere within one. */
const convergenceBuckets = [0.025, 0.05, 0.1, 0.25, 0.5, 0.8, 1, 1.5, 2.5, 5, 10, 30];

/** Registers the counters of the cluster. */
export function makeClusterMeters(registry: Registry): ClusterMeters {
  const registers = [registry];
  const gauge = (name: string, help: string, ...labelNames: string[]): Gauge<string> =>
    new Gauge<string>({ name, help, labelNames, registers });
  const nodes = gauge("sync_nodes", "Live nodes by state, told by the leader", "state");
  const laggards = gauge("sync_laggards", "Live nodes behind the head, told by the leader");
  const mismatches = new Counter({
    name: "sync_digest_mismatch_total",
    help: "Looks of the leader that found another content at the same revision",
    registers,
  });
  const convergence = new Histogram({
    name: "sync_convergence_seconds",
    help: "From a commit to the last live node's report of it, told by the leader",
    buckets: convergenceBuckets,
    registers,
  });
  const fence = gauge("leader_fence", "Fence of this node's term; 0 while it does not lead");
  const absent = gauge("leader_absent_seconds", "Since this node last knew of a leader");
  const copyAge = gauge("sync_lkg_age_seconds", "Age of the newest copy on disk");
  const stall = gauge("sync_loop_stall_seconds", "Longest stall of the loop since the last scrape");
  return {
    nodes: (states, behind, different) => {
      nodes.reset();
      for (const [state, count] of Object.entries(states)) nodes.set({ state }, count);
      laggards.set(behind);
      if (different > 0) mismatches.inc(different);
    },
    converged: (seconds) => convergence.observe(seconds),
    leader: (term, absentSeconds) => {
      fence.set(term);
      absent.set(absentSeconds);
    },
    copyAge: (seconds) => {
      if (seconds !== null) copyAge.set(seconds);
    },
    loopStall: (seconds) => stall.set(seconds),
  };
}
