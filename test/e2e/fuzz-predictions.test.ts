/**
 * Whatever Replicate answers, and whatever callers of each API ask of a model there: nothing broken, failed or unfinished
 * is told as an answer, and no fault of others becomes one of ours.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fastCheck from "fast-check";
import { write } from "./cluster.ts";
import { type Ask, type Front, fronts } from "./fronts.ts";
import { breakPlain, faults } from "./fuzz-answers.ts";
import {
  type Answer,
  type Bench,
  type Vitals,
  assertCalm,
  assertCheap,
  long,
  openBench,
  readErrorBody,
  smallHeap,
  vitalsOf,
} from "./fuzz-bench.ts";
import { draw, mutate, mutations } from "./fuzz-mutations.ts";
import { checkStream, checkWhole } from "./fuzz-told.ts";
import { type RawReply, inParallel } from "./raw-call.ts";

const perFront = long ? 2000 : 200;
const seedOfAll = Number(process.env["FUZZ_SEED"] ?? 20_261_123);
const model = "meta/meta-llama-3-70b-instruct";

let bench: Bench;
let start: Vitals;
before(async () => {
  bench = await openBench(smallHeap);
  await write(bench.node, "POST", "/api/channels", {
    name: "replicate",
    provider: "replicate",
    baseUrl: `${bench.origin}/v1`,
    models: [model],
    credentials: ["vendor-secret"],
  });
  for (const front of fronts)
    await inParallel(draw(turns, 1, 100), 8, async ({ fault, stream, status }) => {
      const { answer } = breakPlain(predictionOf(status), fault);
      await ask(front, { model, stream }, answer);
    });
  start = vitalsOf(bench.node);
});
after(() => bench.close());

const turns = fastCheck.record({
  fault: faults,
  stream: fastCheck.boolean(),
  status: fastCheck.constantFrom("succeeded", "succeeded", "succeeded", "processing", "failed"),
});

const predictionOf = (status: string): object => ({
  id: "p1",
  model,
  version: "hidden",
  input: { prompt: "hi", max_tokens: 1000 },
  logs: "",
  output: ["<think>hm", "</think>", "Good answer, ", "名."],
  error: status === "failed" ? "out of luck" : null,
  status,
  created_at: "2026-11-08T16:19:34.765994Z",
  metrics: { input_token_count: 26, output_token_count: 84, predict_time: 2.8 },
  urls: { get: "https://api.replicate.com/v1/predictions/p1" },
});

async function ask(front: Front, asked: Ask, answer: Answer, body?: Buffer): Promise<RawReply> {
  const text = body ?? JSON.stringify(front.body(asked));
  return await bench.send({ path: front.path(asked), headers: front.headers, body: text }, answer);
}

/** What the gateway may answer where an upstream is at fault, beside the upstream's own refusals. */
const honest: readonly number[] = [400, 404, 422, 429, 502, 503, 504];

function checkTold(front: Front, stream: boolean, reply: RawReply): void {
  assert.equal(reply.torn, false, "the reply broke off");
  if (reply.status !== 200) {
    assert.ok(honest.includes(reply.status), `status ${reply.status}`);
    return void readErrorBody(front.id, reply.status, reply.body);
  }
  if (!stream) return checkWhole(front.id, reply.body);
  const { whole, failed } = checkStream(front.id, reply.body.toString());
  assert.ok(whole || failed, "it ends without a word");
  return undefined;
}

for (const [row, front] of fronts.entries())
  test(`callers of ${front.id} over hostile predictions`, async () => {
    const begin = vitalsOf(bench.node);
    const statuses: Record<number, number> = {};
    const found: string[] = [];
    await inParallel(draw(turns, seedOfAll + row, perFront), 8, async (turn) => {
      const { fault, stream, status } = turn;
      const hostile = breakPlain(predictionOf(status), fault);
      let reply: RawReply | undefined;
      try {
        reply = await ask(front, { model, stream }, hostile.answer);
        statuses[reply.status] = (statuses[reply.status] ?? 0) + 1;
        checkTold(front, stream, reply);
        // A mutation may have made a success of it.
        const isAnswer = status === "succeeded" && !hostile.truncated;
        if (!isAnswer && fault.whole !== "mutate") assert.notEqual(reply.status, 200);
      } catch (thrown) {
        const got = `${reply?.status} ${reply?.body.toString("utf8", 0, 2000)}`;
        found.push(`${String(thrown)}\n  upstream: ${hostile.shown}\n  caller: ${got}`);
      }
    });
    const list = found.slice(0, 3).join("\n\n");
    assert.equal(found.length, 0, `${found.length} faults, FUZZ_SEED=${seedOfAll}:\n${list}`);
    // Neither may everything fail nor everything be well, else nothing was tested.
    for (const status of [200, 502, 504])
      assert.ok((statuses[status] ?? 0) > perFront / 100, JSON.stringify(statuses));
    assertCheap(bench, begin, perFront);
    await assertCalm(bench, start);
  });

const wishes = fastCheck.record({ mutation: mutations, stream: fastCheck.boolean() });

/** Takes what it is asked as the vendor does: inputs that it does not know are passed over. */
const answerWell: Answer = (response, _request, body) => {
  const { version, input } = JSON.parse(body.toString()) as Record<string, unknown>;
  const { prompt } = (input ?? {}) as Record<string, unknown>;
  const isRight = version === model && typeof prompt === "string";
  response.writeHead(isRight ? 201 : 500, { "content-type": "application/json" });
  response.end(
    JSON.stringify(isRight ? predictionOf("succeeded") : { detail: "wrong", status: 500 }),
  );
};

for (const [row, front] of fronts.entries())
  test(`hostile bodies of ${front.id} for a model on Replicate`, async () => {
    const begin = vitalsOf(bench.node);
    const statuses: Record<number, number> = {};
    const found: string[] = [];
    await inParallel(draw(wishes, seedOfAll + 50 + row, perFront), 8, async (wish) => {
      const { mutation, stream } = wish;
      const asked = { model, stream };
      const right = { temperature: 0.5, ...front.body(asked) };
      const body = mutate(right, mutation);
      try {
        const reply = await ask(front, asked, answerWell, body);
        statuses[reply.status] = (statuses[reply.status] ?? 0) + 1;
        assert.equal(reply.torn, false);
        const isUnserved = reply.status === 503 && /no_available_channel/.test(String(reply.body));
        assert.ok([200, 400, 404, 413].includes(reply.status) || isUnserved, `${reply.status}`);
        if (reply.status !== 200) readErrorBody(front.id, reply.status, reply.body);
      } catch (thrown) {
        found.push(`${JSON.stringify(wish)}: ${String(thrown)}: ${body.toString("utf8", 0, 500)}`);
      }
    });
    const list = found.slice(0, 3).join("\n\n");
    assert.equal(found.length, 0, `${found.length} faults, FUZZ_SEED=${seedOfAll}:\n${list}`);
    for (const status of [200, 400])
      assert.ok((statuses[status] ?? 0) > perFront / 20, JSON.stringify(statuses));
    assertCheap(bench, begin, perFront);
    await assertCalm(bench, start);
  });
