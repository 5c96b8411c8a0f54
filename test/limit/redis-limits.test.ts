// The shared counters on the real Redis: all or nothing, never negative, told once, empty after a restart.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { makeId } from "../../src/core/ids.ts";
import type { Redis } from "../../src/store/redis.ts";
import { openRedis } from "../../src/store/redis.ts";
import type { Asker, SharedCounters, TakeEntry } from "../../src/store/redis-limits.ts";
import { makeSharedCounters } from "../../src/store/redis-limits.ts";
import { engineUrls, skipReason } from "../engines/engines.ts";

const skip = skipReason("redis");
const spans = { spanMs: 60_000, stepMs: 1000 };
const asker = { holder: "a", epoch: "", nodes: 1 };

const counted = (amount: number, need: number, over: Partial<TakeEntry> = {}): TakeEntry => ({
  kind: "counted",
  key: "key:1:tokens",
  amount,
  need,
  wish: 0,
  ...spans,
  ...(over as object),
});

const slots = (amount: number): TakeEntry => ({ kind: "slots", key: "key:1:slots", amount });

describe("shared counters", { skip }, () => {
  let redis: Redis;
  const open = async (times = {}): Promise<{ counters: SharedCounters; cluster: string }> => {
    redis ??= openRedis({ url: engineUrls().redis! });
    assert.ok(await redis.whenUp(5000));
    const cluster = makeId(8);
    return { counters: makeSharedCounters(redis, () => cluster, times), cluster };
  };
  after(() => redis?.close());

  /** One call alone. */
  const take = async (counters: SharedCounters, who: Asker, entries: readonly TakeEntry[]) => {
    const reply = await counters.take(who, [entries]);
    const [call] = reply.kind === "answered" ? reply.calls : [];
    const kind = call === undefined ? reply.kind : call.taken ? "taken" : "refused";
    return { ...reply, kind, entries: call?.entries ?? [] };
  };

  it("take from all entries or from none", async () => {
    const { counters } = await open();
    const other = { key: "user:1:requests" };
    const first = await take(counters, asker, [counted(100, 60), counted(5, 1, other)]);
    assert.equal(first.kind, "taken");
    assert.deepEqual(
      first.entries.map(({ granted, left }) => [granted, left]),
      [
        [60, 40],
        [1, 4],
      ],
    );
    const second = await take(counters, asker, [counted(100, 60), counted(5, 1, other)]);
    assert.equal(second.kind, "refused");
    assert.deepEqual(
      second.entries.map(({ granted, left }) => [granted, left]),
      [
        [0, 40],
        [0, 4],
      ],
    );
    const [tokens, requests] = second.entries;
    assert.ok(tokens!.waitMs > 55_000 && tokens!.waitMs <= 61_000, `${tokens!.waitMs}`);
    assert.equal(requests!.waitMs, 0);
  });

  it("answer the calls of one message one after another", async () => {
    const { counters } = await open();
    const other = { key: "user:1:requests" };
    const reply = await counters.take(asker, [
      [counted(100, 60), slots(1)],
      [counted(100, 30), slots(1)],
      [counted(100, 30), counted(5, 1, other)],
      [counted(100, 30), counted(5, 1, other)],
      [counted(5, 4, other)],
    ]);
    assert.ok(reply.kind === "answered");
    assert.deepEqual(
      reply.calls.map(({ taken }) => taken),
      [true, false, true, false, true],
    );
    assert.deepEqual(
      reply.calls.map(({ entries }) => entries.map(({ left }) => left)),
      [[40, 0], [40, 0], [10, 4], [10, 4], [0]],
    );
  });

  it("hand out in advance what was wished, less where less is left", async () => {
    const { counters } = await open();
    const [first] = (await take(counters, asker, [counted(100, 1, { wish: 10 })])).entries;
    assert.equal(first!.granted, 11);
    const shared = { ...asker, nodes: 5 };
    const [second] = (await take(counters, shared, [counted(100, 1, { wish: 10 })])).entries;
    assert.equal(second!.granted, 1 + Math.floor((100 - 12) / 20));
  });

  it("count what is told once, and never below nothing", async () => {
    const { counters } = await open();
    const reply = await take(counters, asker, [counted(100, 10)]);
    const { bucket } = reply.entries[0]!;
    const known = { ...asker, epoch: reply.epoch };
    const give = { kind: "counted", key: "key:1:tokens", ...spans } as const;
    const changes = [[bucket, -4]] as const;
    assert.equal((await counters.tell(known, 1, [{ ...give, changes }])).kind, "told");
    assert.equal((await counters.tell(known, 1, [{ ...give, changes }])).kind, "told");
    assert.equal((await take(counters, known, [counted(100, 0)])).entries[0]!.left, 94);
    await counters.tell(known, 2, [{ ...give, changes: [[bucket, -1000]] }]);
    assert.equal((await take(counters, known, [counted(100, 0)])).entries[0]!.left, 100);
    await counters.tell(known, 3, [{ ...give, changes: [[bucket, 130]] }]);
    const [over] = (await take(counters, known, [counted(100, 1)])).entries;
    assert.deepEqual([over!.granted, over!.left], [0, -30]);
  });

  it("let what is as old as the span leave", async () => {
    const { counters } = await open();
    const short = { spanMs: 2000, stepMs: 200 };
    assert.equal((await take(counters, asker, [counted(5, 5, short)])).kind, "taken");
    const refused = (await take(counters, asker, [counted(5, 1, short)])).entries[0]!;
    assert.ok(refused.waitMs > 500 && refused.waitMs <= 2200);
    const deadline = performance.now() + 20_000;
    const start = performance.now();
    while ((await take(counters, asker, [counted(5, 1, short)])).kind === "refused")
      assert.ok(performance.now() < deadline, "it never left");
    const took = performance.now() - start;
    assert.ok(took >= refused.waitMs - 25, `${took}`);
  });

  it("hold slots by holder until their lease ends", async () => {
    const { counters } = await open({ leaseMs: 300 });
    const other = { ...asker, holder: "b" };
    for (let index = 0; index < 3; index += 1)
      assert.equal((await take(counters, asker, [slots(4)])).kind, "taken");
    assert.equal((await take(counters, other, [slots(4)])).kind, "taken");
    assert.equal((await take(counters, other, [slots(4)])).kind, "refused");
    await counters.tell(asker, 1, [{ kind: "slots", key: "key:1:slots", freed: 1, held: null }]);
    assert.equal((await take(counters, other, [slots(4)])).kind, "taken");
    const start = performance.now();
    while ((await take(counters, other, [slots(3)])).kind === "refused")
      assert.ok(performance.now() - start < 5000);
    assert.ok(performance.now() - start > 100, "not before the lease ended");
  });

  it("notice that they lost everything, and let nodes tell first", async () => {
    const { counters, cluster } = await open({ graceMs: 400 });
    const { epoch } = await take(counters, asker, [slots(4)]);
    const client = redis;
    await client.evaluate(
      "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end",
      [],
      [`switchyard:${cluster}:*`],
    );
    const known = { ...asker, epoch };
    const first = await take(counters, known, [slots(4)]);
    assert.equal(first.kind, "changed");
    assert.notEqual(first.epoch, epoch);
    const next = { ...known, epoch: first.epoch };
    assert.equal((await take(counters, next, [slots(4)])).kind, "unsettled");
    assert.equal((await take(counters, { ...asker, holder: "new" }, [slots(4)])).kind, "unsettled");
    const told = await counters.tell(next, 1, [
      { kind: "slots", key: "key:1:slots", freed: 0, held: 4 },
    ]);
    assert.equal(told.kind, "told");
    const start = performance.now();
    let reply = await take(counters, next, [slots(4)]);
    while (reply.kind === "unsettled") {
      assert.ok(performance.now() - start < 5000);
      reply = await take(counters, next, [slots(4)]);
    }
    assert.equal(reply.kind, "refused");
  });

  it("leave no key without an expiry", async () => {
    const { counters, cluster } = await open();
    await take(counters, asker, [counted(100, 10), slots(4)]);
    await counters.tell(asker, 1, [
      { kind: "counted", key: "late", ...spans, changes: [] },
      { kind: "slots", key: "late-slots", freed: 0, held: 1 },
    ]);
    const script =
      "local out = {} for _, key in ipairs(redis.call('KEYS', ARGV[1])) do out[#out + 1] = redis.call('PTTL', key) end return out";
    const expiries = (await redis.evaluate(script, [], [`switchyard:${cluster}:*`])) as number[];
    assert.equal(expiries.length, 6);
    assert.ok(expiries.every((ms) => ms > 0));
  });
});
