/**
 * What nodes held that were not heard of any more, for the leader to free. Promise: no reservation of a dead node stays
 * beyond BUDGET_MAX_STALE and a minute; what its journal tells later is counted all the same.
 */
import type { LeaseStore } from "../store/budget-leases.ts";
import type { Logger } from "../core/logger.ts";
import { reclaimAfterMs } from "./budget-parts.ts";

/** Shaped as sync's jobs are. */
export interface ReclaimJob {
  readonly name: string;
  readonly everyMs: number;
  run(): Promise<void>;
}

export interface ReclaimParts {
  readonly store: Pick<LeaseStore, "change" | "stale">;
  readonly nodeId: string;
  readonly maxStaleMs: number;
  readonly logger: Logger;
}

/** Budgets of one transaction. */
const mostAtOnce = 50;

export function reclaimLeases(parts: ReclaimParts): ReclaimJob {
  const { store, nodeId, maxStaleMs, logger } = parts;
  const ageMs = reclaimAfterMs(maxStaleMs);
  return {
    name: "reclaim budgets",
    everyMs: Math.min(30_000, maxStaleMs / 2),
    run: async () => {
      for (;;) {
        const shares = await store.stale(ageMs, mostAtOnce);
        if (shares.length === 0) return;
        let freed = 0;
        await store.change(nodeId, shares, (budgets) => {
          const folds = budgets.flatMap(({ share, leases }) =>
            leases
              .filter((lease) => lease.ageMs >= ageMs)
              .map((lease) => ({ does: "fold", share, nodeId: lease.nodeId }) as const),
          );
          freed = folds.length;
          return folds;
        });
        if (freed === 0) return;
        logger.info({ freed }, "budgets held by nodes that were not heard of are free");
      }
    },
  };
}
