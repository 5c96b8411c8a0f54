/**
 * Calls that did not go straight, and numbers that no honest caller sends, through a real node. Promises: what was
 * delivered is charged and nothing else; whatever was set aside is free again; numbers are refused by name or exact.
 */
import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { test } from "node:test";
import { cut, gate, hang, json, status, stream } from "../fakes/upstream.ts";
import {
  type MadeKey,
  assertRefused,
  assertServed,
  chatOf,
  openSpendingYard,
} from "./spending-yard.ts";
import { chatEvents } from "./vendor.ts";
import type { GatewayNode } from "./nodes.ts";

const events = (usageAsked: boolean): string[] =>
  chatEvents("m", ["Hello", " there", "."], usageAsked);

/** Asks for a stream and leaves once a text has come down, or when told to. */
function leave(
  node: GatewayNode,
  key: MadeKey,
  body: object,
  when: { readonly text?: string; readonly told?: Promise<void> },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = httpRequest(`${node.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key.key}`, "content-type": "application/json" },
    });
    const go = (): void => {
      call.destroy();
      resolve();
    };
    let all = "";
    call.on("response", (response) => {
      response.on("error", () => undefined);
      response.on("data", (piece: Buffer) => {
        all += piece.toString();
        if (when.text !== undefined && all.includes(when.text)) go();
      });
    });
    call.on("error", (error) => (call.destroyed ? undefined : reject(error)));
    call.end(JSON.stringify(body));
    when.told?.then(go, reject);
  });
}

test("calls that did not go straight", { timeout: 180_000 }, async (t) => {
  const yard = await openSpendingYard(t);
  const { node, make, chat, upstream } = yard;
  await yard.channel(["m", "metered", "embed", "draw", "speak", "rank"]);
  // Two dollars for a million tokens in, ten for a million out.
  await make("/api/prices", { model: "m", mode: "tokens", input: "2", output: "10" });
  const messages = [{ role: "user", content: "hi" }];
  const asked = { model: "m", messages, max_tokens: 100, stream: true };
  /** A key of which nothing but one such call can run at a time, so that what stays set aside is seen. */
  const tight = (): Promise<MadeKey> => yard.key({ budget: { amount: "0.0012" } });
  const isFree = async (key: MadeKey): Promise<void> => {
    upstream.behave(json(chatOf("m", 0)));
    assertServed(
      await node.call("/v1/chat/completions", { ...asked, stream: false }, { key: key.key }),
    );
  };

  await t.test("who leaves before content pays nothing", async () => {
    const key = await tight();
    const before = upstream.requests.length;
    upstream.behave(hang);
    await leave(node, key, asked, { told: upstream.received(before + 1) });
    const { outcome, cost } = await yard.last(key, 1);
    assert.deepEqual([outcome, cost], ["caller_gone", "0"]);
    await isFree(key);
  });

  await t.test(
    "who leaves amid content pays an estimate: all input, and the output so far",
    async () => {
      const key = await tight();
      const hold = gate();
      const [head = "", first = "", ...rest] = events(false);
      upstream.behave(stream([head, first, hold, ...rest]));
      await leave(node, key, asked, { text: "Hello" });
      const { outcome, cost, usage } = await yard.last(key, 1);
      hold.open();
      assert.equal(outcome, "caller_gone");
      assert.deepEqual([usage.estimated, usage.output], [true, 2]);
      assert.ok(usage.input >= 1);
      assert.equal(cost, String((usage.input * 2 + usage.output * 10) / 1e6));
      await isFree(key);
    },
  );

  await t.test(
    "who leaves behind the finish pays what the vendor tells of it a little later",
    async () => {
      const key = await tight();
      const hold = gate();
      const all = events(true);
      upstream.behave(stream([...all.slice(0, 5), hold, ...all.slice(5)]));
      await leave(node, key, asked, { text: '"stop"' });
      hold.open();
      const { usage, cost } = await yard.last(key, 1);
      assert.deepEqual(
        [usage.estimated, usage.input, usage.output, cost],
        [false, 9, 3, "0.000048"],
      );
      await isFree(key);
    },
  );

  await t.test("a stream that is cut is charged as far as it came, and says so", async () => {
    const key = await tight();
    upstream.behave(cut(events(false).slice(0, 3)));
    const reply = await node.call("/v1/chat/completions", asked, { key: key.key });
    assert.match(reply.text, /error/);
    assert.doesNotMatch(reply.text, /\[DONE\]/);
    const { outcome, usage, cost } = await yard.last(key, 1);
    assert.deepEqual([outcome, usage.estimated, usage.output], ["cut", true, 3]);
    assert.equal(cost, String((usage.input * 2 + 30) / 1e6));
    await isFree(key);
  });

  await t.test("failed calls cost nothing and leave nothing set aside", async () => {
    const key = await tight();
    let count = 0;
    for (const behaviour of [
      status(400),
      status(500),
      status(401),
      cut([]),
      json({ no: "reply" }),
    ]) {
      upstream.behave(behaviour);
      const { status: told } = await node.call(
        "/v1/chat/completions",
        { ...asked, stream: count % 2 === 0 },
        { key: key.key },
      );
      count += 1;
      assert.notEqual(told, 200);
      const { cost } = await yard.last(key, count);
      assert.equal(cost, "0");
    }
  });

  await t.test(
    "streams and whole replies, of another API too, are charged by what is told",
    async () => {
      await make("/api/prices", { model: "claude", mode: "tokens", input: "2", output: "10" });
      const channel = { provider: "anthropic", baseUrl: `http://127.0.0.1:${upstream.port}` };
      await yard.channel(["claude"], channel);
      const key = await yard.key({ budget: { amount: "1" } });
      const usage = { input_tokens: 9, cache_read_input_tokens: 0, output_tokens: 3 };
      const message = { id: "m", type: "message", role: "assistant", model: "claude" };
      const content = [{ type: "text", text: "ok" }];
      upstream.behave(
        json({ ...message, content, stop_reason: "end_turn", stop_sequence: null, usage }),
      );
      assertServed(await chat(key, "claude"));
      const event = (data: { readonly type: string; readonly [name: string]: unknown }): string =>
        `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
      upstream.behave(
        stream([
          event({
            type: "message_start",
            message: { ...message, content: [], usage: { ...usage, output_tokens: 1 } },
          }),
          event({
            type: "content_block_start",
            index: 0,
            content_block: { type: "text", text: "" },
          }),
          event({
            type: "content_block_delta",
            index: 0,
            delta: { type: "text_delta", text: "ok" },
          }),
          event({ type: "content_block_stop", index: 0 }),
          event({
            type: "message_delta",
            delta: { stop_reason: "end_turn" },
            usage: { output_tokens: 3 },
          }),
          event({ type: "message_stop" }),
        ]),
      );
      assertServed(await chat(key, "claude", { stream: true }));
      upstream.behave(stream(events(true)));
      assertServed(await chat(key, "m", { stream: true }));
      const { rows, counted } = await yard.settled(key, "key", key.id, 3);
      assert.deepEqual([rows.cost, counted], [3n * 48_000n, 3n * 48_000n]);
      upstream.behave(json({ input_tokens: 5 }));
      const body = { model: "claude", messages };
      assertServed(await node.call("/v1/messages/count_tokens", body, { key: key.key }));
      const { cost } = await yard.last(key, 4);
      assert.equal(cost, "0");
    },
  );

  await t.test("a translated stream that is left is charged as far as it came", async () => {
    const key = await yard.key({ budget: { amount: "0.0012" } });
    const event = (data: { readonly type: string; readonly [name: string]: unknown }): string =>
      `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
    const usage = { input_tokens: 9, output_tokens: 1 };
    const message = { id: "m", type: "message", role: "assistant", model: "claude", content: [] };
    const hold = gate();
    upstream.behave(
      stream([
        event({ type: "message_start", message: { ...message, usage } }),
        event({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }),
        event({
          type: "content_block_delta",
          index: 0,
          delta: { type: "text_delta", text: "Hello" },
        }),
        hold,
      ]),
    );
    await leave(node, key, { ...asked, model: "claude" }, { text: "Hello" });
    const { outcome, cost, usage: told } = await yard.last(key, 1);
    hold.open();
    assert.equal(outcome, "caller_gone");
    assert.ok(told.input > 0 && told.output > 0, JSON.stringify(told));
    assert.equal(cost, String((told.input * 2 + told.output * 10) / 1e6));
    await isFree(key);
  });

  await t.test("rerank is charged by its own units", async () => {
    await make("/api/prices", {
      model: "rank",
      mode: "tokens",
      input: "0",
      output: "0",
      perSearchUnit: "0.002",
    });
    const key = await yard.key({ budget: { amount: "0.004" } });
    upstream.behave(
      json({
        id: "r",
        results: [{ index: 0, relevance_score: 0.5 }],
        meta: { billed_units: { search_units: 1 } },
      }),
    );
    const rank = () =>
      node.call(
        "/v1/rerank",
        { model: "rank", query: "q", documents: ["a", "b"] },
        { key: key.key },
      );
    assertServed(await rank());
    assert.equal((await yard.last(key, 1)).cost, "0.002");
    assertServed(await rank());
    const refused = await rank();
    // In the form of this API's own errors.
    const { code } = refused.json<{ code: string }>();
    assert.deepEqual([refused.status, code], [429, "insufficient_quota"], refused.text);
    assert.equal((await yard.settled(key, "key", key.id, 3)).counted, 4_000_000n);
  });

  await t.test("what is not counted in tokens is set aside and charged by its units", async () => {
    await make("/api/prices", { model: "embed", mode: "tokens", input: "1", output: "900" });
    await make("/api/prices", {
      model: "draw",
      mode: "tokens",
      input: "0",
      output: "0",
      perImage: { "*": "0.02" },
    });
    await make("/api/prices", {
      model: "speak",
      mode: "tokens",
      input: "0",
      output: "0",
      characters: "15",
    });
    const draws = await yard.key({ budget: { amount: "0.07" } });
    const picture = { created: 1, data: [{ b64_json: "AA==" }, { b64_json: "AA==" }] };
    upstream.behave(json(picture));
    const draw = (n: number) =>
      node.call(
        "/v1/images/generations",
        { model: "draw", prompt: "a cat", n },
        { key: draws.key },
      );
    assertRefused(await draw(4), 429, "insufficient_quota");
    assertServed(await draw(2));
    assert.equal((await yard.last(draws, 2)).cost, "0.04");
    assertRefused(await draw(2), 429, "insufficient_quota");

    const edits = await yard.key({ budget: { amount: "0.05" } });
    const edit = async (n: string): Promise<Response> => {
      const form = new FormData();
      for (const [name, value] of Object.entries({ model: "draw", n, prompt: "a hat" }))
        form.set(name, value);
      form.set("image", new Blob(["png"], { type: "image/png" }), "a.png");
      const headers = { authorization: `Bearer ${edits.key}` };
      return await fetch(`${node.url}/v1/images/edits`, { method: "POST", headers, body: form });
    };
    for (const [n, expected] of [
      ["3", 429],
      ["1e9", 400],
      ["many", 400],
      ["2", 200],
    ] as const) {
      const reply = await edit(n);
      assert.equal(reply.status, expected, await reply.text());
    }
    assert.equal((await yard.last(edits, 4)).cost, "0.04");

    const speaks = await yard.key({ budget: { amount: "0.0003" } });
    upstream.behave((_request, response) => {
      response.writeHead(200, { "content-type": "audio/mpeg" });
      response.end(Buffer.from("sound"));
    });
    const speak = (input: string) =>
      node.call("/v1/audio/speech", { model: "speak", input, voice: "alloy" }, { key: speaks.key });
    assertServed(await speak("0123456789"));
    assert.equal((await yard.last(speaks, 1)).cost, "0.00015");
    assertRefused(await speak("0123456789+"), 429, "insufficient_quota");

    const embeds = await yard.key({ budget: { amount: "0.0001" } });
    const data = [{ object: "embedding", index: 0, embedding: [0.5] }];
    upstream.behave(
      json({ object: "list", data, model: "embed", usage: { prompt_tokens: 2, total_tokens: 2 } }),
    );
    assertServed(
      await node.call("/v1/embeddings", { model: "embed", input: "hi" }, { key: embeds.key }),
    );
    assert.equal((await yard.last(embeds, 1)).cost, "0.000002");
  });

  await t.test("jobs that cannot be metered are for callers without a budget", async () => {
    const bounded = await yard.key({ budget: { amount: "1" } });
    upstream.behave(json({ id: "ftjob-1", object: "fine_tuning.job", status: "queued" }));
    const channel = { provider: "openai", baseUrl: upstream.baseUrl, unsealedIds: true };
    await yard.channel(["job"], channel);
    await make("/api/prices", { model: "job", mode: "call", perCall: "0.01" });
    const job = { model: "job", training_file: "file-1" };
    const refused = await node.call("/v1/fine_tuning/jobs", job, { key: bounded.key });
    assertRefused(refused, 403, "not_metered");
    assertServed(await node.call("/v1/fine_tuning/jobs", job));
  });

  await t.test("numbers that no honest caller sends", async () => {
    upstream.behave(json(chatOf("metered", 10)));
    const key = await yard.key({ budget: { amount: "0.01" } });
    const ask = (members: string, path = "/v1/chat/completions") =>
      node.call(path, `{"model":"metered",${members}}`, { key: key.key });
    const chatMembers = '"messages":[{"role":"user","content":"hi"}]';
    let served = 0;
    for (const more of [
      '"n":-1',
      '"n":0',
      '"n":1.5',
      '"n":"1e999"',
      '"n":1e999',
      '"max_tokens":0',
      '"max_tokens":-5',
      '"max_tokens":1e999',
    ]) {
      const reply = await ask(`${chatMembers},${more}`);
      assertServed(reply);
      served += 1;
    }
    const refused = async (members: string, field: string, path?: string): Promise<void> => {
      const reply = await ask(members, path);
      assert.equal(reply.status, 400, reply.text);
      assert.ok(reply.text.includes(field), reply.text);
    };
    await refused(`${chatMembers},"n":1e9`, "n must");
    await refused(`${chatMembers},"max_tokens":1e18`, "max_tokens");
    await refused(`${chatMembers},"max_tokens":9007199254740992`, "max_tokens");
    await refused('"input":"hi","max_output_tokens":1e18', "max_output_tokens", "/v1/responses");
    await refused(`${chatMembers},"max_tokens":1e18`, "max_tokens", "/v1/messages");
    // What can be counted, and costs more than anybody has.
    assertRefused(
      await ask(`${chatMembers},"n":1000,"max_tokens":9007199254740991`),
      429,
      "insufficient_quota",
    );
    const { counted, rows } = await yard.settled(key, "key", key.id, served + 6);
    assert.deepEqual([counted, rows.cost], [BigInt(served) * 10_000n, BigInt(served) * 10_000n]);
  });

  await t.test("the smallest prices and odd ratios are exact", async () => {
    await make("/api/prices", { model: "tiny", mode: "tokens", input: "0", output: "0.0025" });
    await make("/api/prices", { model: "nothing", mode: "tokens", input: "0", output: "0" });
    await yard.channel(["tiny", "nothing"]);
    const key = await yard.key({ ratio: "0.333333", budget: { amount: "0.000001" } });
    upstream.behave(json(chatOf("tiny", 999)));
    assertServed(await chat(key, "tiny"));
    // 999 × 2.5 × 0.333333 = 832.4991675 nano-dollars.
    assert.equal((await yard.last(key, 1)).cost, "0.000000832");
    const penniless = await yard.key({ budget: { amount: "0" } });
    assertServed(await chat(penniless, "nothing"));
    assertRefused(await chat(penniless, "tiny"), 429, "insufficient_quota");
  });
});
