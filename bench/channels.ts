/**
 * 10,000 channels on one node: time of a full load and of a delta, the longest time the event loop stood still, memory.
 * Runs the shipped sync in this process over a real SQLite file, so that the loop it stalls can be watched.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { silentLogger } from "../src/core/logger.ts";
import { makeMetrics } from "../src/metrics/metrics.ts";
import { openCluster } from "../src/store/cluster.ts";
import { migrate } from "../src/store/migrate.ts";
import { openDatabase } from "../src/store/open-database.ts";
import type { Database } from "../src/store/database.ts";
import { makeSyncStore } from "../src/store/sync-sql.ts";
import { openSync } from "../src/sync/open-sync.ts";
import type { OpenedSync } from "../src/sync/sync-parts.ts";
import type { Figure } from "./calls.ts";
import { percentile } from "./load.ts";

const secretKey = "bench-secret-key-0123456789abcdef";
const reconcileEveryMs = 1000;
const author = { name: "bench", userId: null, address: "", requestId: "" };

function open(database: Database, folder: string): Promise<OpenedSync> {
  return openSync({
    config: {
      nodeType: "unset",
      syncFrequencyMs: reconcileEveryMs,
      memoryCacheEnabled: true,
      dataDir: folder,
      snapshotDir: undefined,
      syncBell: "auto",
      authMaxStaleMs: undefined,
      lkgMaxAgeMs: undefined,
    },
    secretKey,
    store: makeSyncStore(database),
    openCluster: () => openCluster(database.lookups, secretKey),
    onRefused: (error) => {
      throw error;
    },
    openBells: () => [],
    validateConfig: () => [],
    logger: silentLogger,
    meters: makeMetrics({ version: "bench", processMetrics: false }).sync,
    version: "bench",
  });
}

function channelRow(index: number): Record<string, string | number | bigint | null> {
  return {
    name: `channel ${index}`,
    provider: "custom",
    base_url: `https://vendor-${index % 50}.example/v1`,
    models: JSON.stringify(
      Array.from({ length: 8 }, (_, model) => `model-${(index * 7 + model) % 400}`),
    ),
    groups: JSON.stringify(index % 3 === 0 ? ["default", "vip"] : ["default"]),
    priority: index % 5,
    weight: 1 + (index % 9),
    status: "enabled",
    created_at: 0n,
    updated_at: 0n,
  };
}

/** Fills the tables through the write door, as an importer would: 200 channels a transaction. */
async function fill(sync: OpenedSync, count: number): Promise<void> {
  await sync.write(author, (tx) =>
    tx.insert("group", {
      symbol: "vip",
      name: "vip",
      ratio: 1_000_000n,
      public: 0,
      enabled: 1,
      created_at: 0n,
      updated_at: 0n,
    }),
  );
  for (let start = 0; start < count; start += 200) {
    await sync.write(author, async (tx) => {
      for (let index = start; index < Math.min(count, start + 200); index += 1)
        await tx.insert("channel", channelRow(index));
    });
  }
}

/** Bytes that survive a collection. */
function heldBytes(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}

interface Stalls {
  readonly maxMs: number;
}

async function watched<T>(work: () => Promise<T>): Promise<{ value: T; ms: number } & Stalls> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const start = performance.now();
  const value = await work();
  const ms = performance.now() - start;
  await sleep(20);
  delay.disable();
  return { value, ms, maxMs: Math.max(0, delay.max / 1e6 - 1) };
}

/** All figures for `count` channels. */
export async function benchChannels(count: number): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "switchyard-bench-"));
  const database = await openDatabase({ dsn: undefined, sqlitePath: join(folder, "bench.db") });
  // The shipped code never keeps a process alive by its timers alone.
  const awake = setInterval(() => undefined, 1000);
  try {
    await migrate(database, { secretKey });
    const filler = await open(database, join(folder, "filler"));
    await filler.whenServing(10_000);
    await fill(filler, count);
    await filler.close();

    const before = heldBytes();
    const fresh = await watched(async () => {
      const sync = await open(database, join(folder, "fresh"));
      if (!(await sync.whenServing(60_000))) throw new Error("never served");
      return sync;
    });
    const sync = fresh.value;
    const held = (heldBytes() - before) / 1e6;
    if (sync.current()?.channels.size !== count) throw new Error("not all channels were loaded");

    // Each second all rows are read again and compared: the work that every node does beside its calls.
    const reconciling = await watched(() => sleep(6 * reconcileEveryMs));
    const [id] = [...(sync.current()?.channels.keys() ?? [])];
    const deltas: { ms: number; maxMs: number }[] = [];
    for (let index = 0; index < 50; index += 1) {
      deltas.push(
        await watched(() =>
          sync.write(author, (tx) => tx.update("channel", id ?? 1, { weight: 1 + index })),
        ),
      );
    }
    await sync.close();
    const times = deltas.map((delta) => delta.ms).sort((a, b) => a - b);
    const stalls = deltas.map((delta) => delta.maxMs).sort((a, b) => a - b);
    return [
      { name: `${count} channels, full load from start to serving`, value: fresh.ms, unit: "ms" },
      {
        name: `${count} channels, longest stall of the loop during the start`,
        value: fresh.maxMs,
        unit: "ms",
      },
      {
        name: `${count} channels, longest stall of the loop in 6 full reconciliations`,
        value: reconciling.maxMs,
        unit: "ms",
        aim: "≤ 8",
      },
      {
        name: `${count} channels, one edit: write, follow, serve, p50`,
        value: percentile(times, 0.5),
        unit: "ms",
      },
      { name: `${count} channels, one edit: p99`, value: percentile(times, 0.99), unit: "ms" },
      {
        name: `${count} channels, longest stall of the loop during an edit, p50`,
        value: percentile(stalls, 0.5),
        unit: "ms",
      },
      {
        name: `${count} channels, longest stall of the loop during 50 edits`,
        value: stalls.at(-1) ?? Number.NaN,
        unit: "ms",
        aim: "≤ 8",
      },
      { name: `${count} channels, heap held by them`, value: held, unit: "MB" },
    ];
  } finally {
    clearInterval(awake);
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
