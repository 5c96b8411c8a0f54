// Limits of a cluster, node by node, over modelled counters in virtual time: how much passes, who waits, what happens when
// the counters are slow, gone, or have forgotten everything.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LimitAnswer, LimitSubject } from "../../src/limit/limits.ts";
import type { SimulatedCluster, SimulatedNode } from "./simulate.ts";
import { key, mostWithin, noUse, openCluster, rule } from "./simulate.ts";

interface Offered {
  readonly subjects: readonly LimitSubject[];
  readonly perSecond: number;
  readonly forMs: number;
  readonly pick?: (cluster: SimulatedCluster) => SimulatedNode;
}

interface Passed {
  readonly at: readonly number[];
  readonly waited: number;
  readonly calls: number;
}

/** Calls at random instants, each at a random node, that take no time. */
async function offer(cluster: SimulatedCluster, offered: Offered): Promise<Passed> {
  const { clock, chance } = cluster;
  const at: number[] = [];
  let waited = 0;
  let calls = 0;
  const end = clock.monotonic() + offered.forMs;
  const note = (answer: LimitAnswer): void => {
    if (answer.admitted) at.push(clock.monotonic());
  };
  while (clock.monotonic() < end) {
    const node = offered.pick?.(cluster) ?? chance.pick(cluster.nodes);
    const answer = node.limits.admit(offered.subjects, "m", noUse);
    calls += 1;
    if (answer instanceof Promise) {
      waited += 1;
      void answer.then(note);
    } else note(answer);
    await clock.pass((-Math.log(1 - chance.next()) * 1000) / offered.perSecond);
  }
  await clock.pass(100);
  return { at, waited, calls };
}

const minute = 60_000;

describe("limits of five nodes with shared counters", () => {
  it("let in 95–100 % of 600 requests a minute when three times that is offered", async () => {
    const cluster = openCluster(5);
    const subjects = [key(rule("requests", 600n))];
    const passed = await offer(cluster, { subjects, perSecond: 30, forMs: 5 * minute });
    assert.equal(mostWithin(passed.at, minute), 600);
    const share = passed.at.length / (5 * 600);
    assert.ok(share >= 0.95, `${share} of the limit`);
  });

  it("let in 95–100 % where one node has nearly all the traffic", async () => {
    const cluster = openCluster(5);
    const subjects = [key(rule("requests", 600n))];
    const pick = ({ nodes, chance }: SimulatedCluster): SimulatedNode =>
      chance.happens(0.97) ? nodes[0]! : chance.pick(nodes);
    const passed = await offer(cluster, { subjects, perSecond: 30, forMs: 5 * minute, pick });
    assert.ok(mostWithin(passed.at, minute) <= 600);
    const share = passed.at.length / (5 * 600);
    assert.ok(share >= 0.95, `${share} of the limit`);
  });

  for (const per of ["second", "hour"] as const)
    it(`let in 95–100 % of 600 requests a ${per}`, async () => {
      const cluster = openCluster(5);
      const subjects = [key(rule("requests", 600n, { per }))];
      const spanMs = per === "second" ? 1000 : 60 * minute;
      const perSecond = per === "second" ? 1800 : 0.5;
      const passed = await offer(cluster, { subjects, perSecond, forMs: 5 * spanMs });
      assert.ok(mostWithin(passed.at, spanMs) <= 600, `${mostWithin(passed.at, spanMs)}`);
      const share = passed.at.length / (5 * 600);
      assert.ok(share >= 0.95, `${share} of the limit`);
    });

  it("make hardly anybody wait while the limit is not reached", async () => {
    const cluster = openCluster(5);
    const subjects = [key(rule("requests", 60_000n))];
    const passed = await offer(cluster, { subjects, perSecond: 300, forMs: minute });
    assert.equal(passed.at.length, passed.calls);
    assert.ok(passed.waited / passed.calls < 0.01, `${passed.waited} of ${passed.calls}`);
    assert.ok(cluster.model.takes < passed.calls / 2, `${cluster.model.takes} asked`);
  });

  it("never exceed an exact limit, and use it up", async () => {
    const cluster = openCluster(5);
    const subjects = [key(rule("requests", 50n, { exact: true }))];
    const passed = await offer(cluster, { subjects, perSecond: 5, forMs: 5 * minute });
    assert.equal(mostWithin(passed.at, minute), 50);
    assert.ok(passed.at.length >= 5 * 50 * 0.98, `${passed.at.length}`);
  });

  it("let exactly ten of ten pass when nodes are asked in turn", async () => {
    const cluster = openCluster(5);
    const subjects = [key(rule("requests", 10n))];
    let passed = 0;
    for (let index = 0; index < 30; index += 1) {
      const answer = cluster.nodes[index % 5]!.limits.admit(subjects, "m", noUse);
      if ((await cluster.clock.until(Promise.resolve(answer), 100)).admitted) passed += 1;
      await cluster.clock.pass(20);
    }
    assert.equal(passed, 10);
  });
});
