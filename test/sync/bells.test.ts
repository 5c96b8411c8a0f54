// Bells on real servers: a change is heard faster than the poll would find it, and a dead bell costs nothing else.
import { test } from "node:test";
import assert from "node:assert/strict";
import { makeNotifyBell } from "../../src/store/notify-bell.ts";
import { makeRedisBell } from "../../src/store/redis-bell.ts";
import { openRedis } from "../../src/store/redis.ts";
import type { SyncParts } from "../../src/sync/sync-parts.ts";
import { skipReason } from "../engines/engines.ts";
import type { SqlEngine } from "../engines/engines.ts";
import { startRedis } from "../engines/start-redis.ts";
import { openFresh, until } from "../store/open-fresh.ts";
import type { TestNode } from "./open-node.ts";
import { addChannel, makeFolder, openNode } from "./open-node.ts";

/** Milliseconds from one node's answered write to the other's swap, sorted; negative when it came first. */
async function propagations(writer: TestNode, reader: TestNode, count: number): Promise<number[]> {
  const delays: number[] = [];
  for (let index = 0; index < count; index += 1) {
    let appliedAt = 0;
    const stop = reader.sync.onApplied(() => {
      appliedAt = performance.now();
    });
    const before = performance.now();
    const { revision } = await addChannel(writer.sync, `channel ${index} ${before}`);
    const writtenAt = performance.now();
    await until(() => (reader.sync.current()?.revision ?? 0) >= revision);
    stop();
    delays.push(appliedAt - writtenAt);
  }
  return delays.sort((a, b) => a - b);
}

/** Polling alone takes some 125 ms and more; a busy machine hears a bell late, too. */
const rungMs = 100;

const median = (values: readonly number[]): number => values[Math.floor(values.length / 2)] ?? NaN;

async function withTwoNodes(
  engine: SqlEngine,
  parts: Partial<SyncParts>,
  work: (a: TestNode, b: TestNode) => Promise<void>,
): Promise<void> {
  await using store = await openFresh(engine);
  await using folder = await makeFolder();
  const options = { dataDir: folder.path };
  await using a = await openNode(engine, store.fresh.dsn, { ...options, parts });
  await using b = await openNode(engine, store.fresh.dsn, { ...options, parts });
  assert.ok(await a.sync.whenServing(5_000));
  assert.ok(await b.sync.whenServing(5_000));
  await work(a, b);
}

test("PostgreSQL's own bell", { skip: skipReason("postgres") }, async (context) => {
  await using store = await openFresh("postgres");
  await using folder = await makeFolder();
  const { dsn } = store.fresh;
  const parts = { openBells: () => [makeNotifyBell({ dsn, sql: store.database.sync })] };
  await using a = await openNode("postgres", dsn, { dataDir: folder.path, parts });
  await using b = await openNode("postgres", dsn, { dataDir: folder.path, parts });
  assert.ok(await a.sync.whenServing(5_000));
  assert.ok(await b.sync.whenServing(5_000));
  await until(() => b.sync.status().bells["notify"] === "up");
  const delays = await propagations(a, b, 30);
  context.diagnostic(
    `ms after the write's answer: median ${median(delays).toFixed(1)}, last ${delays.at(-1)?.toFixed(1)}`,
  );
  assert.ok(median(delays) < rungMs, `median ${median(delays)}`);
});

test(
  "Redis's bell rings, and its death leaves the poll as it was",
  { skip: skipReason("mysql") || skipReason("redis", "own") },
  async (context) => {
    const server = await startRedis();
    const redis = openRedis({ url: server.url });
    try {
      const parts = {
        openBells: ({ clusterId }: { clusterId: string }) => [makeRedisBell({ redis, clusterId })],
      };
      await withTwoNodes("mysql", parts, async (a, b) => {
        await until(() => b.sync.status().bells["redis"] === "up");
        const delays = await propagations(a, b, 30);
        context.diagnostic(
          `ms after the write's answer: median ${median(delays).toFixed(1)}, last ${delays.at(-1)?.toFixed(1)}`,
        );
        assert.ok(median(delays) < rungMs, `median ${median(delays)}`);
        await server.stop("crash");
        await until(() => b.sync.status().bells["redis"] === "down", 20_000);
        const without = await propagations(a, b, 5);
        assert.ok((without.at(-1) ?? Infinity) < 1_500, `polled within ${without.at(-1)}`);
      });
    } finally {
      await redis.close();
      await server.close();
    }
  },
);

test("SYNC_BELL=none makes no bell at all", async () => {
  await using store = await openFresh("sqlite");
  await using folder = await makeFolder();
  let asked = 0;
  const openBells = (): [] => {
    asked += 1;
    return [];
  };
  const options = {
    dataDir: folder.path,
    parts: { openBells },
    config: { syncBell: "none" as const },
  };
  await using node = await openNode("sqlite", store.fresh.dsn, options);
  assert.ok(await node.sync.whenServing(5_000));
  await addChannel(node.sync, "one");
  assert.equal(asked, 0);
});
