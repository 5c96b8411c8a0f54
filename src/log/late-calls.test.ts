/** Calls that are settled while their day is closed, or its rows go, and after: entries always say what rows say or said. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import type { Database } from "../store/database.ts";
import { oldestDay, readClosedDay } from "../store/ledger-days.ts";
import { SQL_ENGINES, skipReason } from "../../test/engines/engines.ts";
import type { RecordOptions } from "../../test/log/call-records.ts";
import type { Place } from "../../test/log/ledger-place.ts";
import { callsOf, dayMs, makePlace } from "../../test/log/ledger-place.ts";
import { openFresh, until } from "../../test/store/open-fresh.ts";

/** Of every account that a call may count against, and of some that it may not. */
async function oddCalls({ reads }: Database, day: number): Promise<RecordOptions[]> {
  const group = await reads.selectFrom("groups").select(["id", "symbol"]).executeTakeFirstOrThrow();
  const all = ["key", "user", "balance", "channel"] as const;
  const ids = { key: 1, user: 2, balance: 2, channel: 7 } as const;
  const admittedAtMs = day * dayMs + 1_000_000;
  return [
    {
      admittedAtMs,
      group: group.symbol,
      cost: 2n ** 60n,
      channelCost: 9n,
      shares: [
        ...all.map((kind) => ({
          kind,
          id: ids[kind],
          period: "total",
          amount: kind === "channel" ? 9n : 2n ** 60n,
        })),
        { kind: "group", id: Number(group.id), period: "total", amount: 2n ** 60n },
      ],
    },
    { admittedAtMs, keyId: 99, cost: 0n, channelCost: 3n, shares: [] },
    { admittedAtMs, cost: 5n, channelCost: 0n, channelId: null, shares: [] },
    { admittedAtMs, cost: 0n, channelCost: 0n, channelId: null, shares: [] },
  ];
}

/** Ends a job when it has looked at the signal so many times. */
function endingSignal(looks: number): AbortSignal {
  let left = looks;
  return Object.defineProperty(new AbortController().signal, "aborted", {
    get: () => (left -= 1) < 0,
  });
}

/** How many sessions of this database wait for a lock that another holds. */
async function waiting({ engine, reads }: Database): Promise<number> {
  // MariaDB makes its list anew only when nobody has read it for a tenth of a second.
  if (engine === "mysql") await new Promise((resolve) => setTimeout(resolve, 150));
  const asked =
    engine === "postgres"
      ? sql<{ count: bigint }>`select count(*) as count from pg_stat_activity
          where wait_event_type = 'Lock' and datname = current_database()`
      : sql<{ count: bigint }>`select count(*) as count from information_schema.innodb_trx
          join information_schema.processlist on id = trx_mysql_thread_id
          where trx_state = 'LOCK WAIT' and db = database()`;
  return Number((await asked.execute(reads)).rows[0]?.count);
}

/**
 * Settles a call that stops before its last statement until `meanwhile` has made somebody else wait for it, or has
 * ended. The node has settled one like it before.
 */
async function settleSlowly(
  { database, settle }: Place,
  call: RecordOptions,
  meanwhile: () => Promise<void>,
): Promise<void> {
  let settling: Promise<void> | undefined;
  let doing: Promise<void> | undefined;
  await database.writes.transaction().execute(async (trx) => {
    await trx
      .selectFrom("usage_rollups")
      .select("calls")
      .where("node_id", "=", "slow")
      .forUpdate()
      .execute();
    settling = settle("slow", [call]);
    await until(async () => (await waiting(database)) === 1);
    let ended = false;
    doing = meanwhile().finally(() => (ended = true));
    await until(async () => ended || (await waiting(database)) === 2, 2500);
  });
  await settling;
  await doing;
}

for (const engine of SQL_ENGINES) {
  const skip = skipReason(engine);

  test(`calls of a closed day bring their entries along: ${engine}`, { skip }, async () => {
    await using fresh = await openFresh(engine);
    const { database } = fresh;
    const place = await makePlace(database);
    const { today } = place;
    const [old, older] = [today - 20, today - 60];
    for (const day of [older, old])
      await place.settle("n1", callsOf(day, 60), { settledUntilMs: today * dayMs });
    await place.job("close days");
    const days = [older, old];
    assert.deepEqual(await place.verify(days), []);
    const late = [...(await oddCalls(database, old)), ...(await oddCalls(database, older))];
    await place.settle("n2", late, { settledUntilMs: today * dayMs });
    assert.deepEqual(await place.verify(days), []);
    await place.settle("n2", await oddCalls(database, old), { settledUntilMs: today * dayMs });
    assert.deepEqual(await place.verify(days), []);
    const { rounds } = await readClosedDay(database.reads, old);
    await place.job("close days");
    assert.equal((await readClosedDay(database.reads, old)).rounds, rounds, "nothing was left");
    place.settings.callRetentionDays = 10;
    await place.job("drop old calls");
    assert.equal(await oldestDay(database.reads), undefined);
    assert.deepEqual(await place.verify(days), []);
  });

  test(`calls that come while rows go are closed, and go too: ${engine}`, { skip }, async () => {
    await using fresh = await openFresh(engine);
    const { database } = fresh;
    const place = await makePlace(database);
    const { today } = place;
    const day = today - 20;
    for (let part = 0; part < 6; part += 1) await place.settle("n1", callsOf(day, 120));
    await place.settle("n1", [], { settledUntilMs: today * dayMs });
    await place.job("close days");
    place.settings.callRetentionDays = 10;
    const left = async (): Promise<number> =>
      (await database.reads.selectFrom("calls").select("call_id").execute()).length;
    // Two looks between details, one before the day; the next is after the first rows went.
    await place.job("drop old calls", endingSignal(3));
    assert.equal((await readClosedDay(database.reads, day)).state, "dropping");
    assert.equal(await left(), 220);
    // Before all that is left, and among it.
    const [first] = await oddCalls(database, day);
    await place.settle("n2", [{ ...first, admittedAtMs: day * dayMs }]);
    await place.settle("n2", await oddCalls(database, day));
    await place.settle("n2", [{ ...first, admittedAtMs: day * dayMs + dayMs - 1 }]);
    assert.equal(await left(), 226);
    assert.deepEqual(await place.verify([day]), []);
    await place.job("close days");
    assert.equal((await readClosedDay(database.reads, day)).state, "dropping");
    await place.job("drop old calls");
    assert.equal((await readClosedDay(database.reads, day)).state, "dropped");
    assert.equal(await left(), 0);
    assert.deepEqual(await place.verify([day]), []);
    await place.settle("n2", await oddCalls(database, day));
    assert.deepEqual(await place.verify([day]), []);
    await place.job("drop old calls");
    assert.equal(await left(), 0);
    assert.deepEqual(await place.verify([day]), []);
  });

  test(
    `calls of days before the first that was closed are closed and go: ${engine}`,
    { skip },
    async () => {
      await using fresh = await openFresh(engine);
      const { database } = fresh;
      const place = await makePlace(database);
      const { today } = place;
      await place.settle("n1", callsOf(today - 20, 6), { settledUntilMs: today * dayMs });
      await place.job("close days");
      const days = [today - 60, today - 22];
      for (const day of days)
        await place.settle("n2", callsOf(day, 6), { settledUntilMs: today * dayMs });
      await place.job("close days");
      assert.equal((await readClosedDay(database.reads, today - 22)).state, "closed");
      assert.equal(
        (await readClosedDay(database.reads, today - 21)).state,
        "open",
        "it has no calls",
      );
      assert.deepEqual(await place.verify(days), []);
      place.settings.callRetentionDays = 10;
      await place.job("drop old calls");
      assert.equal(await oldestDay(database.reads), undefined);
      assert.deepEqual(await place.verify(days), []);
    },
  );

  // SQLite has one writer at a time: there nothing is settled during a step of a job.
  if (engine === "sqlite") continue;

  test(
    `a call that is being settled when the last rows go keeps its day from being done: ${engine}`,
    { skip },
    async () => {
      await using fresh = await openFresh(engine);
      const { database } = fresh;
      const place = await makePlace(database);
      const { today } = place;
      const day = today - 20;
      const [call = {}] = await oddCalls(database, day);
      await place.settle("n1", callsOf(day, 60), { settledUntilMs: today * dayMs });
      await place.settle("slow", [call], { settledUntilMs: today * dayMs });
      await place.job("close days");
      place.settings.callRetentionDays = 10;
      await settleSlowly(place, call, () => place.job("drop old calls"));
      // MariaDB's deletion of all rows waited for that one, and took it along.
      const state = engine === "mysql" ? "dropped" : "dropping";
      assert.equal((await readClosedDay(database.reads, day)).state, state);
      assert.deepEqual(await place.verify([day]), []);
      await place.job("drop old calls");
      assert.equal(await oldestDay(database.reads), undefined);
      assert.deepEqual(await place.verify([day]), []);
      await place.job("close days");
      assert.deepEqual(await place.verify([day]), []);
    },
  );

  test(
    `a call that is being settled when its day is closed is found before rows go: ${engine}`,
    { skip },
    async () => {
      await using fresh = await openFresh(engine);
      const { database } = fresh;
      const place = await makePlace(database);
      const { today } = place;
      const day = today - 20;
      const [call = {}] = await oddCalls(database, day);
      await place.settle("n1", callsOf(day, 60), { settledUntilMs: today * dayMs });
      // Of both nothing is waited for any longer.
      await place.settle("slow", [call], { settledUntilMs: today * dayMs });
      place.settings.callRetentionDays = 10;
      // Free of charge, but not of cost.
      const free = { ...call, cost: 0n, channelCost: 11n, shares: [] };
      await settleSlowly(place, free, async () => {
        await place.job("close days");
        await place.job("drop old calls");
      });
      assert.equal((await readClosedDay(database.reads, day)).rounds, 2, "it was seen after that");
      assert.equal(await oldestDay(database.reads), undefined);
      assert.deepEqual(await place.verify([day]), []);
    },
  );
}
