// What a rule says: its period, its raise, a new amount; and budgets of channels, which only steer.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openFresh, until } from "../store/open-fresh.ts";
import { claimOf, openBudgetNode, readBudget, ruleOf } from "./budget-nodes.ts";

const dollar = 1_000_000_000n;

describe("the rule of a budget", () => {
  it("counts a call in the period that it was let in, however late it ends", async () => {
    await using store = await openFresh("sqlite");
    const node = openBudgetNode(store.database, "a");
    const rule = ruleOf(dollar, { period: "day", timeZone: "Asia/Kathmandu" });
    const claim = { kind: "key", id: 7, rule, amount: dollar } as const;
    const beforeMidnight = Date.parse("2026-11-23T18:14:59.999Z");
    const late = await node.budgets.reserve([claim], beforeMidnight);
    const next = await node.budgets.reserve([claim], beforeMidnight + 1);
    assert.ok(late.reserved && next.reserved, "each day has an amount of its own");
    const third = await node.budgets.reserve([claim], beforeMidnight + 1);
    assert.ok(!third.reserved);
    assert.equal(third.shortage.renewsAtMs, Date.parse("2026-11-24T18:15:00Z"));
    node.settle(next.reservation, [3n]);
    node.settle(late.reservation, [dollar]);
    await node.close();
    const spent = async (period: string): Promise<bigint> =>
      (await readBudget(store.database, { period })).settled;
    assert.equal(await spent("day:2026-11-23@Asia/Kathmandu"), dollar);
    assert.equal(await spent("day:2026-11-24@Asia/Kathmandu"), 3n);
  });

  it("is raised until an instant", async () => {
    await using store = await openFresh("sqlite");
    const node = openBudgetNode(store.database, "a");
    const rule = ruleOf(dollar, { raise: { amount: dollar, untilMs: 5000 } });
    const claim = { kind: "key", id: 7, rule, amount: 2n * dollar } as const;
    const during = await node.budgets.reserve([claim], 4999);
    assert.ok(during.reserved);
    during.reservation.release();
    const after = await node.budgets.reserve([claim], 5000);
    assert.deepEqual(!after.reserved && after.shortage.left, dollar);
    await node.close();
  });

  it("holds from the next call where its amount fell, and what was held under the old one goes back", async () => {
    await using store = await openFresh("sqlite");
    const node = openBudgetNode(store.database, "a");
    const first = await node.budgets.reserve([claimOf(4n * dollar, 10n * dollar)], 1);
    assert.ok(first.reserved);
    node.settle(first.reservation, [dollar]);
    const lowered = await node.budgets.reserve([claimOf(dollar, dollar)], 1);
    assert.deepEqual(!lowered.reserved && lowered.shortage.left, 0n);
    const { granted } = await readBudget(store.database);
    assert.equal(granted, dollar, "what is spent, and no more");
    await node.close();
  });

  it("takes from all budgets of a call or from none", async () => {
    await using store = await openFresh("sqlite");
    const node = openBudgetNode(store.database, "a");
    const wide = claimOf(dollar, 100n * dollar);
    const narrow = claimOf(dollar, dollar / 2n, { kind: "user", id: 9 });
    const both = await node.budgets.reserve([wide, narrow], 1);
    assert.deepEqual(!both.reserved && [both.shortage.kind, both.shortage.left], [
      "user",
      dollar / 2n,
    ]);
    const all = await node.budgets.reserve([claimOf(100n * dollar, 100n * dollar)], 1);
    assert.ok(all.reserved, "nothing of the other one was taken");
    all.reservation.release();
    all.reservation.settle([dollar]);
    await node.close();
    assert.equal((await readBudget(store.database)).settled, 0n, "a call ends once");
  });

  it("of a channel counts at once what this node spent, and soon what others did", async () => {
    await using store = await openFresh("sqlite");
    const [a, b] = ["a", "b"].map((name) => openBudgetNode(store.database, name, { nodes: 2 }));
    assert.ok(a !== undefined && b !== undefined);
    const rule = ruleOf(dollar);
    const share = a.budgets.shareOf({ kind: "channel", id: 3, rule }, 1);
    assert.ok(a.budgets.channelHasLeft(3, rule, 1));
    a.budgets.spentOn(share, dollar - 1n);
    assert.ok(a.budgets.channelHasLeft(3, rule, 1));
    a.budgets.spentOn(share, 1n);
    assert.ok(!a.budgets.channelHasLeft(3, rule, 1));
    const reservation = { shares: [share], settle: () => undefined, release: () => undefined };
    a.settle(reservation, [dollar]);
    await a.flush();
    await until(() => !b.budgets.channelHasLeft(3, rule, 1));
    await a.close();
    await b.close();
  });
});
