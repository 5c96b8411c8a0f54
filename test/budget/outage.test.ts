// The database is away: what a node holds goes on being spent, then callers hear 503 and never that money is lacking.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { GatewayError } from "../../src/core/errors.ts";
import { makeKeptSlices } from "../../src/budget/kept-slices.ts";
import type { LeaseStore } from "../../src/store/budget-leases.ts";
import { makeLeaseStore } from "../../src/store/budget-leases.ts";
import { openFresh, until } from "../store/open-fresh.ts";
import { claimOf, mortalClock, openBudgetNode, readBudget } from "./budget-nodes.ts";

const price = 1_000n;
const limit = 1000n * price;

/** A store that can be unplugged. */
function plugged(store: LeaseStore): {
  readonly store: LeaseStore;
  readonly plug: { in: boolean };
} {
  const plug = { in: true };
  const through =
    <A extends readonly unknown[], T>(ask: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      if (!plug.in) throw new Error("the database cannot be reached");
      return await ask(...args);
    };
  return {
    plug,
    store: {
      change: through(store.change),
      own: through(store.own),
      renew: through(store.renew),
      stale: through(store.stale),
      spent: through(store.spent),
      tellAlert: through(store.tellAlert),
    },
  };
}

describe("budgets while the database is away", () => {
  it("are spent from what the node holds, and then unavailable", async () => {
    await using fresh = await openFresh("sqlite");
    const { store, plug } = plugged(makeLeaseStore(fresh.database.writes));
    const node = openBudgetNode(fresh.database, "a", { store });
    const first = await node.budgets.reserve([claimOf(price * 50n, limit)], Date.now());
    assert.ok(first.reserved);
    first.reservation.release();
    plug.in = false;
    let passed = 0;
    await assert.rejects(
      async () => {
        for (;;) {
          const answer = await node.budgets.reserve([claimOf(price * 10n, limit)], Date.now());
          assert.ok(answer.reserved, "nobody is told that money is lacking");
          passed += 1;
          node.settle(answer.reservation, [price * 10n]);
        }
      },
      (error) => error instanceof GatewayError && error.kind === "temporarily_unavailable",
    );
    assert.ok(passed >= 5, `${passed} calls were served from what was there`);
    const free = node.budgets.reserve([], Date.now());
    assert.ok(!(free instanceof Promise) && free.reserved, "who has no budget is served");
    plug.in = true;
    const later = await node.budgets.reserve([claimOf(price, limit)], Date.now());
    assert.ok(later.reserved);
    later.reservation.release();
    await node.close();
    const sums = await readBudget(fresh.database);
    assert.equal(sums.settled + sums.spent, price * 10n * BigInt(passed));
    assert.equal(sums.granted, 0n);
  });

  it("are not spent any more once nothing was heard of it for too long", async () => {
    await using fresh = await openFresh("sqlite");
    const { store, plug } = plugged(makeLeaseStore(fresh.database.writes));
    const life = { alive: true };
    let offMs = 0;
    const clock = mortalClock(life);
    const node = openBudgetNode(fresh.database, "a", {
      store,
      maxStaleMs: 60_000,
      clock: { ...clock, monotonic: () => clock.monotonic() + offMs },
    });
    const first = await node.budgets.reserve([claimOf(price * 50n, limit)], Date.now());
    assert.ok(first.reserved);
    first.reservation.release();
    plug.in = false;
    const before = await node.budgets.reserve([claimOf(price, limit)], Date.now());
    assert.ok(before.reserved);
    offMs = 60_000;
    await assert.rejects(
      async () => await node.budgets.reserve([claimOf(price, limit)], Date.now()),
      {
        kind: "temporarily_unavailable",
      },
    );
    plug.in = true;
    const after = await node.budgets.reserve([claimOf(price, limit)], Date.now());
    assert.ok(after.reserved, "its lease was nobody else's yet");
    before.reservation.release();
    after.reservation.release();
    await node.close();
  });

  it("wait on the disk for the next process, once and exactly", async () => {
    await using fresh = await openFresh("sqlite");
    const folder = mkdtempSync(join(tmpdir(), "switchyard-budgets-"));
    try {
      const { store, plug } = plugged(makeLeaseStore(fresh.database.writes));
      const options = { store, kept: makeKeptSlices(folder) };
      const one = openBudgetNode(fresh.database, "a", options);
      const held = await one.budgets.reserve([claimOf(price * 30n, limit)], Date.now());
      assert.ok(held.reserved);
      plug.in = false;
      one.settle(held.reservation, [price * 10n]);
      // SQL is known to be away: nothing is said to it that may or may not arrive.
      await assert.rejects(
        async () => await one.budgets.reserve([claimOf(limit, limit)], Date.now()),
      );
      await one.close();
      assert.deepEqual(readdirSync(folder), ["budget-slices.json"]);

      const two = openBudgetNode(fresh.database, "a", { ...options, incarnation: "second" });
      assert.deepEqual(readdirSync(folder), [], "gone before anything is spent");
      let left = 0;
      for (;;) {
        const answer = two.budgets.reserve([claimOf(price, limit)], Date.now());
        if (answer instanceof Promise) {
          await assert.rejects(answer, { kind: "temporarily_unavailable" });
          break;
        }
        assert.ok(answer.reserved);
        two.settle(answer.reservation, [price]);
        left += 1;
      }
      assert.equal(left, 20, "what was granted and not spent");
      plug.in = true;
      await until(async () => {
        const { spent, settled } = await readBudget(fresh.database);
        return spent + settled === price * 30n;
      });
      await two.close();
      const sums = await readBudget(fresh.database);
      assert.deepEqual(sums, { settled: price * 30n, granted: 0n, spent: 0n });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
