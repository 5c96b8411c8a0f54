/** What budgets are kept with; run-node joins it, simulations replace all of it. */
import type { BudgetKind } from "../core/budget-rule.ts";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { LeaseStore } from "../store/budget-leases.ts";
import type { KeptSlices } from "./kept-slices.ts";

/** What is counted of budgets. */
export interface BudgetMeters {
  /** One transaction with the database, and how it went. */
  asked(result: "ok" | "failed", seconds: number): void;
  refused(kind: BudgetKind): void;
  alerted(kind: BudgetKind, percent: number): void;
}

export interface BudgetParts {
  /** store/budget-leases.ts. */
  readonly store: LeaseStore;
  readonly clock: Clock;
  readonly nodeId: string;
  /** Nodes that share what is left, this one included. */
  readonly liveNodes: () => number;
  /**
   * Resolves when all that this node's journal holds now, of former processes too, is in SQL. May take as long as the
   * database is away; rejects where that can not come to be.
   */
  readonly settled: () => Promise<void>;
  readonly logger: Logger;
  readonly meters: BudgetMeters;
  /** How long slices may be spent without a word from the database (BUDGET_MAX_STALE). */
  readonly maxStaleMs: number;
  /** Where slices wait for the next process while the database is away; null: they do not. */
  readonly kept: KeptSlices | null;
}

/** After so long without a word a node's slices are others' again: it has stopped spending them long before. */
export function reclaimAfterMs(maxStaleMs: number): number {
  return maxStaleMs + Math.min(maxStaleMs, 60_000);
}
