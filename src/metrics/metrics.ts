/** The counters of one process as Prometheus reads them. The only room that knows the client library. */
import { Registry, collectDefaultMetrics } from "@prometheus-io/client";
import { makeBudgetMeters } from "./budget-metrics.ts";
import { makeCallMeters } from "./call-metrics.ts";
import { makeClusterMeters } from "./cluster-metrics.ts";
import { makeLogStoreMeters } from "./log-store-metrics.ts";
import type {
  BudgetMeters,
  CallMeters,
  ClusterMeters,
  LogMeters,
  LogStoreMeters,
  SyncMeters,
} from "./meters.ts";
import { makeSyncMeters } from "./sync-metrics.ts";

export interface MetricsPage {
  readonly contentType: string;
  readonly text: string;
}

export interface Metrics {
  readonly calls: CallMeters & LogMeters;
  readonly sync: SyncMeters;
  readonly cluster: ClusterMeters;
  readonly budgets: BudgetMeters;
  readonly logStore: LogStoreMeters;
  /** Runs before each page: for gauges that are read, not told. */
  beforePage(refresh: () => void): void;
  page(): Promise<MetricsPage>;
}

/** Makes a registry of its own: nothing of it lives in a module. `processMetrics` adds memory, CPU and loop delay. */
export function makeMetrics(options: {
  readonly version: string;
  readonly processMetrics: boolean;
}): Metrics {
  const registry = new Registry();
  if (options.processMetrics) collectDefaultMetrics({ register: registry });
  const refreshes: (() => void)[] = [];
  return {
    calls: makeCallMeters(registry, options.version),
    sync: makeSyncMeters(registry),
    cluster: makeClusterMeters(registry),
    budgets: makeBudgetMeters(registry),
    logStore: makeLogStoreMeters(registry),
    beforePage: (refresh) => void refreshes.push(refresh),
    page: async () => {
      for (const refresh of refreshes) refresh();
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}
