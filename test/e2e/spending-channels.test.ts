/**
 * What channels cost and what bounds them, through a real node. Promises: a channel's budget and limits steer calls to
 * other channels and refuse nobody while there is one; each credential has limits of its own.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gate, inTurn, json, status } from "../fakes/upstream.ts";
import { assertRefused, assertServed, cent, chatOf, openSpendingYard } from "./spending-yard.ts";

test("channels", { timeout: 180_000 }, async (t) => {
  const yard = await openSpendingYard(t);
  const { make, chat, upstream } = yard;
  const open = await yard.key({});
  let calls = 0;
  const ask = async (model: string) => {
    assertServed(await chat(open, model));
    return await yard.last(open, (calls += 1));
  };
  const price = (model: string, more: object = {}): Promise<unknown> =>
    make("/api/prices", { model, mode: "call", perCall: "0.01", ...more });

  await t.test(
    "a budget counts the operator's cost and steers; refused is who has no other channel",
    async () => {
      await price("steered");
      const budget = { amount: "0.01" };
      const near = await yard.channel(["steered"], { priority: 5, budget, costRatio: "0.5" });
      const far = await yard.channel(["steered"], { priority: 1 });
      for (const expected of [near.id, near.id, far.id, far.id]) {
        const told = await ask("steered");
        assert.equal(told.channel, expected);
        assert.deepEqual(
          [told.cost, told.channelCost],
          ["0.01", expected === near.id ? "0.005" : "0.01"],
        );
      }
      assert.equal(await yard.counted("channel", near.id), cent);
      await make(`/api/channels/${far.id}`, { status: "disabled" }, "PATCH");
      assertRefused(await chat(open, "steered"), 503, "no_available_channel");
      calls += 1;
    },
  );

  await t.test("a price of the operator's own stands before the ratio", async () => {
    await price("own");
    await price("own", { side: "cost", perCall: "0.0025" });
    await yard.channel(["own"], { costRatio: "9" });
    const { cost, channelCost } = await ask("own");
    assert.deepEqual([cost, channelCost], ["0.01", "0.0025"]);
  });

  await t.test("a limit of a channel steers", async () => {
    await price("limited");
    const limits = [{ of: "requests", amount: 1, per: "hour" }];
    const near = await yard.channel(["limited"], { priority: 5, limits });
    const far = await yard.channel(["limited"], { priority: 1 });
    assert.equal((await ask("limited")).channel, near.id);
    assert.equal((await ask("limited")).channel, far.id);
    await make(`/api/channels/${far.id}`, { status: "disabled" }, "PATCH");
    const refused = await chat(open, "limited");
    assertRefused(refused, 429, "rate_limit_exceeded");
    assert.ok(Number(refused.headers.get("retry-after")) > 0);
    calls += 1;
  });

  const secrets = (from: number): (string | undefined)[] =>
    upstream.requests.slice(from).map(({ headers }) => headers.authorization);

  await t.test(
    "a limit of each credential: the next one of the same channel is used, then another channel",
    async () => {
      await price("two");
      const credentialLimits = [{ of: "requests", amount: 2, per: "hour" }];
      const credentials = ["sk-one", "sk-two"];
      const near = await yard.channel(["two"], { priority: 5, credentials, credentialLimits });
      const far = await yard.channel(["two"], { priority: 1, credentials: ["sk-far"] });
      const from = upstream.requests.length;
      for (const expected of [near.id, near.id, near.id, near.id, far.id])
        assert.equal((await ask("two")).channel, expected);
      assert.deepEqual(secrets(from).toSorted(), [
        "Bearer sk-far",
        "Bearer sk-one",
        "Bearer sk-one",
        "Bearer sk-two",
        "Bearer sk-two",
      ]);
      await make(`/api/channels/${far.id}`, { status: "disabled" }, "PATCH");
      assertRefused(await chat(open, "two"), 429, "rate_limit_exceeded");
      calls += 1;
    },
  );

  await t.test(
    "a credential that serves as many calls as it may leaves the others to its neighbour",
    async () => {
      await price("busy");
      const credentialLimits = [{ of: "concurrency", amount: 1 }];
      await yard.channel(["busy"], { credentials: ["sk-a", "sk-b"], credentialLimits });
      const from = upstream.requests.length;
      const hold = gate();
      const answer = json(chatOf("busy", 1));
      upstream.behave(async (request, response) => {
        await hold.opened;
        return answer(request, response);
      });
      const running = [chat(open, "busy"), chat(open, "busy")];
      await upstream.received(from + 2);
      assert.deepEqual(secrets(from).toSorted(), ["Bearer sk-a", "Bearer sk-b"]);
      assertRefused(await chat(open, "busy"), 429, "rate_limit_exceeded");
      hold.open();
      for (const reply of await Promise.all(running)) assertServed(reply);
      assertServed(await chat(open, "busy"));
      calls += 4;
      await yard.last(open, calls);
    },
  );

  await t.test(
    "who fails over is charged by the channel that delivered, and nothing stays set aside",
    async () => {
      await make("/api/prices", { model: "over", mode: "call", perCall: "0.01" });
      const broken = await yard.channel(["over"], { priority: 5 });
      const sound = await yard.channel(["over"], { priority: 1 });
      await make("/api/prices", {
        model: "over",
        mode: "call",
        perCall: "0.03",
        channelId: broken.id,
      });
      await make("/api/prices", {
        model: "over",
        mode: "call",
        perCall: "0.02",
        channelId: sound.id,
      });
      const key = await yard.key({ budget: { amount: "0.05" } });
      upstream.behave(inTurn(status(500), json(chatOf("over", 1))));
      assertServed(await chat(key, "over"));
      const told = await yard.last(key, 1);
      assert.deepEqual([told.channel, told.attempts, told.cost], [sound.id, 2, "0.02"]);
      // 0.03 is left, which is what is set aside for the dearer one.
      upstream.behave(status(400));
      assert.equal((await chat(key, "over")).status, 400);
      upstream.behave(inTurn(status(500), json(chatOf("over", 1))));
      assertServed(await chat(key, "over"));
      assertRefused(await chat(key, "over"), 429, "insufficient_quota");
      const books = await yard.settled(key, "key", key.id, 4);
      assert.deepEqual([books.counted, books.rows.cost], [4n * cent, 4n * cent]);
    },
  );
});
