// Faults planted into what the shipped code stands on: each is seen by the simulation, or it would prove nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { BudgetParts } from "../../src/budget/budget-parts.ts";
import type { LeaseStore, OwnLease } from "../../src/store/budget-leases.ts";
import { shareName } from "../../src/store/budget-leases.ts";
import { isJobHolder } from "../../src/store/jobs.ts";
import type { Planted } from "./budget-schedule.ts";
import { runBudgetSchedule } from "./budget-schedule.ts";

const withStore = (
  bend: (store: LeaseStore, parts: BudgetParts) => Partial<LeaseStore>,
): Planted => ({
  parts: (parts) => ({ ...parts, store: { ...parts.store, ...bend(parts.store, parts) } }),
});

/** Sees its own leases as they were when it had them. */
function withoutFence(store: LeaseStore, { nodeId }: BudgetParts): Partial<LeaseStore> {
  const had = new Map<string, OwnLease>();
  return {
    own: async (node) => {
      const rows = await store.own(node);
      const seen = new Set(rows.map(({ share }) => shareName(share)));
      for (const row of rows) had.set(shareName(row.share), row);
      return [...rows, ...[...had.values()].filter(({ share }) => !seen.has(shareName(share)))];
    },
    change: (node, shares, decide) =>
      store.change(node, shares, (budgets, nowMs) =>
        decide(
          budgets.map((budget) => {
            const row = had.get(shareName(budget.share));
            if (row === undefined || budget.leases.some((lease) => lease.nodeId === nodeId))
              return budget;
            const own = { ...row, nodeId, spent: 0n, ageMs: 0 };
            return { ...budget, leases: [...budget.leases, own] };
          }),
          nowMs,
        ),
      ),
  };
}

const faults: Readonly<Record<string, Planted>> = {
  "no fence": withStore(withoutFence),
  "a commit that failed is taken for success": withStore((store) => {
    let count = 0;
    return {
      change: (node, shares, decide) =>
        store.change(node, shares, (budgets, nowMs) => {
          const changes = decide(budgets, nowMs);
          count += 1;
          return count % 5 === 0 ? [] : changes;
        }),
    };
  }),
  "a recall is not heard": withStore((store) => ({
    own: async (node) => (await store.own(node)).map((row) => ({ ...row, recalled: false })),
  })),
  "grants beyond what remains": withStore((store) => ({
    change: (node, shares, decide) =>
      store.change(node, shares, (budgets, nowMs) =>
        decide(
          budgets.map((budget) => ({ ...budget, settled: 0n })),
          nowMs,
        ),
      ),
  })),
  "others' leases are overlooked": withStore((store, { nodeId }) => ({
    change: (node, shares, decide) =>
      store.change(node, shares, (budgets, nowMs) =>
        decide(
          budgets.map((budget) => ({
            ...budget,
            leases: budget.leases.filter((lease) => lease.nodeId === nodeId),
          })),
          nowMs,
        ),
      ),
  })),
  "a grant is written short": {
    database: (database) => {
      database.bend = (change) =>
        change.does === "grant" ? { ...change, granted: change.granted / 2n } : change;
    },
  },
  "a lease that is gone is folded again": {
    database: (database) => {
      const gone = new Map<string, bigint>();
      database.bend = (change) => {
        if (change.does !== "fold") return change;
        const name = `${shareName(change.share)} ${change.nodeId}`;
        const again = gone.get(name) ?? 0n;
        database.budget(change.share).settled += again;
        const row = database.leases.get(name);
        gone.set(name, row?.spent ?? 0n);
        return change;
      };
    },
  },
  "what was spent is lost with the lease": {
    database: (database) => {
      database.bend = (change) => {
        const name = `${shareName(change.share)} ${change.does === "fold" ? change.nodeId : ""}`;
        const row = database.leases.get(name);
        if (change.does === "fold" && row !== undefined) row.spent = 0n;
        return change;
      };
    },
  },
  "a release is lost": {
    parts: (parts) => ({ ...parts, settled: () => new Promise(() => undefined) }),
  },
  "leases end before all is settled": {
    parts: (parts) => ({ ...parts, settled: () => Promise.resolve() }),
  },
  "an end of a job is charged whoever charged it before": {
    database: (database) => {
      database.cursorsIgnored = true;
    },
  },
  "what a running job holds is reclaimed": {
    database: (database) => {
      database.jobsAge = true;
    },
  },
  "what a job held is not free at its end": {
    ends: (parts) => ({ ...parts, leases: { ...parts.leases, change: async () => undefined } }),
  },
  "a job ends without its charge": {
    ends: (parts) => ({
      ...parts,
      settlement: { ...parts.settlement, settle: () => Promise.resolve(true) },
    }),
  },
  "what was set aside for a job that came to nothing stays held": withStore((store) => ({
    change: (node, shares, decide) =>
      store.change(node, shares, (budgets, nowMs) =>
        decide(budgets, nowMs).filter(
          ({ does, ...change }) => does !== "fold" || !("nodeId" in change && isJobHolder(node)),
        ),
      ),
  })),
  "what jobs hold is overlooked": withStore((store) => ({
    change: (node, shares, decide) =>
      store.change(node, shares, (budgets, nowMs) =>
        decide(
          budgets.map((budget) => ({
            ...budget,
            leases: budget.leases.filter(({ nodeId }) => !isJobHolder(nodeId)),
          })),
          nowMs,
        ),
      ),
  })),
  "slices are spent however stale": {
    parts: (parts) => ({
      ...parts,
      maxStaleMs: 1e12,
      store: {
        ...parts.store,
        // It takes others' for as stale as they are all the same.
        change: (node, shares, decide) =>
          parts.store.change(node, shares, (budgets, nowMs) =>
            decide(
              budgets.map((budget) => ({
                ...budget,
                leases: budget.leases.filter(({ ageMs }) => ageMs < 6000),
              })),
              nowMs,
            ),
          ),
      },
    }),
  },
};

/** A schedule that shows it is among these. */
const most = 300;

async function findSeed(plant: Planted): Promise<number | undefined> {
  for (let seed = 1; seed <= most; seed += 1) {
    try {
      await runBudgetSchedule({ seed, excess: false, breaks: seed % 4 !== 0, steps: 20, plant });
    } catch {
      return seed;
    }
  }
  return undefined;
}

for (const [name, plant] of Object.entries(faults))
  test(`the simulation sees that ${name}`, async (context) => {
    const seed = await findSeed(plant);
    assert.ok(seed !== undefined, `${most} schedules went by`);
    context.diagnostic(`seed ${seed}`);
  });
