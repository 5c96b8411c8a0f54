/**
 * Every way in which a call is paid, through a real node. Promises: a call fits all budgets of its payer or takes from
 * none; the group that answers pays; ratios multiply; what a refusal says would fit does fit.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { waitFor } from "./nodes.ts";
import {
  type MadeKey,
  assertRefused,
  assertServed,
  cent,
  openSpendingYard,
} from "./spending-yard.ts";

test("payers", { timeout: 180_000 }, async (t) => {
  const yard = await openSpendingYard(t);
  const { node, make, chat } = yard;
  await make("/api/groups", { symbol: "all", budget: { amount: "1" } });
  await yard.channel(["flat", "metered"], { groups: ["default", "all"] });
  let made = 0;
  const account = (more: object): Promise<{ id: number }> =>
    make("/api/users", { username: `user-${(made += 1)}`, ...more });

  await t.test("the budget of an account bounds all its keys together", async () => {
    const { id } = await account({ budget: { amount: "0.03" } });
    const keys = [await yard.key({ owner: id }), await yard.key({ owner: id })];
    for (let index = 0; index < 3; index += 1) assertServed(await chat(keys[index % 2]!, "flat"));
    for (const key of keys) assertRefused(await chat(key, "flat"), 429, "insufficient_quota");
    const told = await yard.settled(keys[0]!, "user", id, 3);
    assert.equal(told.counted, 3n * cent);
  });

  await t.test("all payers together, or none of them", async () => {
    const groups = (await node.api("GET", "/api/groups")).json<{
      data: { id: number; symbol: string }[];
    }>();
    const group = groups.data.find(({ symbol }) => symbol === "all")!;
    const { id } = await account({ billing: "prepaid", group: "all", budget: { amount: "0.03" } });
    const key = await yard.key({ owner: id, budget: { amount: "0.04" } });
    assertRefused(await chat(key, "flat"), 429, "insufficient_quota");
    for (const [kind, entity] of [
      ["key", key.id],
      ["user", id],
      ["group", group.id],
    ] as const)
      assert.equal(await yard.counted(kind, entity), 0n, kind);
    await make(`/api/users/${id}/credits`, { amount: "0.02", remark: "test" });
    await waitFor(
      "the credit can be spent",
      5000,
      async () => (await chat(key, "flat")).status === 200,
    );
    assertServed(await chat(key, "flat"));
    assertRefused(await chat(key, "flat"), 429, "insufficient_quota");
    await make(`/api/users/${id}/credits`, { amount: "5", remark: "test" });
    await waitFor(
      "the credit can be spent",
      5000,
      async () => (await chat(key, "flat")).status === 200,
    );
    const refused = await chat(key, "flat");
    assertRefused(refused, 429, "insufficient_quota");
    assert.match(refused.text, /budget of this account/);
    await make(`/api/users/${id}`, { budget: { amount: "1" } }, "PATCH");
    assertServed(await chat(key, "flat"));
    const last = await chat(key, "flat");
    assertRefused(last, 429, "insufficient_quota");
    assert.match(last.text, /budget of this API key/);
    await waitFor("all four are settled", 15_000, async () => {
      const counts = await Promise.all([
        yard.counted("key", key.id),
        yard.counted("user", id),
        yard.counted("group", group.id),
      ]);
      return counts.every((count) => count === 4n * cent);
    });
    await waitFor("the balance is what is left", 15_000, async () => {
      const { data } = (await node.api("GET", `/api/users/${id}`)).json<{
        data: { balance: string };
      }>();
      return data.balance === "4.98";
    });
  });

  await t.test(
    "the group that answers pays; an empty one is passed over for the fallback group",
    async () => {
      const first = await make("/api/groups", { symbol: "first", budget: { amount: "0.02" } });
      const second = await make("/api/groups", {
        symbol: "second",
        ratio: 2,
        budget: { amount: "0.05" },
      });
      await yard.channel(["flat"], { groups: ["first", "second"] });
      const key = await yard.key({ group: "first", fallbackGroup: "second" });
      for (const count of [1, 2]) {
        assertServed(await chat(key, "flat"));
        const { group, cost } = await yard.last(key, count);
        assert.deepEqual([group, cost], ["first", "0.01"]);
      }
      for (const count of [3, 4]) {
        assertServed(await chat(key, "flat"));
        const { group, cost } = await yard.last(key, count);
        assert.deepEqual([group, cost], ["second", "0.02"]);
      }
      assertRefused(await chat(key, "flat"), 429, "insufficient_quota");
      await yard.settled(key, "group", second.id, 5);
      assert.deepEqual(
        [await yard.counted("group", first.id), await yard.counted("group", second.id)],
        [2n * cent, 4n * cent],
      );
      const refused = await chat(key, "flat");
      assert.doesNotMatch(refused.text, /\$/, "a group's money is no business of its members");
    },
  );

  await t.test("of many at once no budget is overdrawn, whichever is the smallest", async () => {
    const { id } = await account({ budget: { amount: "0.2" } });
    const keys = [
      await yard.key({ owner: id, budget: { amount: "0.15" } }),
      await yard.key({ owner: id, budget: { amount: "0.15" } }),
    ];
    const replies = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => await chat(keys[index % 2]!, "flat")),
    );
    const passed = replies.filter((reply) => reply.status === 200).length;
    for (const reply of replies)
      if (reply.status !== 200) assertRefused(reply, 429, "insufficient_quota");
    assert.ok(passed === 19 || passed === 20, `${passed} passed`);
    await waitFor("all are counted", 15_000, async () => {
      const [one, other, both] = await Promise.all([
        yard.counted("key", keys[0]!.id),
        yard.counted("key", keys[1]!.id),
        yard.counted("user", id),
      ]);
      assert.ok(one <= 15n * cent && other <= 15n * cent);
      return both === BigInt(passed) * cent && one + other === both;
    });
  });

  await t.test("the ratios of key, account and group multiply", async () => {
    await make("/api/groups", { symbol: "half", ratio: "0.5" });
    await yard.channel(["flat"], { groups: ["half"] });
    const { id } = await account({ group: "half", ratio: "0.333333" });
    const key = await yard.key({ owner: id, ratio: 3, budget: { amount: "0.005" } });
    assertServed(await chat(key, "flat"));
    assert.equal((await yard.last(key, 1)).cost, "0.004999995");
    assertRefused(await chat(key, "flat"), 429, "insufficient_quota");
    assert.equal((await yard.settled(key, "key", key.id, 2)).counted, 4_999_995n);
  });

  await t.test("periods of a zone, and a raise for a while", async () => {
    for (const period of ["day", "week", "month"] as const) {
      const budget = { amount: "0.01", period, timeZone: "Asia/Kathmandu" };
      const key = await yard.key({ budget });
      assertServed(await chat(key, "flat"));
      const refused = await chat(key, "flat");
      assertRefused(refused, 429, "insufficient_quota");
      assert.match(refused.text, /renews at \d{4}-\d\d-\d\dT18:15:00/);
      const until = new Date(Date.now() + 3_600_000).toISOString();
      const raised = { ...budget, raise: { amount: "0.01", until } };
      await make(`/api/keys/${key.id}`, { budget: raised }, "PATCH");
      assertServed(await chat(key, "flat"));
      assertRefused(await chat(key, "flat"), 429, "insufficient_quota");
      const over = { ...budget, raise: { amount: "5", until: "2020-01-01T00:00:00Z" } };
      await make(`/api/keys/${key.id}`, { budget: over }, "PATCH");
      assertRefused(await chat(key, "flat"), 429, "insufficient_quota");
    }
  });

  await t.test("a cap of what is set aside lets long answers begin", async () => {
    const budget = { amount: "0.001", reserveCap: 500 };
    const capped = await yard.key({ budget });
    assertServed(await chat(capped, "metered", { max_tokens: 100_000 }, 600));
    assertRefused(
      await chat(capped, "metered", { max_tokens: 100_000 }),
      429,
      "insufficient_quota",
    );
    assertServed(await chat(capped, "metered", { max_tokens: 400 }, 400));
    assert.equal((await yard.settled(capped, "key", capped.id, 3)).counted, 1_000_000n);
    const plain = await yard.key({ budget: { amount: "0.001" } });
    assertRefused(await chat(plain, "metered", { max_tokens: 100_000 }), 429, "insufficient_quota");
  });

  const named = (text: string): number => Number(/max_tokens (\d+)/.exec(text)?.[1]);

  await t.test("the max_tokens that a refusal names would fit, and does", async () => {
    await make("/api/prices", { model: "dear", mode: "tokens", input: "40", output: "80" });
    await yard.channel(["dear"]);
    const key = await yard.key({ budget: { amount: "0.05" } });
    const refused = await chat(key, "dear", { max_tokens: undefined });
    assertRefused(refused, 429, "insufficient_quota");
    assert.equal(refused.headers.get("x-should-retry"), "false");
    const fits = named(refused.text);
    assert.ok(fits > 100 && fits < 625, refused.text);
    // The fit is a bound on both sides but for the member that names it.
    assertRefused(await chat(key, "dear", { max_tokens: fits + 100 }), 429, "insufficient_quota");
    assertServed(await chat(key, "dear", { max_tokens: fits }, 1));
  });

  const refusals: readonly {
    readonly path: string;
    readonly body: object;
    readonly check: (status: number, body: Record<string, Record<string, unknown>>) => void;
  }[] = [
    {
      path: "/v1/responses",
      body: { model: "metered", input: "hi" },
      check: (status, { error }) => {
        assert.deepEqual([status, error?.["code"]], [429, "insufficient_quota"]);
      },
    },
    {
      path: "/v1/messages",
      body: { model: "metered", max_tokens: 5000, messages: [{ role: "user", content: "hi" }] },
      check: (status, { error }) => {
        assert.deepEqual([status, error?.["type"]], [402, "billing_error"]);
      },
    },
    {
      path: "/v1beta/models/metered:generateContent",
      body: { contents: [{ role: "user", parts: [{ text: "hi" }] }] },
      check: (status, { error }) => {
        assert.deepEqual([status, error?.["status"]], [429, "RESOURCE_EXHAUSTED"]);
        assert.match(JSON.stringify(error?.["details"]), /QuotaFailure/);
      },
    },
  ];
  for (const { path, body, check } of refusals)
    await t.test(`refused as ${path} does, and what it names passes`, async () => {
      const key = await yard.key({ budget: { amount: "0.001" } });
      const refused = await node.call(path, body, {
        key: key.key,
        headers: { "x-api-key": key.key, "anthropic-version": "2023-06-01" },
      });
      check(refused.status, refused.json());
      // Google's clients know no such header.
      const isGoogle = path.includes("v1beta");
      assert.equal(refused.headers.get("x-should-retry"), isGoogle ? null : "false");
      const fits = named(refused.text);
      assert.equal(fits, 1000);
      assertServed(await limited(key, path, body, fits));
    });

  function limited(key: MadeKey, path: string, body: object, limit: number) {
    const more = path.includes("responses")
      ? { max_output_tokens: limit }
      : path.includes("messages")
        ? { max_tokens: limit }
        : { generationConfig: { maxOutputTokens: limit } };
    return node.call(path, { ...body, ...more }, { key: key.key });
  }
});

test("a refusal in Chinese", { timeout: 60_000 }, async (t) => {
  const yard = await openSpendingYard(t, { LOCALE: "zh_CN" });
  await yard.channel(["flat"]);
  const key = await yard.key({ budget: { amount: "0" } });
  const refused = await yard.chat(key, "flat");
  assertRefused(refused, 429, "insufficient_quota");
  assert.match(refused.text, /\p{Script=Han}/u);
});

test("models without a price", { timeout: 60_000 }, async (t) => {
  const yard = await openSpendingYard(t);
  const { make, chat } = yard;
  const plain = await yard.channel(["free"]);
  const bounded = await yard.key({ budget: { amount: "1" } });
  const free = await yard.key({});

  await t.test("free and flagged for who has no budget, refused to who has one", async () => {
    assertServed(await chat(free, "free"));
    const { unpriced, cost } = await yard.last(free, 1);
    assert.deepEqual([unpriced, cost], [true, "0"]);
    assertRefused(await chat(bounded, "free"), 403, "model_not_priced");
  });

  await t.test("the setting lets nobody, or everybody", async () => {
    await make("/api/settings", { unpricedModels: "nobody" }, "PATCH");
    assertRefused(await chat(free, "free"), 403, "model_not_priced");
    await make("/api/settings", { unpricedModels: "everybody" }, "PATCH");
    assertServed(await chat(bounded, "free"));
    assert.equal((await yard.settled(bounded, "key", bounded.id, 2)).counted, 0n);
    await make("/api/settings", { unpricedModels: null }, "PATCH");
  });

  await t.test("a channel without a price is passed over for who has a budget", async () => {
    const priced = await yard.channel(["free"], { priority: -5 });
    const row = { model: "free", mode: "call", perCall: "0.01", channelId: priced.id };
    await make("/api/prices", row);
    assertServed(await chat(bounded, "free"));
    assert.equal((await yard.last(bounded, 3)).channel, priced.id);
    assertServed(await chat(free, "free"));
    assert.equal((await yard.last(free, 3)).channel, plain.id);
  });
});
