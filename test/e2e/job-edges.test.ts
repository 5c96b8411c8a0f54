/**
 * Jobs whose callers leave, whose nodes stop, or that only their vendor can read. Promise: what runs at a vendor is
 * charged, whoever left meanwhile.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { skipReason } from "../engines/engines.ts";
import {
  type JobKey,
  type JobYard,
  batchOf,
  chargedOf,
  linesOf,
  model,
  openJobYard,
} from "./job-yard.ts";
import { waitFor } from "./nodes.ts";
import { ask, get } from "./tenants.ts";

const budget = { amount: "1", period: "total" };

test("whoever has no budget is charged for requests that only their vendor can read", async () => {
  await using yard = await openJobYard("sqlite", 1);
  const { node, vendor } = yard;
  const key = await yard.key();
  const twice = (lines: string): string =>
    lines.replaceAll(`{"custom_id"`, `{"url":"","custom_id"`);
  const other = await batchOf(node, key, twice(linesOf([1], "gpt-unknown")));
  const refused = await ask(node, key, "/v1/batches", other);
  assert.equal(refused.status, 400, refused.text);
  assert.match(refused.text, /model gpt-unknown is not served/);
  await get(node, key, "/v1/batches", await batchOf(node, key, twice(linesOf([1000, 2000]))));
  vendor.end(vendor.begun[0]!);
  await chargedOf(yard, key, ["0.0015"]);
});

/** Asks for a job and leaves once its vendor has begun it, before it answers. */
async function leaving(yard: JobYard, key: JobKey, path: string, json: object): Promise<string> {
  const { node, vendor } = yard;
  const before = vendor.begun.length;
  const gone = new AbortController();
  const asking = fetch(node.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${key.key}`, "content-type": "application/json" },
    body: JSON.stringify(json),
    signal: gone.signal,
  });
  await waitFor("the job runs", 5000, () => Promise.resolve(vendor.begun.length > before));
  gone.abort();
  await assert.rejects(asking);
  return vendor.begun.at(-1)!;
}

test("a job whose caller left before he heard of it is charged all the same", async () => {
  await using yard = await openJobYard("sqlite", 1);
  const { node, vendor } = yard;
  const key = await yard.key({ budget });
  const order = await batchOf(node, key, linesOf([1000]));
  vendor.answerLate(500);
  vendor.end(await leaving(yard, key, "/v1/batches", order.json));
  await chargedOf(yard, key, ["0.0005"]);
  const asked = { model, input: "2000", background: true, max_output_tokens: 2000 };
  vendor.end(await leaving(yard, key, "/v1/responses", asked));
  await chargedOf(yard, key, ["0.0005", "0.002"]);
  vendor.end(await leaving(yard, key, "/v1/responses", { ...asked, stream: true }));
  await chargedOf(yard, key, ["0.0005", "0.002", "0.002"]);
  await waitFor("nothing is held", 60_000, async () => (await yard.budget(key)).held === "0");
});

test("a response that still runs is cancelled before it is deleted: nobody could charge it", async () => {
  await using yard = await openJobYard("sqlite", 1);
  const { node, vendor } = yard;
  const key = await yard.key({ budget });
  const json = { model, input: "2000", background: true, max_output_tokens: 2000 };
  const { body } = await get(node, key, "/v1/responses", { json });
  const path = `/v1/responses/${String(body["id"])}`;
  const refused = await ask(node, key, path, { method: "DELETE" });
  assert.equal(refused.status, 400, refused.text);
  assert.match(refused.text, /still runs: cancel it first/);
  assert.ok(!vendor.gone(vendor.begun[0]!));
  vendor.end(vendor.begun[0]!);
  await get(node, key, path, { method: "DELETE" });
  await chargedOf(yard, key, ["0.002"]);
});

test("a batch whose requests lie where nobody here reads them is begun by no budget and no key of certain models", async () => {
  await using yard = await openJobYard("sqlite", 1);
  const { node, vendor } = yard;
  const endpoint = "/v1/chat/completions";
  const json = { input_blob: "https://blobs.example/a.jsonl", endpoint, completion_window: "24h" };
  const refused = await ask(node, await yard.key({ budget }), "/v1/batches", { json });
  assert.match(refused.text, /cannot be metered.*it names no file of requests/);
  const other = await ask(node, await yard.key({ models: [model] }), "/v1/batches", { json });
  assert.equal(other.status, 403, other.text);
  assert.equal(vendor.begun.length, 0);
});

test("a batch whose file nobody is handed is charged by what its answers tell", async () => {
  await using yard = await openJobYard("sqlite", 1);
  const { node, vendor } = yard;
  vendor.hideInputs();
  const budgeted = await yard.key({ budget });
  const order = await batchOf(node, budgeted, linesOf([1]));
  assert.match((await ask(node, budgeted, "/v1/batches", order)).text, /cannot be metered/);
  const key = await yard.key();
  await get(node, key, "/v1/batches", await batchOf(node, key, linesOf([1000, 2000])));
  vendor.end(vendor.begun[0]!);
  await chargedOf(yard, key, ["0.0015"]);
});

test("a batch that ends just when its results are asked for is charged before they are read", async () => {
  await using yard = await openJobYard("sqlite", 1);
  const { node, vendor } = yard;
  const key = await yard.key({ budget });
  const params = {
    model: "claude-batched",
    max_tokens: 1000,
    messages: [{ role: "user", content: "1000" }],
  };
  const json = { requests: [{ custom_id: "a", params }] };
  const made = await get(node, key, "/v1/messages/batches", { json });
  await waitFor("it is a job", 60_000, async () => (await yard.batches(key)) === 1);
  const path = `/v1/messages/batches/${String(made.body["id"])}/results`;
  assert.equal((await ask(node, key, path)).status, 404);
  vendor.endWhenRead(vendor.begun[0]!);
  assert.match((await get(node, key, path)).text, /"custom_id":"a"/);
  assert.deepEqual(
    (await yard.charged(key)).map(({ cost }) => cost),
    ["0.0005"],
  );
});

test("what may still run is not deleted although its vendor failed when it was first asked", async () => {
  await using yard = await openJobYard("sqlite", 1);
  const { node, vendor } = yard;
  const key = await yard.key();
  const json = { model, input: "2000", background: true, max_output_tokens: 2000 };
  const { body } = await get(node, key, "/v1/responses", { json });
  await waitFor("it is a job", 60_000, async () => {
    const jobs = await node.api("GET", "/api/jobs?state=running");
    return jobs.json<{ data: unknown[] }>().data.length === 1;
  });
  vendor.failPolls(1);
  const path = `/v1/responses/${String(body["id"])}`;
  const refused = await ask(node, key, path, { method: "DELETE" });
  assert.equal(refused.status, 400, refused.text);
  assert.ok(!vendor.gone(vendor.begun[0]!));
});

/** Two nodes, the second of which stops with a job just being begun there; its vendor answers so late. */
async function stopping(
  lateMs: number,
  begin: (yard: JobYard, key: JobKey) => Promise<readonly [path: string, json: object]>,
): Promise<{
  readonly yard: JobYard;
  readonly key: JobKey;
  readonly answer: Response | undefined;
}> {
  const yard = await openJobYard("postgres", 2, { DRAIN_GRACE: "100ms", DRAIN_TIMEOUT: "1s" });
  const { vendor } = yard;
  const key = await yard.key({ budget });
  const [path, json] = await begin(yard, key);
  vendor.answerLate(lateMs);
  const second = yard.nodes[1]!;
  const asking = fetch(second.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${key.key}`, "content-type": "application/json" },
    body: JSON.stringify(json),
  }).catch(() => undefined);
  await waitFor("the job runs", 5000, () => Promise.resolve(vendor.begun.length > 0));
  assert.equal(await second.stop(), 0);
  return { yard, key, answer: await asking };
}

const aBatch = async (yard: JobYard, key: JobKey) =>
  ["/v1/batches", (await batchOf(yard.node, key, linesOf([2000]))).json] as const;
const aResponse = (stream: boolean) => async () =>
  [
    "/v1/responses",
    { model, input: "1000", background: true, max_output_tokens: 1000, stream },
  ] as const;

for (const [what, begin] of [
  ["a batch", aBatch],
  ["a response", aResponse(false)],
  ["a streamed response", aResponse(true)],
] as const)
  test(
    `${what} that is being begun when its node must stop is heard out, and charged`,
    { skip: skipReason("postgres"), timeout: 150_000 },
    async () => {
      const { yard, key, answer } = await stopping(2000, begin);
      await using _closing = yard;
      assert.equal(answer?.status, 200);
      yard.vendor.end(yard.vendor.begun[0]!);
      await chargedOf(yard, key, ["0.001"]);
      await waitFor(
        "nothing is held",
        60_000,
        async () => (await yard.budget(key, yard.node)).held === "0",
      );
    },
  );

test(
  "a batch that its vendor begins too slowly for a node that stops is told of in the log",
  { skip: skipReason("postgres"), timeout: 150_000 },
  async () => {
    const { yard, key, answer } = await stopping(8000, aBatch);
    await using _closing = yard;
    assert.equal(answer?.status, 503);
    const said = yard.nodes[1]!.messages().filter((line) => line.includes("may run"));
    assert.equal(said.length, 1, yard.nodes[1]!.output());
    await waitFor(
      "nothing is held",
      60_000,
      async () => (await yard.budget(key, yard.node)).held === "0",
    );
  },
);
