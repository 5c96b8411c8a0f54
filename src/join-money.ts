/** Joins what bounds calls: budgets over the database, limits over Redis where there is one. No decision is made here. */
import { join } from "node:path";
import { makeKeptSlices } from "./budget/kept-slices.ts";
import { openBudgets } from "./budget/open-budgets.ts";
import { reclaimLeases } from "./budget/reclaim-leases.ts";
import type { Config } from "./config/config.ts";
import type { Clock } from "./core/clock.ts";
import type { Logger } from "./core/logger.ts";
import type { MoneyParts } from "./gateway/money/spending.ts";
import { openLimits } from "./limit/open-limits.ts";
import type { CallLog } from "./log/call-record.ts";
import type { Metrics } from "./metrics/metrics.ts";
import { makeLeaseStore } from "./store/budget-leases.ts";
import type { Database } from "./store/database.ts";
import type { Redis } from "./store/redis.ts";
import { makeSharedCounters } from "./store/redis-limits.ts";
import type { OpenedSync } from "./sync/sync-parts.ts";

export interface JoinMoneyParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly database: Database;
  readonly redis: Redis | undefined;
  readonly sync: OpenedSync;
  readonly callLog: CallLog;
  readonly metrics: Metrics;
}

export interface Money extends MoneyParts {
  /** Hands back what is unused; before the call log is closed. */
  close(): Promise<void>;
}

export function openMoney(parts: JoinMoneyParts): Money {
  const { config, clock, logger, database, redis, sync, callLog, metrics } = parts;
  const { nodeId } = sync;
  const liveNodes = (): number => sync.liveNodes();
  const store = makeLeaseStore(database.writes);
  const maxStaleMs = config.budgetMaxStaleMs;
  sync.lead(reclaimLeases({ store, nodeId, maxStaleMs, logger }));
  const budgets = openBudgets({
    store,
    clock,
    nodeId,
    liveNodes,
    settled: () => callLog.settled(),
    logger,
    meters: metrics.budgets,
    maxStaleMs,
    kept: makeKeptSlices(join(config.dataDir, "nodes", nodeId)),
  });
  // The database may tell the id long after the start.
  const shared = redis && makeSharedCounters(redis, () => sync.secrets()?.clusterId);
  const limits = openLimits({
    ...(shared === undefined ? {} : { shared }),
    clock,
    businessNowMs: () => sync.businessNowMs(),
    nodeId,
    liveNodes,
    logger,
  });
  return {
    budgets,
    limits,
    close: async () => void (await Promise.all([budgets.close(), limits.close()])),
  };
}
