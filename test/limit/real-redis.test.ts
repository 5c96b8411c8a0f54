// Limits of five nodes over a real Redis: how much passes, that slots are never exceeded or lost, and what happens when
// Redis is killed, restarted, or slow.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { systemClock } from "../../src/core/clock.ts";
import { makeId } from "../../src/core/ids.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { Admission, LimitSubject, Limits } from "../../src/limit/limits.ts";
import { openLimits } from "../../src/limit/open-limits.ts";
import { openRedis } from "../../src/store/redis.ts";
import { makeSharedCounters } from "../../src/store/redis-limits.ts";
import { engineUrls, skipReason } from "../engines/engines.ts";
import { startRedis } from "../engines/start-redis.ts";
import { openTcpProxy } from "../engines/tcp-proxy.ts";
import { key, noUse, rule } from "./simulate.ts";

interface Cluster extends AsyncDisposable {
  readonly nodes: readonly Limits[];
  /** Slots that Redis has for a key of limits. */
  slots(name: string): Promise<number>;
}

/** Whether Redis answers within 50 ms is the machine's matter: what is exact is shown with more patience. */
const patientMs = 3000;

/** Nodes with connections of their own; the first may go another way. */
async function openCluster(
  url: string,
  { count = 5, firstUrl = url, silenceMs = patientMs } = {},
): Promise<Cluster> {
  const clusterId = makeId(10);
  const lines = Array.from({ length: count }, (_, index) =>
    openRedis({ url: index === 0 ? firstUrl : url }),
  );
  for (const line of lines) assert.ok(await line.whenUp(5000));
  const nodes = lines.map((redis, index) =>
    openLimits({
      shared: makeSharedCounters(redis, () => clusterId),
      clock: systemClock,
      businessNowMs: () => Date.now(),
      nodeId: `node-${index}`,
      liveNodes: () => count,
      silenceMs,
      logger: silentLogger,
    }),
  );
  return {
    nodes,
    slots: async (name) => {
      const script =
        "local sum = 0 for _, lease in ipairs(redis.call('HVALS', KEYS[1])) do sum = sum + tonumber(string.match(lease, '^%d+')) end return sum";
      const last = lines.at(-1)!;
      return Number(await last.evaluate(script, [`switchyard:${clusterId}:limit:${name}`], []));
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(nodes.map((node) => node.close()));
      for (const line of lines) await line.close();
    },
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function until(condition: () => boolean | Promise<boolean>, limitMs: number): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await condition())) {
    assert.ok(performance.now() < end, `not within ${limitMs} ms`);
    await turn();
  }
}

/** Calls at an even pace, node after node; the instants at which they were let in. */
async function offer(
  { nodes }: Cluster,
  subjects: readonly LimitSubject[],
  { perSecond, forMs }: { perSecond: number; forMs: number },
): Promise<number[]> {
  const at: number[] = [];
  const start = performance.now();
  for (let sent = 0; performance.now() - start < forMs;) {
    for (; sent < ((performance.now() - start) * perSecond) / 1000; sent += 1)
      void Promise.resolve(nodes[sent % nodes.length]!.admit(subjects, "m", noUse)).then(
        ({ admitted }) => {
          if (admitted) at.push(performance.now());
        },
      );
    await turn();
  }
  await until(() => true, 100);
  return at;
}

async function tryAll(
  { nodes }: Cluster,
  subjects: readonly LimitSubject[],
  count: number,
): Promise<Admission[]> {
  const answers = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      nodes[index % nodes.length]!.admit(subjects, "m", noUse),
    ),
  );
  return answers.flatMap((answer) => (answer.admitted ? [answer.admission] : []));
}

describe("limits over a real Redis", { skip: skipReason("redis") }, () => {
  const open = (): Promise<Cluster> => openCluster(engineUrls().redis!);

  it("let in 95–100 % of 600 requests a minute when three times that is offered", async () => {
    await using cluster = await open();
    const at = await offer(cluster, [key(rule("requests", 600n))], { perSecond: 600, forMs: 3000 });
    assert.ok(at.length <= 600 && at.length >= 570, `${at.length} of 600`);
  });

  it("let in 95–100 % of 200 requests a second, second after second", async () => {
    await using cluster = await open();
    const subjects = [key(rule("requests", 200n, { per: "second" }))];
    const at = await offer(cluster, subjects, { perSecond: 600, forMs: 5000 });
    // When they passed is seen here as late as the machine is busy: the first second's 200 come on top of the rest.
    assert.ok(at.length <= 6 * 200 && at.length >= 0.95 * 5 * 200, `${at.length} of 1,000`);
  });

  it("never exceed an exact limit, however many try at once", async () => {
    await using cluster = await open();
    const subjects = [key(rule("requests", 100n, { exact: true }))];
    assert.equal((await tryAll(cluster, subjects, 1000)).length, 100);
  });

  it("never exceed concurrency under 2,000 tries at once, and free every slot", async () => {
    await using cluster = await open();
    const subjects = [key(rule("concurrency", 100n))];
    const held = await tryAll(cluster, subjects, 2000);
    assert.equal(held.length, 100);
    assert.equal(await cluster.slots("key:1:concurrency:minute"), 100);
    for (const admission of held) admission.end(null);
    await until(async () => (await cluster.slots("key:1:concurrency:minute")) === 0, 2000);
    assert.equal((await tryAll(cluster, subjects, 2000)).length, 100);
  });

  it("leak no slot over 10,000 calls that are broken off", async () => {
    await using cluster = await open();
    const subjects = [key(rule("concurrency", 200n))];
    let passed = 0;
    let running = 0;
    let most = 0;
    while (passed < 10_000) {
      const started = await tryAll(cluster, subjects, 250);
      passed += started.length;
      running += started.length;
      most = Math.max(most, running);
      for (const admission of started) admission.end(null);
      running -= started.length;
    }
    assert.ok(most <= 200, `${most} at once`);
    await until(async () => (await cluster.slots("key:1:concurrency:minute")) === 0, 8000);
    assert.equal((await tryAll(cluster, subjects, 500)).length, 200);
  });

  it("take from all limits or from none, whoever counts them", async () => {
    await using cluster = await open();
    const wide = { kind: "user", id: "9", rules: [rule("requests", 1000n)] } as const;
    const narrow = key(rule("requests", 20n, { exact: true }), rule("concurrency", 1000n));
    assert.equal((await tryAll(cluster, [wide, narrow], 300)).length, 20);
    const rest = await tryAll(cluster, [wide], 2000);
    assert.ok(rest.length <= 980 && rest.length >= 930, `${rest.length} of the 980 that are left`);
  });

  it("wait at most 50 ms for a Redis that answers nothing, and then for nobody", async () => {
    const proxy = await openTcpProxy(engineUrls().redis!);
    const url = engineUrls().redis!;
    const firstUrl = proxy.through(url);
    await using cluster = await openCluster(url, { count: 2, firstUrl, silenceMs: 50 });
    const [slow] = cluster.nodes;
    const subjects = [key(rule("requests", 100_000_000n))];
    assert.ok((await slow!.admit(subjects, "m", noUse)).admitted);
    proxy.stall();
    let longest = 0;
    let waited = 0;
    const start = performance.now();
    while (performance.now() - start < 2000) {
      const began = performance.now();
      const answer = slow!.admit(subjects, "m", noUse);
      if (answer instanceof Promise) waited += 1;
      const { admitted } = await answer;
      longest = Math.max(longest, performance.now() - began);
      assert.ok(admitted);
      await turn();
    }
    // Timers and a busy machine add to the 50 ms.
    assert.ok(longest < 150, `${longest} ms`);
    assert.ok(waited <= 40, `${waited} waited`);
    proxy.restore();
    const exact = [key(rule("requests", 100_000_000n, { exact: true }))];
    await until(() => slow!.admit(exact, "m", noUse) instanceof Promise, 15_000);
    await proxy.close();
  });
});

describe("limits over a Redis that dies", { skip: skipReason("redis", "own") }, () => {
  it("keep to their shares meanwhile, and tell what runs when it is back and empty", async () => {
    const server = await startRedis();
    try {
      await using cluster = await openCluster(server.url);
      const subjects = [key(rule("concurrency", 50n), rule("requests", 10_000n))];
      const [first] = cluster.nodes;
      const running: Admission[] = [];
      for (let index = 0; index < 30; index += 1) {
        const answer = await first!.admit(subjects, "m", noUse);
        assert.ok(answer.admitted);
        running.push(answer.admission);
      }
      await server.stop("crash");
      await until(async () => {
        running.push(...(await tryAll(cluster, subjects, 5)));
        return running.length >= 70;
      }, 5000);
      running.push(...(await tryAll(cluster, subjects, 500)));
      assert.equal(running.length, 30 + 4 * 10, "what ran, and the shares of the others");
      await server.restart();
      await until(
        async () =>
          (await cluster.slots("key:1:concurrency:minute").catch(() => 0)) === running.length,
        15_000,
      );
      assert.equal((await tryAll(cluster, subjects, 100)).length, 0);
      for (const admission of running) admission.end(null);
      await until(async () => (await cluster.slots("key:1:concurrency:minute")) === 0, 5000);
      const again: Admission[] = [];
      await until(async () => {
        again.push(...(await tryAll(cluster, subjects, 100)));
        return again.length >= 50;
      }, 15_000);
      assert.equal(again.length, 50);
    } finally {
      await server.close();
    }
  });
});
