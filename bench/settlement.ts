/**
 * How fast finished calls become rows: 20 settlers whose calls are all of one user, group and channel, on each engine;
 * and how long a journal that an outage left takes to drain, with the delay of the event loop that calls would feel.
 */
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../src/core/clock.ts";
import { silentLogger } from "../src/core/logger.ts";
import { openCallLog } from "../src/log/call-log.ts";
import { settledCall } from "../src/log/call-row.ts";
import { renderClose } from "../src/log/journal-line.ts";
import { segmentName } from "../src/log/segments.ts";
import type { Database } from "../src/store/database.ts";
import { migrate } from "../src/store/migrate.ts";
import { openDatabase } from "../src/store/open-database.ts";
import { makeSettlementStore } from "../src/store/settlement.ts";
import type { SqlEngine } from "../test/engines/engines.ts";
import { freshDatabase, SQL_ENGINES, skipReason } from "../test/engines/engines.ts";
import { makeRecord } from "../test/log/call-records.ts";
import { openSharedEngines } from "../tools/testing/shared-engines.ts";
import type { Figure } from "./calls.ts";

export interface SettlementOptions {
  readonly seconds: number;
  /** Entries of the journal that is drained. */
  readonly entries: number;
}

const settlers = 20;
const batchCalls = 512;
const secretKey = "bench-secret-key-0123456789abcdef";

export async function benchSettlement(options: SettlementOptions): Promise<Figure[]> {
  await using engines = await openSharedEngines();
  const figures: Figure[] = [];
  for (const engine of SQL_ENGINES) {
    if (skipReason(engine) !== false || engines.missing.has(engine)) continue;
    await using fresh = await freshDatabase(engine);
    const where = engine === "sqlite" ? { dsn: undefined, sqlitePath: fresh.dsn } : fresh;
    const database = await openDatabase({ sqlitePath: "", poolSize: settlers, ...where });
    try {
      await migrate(database, { secretKey });
      figures.push(...(await settleTogether(engine, database, options.seconds)));
      figures.push(...(await drain(engine, database, options.entries)));
    } finally {
      await database.close();
    }
  }
  return figures;
}

async function settleTogether(
  engine: SqlEngine,
  database: Database,
  seconds: number,
): Promise<Figure[]> {
  const end = performance.now() + seconds * 1000;
  let rows = 0;
  // Several nodes on one file there are not.
  const count = engine === "sqlite" ? 1 : settlers;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const nodeId = `settler-${index}`;
      const store = makeSettlementStore(database.writes);
      let from = await store.openCursor(nodeId, "one");
      while (performance.now() < end) {
        const calls = Array.from({ length: batchCalls }, (_call, number) =>
          settledCall(makeRecord(number), nodeId, false),
        );
        const batch = { nodeId, incarnation: "one", from, to: from + 1n, settledUntilMs: 1, calls };
        if (!(await store.settle(batch))) throw new Error("the cursor moved");
        from += 1n;
        rows += batchCalls;
      }
    }),
  );
  const took = (performance.now() - began) / 1000;
  const aim = engine === "sqlite" ? {} : { aim: ">= 5000" };
  return [{ name: `settled by ${count}, ${engine}`, value: rows / took, unit: "rows/s", ...aim }];
}

function writeJournal(folder: string, entries: number): void {
  mkdirSync(folder, { recursive: true });
  const perFile = 12_000;
  for (let at = 0, number = 1; at < entries; at += perFile, number += 1) {
    const file = openSync(join(folder, segmentName("0123456789abcdef", number)), "w");
    for (let index = at; index < Math.min(entries, at + perFile); index += 1)
      writeSync(file, renderClose(makeRecord(index)));
    closeSync(file);
  }
}

async function drain(engine: SqlEngine, database: Database, entries: number): Promise<Figure[]> {
  const root = mkdtempSync(join(tmpdir(), "switchyard-drain-"));
  const folder = join(root, "calls");
  try {
    writeJournal(folder, entries);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const began = performance.now();
    const log = openCallLog({
      folder,
      nodeId: "drained",
      store: makeSettlementStore(database.writes),
      clock: systemClock,
      logger: silentLogger,
      onDropped: () => undefined,
    });
    let served = 0;
    let slowest = 0;
    while (readdirSync(folder).some((name) => name.includes("0123456789abcdef"))) {
      const sent = performance.now();
      await log.record(makeRecord(served));
      slowest = Math.max(slowest, performance.now() - sent);
      served += 1;
      await sleep(10);
    }
    const took = (performance.now() - began) / 1000;
    delay.disable();
    await log.close();
    const name = `journal of ${entries} drained, ${engine}`;
    return [
      { name, value: took, unit: "s", aim: `<= ${Math.ceil((entries * 300) / 1_000_000)}` },
      { name: `  rate, ${engine}`, value: entries / took, unit: "rows/s" },
      { name: `  event loop delay p99, ${engine}`, value: delay.percentile(99) / 1e6, unit: "ms" },
      { name: `  event loop delay max, ${engine}`, value: delay.max / 1e6, unit: "ms" },
      { name: `  longest wait of a call for the journal, ${engine}`, value: slowest, unit: "ms" },
    ];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
