/**
 * Limits and sockets through a real node. Promises: a limit is told in the words of the caller's API; a slot is free
 * however its call ended; what is said over sockets counts against the same budgets.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { openRealtimeUpstream } from "../fakes/realtime-upstream.ts";
import { openCaller } from "../fakes/socket-caller.ts";
import { cut, gate, json, stream } from "../fakes/upstream.ts";
import { waitFor } from "./nodes.ts";
import {
  type MadeKey,
  type SpendingYard,
  assertRefused,
  assertServed,
  cent,
  chatOf,
  openSpendingYard,
} from "./spending-yard.ts";
import { chatEvents } from "./vendor.ts";

const messages = [{ role: "user", content: "hi" }];

test("limits", { timeout: 120_000 }, async (t) => {
  const yard = await openSpendingYard(t);
  const { node, upstream, chat } = yard;
  await yard.channel(["flat", "metered"]);

  await t.test(
    "requests: refused with the time to wait, told in headers from the first call on",
    async () => {
      const key = await yard.key({ limits: [{ of: "requests", amount: 2 }] });
      const first = await chat(key, "flat");
      assertServed(first);
      assert.equal(first.headers.get("x-ratelimit-limit-requests"), "2");
      assert.equal(first.headers.get("x-ratelimit-remaining-requests"), "1");
      assertServed(await chat(key, "flat"));
      const refused = await chat(key, "flat");
      assertRefused(refused, 429, "rate_limit_exceeded");
      const waitS = Number(refused.headers.get("retry-after"));
      // The window slides by whole seconds.
      assert.ok(waitS >= 1 && waitS <= 61, String(waitS));
      assert.equal(refused.headers.get("x-ratelimit-remaining-requests"), "0");
      const body = { model: "flat", max_tokens: 5, messages };
      const claude = await node.call("/v1/messages", body, { key: key.key });
      assert.equal(claude.status, 429);
      assert.equal(claude.json<{ error: { type: string } }>().error.type, "rate_limit_error");
      assert.equal(claude.headers.get("anthropic-ratelimit-requests-remaining"), "0");
      assert.equal(claude.headers.get("x-ratelimit-limit-requests"), null);
      const unlimited = await yard.key({});
      assert.equal((await chat(unlimited, "flat")).headers.get("x-ratelimit-limit-requests"), null);
    },
  );

  await t.test("counting tokens, and what outlives calls, are requests like others", async () => {
    const limits = [
      { of: "requests", amount: 3 },
      { of: "tokens", amount: 5 },
    ];
    const key = await yard.key({ limits, budget: { amount: "0.000001" } });
    const body = { model: "flat", messages: [{ role: "user", content: "word ".repeat(500) }] };
    const counted = await node.call("/v1/messages/count_tokens", body, { key: key.key });
    // It uses no tokens, and costs nobody anything.
    assertServed(counted);
    assert.equal(counted.headers.get("anthropic-ratelimit-requests-remaining"), "2");
    const listed = await node.call("/v1/files", undefined, { key: key.key });
    assertServed(listed);
    assert.equal(listed.headers.get("x-ratelimit-remaining-requests"), "1");
    assertServed(await node.call("/v1/files", undefined, { key: key.key }));
    assertRefused(
      await node.call("/v1/files", undefined, { key: key.key }),
      429,
      "rate_limit_exceeded",
    );
    const again = await node.call("/v1/messages/count_tokens", body, { key: key.key });
    assert.equal(again.status, 429, again.text);
    assertServed(await node.call("/v1/models", undefined, { key: key.key }));
  });

  await t.test("a limit counts the models that it names", async () => {
    const limits = [{ of: "requests", amount: 1, per: "hour", models: ["met*"] }];
    const key = await yard.key({ limits });
    for (let count = 0; count < 3; count += 1) assertServed(await chat(key, "flat"));
    assertServed(await chat(key, "metered"));
    assertRefused(await chat(key, "metered"), 429, "rate_limit_exceeded");
  });

  const streamed = { model: "flat", messages, stream: true };
  const endings: readonly (readonly [string, (key: MadeKey) => Promise<void>])[] = [
    [
      "ends",
      async (key) => {
        upstream.behave(stream(chatEvents("flat", ["a"], true)));
        assertServed(await node.call("/v1/chat/completions", streamed, { key: key.key }));
      },
    ],
    [
      "is cut",
      async (key) => {
        upstream.behave(cut(chatEvents("flat", ["a"], true).slice(0, 2)));
        await node.call("/v1/chat/completions", streamed, { key: key.key });
      },
    ],
    [
      "is left",
      async (key) => {
        upstream.behave(stream([...chatEvents("flat", ["a"], true).slice(0, 2), gate()]));
        const abort = new AbortController();
        const response = await fetch(`${node.url}/v1/chat/completions`, {
          method: "POST",
          headers: { authorization: `Bearer ${key.key}`, "content-type": "application/json" },
          body: JSON.stringify(streamed),
          signal: abort.signal,
        });
        const text = response.text().catch(() => "");
        assertRefused(await chat(key, "flat"), 429, "rate_limit_exceeded");
        abort.abort();
        await text;
      },
    ],
  ];
  for (const [ending, run] of endings)
    await t.test(`a slot is free when its stream ${ending}`, async () => {
      const key = await yard.key({ limits: [{ of: "concurrency", amount: 1 }] });
      for (let count = 0; count < 3; count += 1) {
        await run(key);
        upstream.behave(json(chatOf("flat", 1)));
        await waitFor(
          "the slot is free",
          3000,
          async () => (await chat(key, "flat")).status === 200,
        );
      }
    });

  await t.test("tokens and dollars settle to what was used", async () => {
    const tokens = await yard.key({ limits: [{ of: "tokens", amount: 1000, per: "hour" }] });
    upstream.behave(json(chatOf("metered", 10)));
    for (let count = 0; count < 5; count += 1)
      assertServed(await chat(tokens, "metered", { max_tokens: 900 }));
    upstream.behave(json(chatOf("metered", 950)));
    assertServed(await chat(tokens, "metered", { max_tokens: 900 }));
    assertRefused(await chat(tokens, "metered"), 429, "rate_limit_exceeded");
    // Of which nobody can say how many it takes: let in alone, and counted by what it took.
    const huge = { max_tokens: 9_007_199_254_740_991, n: 1000 };
    const unused = await yard.key({ limits: [{ of: "tokens", amount: 1000, per: "hour" }] });
    assertServed(await chat(unused, "metered", huge));
    assertRefused(await chat(unused, "metered", huge), 429, "rate_limit_exceeded");
    assertRefused(await chat(unused, "metered"), 429, "rate_limit_exceeded");
    const dollars = await yard.key({ limits: [{ of: "dollars", amount: "0.02", per: "hour" }] });
    assertServed(await chat(dollars, "flat"));
    assertServed(await chat(dollars, "flat"));
    assertRefused(await chat(dollars, "flat"), 429, "rate_limit_exceeded");
  });
});

async function openRealtime(t: TestContext, yard: SpendingYard) {
  const vendor = await openRealtimeUpstream();
  t.after(() => vendor.close());
  await yard.channel(["live"], { baseUrl: vendor.baseUrl });
  await yard.make("/api/prices", { model: "live", mode: "call", perCall: "0.01" });
  return vendor;
}

test("sockets", { timeout: 120_000 }, async (t) => {
  const yard = await openSpendingYard(t);
  const { node, upstream } = yard;
  await openRealtime(t, yard);
  const live = (key: MadeKey) => openCaller(`${node.url}/v1/realtime?model=live`, { key: key.key });

  await t.test(
    "each response of a realtime session counts against budgets, of key and of group",
    async () => {
      const group = await yard.make("/api/groups", { symbol: "talkers", budget: { amount: "1" } });
      const vendor = await openRealtimeUpstream();
      t.after(() => vendor.close());
      await yard.channel(["live"], { baseUrl: vendor.baseUrl, groups: ["talkers"] });
      const key = await yard.key({ group: "talkers", budget: { amount: "0.02" } });
      const caller = await live(key);
      for (let count = 1; count <= 2; count += 1) {
        const from = caller.messages.length;
        caller.send({ type: "response.create" });
        await caller.event("response.done", from);
        await yard.last(key, count);
      }
      caller.send({ type: "response.create" });
      await caller.event("error");
      await caller.ended();
      assert.match(JSON.stringify(caller.events()), /insufficient_quota/);
      assert.equal((await yard.settled(key, "key", key.id, 2)).counted, 2n * cent);
      assert.equal(await yard.counted("group", group.id), 2n * cent);
      await assert.rejects(live(key));
    },
  );

  await t.test(
    "a response that begins of itself counts in full, and ends who cannot pay it",
    async () => {
      const vendor = await openRealtimeUpstream();
      t.after(() => vendor.close());
      await yard.channel(["self"], { baseUrl: vendor.baseUrl });
      await yard.make("/api/prices", { model: "self", mode: "call", perCall: "0.01" });
      const key = await yard.key({ budget: { amount: "0.01" } });
      const caller = await openCaller(`${node.url}/v1/realtime?model=self`, { key: key.key });
      const connection = await vendor.connected(1);
      for (const id of ["resp_a", "resp_b"]) {
        connection.send({
          type: "response.created",
          response: { id, object: "realtime.response" },
        });
        connection.send({ type: "response.output_text.delta", response_id: id, delta: "Hi" });
      }
      await caller.ended();
      const { rows, counted } = await yard.settled(key, "key", key.id, 2);
      assert.deepEqual([rows.cost, counted], [2n * cent, 2n * cent]);
    },
  );

  await t.test("a session is held where the operator's budget and limits leave room", async () => {
    const vendors = await Promise.all([openRealtimeUpstream(), openRealtimeUpstream()]);
    t.after(() => Promise.all(vendors.map((vendor) => vendor.close())));
    const [near, far] = vendors;
    const budget = { amount: "0.01" };
    await yard.channel(["twice"], { baseUrl: near.baseUrl, priority: 5, budget });
    await yard.channel(["twice"], { baseUrl: far.baseUrl, priority: 1 });
    await yard.make("/api/prices", { model: "twice", mode: "call", perCall: "0.01" });
    const key = await yard.key({});
    for (let count = 1; count <= 2; count += 1) {
      const caller = await openCaller(`${node.url}/v1/realtime?model=twice`, { key: key.key });
      caller.send({ type: "response.create" });
      await caller.event("response.done");
      await yard.last(key, count);
      caller.raw.close();
    }
    assert.deepEqual([near.upgrades, far.upgrades], [1, 1]);
  });

  await t.test("one response at a time does not end its own session", async () => {
    const key = await yard.key({ limits: [{ of: "concurrency", amount: 1 }] });
    const caller = await live(key);
    for (let count = 1; count <= 3; count += 1) {
      const from = caller.messages.length;
      caller.send({ type: "response.create" });
      await caller.event("response.done", from);
      await yard.last(key, count);
    }
    assert.equal(caller.closed, undefined, JSON.stringify(caller.closed));
    caller.raw.close();
  });

  await t.test(
    "responses over a WebSocket count against budgets, and a refusal leaves it open",
    async () => {
      await yard.channel(["said"], { dialects: ["openai-responses"] });
      await yard.make("/api/prices", { model: "said", mode: "call", perCall: "0.01" });
      const event = (fields: { readonly type: string; readonly [name: string]: unknown }): string =>
        `event: ${fields.type}\ndata: ${JSON.stringify(fields)}\n\n`;
      const response = { id: "resp_1", object: "response", model: "said", store: false };
      const usage = { input_tokens: 1, output_tokens: 1, total_tokens: 2 };
      upstream.behave(
        stream([
          event({
            type: "response.created",
            sequence_number: 0,
            response: { ...response, output: [] },
          }),
          event({
            type: "response.output_text.delta",
            sequence_number: 1,
            item_id: "m",
            delta: "Hi",
          }),
          event({
            type: "response.completed",
            sequence_number: 2,
            response: { ...response, status: "completed", output: [], usage },
          }),
        ]),
      );
      const key = await yard.key({ budget: { amount: "0.01" } });
      const caller = await openCaller(`${node.url}/v1/responses`, { key: key.key });
      const ask = { type: "response.create", model: "said", store: false, input: "hi" };
      caller.send(ask);
      await caller.event("response.completed");
      caller.send(ask);
      const refused = await caller.event("error");
      assert.match(JSON.stringify(refused), /insufficient_quota/);
      assert.equal(caller.closed, undefined);
      assert.equal((await yard.settled(key, "key", key.id, 2)).counted, cent);
      caller.raw.close();
    },
  );
});
