/** Calls reach SQL once, through outages, restarts and torn files; the cap is a cap. */
import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeCallId } from "../core/ids.ts";
import { systemClock } from "../core/clock.ts";
import { silentLogger } from "../core/logger.ts";
import { migrate } from "../store/migrate.ts";
import { insertCalls, listCalls, sumCalls } from "../store/calls.ts";
import type { NewCallRow } from "../store/calls.ts";
import { openDatabase } from "../store/open-database.ts";
import { noUsage } from "../wire/usage.ts";
import { openCallLog } from "./call-log.ts";
import type { CallLogParts } from "./call-log.ts";
import type { CallRecord } from "./call-record.ts";
import { parseLines, renderLine } from "./journal-line.ts";

const admittedAtMs = 1_800_000_000_000;

function makeRecord(index: number): CallRecord {
  return {
    callId: makeCallId(admittedAtMs + index),
    admittedAtMs: admittedAtMs + index,
    keyId: 1,
    userId: 1,
    group: "default",
    channelId: 7,
    dialect: "openai-chat",
    operation: "chat",
    modelAsked: 'modèle\n"x"',
    modelBilled: "m",
    modelSent: "m",
    modelReported: null,
    status: 200,
    error: null,
    outcome: "complete",
    stream: false,
    attempts: 1,
    usage: { ...noUsage, input: 10, output: 5 },
    unpriced: false,
    cost: 2n ** 53n + BigInt(index),
    priceId: null,
    revision: 3,
    firstByteMs: 1.5,
    durationMs: 2.5,
    endUser: null,
    address: "127.0.0.1",
    channelCost: 0n,
    serviceTier: null,
    shares: [],
    details: null,
  };
}

function withFolder(): { folder: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), "switchyard-journal-"));
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

function parts(
  folder: string,
  insert: CallLogParts["insert"],
  more: Partial<CallLogParts> = {},
): CallLogParts {
  return {
    folder,
    nodeId: "n1",
    insert,
    clock: systemClock,
    logger: silentLogger,
    onDropped: () => undefined,
    ...more,
  };
}

async function until(check: () => boolean): Promise<void> {
  const end = performance.now() + 5000;
  while (!check()) {
    assert.ok(performance.now() < end, "in time");
    await new Promise((wake) => setTimeout(wake, 5));
  }
}

test("a line reads back exactly; a torn or changed one is left out", () => {
  const record = makeRecord(1);
  const line = renderLine(record);
  assert.deepEqual(parseLines(line).records, [record]);
  const torn = line + renderLine(makeRecord(2)).slice(0, -9);
  assert.deepEqual([parseLines(torn).records.length, parseLines(torn).damaged], [1, 1]);
  assert.equal(parseLines(line.replace("default", "defaulT")).damaged, 1);
});

test("calls are rows of a real database within moments, each once, to the nano-dollar", async () => {
  using place = withFolder();
  const database = await openDatabase({ dsn: undefined, sqlitePath: join(place.folder, "x.db") });
  try {
    await migrate(database, { secretKey: "0123456789abcdef" });
    const log = openCallLog(parts(place.folder, (rows) => insertCalls(database.writes, rows)));
    for (let index = 0; index < 900; index += 1) log.record(makeRecord(index));
    await log.close();
    const sums = await sumCalls(database.reads, {});
    assert.equal(sums.calls, 900n);
    assert.equal(sums.cost, 900n * 2n ** 53n + BigInt((899 * 900) / 2));
    const [row] = (await listCalls(database.reads, { limit: 1 })).rows;
    assert.equal(row?.model_asked, 'modèle\n"x"');
    assert.deepEqual(
      readdirSync(place.folder).filter((name) => name.endsWith(".journal")),
      [],
    );
  } finally {
    await database.close();
  }
});

test("an outage keeps calls in the journal, and a later process settles what a dead one left", async () => {
  using place = withFolder();
  const refusing = parts(place.folder, () => Promise.reject(new Error("database is down")));
  const dying = openCallLog(refusing);
  for (let index = 0; index < 50; index += 1) dying.record(makeRecord(index));
  await until(
    () =>
      readdirSync(place.folder).length > 0 &&
      readFileSync(join(place.folder, readdirSync(place.folder)[0] as string), "utf8").split("\n")
        .length === 51,
  );
  // As after kill -9: the last line is torn, nobody closed anything.
  appendFileSync(
    join(place.folder, readdirSync(place.folder)[0] as string),
    renderLine(makeRecord(50)).slice(0, 40),
  );
  const seen = new Map<string, NewCallRow>();
  const next = openCallLog(
    parts(place.folder, (rows) => {
      for (const row of rows) seen.set(row.call_id, row);
      return Promise.resolve();
    }),
  );
  await until(() => seen.size === 50);
  next.record(makeRecord(60));
  await next.close();
  assert.equal(seen.size, 51);
  await dying.close();
});

test("what the database refuses for a while is written when it is back, in order, without loss", async () => {
  using place = withFolder();
  let down = true;
  const seen: string[] = [];
  const log = openCallLog(
    parts(place.folder, (rows) => {
      if (down) return Promise.reject(new Error("down"));
      seen.push(...rows.map((row) => row.call_id));
      return Promise.resolve();
    }),
  );
  const records = Array.from({ length: 20 }, (_, index) => makeRecord(index));
  for (const record of records.slice(0, 10)) log.record(record);
  await until(() => readdirSync(place.folder).length === 1);
  down = false;
  for (const record of records.slice(10)) log.record(record);
  await log.close();
  assert.deepEqual(
    seen,
    records.map((record) => record.callId),
  );
});

test("the cap turns calls away, counts them, and takes them again when there is room", async () => {
  using place = withFolder();
  let dropped = 0;
  let down = true;
  const log = openCallLog(
    parts(place.folder, () => (down ? Promise.reject(new Error("down")) : Promise.resolve()), {
      capBytes: renderLine(makeRecord(0)).length * 10,
      onDropped: (count) => (dropped += count),
    }),
  );
  for (let index = 0; index < 15; index += 1) log.record(makeRecord(index));
  assert.ok(dropped >= 5 && dropped <= 6, String(dropped));
  down = false;
  await until(() => readdirSync(place.folder).length === 0);
  await until(() => {
    const before = dropped;
    log.record(makeRecord(99));
    return dropped === before;
  });
  await log.close();
});
