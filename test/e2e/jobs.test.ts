/**
 * Batches and responses in the background through real nodes. Promises: what they may cost is set aside before their
 * vendor hears of them; their end is charged once, by the prices of their beginning, whoever dies meanwhile; nobody
 * reads what was not charged; what fails gives back what was held.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SQL_ENGINES, skipReason } from "../engines/engines.ts";
import { type JobYard, batchOf, chargedOf, linesOf, model, openJobYard } from "./job-yard.ts";
import { waitFor } from "./nodes.ts";
import { runCommand } from "./run-command.ts";
import { rootToken } from "./nodes.ts";
import { ask, get } from "./tenants.ts";

const budget = { amount: "1", period: "total" };

async function verified(yard: JobYard, node = yard.node): Promise<void> {
  const env = { SWITCHYARD_URL: node.url, SWITCHYARD_TOKEN: rootToken };
  const { code, out, error } = await runCommand(["ledger", "verify"], env);
  assert.equal(code, 0, `${out}\n${error}`);
}

async function held(yard: JobYard, key: Parameters<JobYard["budget"]>[0], amount: string) {
  await waitFor(`${amount} held`, 60_000, async () => {
    assert.equal((await yard.budget(key)).held, amount);
    return true;
  });
}

test("a batch holds the estimate of its lines and is charged at its end, at the tier and the prices of its beginning", async () => {
  await using yard = await openJobYard("sqlite", 1);
  const { node, vendor } = yard;
  const key = await yard.key({ budget });
  // 500,000 tokens at half a dollar for a million, and the bytes of the questions cost nothing.
  const order = await batchOf(node, key, linesOf([200_000, 300_000]));
  const made = await get(node, key, "/v1/batches", order);
  assert.equal(made.body["status"], "in_progress");
  await held(yard, key, "0.25");
  const listed = await waitFor("the job is listed", 60_000, async () => {
    const reply = await node.api("GET", `/api/jobs?state=running&key=${key.id}`);
    return reply.json<{ data: Record<string, unknown>[] }>().data[0];
  });
  const { kind, state, models, held: setAside, dialect, endedAt } = listed;
  assert.deepEqual(
    { kind, state, models, setAside, dialect, endedAt },
    {
      kind: "batch",
      state: "running",
      models: [model],
      setAside: "0.25",
      dialect: "openai-chat",
      endedAt: null,
    },
  );
  assert.equal((await node.api("GET", "/api/jobs?state=over")).status, 422);
  // Another that would not fit beside it is refused, and its vendor hears nothing of it.
  const large = await batchOf(node, key, linesOf([1_600_000]));
  const refused = await ask(node, key, "/v1/batches", large);
  assert.equal(refused.status, 429, refused.text);
  assert.match(refused.text, /has \$0\.75 left, and this job may cost up to \$0\.8/);
  assert.equal(vendor.begun.length, 1);
  // What is configured meanwhile changes nothing.
  const { data } = (await node.api("GET", `/api/prices?limit=100`)).json<{
    data: { id: number; model: string }[];
  }>();
  const price = data.find((one) => one.model === model)!;
  await yard.make(`/api/prices/${price.id}`, { output: "100" }, "PATCH");
  vendor.end(vendor.begun[0]!);
  const [call] = await chargedOf(yard, key, ["0.25"]);
  assert.deepEqual(
    [call?.operation, call?.serviceTier, call?.modelBilled, call?.usage.output, call?.channelCost],
    ["batches", "batch", model, 500_000, "0.125"],
  );
  await held(yard, key, "0");
  // What was set aside is free a moment before the job is called over.
  const ended = await waitFor("it is over", 60_000, async () => {
    const over = await node.api("GET", `/api/jobs?state=ended&kind=batch`);
    return over.json<{ data: { held: string; endedAt: string }[] }>().data[0];
  });
  assert.deepEqual([ended.held, Date.parse(ended.endedAt) > 0], ["0", true]);
  assert.deepEqual(
    [(await yard.budget(key)).spent, (await yard.budget(key)).left],
    ["0.25", "0.75"],
  );
  await verified(yard);
});

test("whoever asks how a job stands has been charged when it is over", async () => {
  await using yard = await openJobYard("sqlite", 1);
  const { node, vendor } = yard;
  const key = await yard.key({ budget });
  const made = await get(node, key, "/v1/batches", await batchOf(node, key, linesOf([10, 20])));
  // At once: the row of the call that began it may not be there yet.
  vendor.end(vendor.begun[0]!);
  const told = await get(node, key, `/v1/batches/${String(made.body["id"])}`);
  assert.equal(told.body["status"], "completed");
  assert.deepEqual(
    (await yard.charged(key)).map(({ cost }) => cost),
    ["0.000015"],
  );
  const output = await get(node, key, `/v1/files/${String(told.body["output_file_id"])}/content`);
  assert.equal(output.text.trim().split("\n").length, 2);
  await get(node, key, `/v1/batches/${String(made.body["id"])}`);
  await chargedOf(yard, key, ["0.000015"]);
});

test("a list tells no job's end before it is charged; results that are gone are charged as the batch tells them", async () => {
  await using yard = await openJobYard("sqlite", 1);
  const { node, vendor } = yard;
  const key = await yard.key({ budget });
  await get(node, key, "/v1/batches", await batchOf(node, key, linesOf([10, 20])));
  vendor.end(vendor.begun[0]!);
  const listed = await get(node, key, "/v1/batches");
  const [batch] = listed.body["data"] as { status: string }[];
  assert.equal(batch?.status, "completed");
  assert.deepEqual(
    (await yard.charged(key)).map(({ cost }) => cost),
    ["0.000015"],
  );
  const made = await get(node, key, "/v1/batches", await batchOf(node, key, linesOf([30, 40])));
  vendor.end(vendor.begun[1]!);
  vendor.dropResults(vendor.begun[1]!);
  await get(node, key, `/v1/batches/${String(made.body["id"])}`);
  await chargedOf(yard, key, ["0.000015", "0.000035"]);
  await held(yard, key, "0");
  await verified(yard);
});

test("message batches are charged before their results are read or deleted; failed requests cost nothing", async () => {
  await using yard = await openJobYard("sqlite", 1);
  const { node, vendor } = yard;
  const key = await yard.key({ budget });
  const request = (custom_id: string, wished: number): object => ({
    custom_id,
    params: {
      model: "claude-batched",
      max_tokens: wished,
      messages: [{ role: "user", content: String(wished) }],
    },
  });
  const begin = async (): Promise<string> => {
    const json = { requests: [request("a", 1000), request("b", 2000), request("c", 4000)] };
    const made = await get(node, key, "/v1/messages/batches", { json });
    return String(made.body["id"]);
  };
  const first = await begin();
  await held(yard, key, "0.0035");
  vendor.end(vendor.begun[0]!);
  const results = await get(node, key, `/v1/messages/batches/${first}/results`);
  assert.equal(results.text.trim().split("\n").length, 3);
  assert.deepEqual(
    (await yard.charged(key)).map(({ cost }) => cost),
    ["0.0015"],
  );
  await held(yard, key, "0");
  const second = await begin();
  vendor.end(vendor.begun[1]!);
  await get(node, key, `/v1/messages/batches/${second}`, { method: "DELETE" });
  assert.ok(vendor.gone(vendor.begun[1]!));
  assert.deepEqual(
    (await yard.charged(key)).map(({ cost }) => cost),
    ["0.0015", "0.0015"],
  );
  await verified(yard);
});

test("jobs that fail, are cancelled or are lost give back what they held, and what was answered of them is charged", async () => {
  await using yard = await openJobYard("sqlite", 1);
  const { node, vendor } = yard;
  const key = await yard.key({ budget });
  for (const tokens of [[1000], [2000, 3000], [4000, 5000]])
    await get(node, key, "/v1/batches", await batchOf(node, key, linesOf(tokens)));
  await held(yard, key, "0.0075");
  const [failed, cancelled, expired] = vendor.begun;
  vendor.end(failed!, "failed");
  vendor.end(cancelled!, "cancelled");
  vendor.end(expired!, "expired");
  const calls = await waitFor("both are charged", 60_000, async () => {
    const found = await yard.charged(key);
    assert.equal(found.length, 2);
    return found;
  });
  assert.deepEqual(calls.map(({ cost }) => cost).toSorted(), ["0.001", "0.002"]);
  await held(yard, key, "0");
  assert.equal((await yard.budget(key)).spent, "0.003");
  await verified(yard);
});

test("a response in the background holds its estimate, is charged at its end, and before it is deleted", async () => {
  await using yard = await openJobYard("sqlite", 1);
  const { node, vendor } = yard;
  const key = await yard.key({ budget });
  const begin = async (): Promise<string> => {
    const json = { model, input: "250000", background: true, max_output_tokens: 300_000 };
    const made = await get(node, key, "/v1/responses", { json });
    assert.equal(made.body["status"], "queued");
    return String(made.body["id"]);
  };
  const first = await begin();
  await held(yard, key, "0.3");
  vendor.end(vendor.begun[0]!);
  const told = await get(node, key, `/v1/responses/${first}`);
  assert.equal(told.body["status"], "completed");
  const [call] = await yard.charged(key);
  assert.deepEqual([call?.cost, call?.outcome, call?.modelBilled], ["0.25", "complete", model]);
  await held(yard, key, "0");
  const second = await begin();
  vendor.end(vendor.begun[1]!);
  await get(node, key, `/v1/responses/${second}`, { method: "DELETE" });
  assert.deepEqual(
    (await yard.charged(key)).map(({ cost }) => cost),
    ["0.25", "0.25"],
  );
  await begin();
  vendor.end(vendor.begun[2]!, "failed");
  await held(yard, key, "0");
  const json = { model, input: "1", background: true, max_output_tokens: 900_000 };
  const refused = await ask(node, key, "/v1/responses", { json });
  assert.equal(refused.status, 429, refused.text);
  assert.equal((await yard.budget(key)).spent, "0.5");
  await verified(yard);
});

test("a key's models hold for what its batches ask, and so do the channel's", async () => {
  await using yard = await openJobYard("sqlite", 1);
  const { node, vendor } = yard;
  const key = await yard.key({ models: [model] });
  const other = await ask(node, key, "/v1/batches", await batchOf(node, key, linesOf([1], "free")));
  assert.equal(other.status, 403, other.text);
  const unread = await ask(node, key, "/v1/batches", await batchOf(node, key, "no JSON\n"));
  assert.equal(unread.status, 400, unread.text);
  assert.match(unread.text, /request 1 of the batch/);
  const open = await yard.key();
  const unserved = await ask(
    node,
    open,
    "/v1/batches",
    await batchOf(node, open, linesOf([1, 1], "gpt-unknown")),
  );
  assert.equal(unserved.status, 400, unserved.text);
  assert.match(unserved.text, /request 1 of the batch: model gpt-unknown is not served/);
  assert.equal(vendor.begun.length, 0);
  await get(node, key, "/v1/batches", await batchOf(node, key, linesOf([1])));
  // Nobody's money or models depend on what this one asks: its vendor may read it.
  await get(node, open, "/v1/batches", await batchOf(node, open, "no JSON\n"));
  const budgeted = await yard.key({ budget });
  const unpriced = await ask(
    node,
    budgeted,
    "/v1/batches",
    await batchOf(node, budgeted, linesOf([1], "free")),
  );
  assert.equal(unpriced.status, 403, unpriced.text);
  const tuned = await ask(node, budgeted, "/v1/fine_tuning/jobs", {
    json: { model, training_file: "file-1" },
  });
  assert.match(tuned.text, /cannot be metered/);
});

test("a payer without a budget is charged for jobs, too, by the tokens that were used", async () => {
  await using yard = await openJobYard("sqlite", 1);
  const { node, vendor } = yard;
  const key = await yard.key();
  await get(node, key, "/v1/batches", await batchOf(node, key, linesOf([1000, 2000])));
  vendor.end(vendor.begun[0]!);
  await chargedOf(yard, key, ["0.0015"]);
  await verified(yard);
});

for (const engine of SQL_ENGINES.filter((one) => one !== "sqlite"))
  test(
    `three nodes, ${engine}: the leader and the node that began it are killed; each job is charged once`,
    { skip: skipReason(engine), timeout: 180_000 },
    async () => {
      await using yard = await openJobYard(engine, 3);
      const { vendor } = yard;
      const key = await yard.key({ budget });
      const [leader, second, third] = yard.nodes as [
        (typeof yard.nodes)[0],
        (typeof yard.nodes)[0],
        (typeof yard.nodes)[0],
      ];
      const ids: string[] = [];
      for (const [index, tokens] of [1000, 2000, 4000, 8000].entries()) {
        const by = index % 2 === 0 ? leader : second;
        const made = await get(by, key, "/v1/batches", await batchOf(by, key, linesOf([tokens])));
        ids.push(String(made.body["id"]));
      }
      await held(yard, key, "0.0075");
      // The disks of those that die go with them: what is not in SQL by then is what a lost disk may take.
      await waitFor("the calls are settled", 60_000, async () => (await yard.batches(key)) === 4);
      await leader.kill();
      for (const id of vendor.begun.slice(0, 2)) vendor.end(id);
      // All at once, from two nodes, while a new leader follows them itself.
      await Promise.all(
        [second, third, second, third].map((node) => get(node, key, `/v1/batches/${ids[0]}`)),
      );
      await second.kill();
      for (const id of vendor.begun.slice(2)) vendor.end(id);
      const fourth = await yard.join();
      const calls = await waitFor("each is charged", 60_000, async () => {
        const found = await yard.charged(key, fourth);
        assert.equal(found.length, 4);
        return found;
      });
      assert.deepEqual(calls.map(({ cost }) => cost).toSorted(), [
        "0.0005",
        "0.001",
        "0.002",
        "0.004",
      ]);
      await held(yard, key, "0");
      assert.equal((await yard.budget(key)).spent, "0.0075");
      await verified(yard, fourth);
    },
  );
