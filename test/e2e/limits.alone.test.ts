/**
 * Limits over five real nodes, with Redis and without. Promises: a limit is one of the whole cluster, also when callers
 * break off, when a node is killed, and when Redis dies.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { engineUrls, freshDatabase, skipReason } from "../engines/engines.ts";
import { startRedis } from "../engines/start-redis.ts";
import { type FakeUpstream, gate, stream } from "../fakes/upstream.ts";
import { applied, channelTo, write } from "./cluster.ts";
import { type GatewayNode, type Reply, startNode, waitFor } from "./nodes.ts";
import { chatEvents, openVendor } from "./vendor.ts";

const nodeCount = 5;
const long = process.env["SWITCHYARD_LONG"] === "1";
const skip = skipReason("postgres");

interface Yard {
  readonly nodes: readonly GatewayNode[];
  readonly upstream: FakeUpstream;
  /** A key with these limits, once every node knows it. */
  key(...limits: readonly object[]): Promise<string>;
}

async function openYard(t: TestContext, redisUrl?: string): Promise<Yard> {
  const database = await freshDatabase("postgres");
  t.after(() => database.drop());
  const upstream = await openVendor();
  t.after(() => upstream.close());
  const nodes: GatewayNode[] = [];
  t.after(() => Promise.all(nodes.map((node) => node[Symbol.asyncDispose]())));
  const env = redisUrl === undefined ? {} : { REDIS_CONN_STRING: redisUrl };
  const start = (): Promise<GatewayNode> => startNode({ dsn: database.dsn, env });
  // One after another: five at once starve each other on a small machine.
  while (nodes.length < nodeCount) nodes.push(await start());
  const [first] = nodes;
  await write(first!, "POST", "/api/channels", channelTo(upstream, ["m"]));
  return {
    nodes,
    upstream,
    key: async (...limits) => {
      const made = await write<{ key: string }>(first!, "POST", "/api/keys", {
        name: "limited",
        limits,
      });
      await Promise.all(nodes.map((node) => applied(node, made.revision)));
      return made.data.key;
    },
  };
}

/** `count` calls round the nodes, some at a time. */
async function askAll(
  { nodes }: Yard,
  key: string,
  count: number,
  atATime = 40,
): Promise<readonly Reply[]> {
  const replies: Reply[] = [];
  let next = 0;
  const ask = async (): Promise<void> => {
    while (next < count) {
      const node = nodes[next % nodes.length]!;
      next += 1;
      replies.push(await node.chat("m", key));
    }
  };
  await Promise.all(Array.from({ length: atATime }, ask));
  return replies;
}

/** `count` calls round the nodes at an even pace, whether or not the ones before were answered. */
async function offer(
  { nodes }: Yard,
  key: string,
  { count, forMs }: { readonly count: number; readonly forMs: number },
): Promise<readonly Reply[]> {
  const start = performance.now();
  const replies: Promise<Reply>[] = [];
  while (replies.length < count) {
    const due = Math.min(count, ((performance.now() - start) / forMs) * count);
    while (replies.length < due) replies.push(nodes[replies.length % nodeCount]!.chat("m", key));
    await pause(10);
  }
  return await Promise.all(replies);
}

function passedOf(replies: readonly Reply[]): number {
  for (const reply of replies.filter(({ status }) => status !== 200)) {
    assert.equal(reply.status, 429, reply.text);
    assert.equal(reply.json<{ error: { code: string } }>().error.code, "rate_limit_exceeded");
    assert.ok(Number(reply.headers.get("retry-after")) >= 1);
  }
  return replies.filter(({ status }) => status === 200).length;
}

/** A stream that its caller holds open; resolves to its status once the head is there. */
async function openStream(
  node: GatewayNode,
  key: string,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly ended: Promise<void> }> {
  const response = await fetch(`${node.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({
      model: "m",
      stream: true,
      messages: [{ role: "user", content: "hi" }],
    }),
    signal,
  });
  const ended = response.text().then(
    () => undefined,
    () => undefined,
  );
  return { status: response.status, ended };
}

test("five nodes with Redis", { skip: skip || skipReason("redis") }, async (t) => {
  const yard = await openYard(t, engineUrls().redis);
  const { nodes, upstream } = yard;

  await t.test("95–100 % of a limit of requests passes, and headers tell it", async () => {
    const amount = long ? 600 : 120;
    const key = await yard.key({ of: "requests", amount });
    const start = performance.now();
    const forMs = long ? 50_000 : 6000;
    const replies = await offer(yard, key, { count: amount * 3, forMs });
    const minutes = (performance.now() - start) / 60_000;
    const passed = passedOf(replies);
    const most = amount * (minutes < 1 ? 1 : Math.ceil(minutes));
    assert.ok(passed >= amount * 0.95 && passed <= most, `${passed} of ${amount}`);
    for (const { headers } of replies) {
      assert.equal(headers.get("x-ratelimit-limit-requests"), String(amount));
      assert.match(headers.get("x-ratelimit-remaining-requests") ?? "", /^\d+$/);
      assert.match(headers.get("x-ratelimit-reset-requests") ?? "", /^(\d+m)?[\d.]+m?s$/);
    }
  });

  await t.test("of a limit for ten, ten pass one after another round the nodes", async () => {
    const key = await yard.key({ of: "requests", amount: 10, per: "hour" });
    assert.equal(passedOf(await askAll(yard, key, 25, 1)), 10);
  });

  await t.test("callers of the Messages API read its own headers", async () => {
    const key = await yard.key({ of: "requests", amount: 10, per: "hour" });
    const body = { model: "m", max_tokens: 5, messages: [{ role: "user", content: "hi" }] };
    const headers = { "x-api-key": key, "anthropic-version": "2023-06-01" };
    const reply = await nodes[1]!.call("/v1/messages", body, { key, headers });
    assert.equal(reply.status, 200, reply.text);
    assert.equal(reply.headers.get("anthropic-ratelimit-requests-limit"), "10");
    assert.equal(reply.headers.get("anthropic-ratelimit-requests-remaining"), "9");
    const reset = reply.headers.get("anthropic-ratelimit-requests-reset") ?? "";
    assert.match(reset, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.equal(reply.headers.get("x-ratelimit-limit-requests"), null);
  });

  await t.test(
    "no more streams run than are allowed at a time, and each end frees one",
    async () => {
      const key = await yard.key({ of: "concurrency", amount: 10 });
      const held = gate();
      const events = chatEvents("m", ["a", "b"], false);
      upstream.behave(stream([events.slice(0, 2).join(""), held, events.slice(2).join("")]));
      const aborting = new AbortController();
      const opened = await Promise.all(
        Array.from({ length: 60 }, (_, index) =>
          openStream(nodes[index % nodeCount]!, key, aborting.signal),
        ),
      );
      const running = opened.filter(({ status }) => status === 200);
      assert.ok(opened.every(({ status }) => status === 200 || status === 429));
      assert.equal(running.length, 10);
      aborting.abort();
      await Promise.all(opened.map(({ ended }) => ended));
      held.open();
      // All ten are to be had again, on one node: none leaked, and none is left to the others.
      const again = new AbortController();
      const anew = gate();
      upstream.behave(stream([events.slice(0, 2).join(""), anew, events.slice(2).join("")]));
      let open = 0;
      await waitFor("ten streams on one node", 10_000, async () => {
        const one = await openStream(nodes[0]!, key, again.signal);
        if (one.status === 200) open += 1;
        return open === 10;
      });
      assert.equal((await openStream(nodes[3]!, key, again.signal)).status, 429);
      again.abort();
      anew.open();
    },
  );

  await t.test("many streams that callers break off leak no slot", async () => {
    const key = await yard.key({ of: "concurrency", amount: 10 });
    const events = chatEvents("m", ["a", "b"], false);
    const held = gate();
    upstream.behave(stream([events.slice(0, 2).join(""), held]));
    let passed = 0;
    for (let round = 0; passed < (long ? 10_000 : 200); round += 1) {
      const aborting = new AbortController();
      const opened = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          openStream(nodes[(index + round) % nodeCount]!, key, aborting.signal),
        ),
      );
      passed += opened.filter(({ status }) => status === 200).length;
      aborting.abort();
      await Promise.all(opened.map(({ ended }) => ended));
    }
    const aborting = new AbortController();
    let open = 0;
    await waitFor("all ten slots", 10_000, async () => {
      const one = await openStream(nodes[open % nodeCount]!, key, aborting.signal);
      if (one.status === 200) open += 1;
      return open === 10;
    });
    aborting.abort();
    held.open();
  });

  await t.test(
    "slots of a killed node are free within 30 s",
    { skip: !long && "long" },
    async () => {
      const key = await yard.key({ of: "concurrency", amount: 4 });
      const events = chatEvents("m", ["a", "b"], false);
      const held = gate();
      upstream.behave(stream([events.slice(0, 2).join(""), held]));
      const aborting = new AbortController();
      const victim = nodes.at(-1)!;
      for (let index = 0; index < 4; index += 1)
        assert.equal((await openStream(victim, key, aborting.signal)).status, 200);
      assert.equal((await openStream(nodes[0]!, key, aborting.signal)).status, 429);
      await victim.kill();
      let open = 0;
      await waitFor("the slots of the dead node", 30_000, async () => {
        const one = await openStream(nodes[open % 4]!, key, aborting.signal);
        if (one.status === 200) open += 1;
        return open === 4;
      });
      aborting.abort();
      held.open();
    },
  );
});

test("five nodes whose Redis dies", { skip: skip || skipReason("redis", "own") }, async (t) => {
  const redis = await startRedis();
  t.after(() => redis.close());
  const yard = await openYard(t, redis.url);
  const key = await yard.key({ of: "requests", amount: 50, per: "hour" });
  assert.ok(passedOf(await askAll(yard, key, 20)) === 20);
  await redis.stop("crash");
  // Each node goes on within its share of ten, counting what it let in before.
  const passed = 20 + passedOf(await askAll(yard, key, 200));
  assert.ok(passed <= 2 * 50 && passed >= 40, `${passed} of 50`);
  await waitFor("shares of all five", 30_000, async () => {
    const other = await yard.key({ of: "requests", amount: 10, per: "hour" });
    return passedOf(await askAll(yard, other, 40)) === 10;
  });
  await redis.restart();
  // What passed meanwhile is told to the Redis that forgot it: nothing more is let in.
  await waitFor("limits are shared again", 30_000, async () => {
    const third = await yard.key({ of: "requests", amount: 3, per: "hour" });
    return (
      passedOf(await askAll(yard, third, 15, 1)) === 3 &&
      passedOf(await askAll(yard, third, 5)) === 0
    );
  });
  assert.equal(passedOf(await askAll(yard, key, 25)), 0);
});

test("five nodes without Redis let at most the limit pass", { skip }, async (t) => {
  const yard = await openYard(t);
  // A node that has just started does not know the others yet.
  await waitFor("shares of all five", 30_000, async () => {
    const key = await yard.key({ of: "requests", amount: 10, per: "hour" });
    return passedOf(await askAll(yard, key, 40)) === 10;
  });
  const few = await yard.key({ of: "requests", amount: 2, per: "hour" });
  assert.equal(passedOf(await askAll(yard, few, 20)), nodeCount, "one each: max(limit, nodes)");
});
