/**
 * The same follower, door and reconciler on real databases and in real time: three nodes with connections of their own,
 * many writers at once. No revision is lost or doubled, no snapshot is torn, no node goes back.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { systemClock } from "../../src/core/clock.ts";
import { systemRandom } from "../../src/core/ids.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { Database } from "../../src/store/database.ts";
import { makeSyncStore } from "../../src/store/sync-sql.ts";
import { makeDoor } from "../../src/sync/door.ts";
import { makeFollower } from "../../src/sync/follow.ts";
import type { Follower } from "../../src/sync/follower.ts";
import { makeReconciler } from "../../src/sync/reconcile.ts";
import type { Reconciler } from "../../src/sync/reconcile.ts";
import type { ConfigWrites } from "../../src/sync/sync.ts";
import type { Door } from "../../src/sync/write-door.ts";
import { skipReason, SQL_ENGINES } from "../engines/engines.ts";
import { openDsn, openFresh, until } from "../store/open-fresh.ts";
import { author } from "./cluster.ts";
import { channelValues } from "./memory-store.ts";
import { noMeters } from "./node.ts";

interface RealNode {
  readonly database: Database;
  readonly follower: Follower;
  readonly door: Door;
  readonly reconciler: Reconciler;
  readonly propagation: number[];
  close(): Promise<void>;
}

function openNode(name: string, database: Database): RealNode {
  const propagation: number[] = [];
  const store = makeSyncStore(database);
  const shared = {
    store,
    clock: systemClock,
    random: Math.random,
    logger: silentLogger,
    meters: {
      ...noMeters,
      applied: (_revision: number, _mode: string, _seconds: number, seconds: number | null) => {
        if (seconds !== null) propagation.push(seconds * 1000);
      },
    },
    dataKey: () => Promise.resolve(Buffer.alloc(32)),
    yieldSlice: () => new Promise<void>((resolve) => setImmediate(resolve)),
    liveNodes: () => 3,
    bellUp: () => false,
    schemaVersion: 1,
  };
  const callers = { affected: () => [], apply: () => undefined };
  const follower = makeFollower({ ...shared, callers });
  const door = makeDoor({
    ...shared,
    follower,
    randomBytes: systemRandom,
    nodeId: name,
    validateConfig: () => [],
    ringBells: () => undefined,
  });
  const reconciler = makeReconciler({ ...shared, follower, door, everyMs: 3_600_000 });
  follower.start();
  reconciler.start();
  const close = async (): Promise<void> => {
    await reconciler.close();
    await follower.close();
  };
  return { database, follower, door, reconciler, propagation, close };
}

/** Moves weight from one channel to another and notes it as a price: the sum and the count belong together. */
async function move(tx: ConfigWrites, from: number, to: number, note: string): Promise<void> {
  const [a, b] = [tx.base.channels.get(from), tx.base.channels.get(to)];
  assert.ok(a && b);
  if (a.weight === 1) return;
  await tx.update("channel", from, { weight: a.weight - 1 });
  await tx.update("channel", to, { weight: b.weight + 1 });
  await tx.insert("price", {
    model: note,
    mode: "call",
    input: null,
    output: null,
    cache_read: null,
    cache_write_5m: null,
    cache_write_1h: null,
    per_call: 1n,
    created_at: 0n,
    updated_at: 0n,
  });
}

for (const engine of SQL_ENGINES) {
  const options = { skip: skipReason(engine), timeout: 120_000 };
  test(
    `many writers on three nodes: nothing lost, torn or turned back: ${engine}`,
    options,
    async (context) => {
      await using fresh = await openFresh(engine);
      const nodes: RealNode[] = [];
      const faults: string[] = [];
      // One process owns an embedded database: its nodes share the threads.
      for (const name of ["a", "b", "c"])
        nodes.push(
          openNode(
            name,
            engine === "sqlite" ? fresh.database : await openDsn(engine, fresh.fresh.dsn),
          ),
        );
      try {
        const [first] = nodes;
        assert.ok(first);
        const { value: ids } = await first.door.write(author, async (tx) => {
          const made: number[] = [];
          for (let index = 0; index < 4; index += 1)
            made.push(await tx.insert("channel", channelValues(`c${index}`, { weight: 50 })));
          return made;
        });
        for (const node of nodes) watch(node, faults);
        const written: number[] = [];
        await Promise.all(
          Array.from({ length: 9 }, async (_, writer) => {
            for (let count = 0; count < 12; count += 1) {
              const node = nodes[(writer + count) % 3] as RealNode;
              const [from, to] = [ids[writer % 4], ids[(writer + 1 + (count % 3)) % 4]] as [
                number,
                number,
              ];
              const { revision } = await node.door.write(author, (tx) =>
                move(tx, from, to, `${writer}-${count}`),
              );
              written.push(revision);
            }
          }),
        );
        const head = Math.max(...written);
        await until(() => nodes.every((node) => node.follower.current()?.revision === head));
        assert.deepEqual(faults, []);
        assert.deepEqual(
          [...new Set(written)].sort((x, y) => x - y),
          range(3, head),
        );
        assert.equal(new Set(nodes.map((node) => node.follower.current()?.digest)).size, 1);
        const delays = nodes.flatMap((node) => node.propagation).sort((x, y) => x - y);
        const at = (part: number): string =>
          (delays[Math.floor(delays.length * part)] ?? 0).toFixed(0);
        context.diagnostic(`commit to swap without a bell: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
      } finally {
        for (const node of nodes) await node.close();
        for (const { database } of nodes) if (database !== fresh.database) await database.close();
      }
    },
  );

  test(`rows changed by hand are adopted once: ${engine}`, options, async () => {
    await using fresh = await openFresh(engine);
    const nodes = ["a", "b"].map((name) => openNode(name, fresh.database));
    const [a, b] = nodes as [RealNode, RealNode];
    try {
      const { value: ids } = await a.door.write(author, async (tx) => [
        await tx.insert("channel", channelValues("one")),
        await tx.insert("channel", channelValues("two")),
        await tx.insert("channel", channelValues("three")),
      ]);
      await until(() => b.follower.current()?.revision === 2);
      const [one, two, three] = ids as [number, number, number];
      const hand = fresh.database.writes;
      await sql`update channels set name = 'by hand' where id = ${one}`.execute(hand);
      await sql`delete from channels where id = ${two}`.execute(hand);
      await sql`update channels set models = '[' where id = ${three}`.execute(hand);
      await sql`insert into channels (name, provider, models, ${sql.ref("groups")}, priority, weight, status, created_at, updated_at)
        values ('new', 'openai', '["m"]', '["default"]', 0, 1, 'enabled', 0, 0)`.execute(hand);
      await Promise.all(nodes.map((node) => node.reconciler.runNow()));
      await until(() => nodes.every((node) => node.follower.current()?.revision === 3));
      for (const { follower } of nodes) {
        const names = [...(follower.current()?.channels.values() ?? [])].map(
          (channel) => channel.name,
        );
        assert.deepEqual(names.sort(), ["by hand", "new", "three"]);
      }
      assert.match(a.follower.rejected()[0]?.reason ?? "", /^models: is not valid JSON/);
      const head = await sql<{
        author: string;
      }>`select author from sync_commit where revision = 3`.execute(hand);
      assert.equal(head.rows[0]?.author, "sql");
    } finally {
      for (const node of nodes) await node.close();
    }
  });
}

function watch(node: RealNode, faults: string[]): void {
  let last = 0;
  node.follower.onApplied(({ edition }) => {
    const { channels, prices, revision } = edition.snapshot;
    const sum = [...channels.values()].reduce((total, channel) => total + channel.weight, 0);
    if (channels.size > 0 && sum !== 200) faults.push(`torn at ${revision}: ${sum}`);
    if (revision > 2 && prices.size !== revision - 2)
      faults.push(`${prices.size} prices at ${revision}`);
    if (revision < last) faults.push(`back from ${last} to ${revision}`);
    last = revision;
  });
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
