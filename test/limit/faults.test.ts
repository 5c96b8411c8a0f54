// Limits when the shared counters fail: random schedules of calls, cuts, restarts and lost answers, in virtual time.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { silentLogger } from "../../src/core/logger.ts";
import type { Admission, LimitAnswer, LimitSubject } from "../../src/limit/limits.ts";
import { openLimits } from "../../src/limit/open-limits.ts";
import { makeChance, VirtualClock } from "../simulation/virtual-clock.ts";
import { CountersModel, openLine } from "./counters-model.ts";
import type { SimulatedCluster } from "./simulate.ts";
import { key, mostWithin, noUse, openCluster, rule } from "./simulate.ts";

const minute = 60_000;

interface Running {
  readonly admission: Admission;
  readonly node: number;
}

/** A call that runs for a while and is then ended; answers whether it was let in. */
async function call(
  cluster: SimulatedCluster,
  at: number,
  {
    subjects,
    runsMs,
    running,
  }: { subjects: readonly LimitSubject[]; runsMs: number; running: Set<Running> },
): Promise<boolean> {
  const answer = await cluster.nodes[at]!.limits.admit(subjects, "m", noUse);
  if (!answer.admitted) return false;
  const one = { admission: answer.admission, node: at };
  running.add(one);
  cluster.clock.after(runsMs, () => {
    running.delete(one);
    one.admission.end(null);
  });
  return true;
}

describe("concurrency with shared counters", () => {
  const subjects = [key(rule("concurrency", 100n))];

  it("is never exceeded by 2,000 tries at once, and wholly used", async () => {
    const cluster = openCluster(5);
    const answers: Promise<LimitAnswer>[] = [];
    for (let index = 0; index < 2000; index += 1)
      answers.push(Promise.resolve(cluster.nodes[index % 5]!.limits.admit(subjects, "m", noUse)));
    const all = await cluster.clock.until(Promise.all(answers), 1000);
    assert.equal(all.filter(({ admitted }) => admitted).length, 100);
  });

  it("leaks no slot over 10,000 calls that are broken off", async () => {
    const cluster = openCluster(5, 7);
    const running = new Set<Running>();
    let passed = 0;
    let most = 0;
    for (let index = 0; index < 15_000; index += 1) {
      const runsMs = cluster.chance.between(0, 60);
      void call(cluster, index % 5, { subjects, runsMs, running }).then((went) => {
        if (went) passed += 1;
        most = Math.max(most, running.size);
      });
      if (index % 4 === 0) await cluster.clock.pass(1);
    }
    assert.ok(passed >= 10_000, `${passed} passed`);
    assert.ok(most <= 100 && most >= 90, `${most} at once`);
    await cluster.clock.pass(6000);
    assert.equal(running.size, 0);
    assert.equal(cluster.model.slotsOf("key:1:concurrency:minute"), 0);
    assert.ok(cluster.model.mostSlots.get("key:1:concurrency:minute")! <= 100);
  });

  it("counts a slot once that was asked for in the very turn in which all were told", async () => {
    const world = { clock: new VirtualClock(), chance: makeChance(1) };
    const model = new CountersModel(world);
    const line = openLine(model, { latencyMs: () => 1, cut: false, loss: 0 }, world);
    let lastMoment = (): void => undefined;
    const limits = openLimits({
      shared: {
        take: line.take,
        tell: line.tell,
        // Asked for right before what is held is told.
        get up() {
          lastMoment();
          return line.up;
        },
      },
      clock: world.clock,
      businessNowMs: () => world.clock.now(),
      nodeId: "node",
      liveNodes: () => 1,
      logger: silentLogger,
    });
    const first = await world.clock.until(Promise.resolve(limits.admit(subjects, "m", noUse)), 100);
    assert.ok(first.admitted);
    let second: Promise<LimitAnswer> | undefined;
    // The next heartbeat tells all slots.
    await world.clock.pass(4500);
    lastMoment = () => {
      lastMoment = () => undefined;
      second = Promise.resolve(limits.admit(subjects, "m", noUse));
    };
    await world.clock.pass(2000);
    assert.ok((await second)?.admitted);
    assert.equal(model.slotsOf("key:1:concurrency:minute"), 2);
  });

  it("has the slots of a killed node free within 30 s, and not those of a living one", async () => {
    const cluster = openCluster(3);
    const killed = { subjects, runsMs: 1e9, running: new Set<Running>() };
    for (let index = 0; index < 100; index += 1)
      await cluster.clock.until(call(cluster, index % 2, killed), 100);
    assert.equal(killed.running.size, 100);
    // Node 0 is dead: nothing of it is heard again.
    cluster.nodes[0]!.line.cut = true;
    let freeAfterMs: number | undefined;
    const startMs = cluster.clock.monotonic();
    const mine = { subjects, runsMs: 1e9, running: new Set<Running>() };
    while (mine.running.size < 50 && cluster.clock.monotonic() - startMs < minute) {
      const went = await cluster.clock.until(call(cluster, 2, mine), 100);
      if (went) freeAfterMs ??= cluster.clock.monotonic() - startMs;
      await cluster.clock.pass(went ? 1 : 500);
    }
    assert.equal(mine.running.size, 50);
    assert.ok(freeAfterMs! <= 30_000 && freeAfterMs! > 10_000, `${freeAfterMs} ms`);
    await cluster.clock.pass(minute);
    assert.ok(!(await cluster.clock.until(call(cluster, 2, mine), 100)), "the living keep theirs");
  });

  it("keeps the slots of calls that run for minutes while others come and go", async () => {
    const cluster = openCluster(2);
    const running = new Set<Running>();
    for (let index = 0; index < 98; index += 1)
      await cluster.clock.until(call(cluster, 0, { subjects, runsMs: 1e9, running }), 100);
    for (let index = 0; index < 4000; index += 1) {
      void call(cluster, index % 2, { subjects, runsMs: 30, running });
      await cluster.clock.pass(20);
      assert.ok(running.size <= 100, `${running.size} at once`);
    }
    assert.ok(cluster.model.slotsOf("key:1:concurrency:minute") >= 98);
  });

  it("falls back to shares when Redis dies, and is whole again after an empty restart", async () => {
    const cluster = openCluster(5, 3);
    const long = { subjects, runsMs: 30_000, running: new Set<Running>() };
    for (let index = 0; index < 60; index += 1)
      await cluster.clock.until(call(cluster, 0, long), 100);
    assert.equal(long.running.size, 60);
    cluster.model.down = true;
    for (let index = 0; index < 1000; index += 1) void call(cluster, index % 5, long);
    await cluster.clock.pass(100);
    // Each of the others its share of 20, beside the 60 that ran.
    assert.equal(long.running.size, 60 + 4 * 20);
    await cluster.clock.pass(5000);
    cluster.model.down = false;
    cluster.model.restartEmpty();
    await cluster.clock.pass(12_000);
    assert.equal(cluster.model.slotsOf("key:1:concurrency:minute"), 140, "all told what they hold");
    for (let index = 0; index < 500; index += 1) void call(cluster, index % 5, long);
    await cluster.clock.pass(100);
    assert.equal(long.running.size, 140, "nothing while more than the limit runs");
    await cluster.clock.pass(30_000);
    for (let index = 0; index < 500; index += 1) void call(cluster, index % 5, long);
    await cluster.clock.pass(100);
    assert.equal(long.running.size, 100);
    await cluster.clock.pass(40_000);
    assert.equal(cluster.model.slotsOf("key:1:concurrency:minute"), 0);
  });
});

describe("counted limits with shared counters that fail", () => {
  const subjects = [key(rule("requests", 600n))];

  const offer = async (cluster: SimulatedCluster, forMs: number, at: number[]): Promise<void> => {
    const { clock, chance } = cluster;
    const end = clock.monotonic() + forMs;
    while (clock.monotonic() < end) {
      const answer = chance.pick(cluster.nodes).limits.admit(subjects, "m", noUse);
      void Promise.resolve(answer).then(({ admitted }) => {
        if (admitted) at.push(clock.monotonic());
      });
      await clock.pass(33);
    }
  };

  it("stay within the stated bound when Redis dies and comes back empty", async () => {
    const cluster = openCluster(5, 5);
    const at: number[] = [];
    await offer(cluster, 2 * minute, at);
    cluster.model.down = true;
    await offer(cluster, 3 * minute, at);
    const cut = at.length;
    cluster.model.restartEmpty();
    cluster.model.down = false;
    await offer(cluster, 3 * minute, at);
    // What had passed, and the shares of all nodes but one that had its part of it.
    assert.ok(mostWithin(at, minute) < 2 * 600, `${mostWithin(at, minute)} in a minute`);
    const back = at.slice(cut);
    const lastMinutes = back.filter((when) => when > 6 * minute);
    assert.ok(mostWithin(lastMinutes, minute) <= 600);
    assert.ok(
      lastMinutes.length >= 0.95 * 2 * 600,
      `${lastMinutes.length} in the last two minutes`,
    );
    const within = at.filter((when) => when > 3 * minute && when < 5 * minute);
    assert.ok(mostWithin(within, minute) <= 600, "without Redis no more than the limit");
  });

  it("count nothing twice when answers are lost and lines are cut", async () => {
    for (let seed = 1; seed <= 30; seed += 1) {
      const cluster = openCluster(4, seed);
      const at: number[] = [];
      for (const { line } of cluster.nodes) line.loss = 0.05;
      for (let round = 0; round < 4; round += 1) {
        const node = cluster.chance.pick(cluster.nodes);
        node.line.cut = cluster.chance.happens(0.5);
        await offer(cluster, 5000, at);
        node.line.cut = false;
      }
      for (const { line } of cluster.nodes) line.loss = 0;
      await cluster.clock.pass(15_000);
      const counted = cluster.model.sumOf("key:1:requests:minute", minute, 1000);
      const inMinute = at.filter((when) => when > cluster.clock.monotonic() - minute).length;
      // Units whose grant was lost on its way are counted until the window ends; fewer than passed are never counted.
      assert.ok(counted >= inMinute, `seed ${seed}: ${counted} counted, ${inMinute} passed`);
      assert.ok(mostWithin(at, minute) <= 600 + 4 * 150, `seed ${seed}`);
    }
  });

  it("wait at most 50 ms for silent counters, and for nobody once the breaker is open", async () => {
    for (const exact of [false, true]) {
      const cluster = openCluster(2, 11);
      const mine = [key(rule("requests", 600n, { exact }))];
      // The first question of all may take longer.
      const first = Promise.resolve(cluster.nodes[0]!.limits.admit(mine, "m", noUse));
      assert.ok((await cluster.clock.until(first, 100)).admitted);
      for (const { line } of cluster.nodes) line.loss = 1;
      const refused: number[] = [];
      let longest = 0;
      let waited = 0;
      for (let index = 0; index < 200; index += 1) {
        const startMs = cluster.clock.monotonic();
        const answer = cluster.nodes[0]!.limits.admit(mine, "m", noUse);
        if (answer instanceof Promise) waited += 1;
        const { admitted } = await cluster.clock.until(Promise.resolve(answer), 1000);
        if (!admitted) refused.push(startMs);
        longest = Math.max(longest, cluster.clock.monotonic() - startMs);
        await cluster.clock.pass(20);
      }
      assert.ok(longest <= 51, `${longest} ms`);
      assert.ok(waited <= 12, `${waited} waited`);
      // What only the counters may count out is refused until they are known not to answer.
      assert.ok(refused.every((at) => at < 1100) && refused.length <= (exact ? 12 : 0));
      for (const { line } of cluster.nodes) line.loss = 0;
      await cluster.clock.pass(5000);
      const passed = 200 - refused.length;
      const counted = cluster.model.sumOf("key:1:requests:minute", minute, 1000);
      assert.ok(counted >= passed, `${counted} of ${passed} were told`);
      const answer = cluster.nodes[0]!.limits.admit(mine, "m", noUse);
      assert.ok(answer instanceof Promise, "the breaker closed again");
      assert.ok((await cluster.clock.until(answer, 100)).admitted);
    }
  });

  it("believe for a while what silent counters said was left", async () => {
    const cluster = openCluster(5, 13);
    const mine = [key(rule("requests", 100n))];
    let passed = 0;
    const tryOn = async (at: number): Promise<void> => {
      const answer = Promise.resolve(cluster.nodes[at]!.limits.admit(mine, "m", noUse));
      if ((await cluster.clock.until(answer, 1000)).admitted) passed += 1;
    };
    for (let index = 0; index < 96; index += 1) await tryOn(0);
    for (let at = 1; at < 5; at += 1) await tryOn(at);
    for (let at = 0; at < 5; at += 1) await tryOn(at);
    assert.equal(passed, 100);
    for (const { line } of cluster.nodes) line.loss = 1;
    for (let index = 0; index < 10; index += 1) await tryOn(index % 5);
    assert.equal(passed, 100, "each node had heard that nothing is left");
  });

  it("wait for counters that are busy, but open the breaker if they stay so", async () => {
    const cluster = openCluster(2, 12);
    const mine = [key(rule("concurrency", 600n))];
    for (const { line } of cluster.nodes) line.latencyMs = () => 70;
    const answers = Array.from({ length: 40 }, async (_, index) => {
      await cluster.clock.sleep(index * 10);
      return (await cluster.nodes[0]!.limits.admit(mine, "m", noUse)).admitted;
    });
    const admitted = await cluster.clock.until(Promise.all(answers), 2000);
    assert.ok(admitted.filter(Boolean).length >= 30, `${admitted.filter(Boolean).length}`);
    await cluster.clock.pass(500);
    for (let index = 0; index < 20; index += 1) {
      void cluster.nodes[0]!.limits.admit(mine, "m", noUse);
      await cluster.clock.pass(100);
    }
    const answer = cluster.nodes[0]!.limits.admit(mine, "m", noUse);
    assert.ok(!(answer instanceof Promise), "nobody waits any more");
  });
});
