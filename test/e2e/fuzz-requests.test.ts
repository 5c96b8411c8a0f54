/**
 * Whatever stands in a body, on every public path and on the way to every API: an answer or a refusal in the caller's own
 * tongue, never a fault of ours, and the process is as it was before.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fastCheck from "fast-check";
import {
  type Bench,
  type Vitals,
  assertCalm,
  assertCheap,
  long,
  modelOver,
  openBench,
  readErrorBody,
  smallHeap,
  vitalsOf,
} from "./fuzz-bench.ts";
import { type Mutation, draw, mutate, mutations } from "./fuzz-mutations.ts";
import { type Seed, seeds } from "./fuzz-seeds.ts";
import { type RawReply, inParallel } from "./raw-call.ts";

const perSeed = long ? 3000 : 250;
const seedOfAll = Number(process.env["FUZZ_SEED"] ?? 20_251_123);

let bench: Bench;
let start: Vitals;
before(async () => {
  bench = await openBench(smallHeap);
  // Memory is compared with what a node needs that has seen everything once.
  for (const seed of seeds)
    await inParallel(draw(wishes, 1, 150), 8, async (wish) => void (await ask(seed, wish)));
  start = vitalsOf(bench.node);
});
after(() => bench.close());

/** What the gateway may answer where its upstreams answer well. */
const honest: readonly number[] = [200, 400, 404, 413];

const served: readonly string[] = seeds.flatMap(({ over }) => over.map(modelOver));

/** The model that a body names; undefined: none that a parser can read. */
function modelOf(body: Buffer): unknown {
  try {
    return (JSON.parse(body.toString()) as { readonly model?: unknown } | null)?.model;
  } catch {
    return undefined;
  }
}

/** Asserts that a reply is an answer, or a refusal in the caller's tongue that blames nobody but the caller. */
function checkReply(seed: Seed, body: Buffer, reply: RawReply): void {
  const sent = body.toString("utf8", 0, 2000);
  const shown = `${seed.name}: ${sent}\n→ ${reply.status} ${reply.body.toString("utf8", 0, 600)}`;
  assert.equal(reply.torn, false, `the reply broke off: ${shown}`);
  if (reply.status === 200) return;
  assert.match(String(reply.headers["content-type"]), /^application\/json/, shown);
  const error = readErrorBody(seed.dialect, reply.status, reply.body);
  // Of models that nobody serves callers are told as operators search for it.
  const model = modelOf(body);
  const unserved = error.code === "no_available_channel" && !served.some((name) => name === model);
  assert.ok(honest.includes(reply.status) || (reply.status === 503 && unserved), shown);
}

interface Wish {
  readonly mutation: Mutation;
  readonly stream: boolean;
  readonly over: number;
}

async function ask(
  seed: Seed,
  { mutation, stream, over }: Wish,
): Promise<{ readonly model: string; readonly body: Buffer; readonly reply: RawReply }> {
  const model = modelOver(seed.over[over % seed.over.length] ?? "");
  const body = mutate(seed.body(model, stream), mutation);
  const call = { path: seed.path(model, stream), headers: seed.headers, body };
  return { model, body, reply: await bench.send(call) };
}

const wishes: fastCheck.Arbitrary<Wish> = fastCheck.record({
  mutation: mutations,
  stream: fastCheck.boolean(),
  over: fastCheck.nat(),
});

for (const [index, seed] of seeds.entries())
  test(`hostile bodies of ${seed.name}`, async () => {
    const begin = vitalsOf(bench.node);
    const statuses: Record<number, number> = {};
    const faults: string[] = [];
    await inParallel(draw(wishes, seedOfAll + index, perSeed), 8, async (wish) => {
      try {
        const { body, reply } = await ask(seed, wish);
        statuses[reply.status] = (statuses[reply.status] ?? 0) + 1;
        checkReply(seed, body, reply);
      } catch (thrown) {
        faults.push(`${JSON.stringify(wish)}: ${String(thrown)}`);
      }
    });
    assert.equal(
      faults.length,
      0,
      `${faults.length} faults, FUZZ_SEED=${seedOfAll}:\n${faults.slice(0, 3).join("\n\n")}`,
    );
    // Neither may everything be refused nor everything taken, else nothing was tested.
    assert.ok((statuses[200] ?? 0) > perSeed / 20, JSON.stringify(statuses));
    assert.ok((statuses[400] ?? 0) > perSeed / 20, JSON.stringify(statuses));
    assertCheap(bench, begin, perSeed);
    await assertCalm(bench, start);
  });
