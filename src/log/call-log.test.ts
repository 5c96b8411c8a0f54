/** Calls reach SQL once, through outages, restarts, lost answers and torn files; a disk that refuses is told of and loses nothing. */
import assert from "node:assert/strict";
import { appendFileSync, chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../core/clock.ts";
import { silentLogger } from "../core/logger.ts";
import type { Logger } from "../core/logger.ts";
import type { Database } from "../store/database.ts";
import { listCalls, sumCalls } from "../store/calls.ts";
import { migrate } from "../store/migrate.ts";
import { openDatabase } from "../store/open-database.ts";
import type { SettlementStore } from "../store/settlement.ts";
import { makeSettlementStore } from "../store/settlement.ts";
import { admittedAtMs, makeRecord, openOf } from "../../test/log/call-records.ts";
import { openCallLog } from "./call-log.ts";
import type { CallLogParts } from "./call-log.ts";
import type { CallLog } from "./call-record.ts";
import { systemJournalDisk } from "./journal-disk.ts";
import { parseLines, renderClose, renderOpen } from "./journal-line.ts";

interface Place extends AsyncDisposable {
  readonly folder: string;
  readonly database: Database;
  /** Real, but may be told to fail. */
  readonly store: SettlementStore & { fail: "no" | "before" | "after" };
  files(): string[];
  open(more?: Partial<CallLogParts>): CallLog;
}

async function openPlace(): Promise<Place> {
  const root = mkdtempSync(join(tmpdir(), "switchyard-journal-"));
  const folder = join(root, "calls");
  const database = await openDatabase({ dsn: undefined, sqlitePath: join(root, "x.db") });
  await migrate(database, { secretKey: "0123456789abcdef" });
  const real = makeSettlementStore(database.writes);
  const store: Place["store"] = {
    fail: "no",
    openCursor: (nodeId, incarnation) =>
      store.fail === "before"
        ? Promise.reject(new Error("down"))
        : real.openCursor(nodeId, incarnation),
    forgoOthers: (nodeId, present) => real.forgoOthers(nodeId, present),
    settle: async (settlement) => {
      if (store.fail === "before") throw new Error("down");
      const answer = await real.settle(settlement);
      if (store.fail === "after") throw new Error("the answer was lost");
      return answer;
    },
  };
  return {
    folder,
    database,
    store,
    files: () => (readdirSync(root).includes("calls") ? readdirSync(folder) : []),
    open: (more) =>
      openCallLog({
        folder,
        nodeId: "n1",
        store,
        clock: systemClock,
        logger: silentLogger,
        onDropped: () => undefined,
        ...more,
      }),
    [Symbol.asyncDispose]: async () => {
      await database.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 5000;
  while (!(await check())) {
    assert.ok(performance.now() < end, "in time");
    await new Promise((wake) => setTimeout(wake, 5));
  }
}

/** What the four views of the same money say. */
async function views({ database }: Place): Promise<Record<string, bigint>> {
  const { calls, cost } = await sumCalls(database.reads, {});
  const leases = await database.reads.selectFrom("budget_leases").selectAll().execute();
  const rollups = await database.reads.selectFrom("usage_rollups").selectAll().execute();
  const spent = (kind: string): bigint =>
    leases.filter((lease) => lease.kind === kind).reduce((sum, lease) => sum + lease.spent, 0n);
  return {
    calls,
    cost,
    key: spent("key"),
    user: spent("user"),
    group: spent("group"),
    rolledCalls: rollups.reduce((sum, row) => sum + row.calls, 0n),
    rolledCost: rollups.reduce((sum, row) => sum + row.cost, 0n),
  };
}

function expected(calls: number, cost: bigint): Record<string, bigint> {
  const count = BigInt(calls);
  return {
    calls: count,
    cost,
    key: cost,
    user: cost,
    group: cost,
    rolledCalls: count,
    rolledCost: cost,
  };
}

const sumOf = (records: readonly { readonly cost: bigint }[]): bigint =>
  records.reduce((sum, { cost }) => sum + cost, 0n);

test("a line reads back exactly; a torn or changed one is left out", () => {
  const record = makeRecord(1, { cost: 2n ** 61n });
  const line = Buffer.from(renderClose(record));
  assert.deepEqual(parseLines(line).entries[0]?.entry, { kind: "close", call: record });
  const open = openOf(record);
  assert.deepEqual(parseLines(Buffer.from(renderOpen(open))).entries[0]?.entry, {
    kind: "open",
    call: open,
  });
  const torn = parseLines(Buffer.concat([line, line.subarray(0, -9)]));
  assert.deepEqual([torn.entries.length, torn.bytes], [1, line.length]);
  const changed = Buffer.from(line.toString().replace("default", "defaulT"));
  assert.deepEqual(parseLines(Buffer.concat([changed, line])).damaged, 1);
  assert.equal(parseLines(Buffer.concat([changed, line])).entries.length, 1);
});

test("calls are rows, spending and roll-ups of a real database, each once, to the nano-dollar", async () => {
  await using place = await openPlace();
  const log = place.open();
  const records = Array.from({ length: 900 }, (_, index) =>
    makeRecord(index, { cost: 2n ** 52n + BigInt(index) }),
  );
  for (const record of records) log.open(openOf(record));
  await Promise.all(records.map((record) => log.record(record)));
  await log.close();
  assert.deepEqual(await views(place), expected(900, sumOf(records)));
  const [row] = (await listCalls(place.database.reads, { limit: 1 })).rows;
  assert.equal(row?.model_asked, 'modèle\n"x"');
  assert.deepEqual(place.files(), []);
});

test("who waits is answered when the file holds the call", async () => {
  await using place = await openPlace();
  place.store.fail = "before";
  for (const forceEach of [false, true]) {
    const log = place.open({ forceEach });
    const record = makeRecord(forceEach ? 1 : 0);
    await log.record(record);
    const text = place
      .files()
      .map((name) => readFileSync(join(place.folder, name), "utf8"))
      .join("");
    assert.ok(text.includes(record.callId));
    await log.close();
  }
});

test("what a dead process left is settled once, its torn line left out, its running call told as interrupted", async () => {
  await using place = await openPlace();
  place.store.fail = "before";
  const dying = place.open();
  const records = Array.from({ length: 50 }, (_, index) => makeRecord(index));
  await Promise.all(records.map((record) => dying.record(record)));
  const running = makeRecord(77);
  dying.open(openOf(running));
  const path = join(place.folder, place.files()[0] as string);
  await until(() => readFileSync(path, "utf8").includes(running.callId));
  // As after kill -9: nobody closed anything, and the last line is torn.
  appendFileSync(path, renderClose(makeRecord(51)).slice(0, 40));
  place.store.fail = "no";
  const next = place.open();
  const later = makeRecord(60);
  await next.record(later);
  await until(async () => (await sumCalls(place.database.reads, {})).calls === 52n);
  await next.close();
  assert.deepEqual(
    { ...(await views(place)), calls: 51n, rolledCalls: 51n },
    expected(51, sumOf([...records, later])),
  );
  const rows = await place.database.reads.selectFrom("calls").selectAll().execute();
  assert.deepEqual(
    rows.filter((row) => row.outcome === "interrupted").map((row) => [row.call_id, row.cost]),
    [[running.callId, 0n]],
  );
  assert.equal(rows.filter((row) => row.recovered === 1).length, 51);
  assert.deepEqual(place.files(), []);
});

test("an answer that was lost on its way settles nothing twice", async () => {
  await using place = await openPlace();
  place.store.fail = "after";
  const log = place.open();
  const records = Array.from({ length: 300 }, (_, index) => makeRecord(index));
  for (const record of records.slice(0, 200)) void log.record(record);
  await until(async () => (await sumCalls(place.database.reads, {})).calls === 200n);
  for (const record of records.slice(200)) void log.record(record);
  await until(async () => (await sumCalls(place.database.reads, {})).calls === 300n);
  place.store.fail = "no";
  await log.close();
  assert.deepEqual(await views(place), expected(300, sumOf(records)));
});

test("more calls than memory holds are read back from the disk, through many segments, each once", async () => {
  await using place = await openPlace();
  place.store.fail = "before";
  const log = place.open({ heldCalls: 20, segmentBytes: 5000 });
  const records = Array.from({ length: 400 }, (_, index) => makeRecord(index));
  const long = makeRecord(1000);
  log.open(openOf(long));
  for (const record of records.slice(0, 300)) await log.record(record);
  assert.ok(place.files().length > 20, "many segments");
  place.store.fail = "no";
  for (const record of records.slice(300)) await log.record(record);
  await until(() => place.files().length <= 2);
  const kept = place
    .files()
    .map((name) => readFileSync(join(place.folder, name), "utf8"))
    .join("");
  assert.ok(kept.includes(long.callId), "a call that runs is told in the segment that is left");
  await log.record(long);
  await log.close();
  assert.deepEqual(await views(place), expected(401, sumOf([...records, long])));
});

test("a copy of a journal is settled once, whoever comes first", async () => {
  await using place = await openPlace();
  place.store.fail = "before";
  const dying = place.open();
  const records = Array.from({ length: 700 }, (_, index) => makeRecord(index));
  await Promise.all(records.map((record) => dying.record(record)));
  place.store.fail = "no";
  // Two processes that believe the folder theirs, as after a disk was copied.
  const slow = makeSettlementStore(place.database.writes);
  const twins = [place.open(), place.open({ store: slow })];
  await until(async () => (await sumCalls(place.database.reads, {})).calls === 700n);
  await Promise.all(twins.map((log) => log.close()));
  assert.deepEqual(await views(place), expected(700, sumOf(records)));
});

test("lines that stand twice are charged once", async () => {
  await using place = await openPlace();
  place.store.fail = "before";
  const dying = place.open();
  const records = Array.from({ length: 5 }, (_, index) => makeRecord(index));
  await Promise.all(records.map((record) => dying.record(record)));
  const path = join(place.folder, place.files()[0] as string);
  appendFileSync(path, readFileSync(path));
  place.store.fail = "no";
  const next = place.open();
  const again = records[2] as (typeof records)[0];
  await until(async () => (await sumCalls(place.database.reads, {})).calls === 5n);
  await next.record(again);
  await next.close();
  assert.deepEqual(await views(place), expected(5, sumOf(records)));
});

test("a journal that is full turns calls away, counts them, and says so before", async () => {
  await using place = await openPlace();
  place.store.fail = "before";
  let dropped = 0;
  const bytes = renderClose(makeRecord(0)).length;
  const log = place.open({ capBytes: bytes * 40, onDropped: (count) => (dropped += count) });
  let told = -1;
  for (let index = 0; index < 50; index += 1) {
    if (!log.writable && told < 0) told = index;
    await log.record(makeRecord(index));
  }
  assert.ok(told > 35 && told < 40, `told at ${told}`);
  assert.ok(dropped >= 10 && dropped <= 12, `${dropped} dropped`);
  place.store.fail = "no";
  await until(() => log.writable);
  await log.record(makeRecord(99));
  await log.close();
  assert.equal((await views(place))["calls"], BigInt(51 - dropped));
});

test("while the folder cannot be written calls are settled from memory, and the node says that it is not writable", async (context) => {
  if (process.getuid?.() === 0) {
    // Root writes anywhere: the disk is made to refuse.
    await using place = await openPlace();
    let refuses = true;
    const said: string[] = [];
    const logger: Logger = { ...silentLogger, error: (_fields, text) => void said.push(text) };
    const disk = {
      ...systemJournalDisk,
      create: (path: string) =>
        refuses ? Promise.reject(new Error("EACCES")) : systemJournalDisk.create(path),
    };
    await refusingDisk(place, { disk, logger }, () => (refuses = false));
    assert.deepEqual(said, ["the call journal cannot be written"]);
    return;
  }
  await using place = await openPlace();
  const parent = join(place.folder, "..");
  chmodSync(parent, 0o500);
  await refusingDisk(place, {}, () => chmodSync(parent, 0o700));
  context.diagnostic("by the folder's mode");
});

test("a file that the disk would not keep is written to no more, and the node is not writable until one is kept", async () => {
  await using place = await openPlace();
  const broken = new Set<string>();
  let breaks = false;
  const disk = {
    ...systemJournalDisk,
    create: async (path: string) => {
      const file = await systemJournalDisk.create(path);
      if (breaks) broken.add(path);
      return {
        ...file,
        append: async (text: string) => {
          assert.ok(!broken.has(path) || breaks, "nothing goes behind what was not kept");
          await file.append(text);
        },
        sync: async () => {
          if (breaks) broken.add(path);
          if (broken.has(path)) throw new Error("EIO");
          await file.sync();
        },
      };
    },
  };
  place.store.fail = "before";
  const log = place.open({ disk });
  await log.record(makeRecord(0));
  assert.equal(log.writable, true);
  breaks = true;
  await log.record(makeRecord(1));
  await until(() => !log.writable);
  await log.record(makeRecord(2));
  assert.equal(log.writable, false);
  breaks = false;
  await until(() => log.writable);
  await log.record(makeRecord(3));
  // As if the process were killed now: a later one finds each of them.
  const later = place.open();
  place.store.fail = "no";
  await until(async () => (await sumCalls(place.database.reads, {})).calls === 4n);
  await later.close();
  await log.close();
  assert.equal((await sumCalls(place.database.reads, {})).calls, 4n);
});

async function refusingDisk(
  place: Place,
  more: Partial<CallLogParts>,
  mend: () => unknown,
): Promise<void> {
  const log = place.open(more);
  const records = Array.from({ length: 30 }, (_, index) => makeRecord(index));
  assert.equal(log.writable, true);
  for (const record of records.slice(0, 10)) await log.record(record);
  assert.equal(log.writable, false);
  await until(async () => (await sumCalls(place.database.reads, {})).calls === 10n);
  place.store.fail = "before";
  for (const record of records.slice(10, 20)) await log.record(record);
  mend();
  await until(() => log.writable);
  const text = place
    .files()
    .map((name) => readFileSync(join(place.folder, name), "utf8"))
    .join("");
  for (const record of records.slice(10, 20)) assert.ok(text.includes(record.callId));
  place.store.fail = "no";
  for (const record of records.slice(20)) await log.record(record);
  await log.close();
  assert.deepEqual(await views(place), expected(30, sumOf(records)));
}

test("the buckets and days of a call are those of its admission", async () => {
  await using place = await openPlace();
  const log = place.open();
  const quarter = 900_000;
  const start = Math.floor(admittedAtMs / quarter) * quarter;
  for (const at of [start - 1, start, start + quarter - 1, start + quarter])
    await log.record(makeRecord(0, { admittedAtMs: at }));
  await log.close();
  const rows = await place.database.reads
    .selectFrom("usage_rollups")
    .select(["bucket", "calls"])
    .orderBy("bucket")
    .execute();
  assert.deepEqual(
    rows.map(({ bucket, calls }) => [Number(bucket) - start, Number(calls)]),
    [
      [-quarter, 1],
      [0, 2],
      [quarter, 1],
    ],
  );
});
