/**
 * Responses in the background that are read as streams. Promises: nobody reads the end of one before it is charged; a
 * stream that broke off never looks whole; whoever has no budget waits for no database.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { engineUrls, skipReason } from "../engines/engines.ts";
import { openTcpProxy } from "../engines/tcp-proxy.ts";
import { type JobKey, type JobYard, chargedOf, model, openJobYard } from "./job-yard.ts";
import { waitFor } from "./nodes.ts";
import { ask, get } from "./tenants.ts";

const budget = { amount: "1", period: "total" };
const wished = { model, input: "2000", background: true, max_output_tokens: 2000 };

/** A stream as its reader has it so far. */
interface Reading {
  readonly text: () => string;
  /** Waits until something stands in it. */
  has(part: string): Promise<void>;
  /** All of it, once it has ended. */
  readonly whole: Promise<string>;
}

async function read(yard: JobYard, key: JobKey, path: string, json?: object): Promise<Reading> {
  const response = await fetch(yard.node.url + path, {
    method: json === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${key.key}`, "content-type": "application/json" },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    signal: AbortSignal.timeout(30_000),
  });
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type") ?? "", /event-stream/);
  let text = "";
  const whole = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body!) text += decoder.decode(chunk, { stream: true });
    return text;
  })();
  // Whoever waits for its end hears of its break.
  whole.catch(() => undefined);
  const has = (part: string): Promise<void> =>
    waitFor(part, 5000, () => Promise.resolve(text.includes(part))).then(() => undefined);
  return { text: () => text, has, whole };
}

async function begin(yard: JobYard, key: JobKey): Promise<string> {
  const { body } = await get(yard.node, key, "/v1/responses", { json: wished });
  return `/v1/responses/${String(body["id"])}`;
}

async function costs(yard: JobYard, key: JobKey): Promise<readonly string[]> {
  return (await yard.charged(key)).map(({ cost }) => cost);
}

test("a response that runs is told as it is made, and its end once it is charged", async () => {
  await using yard = await openJobYard("sqlite", 1);
  const { vendor } = yard;
  const key = await yard.key({ budget });
  const path = await begin(yard, key);
  const all = await read(yard, key, `${path}?stream=true`);
  const rest = await read(yard, key, `${path}?stream=true&starting_after=1`);
  await all.has(`"Wo"`);
  await rest.has(`"rds"`);
  assert.doesNotMatch(rest.text(), /"Wo"|response\.created/);
  vendor.end(vendor.begun[0]!);
  await Promise.race([all.has("response.completed"), rest.has("response.completed")]);
  assert.deepEqual(await costs(yard, key), ["0.002"]);
  for (const text of [await all.whole, await rest.whole]) {
    assert.match(text, /"type":"response\.completed".*"sequence_number":3}\n\n$/);
    assert.doesNotMatch(text, /resp_0/);
  }
  assert.deepEqual(await costs(yard, key), ["0.002"]);
});

test("of a response that is over not a word is told again before it is charged", async () => {
  await using yard = await openJobYard("sqlite", 1);
  const { vendor } = yard;
  const key = await yard.key({ budget });
  const path = await begin(yard, key);
  vendor.stream("endless");
  vendor.end(vendor.begun[0]!);
  const told = await read(yard, key, `${path}?stream=true`);
  await told.has(`"Wo"`);
  assert.deepEqual(await costs(yard, key), ["0.002"]);
  await told.whole;
  vendor.stream("whole");
  const end = await read(yard, key, `${path}?stream=true&starting_after=2`);
  assert.match(await end.whole, /^event: response\.completed\n/);
  // Behind the end there is nothing.
  assert.equal(await (await read(yard, key, `${path}?stream=true&starting_after=3`)).whole, "");
  await chargedOf(yard, key, ["0.002"]);
});

test("however a stream is asked for, its end is told once it is charged", async () => {
  await using yard = await openJobYard("sqlite", 1);
  const { vendor } = yard;
  const key = await yard.key({ budget });
  let charged = 0;
  for (const query of ["stream=1", "stream=True", "stream=false&stream=true"]) {
    const told = await read(yard, key, `${await begin(yard, key)}?${query}`);
    await told.has(`"Wo"`);
    vendor.end(vendor.begun.at(-1)!);
    const text = await told.whole;
    assert.match(text, /response\.completed/);
    assert.doesNotMatch(text, /resp_0/);
    charged += 1;
    assert.equal((await costs(yard, key)).length, charged);
  }
});

test("a stream that its vendor breaks off is told as broken, with no half of an event", async () => {
  await using yard = await openJobYard("sqlite", 1);
  const { vendor } = yard;
  const key = await yard.key({ budget });
  for (const manner of ["endless", "broken"] as const) {
    vendor.stream(manner);
    const told = await read(yard, key, `${await begin(yard, key)}?stream=true`);
    await told.has(`"Wo"`);
    vendor.end(vendor.begun.at(-1)!);
    const text = await told.whole;
    const last = text.trimEnd().split("\n\n").at(-1) ?? "";
    assert.match(last, /^event: error\ndata: {.*}$/, text);
    assert.doesNotMatch(text, /response\.completed/);
  }
});

test("a response that failed or was cancelled gives back what it held before its end is told", async () => {
  await using yard = await openJobYard("sqlite", 1);
  const { vendor } = yard;
  const key = await yard.key({ budget });
  for (const how of ["failed", "cancelled"] as const) {
    const told = await read(yard, key, `${await begin(yard, key)}?stream=true`);
    await told.has(`"Wo"`);
    vendor.end(vendor.begun.at(-1)!, how);
    assert.match(await told.whole, new RegExp(`response\\.${how}.*\n\n$`));
    assert.equal((await yard.budget(key)).held, "0");
  }
  assert.deepEqual(await costs(yard, key), []);
});

test("a response whose first stream was read to its end is asked for at once, and charged once", async () => {
  await using yard = await openJobYard("sqlite", 1);
  const { node, vendor } = yard;
  for (const key of [await yard.key({ budget }), await yard.key()]) {
    const made = await read(yard, key, "/v1/responses", { ...wished, stream: true });
    await waitFor("it runs", 5000, () => Promise.resolve(vendor.begun.length > 0));
    vendor.end(vendor.begun.at(-1)!);
    const [, id = ""] = /"id":"(resp_[^"]+)"/.exec(await made.whole) ?? [];
    const before = performance.now();
    const told = await get(node, key, `/v1/responses/${id}`);
    assert.equal(told.body["status"], "completed");
    assert.match(
      await (
        await read(yard, key, `/v1/responses/${id}?stream=true`)
      ).whole,
      /response\.completed/,
    );
    assert.ok(performance.now() - before < 4000, `${performance.now() - before} ms`);
    await chargedOf(yard, key, ["0.002"]);
  }
});

test("a response whose caller left late is charged before it is read, however long ago it began", async () => {
  await using yard = await openJobYard("sqlite", 1);
  const { node, vendor } = yard;
  const key = await yard.key({ budget });
  vendor.backdate(600);
  const leaving = new AbortController();
  const response = await fetch(`${node.url}/v1/responses`, {
    method: "POST",
    headers: { authorization: `Bearer ${key.key}`, "content-type": "application/json" },
    body: JSON.stringify({ ...wished, stream: true }),
    signal: leaving.signal,
  });
  let text = "";
  const reading = (async () => {
    for await (const chunk of response.body!) text += Buffer.from(chunk).toString();
  })();
  await waitFor("the first words", 5000, () => Promise.resolve(text.includes(`"rds"`)));
  leaving.abort();
  await assert.rejects(reading);
  await waitFor("the gateway has left", 5000, async () => {
    await vendor.upstream.aborted(1);
    return true;
  });
  vendor.end(vendor.begun[0]!);
  const [, id = ""] = /"id":"(resp_[^"]+)"/.exec(text) ?? [];
  const told = await get(node, key, `/v1/responses/${id}`);
  assert.equal(told.body["status"], "completed");
  assert.deepEqual(await costs(yard, key), ["0.002"]);
});

test("a response whose first stream breaks before its first word runs on, is known by its id, and is charged", async () => {
  await using yard = await openJobYard("sqlite", 1);
  const { vendor } = yard;
  const key = await yard.key({ budget });
  vendor.stream("dropped");
  const text = await (await read(yard, key, "/v1/responses", { ...wished, stream: true })).whole;
  assert.match(text, /^event: response\.created\n[^]*event: error\n/);
  assert.equal(vendor.begun.length, 1);
  vendor.end(vendor.begun[0]!);
  await chargedOf(yard, key, ["0.002"]);
});

for (const manner of ["cut", "stall"] as const)
  test(
    `a database that is away (${manner}) holds up no one without a budget, and tells no end to one with`,
    { skip: skipReason("postgres"), timeout: 180_000 },
    async () => {
      await using proxy = await openTcpProxy(engineUrls().postgres!);
      await using yard = await openJobYard("postgres", 1, {}, (dsn) => proxy.through(dsn));
      const { vendor } = yard;
      const keys = [await yard.key({ budget }), await yard.key()] as const;
      const paths = [await begin(yard, keys[0]), await begin(yard, keys[1])] as const;
      await waitFor("both are jobs", 60_000, async () => {
        const reply = await yard.node.api("GET", "/api/jobs?state=running");
        return reply.json<{ data: unknown[] }>().data.length === 2;
      });
      const bound = await read(yard, keys[0], `${paths[0]}?stream=true`);
      const free = await read(yard, keys[1], `${paths[1]}?stream=true`);
      await Promise.all([bound.has(`"Wo"`), free.has(`"Wo"`)]);
      proxy[manner]();
      for (const id of vendor.begun) vendor.end(id);
      const before = performance.now();
      assert.match(await free.whole, /response\.completed.*\n\n$/);
      await get(yard.node, keys[1], paths[1]);
      assert.match(
        await (
          await read(yard, keys[1], `${paths[1]}?stream=true`)
        ).whole,
        /response\.completed/,
      );
      assert.ok(performance.now() - before < 9000, `${performance.now() - before} ms`);
      // Deleted now it could never be charged.
      const refused = await ask(yard.node, keys[1], paths[1], { method: "DELETE" });
      assert.equal(refused.status, 503, refused.text);
      const text = await bound.whole;
      assert.doesNotMatch(text, /response\.completed/);
      assert.match(text, /event: error\ndata: {.*}\n\n$/);
      proxy.restore();
      for (const key of keys) await chargedOf(yard, key, ["0.002"]);
    },
  );
