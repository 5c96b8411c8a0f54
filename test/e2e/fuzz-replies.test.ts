/**
 * Whatever an upstream answers, in each API and for callers of each: nothing broken is told as whole, nothing failed as an
 * empty answer, nothing hangs, and no fault of an upstream becomes one of ours.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fastCheck from "fast-check";
import type { FrontId } from "../../src/wire/call.ts";
import { streamedDialects } from "../fakes/streams.ts";
import { type Fault, type HostileAnswer, breakAnswer, breakPlain, faults } from "./fuzz-answers.ts";
import { seeds } from "./fuzz-seeds.ts";
import {
  type Answer,
  type Bench,
  type Vitals,
  assertCalm,
  assertCheap,
  goodReply,
  long,
  modelOver,
  openBench,
  readErrorBody,
  smallHeap,
  vitalsOf,
} from "./fuzz-bench.ts";
import { draw } from "./fuzz-mutations.ts";
import { type Front, fronts } from "./fronts.ts";
import { checkStream, checkWhole, readEnd } from "./fuzz-told.ts";
import { type RawReply, inParallel } from "./raw-call.ts";

const perPair = long ? 2000 : 150;
const seedOfAll = Number(process.env["FUZZ_SEED"] ?? 20_251_124);

let bench: Bench;
let start: Vitals;
before(async () => {
  bench = await openBench(smallHeap);
  // Memory is compared with what a node needs that has seen everything once.
  for (const dialect of streamedDialects)
    for (const front of fronts)
      await inParallel(draw(turns, 1, 100), 8, async ({ fault, stream }) => {
        await ask(front, dialect, stream, breakAnswer(dialect, stream, fault));
      });
  start = vitalsOf(bench.node);
});
after(() => bench.close());

const turns = fastCheck.record({ fault: faults, stream: fastCheck.boolean() });

function ask(
  front: Front,
  over: string,
  stream: boolean,
  hostile: HostileAnswer,
): Promise<RawReply> {
  const asked = { model: modelOver(over), stream };
  const call = {
    path: front.path(asked),
    headers: front.headers,
    body: JSON.stringify(front.body(asked)),
  };
  return bench.send(call, hostile.answer);
}

/** What the gateway may answer where an upstream is at fault, beside the upstream's own refusals. */
const honest: readonly number[] = [400, 404, 422, 429, 502, 503, 504];

function checkTold(parts: {
  readonly dialect: FrontId;
  readonly over: string;
  readonly stream: boolean;
  readonly hostile: HostileAnswer;
  readonly reply: RawReply;
}): void {
  const { dialect, over, stream, hostile, reply } = parts;
  assert.equal(reply.torn, false, "the reply broke off");
  if (reply.status !== 200) {
    assert.ok(honest.includes(reply.status), `status ${reply.status}`);
    readErrorBody(dialect, reply.status, reply.body);
    return;
  }
  const text = reply.body.toString();
  const type = String(reply.headers["content-type"]);
  if (!stream) {
    assert.equal(hostile.truncated, false, "what broke off is told as whole");
    if (over !== dialect) checkWhole(dialect, reply.body);
    return;
  }
  // A whole reply passes through to a caller that asked for a stream, too.
  if (type.startsWith("application/json")) return;
  const ended = over === dialect ? readEnd(dialect, text) : checkStream(dialect, text);
  assert.ok(ended.whole || ended.failed, "it ends without a word");
  if (hostile.truncated) assert.ok(ended.failed, "what broke off is told as whole");
}

for (const [row, front] of fronts.entries())
  for (const [column, over] of streamedDialects.entries())
    test(`callers of ${front.id} over hostile ${over}`, async () => {
      const begin = vitalsOf(bench.node);
      const statuses: Record<string, number> = {};
      const found: string[] = [];
      const drawn = draw(turns, seedOfAll + row * 100 + column, perPair);
      await inParallel(drawn, 8, async ({ fault, stream }: { fault: Fault; stream: boolean }) => {
        const hostile = breakAnswer(over, stream, fault);
        let reply: RawReply | undefined;
        try {
          reply = await ask(front, over, stream, hostile);
          statuses[reply.status] = (statuses[reply.status] ?? 0) + 1;
          checkTold({ dialect: front.id, over, stream, hostile, reply });
        } catch (thrown) {
          const got = `${reply?.status} ${reply?.body.toString("utf8", 0, 3000)}`;
          found.push(`${String(thrown)}\n  upstream: ${hostile.shown}\n  caller: ${got}`);
        }
      });
      const list = found.slice(0, 3).join("\n\n");
      assert.equal(found.length, 0, `${found.length} faults, FUZZ_SEED=${seedOfAll}:\n${list}`);
      // Neither may everything fail nor everything be well, else nothing was tested.
      assert.ok((statuses[200] ?? 0) > perPair / 20, JSON.stringify(statuses));
      assert.ok((statuses[502] ?? 0) > perPair / 20, JSON.stringify(statuses));
      assertCheap(bench, begin, perPair);
      await assertCalm(bench, start);
    });

/** Operations that are answered by one JSON object, and the upstreams that they go to. */
const others = seeds.filter(
  ({ operation, name }) => operation !== "chat" && operation !== "speech" && !/stream/.test(name),
);

for (const [row, seed] of others.entries())
  for (const over of seed.over)
    test(`${seed.name} over hostile ${over}`, async () => {
      const begin = vitalsOf(bench.node);
      const found: string[] = [];
      const drawn = draw(faults, seedOfAll + 1000 + row, perPair);
      await inParallel(drawn, 8, async (fault) => {
        let shown = "";
        const answer: Answer = (response, request, body) => {
          const { pathname } = new URL(request.url ?? "/", "http://vendor");
          const good = goodReply(pathname, JSON.parse(body.toString()) as Record<string, unknown>);
          const hostile = breakPlain(good ?? { error: { message: "no such path" } }, fault);
          shown = hostile.shown;
          hostile.answer(response, request, body);
        };
        const model = modelOver(over);
        const call = {
          path: seed.path(model, false),
          headers: seed.headers,
          body: JSON.stringify(seed.body(model, false)),
        };
        let reply: RawReply | undefined;
        try {
          reply = await bench.send(call, answer);
          assert.equal(reply.torn, false, "the reply broke off");
          if (reply.status === 200) {
            // What passes through is the vendor's own, down to the bytes that no parser takes.
            if (over !== seed.dialect) JSON.parse(reply.body.toString());
          } else {
            assert.ok(honest.includes(reply.status), `status ${reply.status}`);
            readErrorBody(seed.dialect, reply.status, reply.body);
          }
        } catch (thrown) {
          const got = `${reply?.status} ${reply?.body.toString("utf8", 0, 2000)}`;
          found.push(`${String(thrown)}\n  upstream: ${shown}\n  caller: ${got}`);
        }
      });
      const list = found.slice(0, 3).join("\n\n");
      assert.equal(found.length, 0, `${found.length} faults, FUZZ_SEED=${seedOfAll}:\n${list}`);
      assertCheap(bench, begin, perPair);
      await assertCalm(bench, start);
    });
