// Several nodes in one process on one real database: each with budgets of its own, calls settled as the log settles them.
import { type Clock, systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { BudgetRule } from "../../src/core/budget-rule.ts";
import type { BudgetParts } from "../../src/budget/budget-parts.ts";
import type { BudgetClaim, Budgets, Reservation } from "../../src/budget/budgets.ts";
import { makeCallId } from "../../src/core/ids.ts";
import type { CallRecord } from "../../src/log/call-record.ts";
import { settledCall } from "../../src/log/call-row.ts";
import { noUsage } from "../../src/wire/usage.ts";
import { openBudgets } from "../../src/budget/open-budgets.ts";
import { makeLeaseStore } from "../../src/store/budget-leases.ts";
import type { Database } from "../../src/store/database.ts";
import { makeSettlementStore } from "../../src/store/settlement.ts";

export interface BudgetNode {
  readonly nodeId: string;
  readonly budgets: Budgets;
  /** What has to reach SQL for a call that is over. */
  settle(reservation: Reservation, costs: readonly bigint[]): void;
  /** Writes what is not in SQL yet. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface NodeOptions extends Partial<BudgetParts> {
  readonly nodes?: number;
  /** Of the process: each has a journal of its own. */
  readonly incarnation?: string;
}

/** A node whose calls are settled at once, one transaction after another. */
export function openBudgetNode(
  database: Database,
  nodeId: string,
  options: NodeOptions = {},
): BudgetNode {
  const { incarnation = "first" } = options;
  const settlement = makeSettlementStore(database.writes);
  let queue: Promise<void> = Promise.resolve();
  let at = 0n;
  const cursor = settlement.openCursor(nodeId, incarnation);
  const budgets = openBudgets({
    store: makeLeaseStore(database.writes),
    clock: systemClock,
    nodeId,
    liveNodes: () => options.nodes ?? 1,
    settled: () => queue,
    logger: silentLogger,
    meters: { asked: () => undefined, refused: () => undefined, alerted: () => undefined },
    maxStaleMs: 900_000,
    kept: null,
    ...options,
  });
  return {
    nodeId,
    budgets,
    settle: (reservation, costs) => {
      queue = queue.then(async () => {
        await cursor;
        const serial = at;
        at += 1n;
        const call = settledCall(recordOf(reservation, costs), nodeId, false);
        for (;;) {
          try {
            await settlement.settle({
              nodeId,
              incarnation,
              from: serial,
              to: at,
              settledUntilMs: 0,
              calls: [call],
            });
            return;
          } catch (error) {
            if (!/deadlock|lock|busy/i.test(String(error))) throw error;
          }
        }
      });
      // The journal has it by now.
      reservation.settle(costs);
    },
    flush: () => queue,
    close: async () => {
      await queue;
      await budgets.close();
    },
  };
}

/** Timers of a process that was killed never fire. */
export function mortalClock(life: { readonly alive: boolean }): Clock {
  return {
    ...systemClock,
    after: (delayMs, action) => systemClock.after(delayMs, () => life.alive && action()),
  };
}

function recordOf({ shares }: Reservation, costs: readonly bigint[]): CallRecord {
  const admittedAtMs = Date.now();
  return {
    callId: makeCallId(admittedAtMs),
    admittedAtMs,
    keyId: 7,
    userId: 1,
    group: "default",
    channelId: 1,
    dialect: "openai-chat",
    operation: "chat",
    modelAsked: "m",
    modelBilled: "m",
    modelSent: null,
    modelReported: null,
    status: 200,
    error: null,
    outcome: "complete",
    stream: false,
    attempts: 1,
    usage: noUsage,
    unpriced: false,
    cost: costs[0] ?? 0n,
    priceId: null,
    revision: 1,
    firstByteMs: null,
    durationMs: 1,
    endUser: null,
    address: "",
    channelCost: 0n,
    serviceTier: null,
    shares: shares.map((share, index) => ({ ...share, amount: costs[index] ?? 0n })),
    details: null,
  };
}

export function ruleOf(amount: bigint, rule: Partial<BudgetRule> = {}): BudgetRule {
  return {
    amount,
    period: "total",
    timeZone: "UTC",
    alerts: [],
    raise: null,
    reserveCap: null,
    ...rule,
  };
}

export function claimOf(
  amount: bigint,
  limit: bigint,
  claim: Partial<BudgetClaim> = {},
): BudgetClaim {
  return { kind: "key", id: 7, rule: ruleOf(limit), amount, ...claim };
}

/** What SQL says of a budget: settled, and what stands in leases. */
export async function readBudget(
  database: Database,
  key: { readonly kind?: string; readonly id?: number; readonly period?: string } = {},
): Promise<{ readonly settled: bigint; readonly granted: bigint; readonly spent: bigint }> {
  const { kind = "key", id = 7, period = "total" } = key;
  const budget = await database.writes
    .selectFrom("budgets")
    .selectAll()
    .where((where) => where.and({ kind, entity_id: BigInt(id), period }))
    .executeTakeFirst();
  const leases = await database.writes
    .selectFrom("budget_leases")
    .selectAll()
    .where((where) => where.and({ kind, entity_id: BigInt(id), period }))
    .execute();
  return {
    settled: budget?.settled ?? 0n,
    granted: leases.reduce((sum, { granted }) => sum + granted, 0n),
    spent: leases.reduce((sum, { spent }) => sum + spent, 0n),
  };
}
