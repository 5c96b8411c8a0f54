// A ledger on a database of a test's own, with the leader's jobs that tests run by name.
import assert from "node:assert/strict";
import { silentLogger } from "../../src/core/logger.ts";
import { settledCall } from "../../src/log/call-row.ts";
import { ledgerJobs } from "../../src/log/ledger-jobs.ts";
import type { LedgerSettings } from "../../src/log/ledger-jobs.ts";
import { dayOf } from "../../src/store/calls.ts";
import type { Database, Sql } from "../../src/store/database.ts";
import { checkBalances, checkBudgets } from "../../src/store/ledger-budget-checks.ts";
import { atOneInstant, checkClosing, checkRollups } from "../../src/store/ledger-checks.ts";
import type { Discrepancy } from "../../src/store/ledger-checks.ts";
import { takeLease } from "../../src/store/leases.ts";
import type { Settlement } from "../../src/store/settlement.ts";
import { makeSettlementStore } from "../../src/store/settlement.ts";
import type { LeaseRow } from "../../src/store/sync-store.ts";
import { makeRecord } from "./call-records.ts";
import type { RecordOptions } from "./call-records.ts";

export const dayMs = 86_400_000;

export interface Place {
  readonly database: Database;
  readonly today: number;
  readonly lease: LeaseRow;
  readonly settings: { -readonly [N in keyof LedgerSettings]: LedgerSettings[N] };
  /** Settles calls of a node and moves its cursor on. */
  settle(
    nodeId: string,
    calls: readonly RecordOptions[],
    more?: Partial<Settlement>,
  ): Promise<void>;
  /** Runs a job once; told to end by the signal. */
  job(name: string, signal?: AbortSignal): Promise<void>;
  verify(days: readonly number[]): Promise<readonly Discrepancy[]>;
}

export async function makePlace(database: Database): Promise<Place> {
  const lease = await takeLease(database.writes, "leader", "n1/1", 600_000);
  assert.ok(lease);
  const store = makeSettlementStore(database.writes);
  const settings = { reportingTimeZone: "UTC", callRetentionDays: 90, callDetailDays: 3 };
  const jobs = ledgerJobs({ database, logger: silentLogger, settings: () => settings });
  const today = dayOf(Date.now());
  return {
    database,
    today,
    lease,
    settings,
    settle: async (nodeId, calls, more) => {
      const from = await store.openCursor(nodeId, "one");
      const settled = calls.map((options, index) =>
        settledCall(makeRecord(index, options), nodeId, false),
      );
      const to = from + 1n;
      const settlement = { nodeId, incarnation: "one", from, to, settledUntilMs: 0, ...more };
      assert.equal(await store.settle({ ...settlement, calls: settled }), true);
    },
    job: async (name, signal = new AbortController().signal) => {
      const job = jobs.find((other) => other.name === name);
      assert.ok(job, name);
      await job.run({ lease, signal });
    },
    verify: (days) => atOneInstant(database.reads, (trx) => verifyAll(trx, days)),
  };
}

/** All that `ledger verify` compares. */
export async function verifyAll(
  trx: Sql,
  days: readonly number[],
): Promise<readonly Discrepancy[]> {
  const faults: Discrepancy[] = [];
  for (const day of days)
    faults.push(...(await checkRollups(trx, day)), ...(await checkClosing(trx, day)));
  return [...faults, ...(await checkBudgets(trx)), ...(await checkBalances(trx))];
}

/** Calls spread over a day, of some keys and models. */
export function callsOf(day: number, count: number): RecordOptions[] {
  return Array.from({ length: count }, (_, index) => ({
    admittedAtMs: day * dayMs + index * 700_000,
    keyId: 1 + (index % 3),
    modelBilled: index % 2 === 0 ? "m" : "n",
    outcome: index % 5 === 0 ? ("cut" as const) : ("complete" as const),
    cost: 2n ** 51n + BigInt(index),
    shares: [
      { kind: "key", id: 1 + (index % 3), period: "total", amount: 2n ** 51n + BigInt(index) },
      {
        kind: "user",
        id: 2,
        period: `day:${new Date(day * dayMs).toISOString().slice(0, 10)}@UTC`,
        amount: 2n ** 51n + BigInt(index),
      },
      { kind: "balance", id: 2, period: "total", amount: 2n ** 51n + BigInt(index) },
      { kind: "channel", id: 7, period: "total", amount: 700n + BigInt(index) },
    ],
  }));
}
