// What is set aside for jobs, on each database: taken from what nodes do not use, held without a node, free at its end.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { reclaimLeases } from "../../src/budget/reclaim-leases.ts";
import { GatewayError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { settledCall } from "../../src/log/call-row.ts";
import type { LeaseStore } from "../../src/store/budget-leases.ts";
import { makeLeaseStore } from "../../src/store/budget-leases.ts";
import type { Database } from "../../src/store/database.ts";
import { insertJobs } from "../../src/store/jobs.ts";
import { makeSettlementStore } from "../../src/store/settlement.ts";
import { UncertainCommit } from "../../src/store/sync-store.ts";
import { skipReason, SQL_ENGINES } from "../engines/engines.ts";
import { makeRecord } from "../log/call-records.ts";
import { openFresh, until } from "../store/open-fresh.ts";
import { type BudgetNode, claimOf, openBudgetNode, readBudget, ruleOf } from "./budget-nodes.ts";

const limit = 100n;

async function holdersOf(database: Database): Promise<Record<string, bigint>> {
  const rows = await database.writes
    .selectFrom("budget_leases")
    .select(["node_id", "granted"])
    .where("granted", ">", 0n)
    .execute();
  return Object.fromEntries(rows.map((row) => [row.node_id, row.granted]));
}

/** A node that holds what a call of it has given back. */
async function idleNode(database: Database, name: string, amount: bigint): Promise<BudgetNode> {
  const node = openBudgetNode(database, name, { nodes: 2 });
  const answer = await node.budgets.reserve([claimOf(amount, limit)], Date.now());
  assert.ok(answer.reserved);
  answer.reservation.release();
  return node;
}

async function left(node: BudgetNode): Promise<bigint> {
  const answer = await node.budgets.reserve([claimOf(2n * limit, limit)], Date.now());
  assert.ok(!answer.reserved);
  return answer.shortage.left;
}

for (const engine of SQL_ENGINES)
  describe(`what is set aside for a job: ${engine}`, { skip: skipReason(engine) }, () => {
    it("is taken from what nodes do not use, and is nobody else's until its end", async () => {
      await using store = await openFresh(engine);
      const { database } = store;
      const a = await idleNode(database, "a", 30n);
      const b = await idleNode(database, "b", 50n);
      const answer = await a.budgets.setAside("c1", [claimOf(limit, limit)], Date.now());
      assert.ok(answer.reserved, "both nodes handed back what they had");
      assert.deepEqual(answer.reservation.shares, [{ kind: "key", id: 7, period: "total" }]);
      assert.deepEqual(await holdersOf(database), { "job:c1": limit });
      for (const node of [a, b]) {
        // Whoever waited would do so each time; a busy machine is slow now and then.
        const took: number[] = [];
        for (let turn = 0; turn < 3; turn += 1) {
          const began = performance.now();
          const refused = await node.budgets.reserve([claimOf(1n, limit)], Date.now());
          took.push(performance.now() - began);
          assert.deepEqual(!refused.reserved && refused.shortage, {
            kind: "key",
            id: 7,
            left: 0n,
            renewsAtMs: Infinity,
          });
        }
        assert.ok(Math.min(...took) < 400, "nobody waits for what a job cannot hand back");
      }
      const second = await b.budgets.setAside("c2", [claimOf(1n, limit)], Date.now());
      assert.equal(second.reserved, false);
      await a.close();
      answer.reservation.release();
      await b.close();
    });

    it("is free again where it came to nothing, on the node that asks next", async () => {
      await using store = await openFresh(engine);
      const { database } = store;
      const a = openBudgetNode(database, "a", { nodes: 2 });
      const b = openBudgetNode(database, "b", { nodes: 2 });
      const answer = await a.budgets.setAside("c1", [claimOf(limit, limit)], Date.now());
      assert.ok(answer.reserved);
      answer.reservation.release();
      answer.reservation.settle([99n]);
      await until(async () => Object.keys(await holdersOf(database)).length === 0);
      const all = await b.budgets.reserve([claimOf(limit, limit)], Date.now());
      assert.ok(all.reserved);
      await a.close();
      await b.close();
    });

    it("makes place for what the call cost after all, and never counts it less than once", async () => {
      await using store = await openFresh(engine);
      const { database } = store;
      const a = openBudgetNode(database, "a", { nodes: 2 });
      const b = openBudgetNode(database, "b", { nodes: 2 });
      // The node has something of its own too, which must not pay for it.
      const own = await a.budgets.reserve([claimOf(10n, limit)], Date.now());
      assert.ok(own.reserved);
      a.settle(own.reservation, [5n]);
      const answer = await a.budgets.setAside("c1", [claimOf(60n, limit)], Date.now());
      assert.ok(answer.reserved);
      a.settle(answer.reservation, [40n]);
      await until(async () => !("job:c1" in (await holdersOf(database))));
      assert.equal(await left(b), limit - 45n);
      await a.close();
      await b.close();
      const { settled, spent, granted } = await readBudget(database);
      assert.deepEqual([settled + spent, granted], [45n, 0n]);
    });

    it("is all or nothing, and a balance's by what was put in", async () => {
      await using store = await openFresh(engine);
      const { database } = store;
      await database.writes
        .insertInto("budgets")
        .values({ kind: "balance", entity_id: 3n, period: "total", credited: 50n })
        .execute();
      const a = openBudgetNode(database, "a");
      const balance = { kind: "balance", id: 3, rule: null } as const;
      const claims = (amount: bigint) => [claimOf(amount, limit), { ...balance, amount }];
      const dear = await a.budgets.setAside("c1", claims(51n), Date.now());
      assert.deepEqual(!dear.reserved && dear.shortage, {
        kind: "balance",
        id: 3,
        left: 50n,
        renewsAtMs: Infinity,
      });
      assert.deepEqual(await holdersOf(database), {});
      const free = await a.budgets.setAside("c2", claims(0n), Date.now());
      assert.ok(free.reserved);
      assert.deepEqual(await holdersOf(database), {});
      const fits = await a.budgets.setAside("c3", claims(50n), Date.now());
      assert.ok(fits.reserved);
      await a.close();
      const held = await database.writes
        .selectFrom("budget_leases")
        .select(["kind", "node_id", "granted", "fence"])
        .orderBy("kind")
        .execute();
      assert.deepEqual(
        held.map((row) => [row.kind, row.node_id, row.granted, row.fence > 0n]),
        [
          ["balance", "job:c3", 50n, true],
          ["key", "job:c3", 50n, true],
        ],
      );
    });

    it("is held while the job runs, and reclaimed where none ever began", async () => {
      await using store = await openFresh(engine);
      const { database } = store;
      const b = openBudgetNode(database, "b");
      const setAside = async (callId: string): Promise<void> => {
        const answer = await b.budgets.setAside(callId, [claimOf(40n, limit)], Date.now());
        assert.ok(answer.reserved);
      };
      const ageAll = async (): Promise<void> => {
        await database.writes
          .updateTable("budget_leases")
          .set((eb) => ({ renewed_at: eb("renewed_at", "-", 3_600_000n) }))
          .execute();
      };
      await setAside("runs");
      await setAside("lost");
      const of = { kind: "batch", channelId: 3n, keyId: 1n, userId: 2n };
      const job = { callId: "runs", digest: "d", content: "{}", begunAt: 0n, ...of };
      await insertJobs(database.writes, [job]);
      await ageAll();
      const reclaim = reclaimLeases({
        store: makeLeaseStore(database.writes),
        nodeId: "b",
        maxStaleMs: 900_000,
        logger: silentLogger,
      });
      await reclaim.run();
      assert.deepEqual(await holdersOf(database), { "job:runs": 40n });
      // A node sees by itself what it may take, before anybody renews or reclaims anything.
      await setAside("lost again");
      await ageAll();
      assert.equal(await left(b), 60n);
      await b.close();
    });
  });

describe("who has nothing but jobs", () => {
  it("hears of alerts when the next one begins", async () => {
    await using fresh = await openFresh("sqlite");
    const alerts: number[] = [];
    const a = openBudgetNode(fresh.database, "a", {
      meters: {
        asked: () => undefined,
        refused: () => undefined,
        alerted: (_kind, percent) => void alerts.push(percent),
      },
    });
    const rule = ruleOf(limit, { alerts: [50, 90] });
    const next = async (callId: string): Promise<void> => {
      const answer = await a.budgets.setAside(callId, [claimOf(1n, limit, { rule })], Date.now());
      assert.ok(answer.reserved);
    };
    await next("c1");
    assert.deepEqual(alerts, []);
    const share = a.budgets.shareOf({ kind: "key", id: 7, rule }, Date.now());
    const settlement = makeSettlementStore(fresh.database.writes);
    await settlement.openCursor("job:c1", "job");
    const stretch = { nodeId: "job:c1", incarnation: "job", from: 0n, to: 1n, settledUntilMs: 0 };
    const record = makeRecord(1, { shares: [{ ...share, amount: 60n }] });
    await settlement.settle({ ...stretch, calls: [settledCall(record, "job:c1", false)] });
    await next("c2");
    await until(() => alerts.length > 0);
    assert.deepEqual(alerts, [50]);
    await next("c3");
    await a.close();
    assert.deepEqual(alerts, [50]);
  });
});

describe("what is set aside for a job while the database breaks", () => {
  const broken = (
    store: LeaseStore,
    fault: (commit: () => Promise<void>) => Promise<void>,
  ): LeaseStore => {
    let count = 0;
    return {
      ...store,
      change: (...change) => {
        count += change[0].startsWith("job:") ? 1 : 0;
        return count === 1 ? fault(() => store.change(...change)) : store.change(...change);
      },
    };
  };

  it("is freed where nobody knows whether it was taken", async () => {
    await using fresh = await openFresh("sqlite");
    const { database } = fresh;
    const store = broken(makeLeaseStore(database.writes), async (commit) => {
      await commit();
      assert.deepEqual(await holdersOf(database), { "job:c1": 10n });
      throw new UncertainCommit(new Error("lost"));
    });
    const a = openBudgetNode(database, "a", { store });
    await assert.rejects(
      a.budgets.setAside("c1", [claimOf(10n, limit)], Date.now()),
      (error: unknown) => error instanceof GatewayError && error.kind === "temporarily_unavailable",
    );
    await until(async () => Object.keys(await holdersOf(database)).length === 0);
    await a.close();
  });

  it("is refused as unavailable, and not as too little", async () => {
    await using fresh = await openFresh("sqlite");
    const store = broken(makeLeaseStore(fresh.database.writes), () =>
      Promise.reject(new Error("away")),
    );
    const a = openBudgetNode(fresh.database, "a", { store });
    await assert.rejects(
      a.budgets.setAside("c1", [claimOf(10n, limit)], Date.now()),
      (error: unknown) => error instanceof GatewayError && error.kind === "temporarily_unavailable",
    );
    await a.close();
    await assert.rejects(a.budgets.setAside("c2", [claimOf(10n, limit)], Date.now()), GatewayError);
  });
});
