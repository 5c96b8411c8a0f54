/** Calls go on to a real ClickHouse and leave SQL only then: each once, to the nano-dollar, whatever breaks off. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { callColumns } from "../store/calls.ts";
import { atOneInstant } from "../store/ledger-checks.ts";
import { readClosedDay } from "../store/ledger-days.ts";
import { LeaseLost } from "../store/leases.ts";
import type { LogStore } from "../store/log-store.ts";
import { openLogStore } from "../store/log-store.ts";
import { findSentDay } from "../store/sent-days.ts";
import { SQL_ENGINES, skipReason } from "../../test/engines/engines.ts";
import type { SqlEngine } from "../../test/engines/engines.ts";
import type { ClickhouseInstance } from "../../test/engines/start-clickhouse.ts";
import { startClickhouse } from "../../test/engines/start-clickhouse.ts";
import { verifyAll } from "../../test/log/ledger-place.ts";
import { callsOf, dayMs, openPlace, shown } from "../../test/log/log-store-place.ts";
import type { Place } from "../../test/log/log-store-place.ts";
import { until } from "../../test/store/open-fresh.ts";

describe("calls in the log store", { skip: skipReason("clickhouse") }, () => {
  let clickhouse: ClickhouseInstance;
  let places = 0;
  before(async () => {
    clickhouse = await startClickhouse();
  });
  after(() => clickhouse.close());
  const open = (engine: SqlEngine): Promise<Place> => {
    places += 1;
    return openPlace(engine, clickhouse, `place_${places}`);
  };

  for (const engine of SQL_ENGINES) {
    const skip = skipReason(engine);

    test(
      `are sent while they come, and a day is sealed when it is over: ${engine}`,
      { skip },
      async () => {
        await using place = await open(engine);
        const { today, nowMs } = place;
        await place.settle(callsOf(today - 3, 1300));
        await place.settle(callsOf(today - 2, 700));
        const running = [nowMs - 7_200_000, nowMs - 60_000, nowMs - 10_000];
        const admitted = running.map((admittedAtMs) => ({ admittedAtMs, shares: [] }));
        await place.settle(admitted, { settledUntilMs: nowMs - 30_000 });
        await place.job("send calls on");
        assert.equal(place.sent(), 2002, "what nodes may still settle waits");
        assert.equal(await place.there(today - 3), shown(await place.rows(today - 3)));
        await place.job("seal sent days");
        assert.equal(await place.isSealed(today - 3), false, "the day is open");
        await place.job("close days");
        await place.job("seal sent days");
        for (const day of [today - 3, today - 2]) {
          assert.equal(await place.isSealed(day), true);
          assert.equal(await place.there(day), shown(await place.rows(day)));
        }
        await place.settle([], { settledUntilMs: nowMs });
        await place.job("send calls on");
        assert.equal(place.sent(), 2003, "and each went once");
        assert.equal(await place.query("select count() from switchyard_calls"), "2003");
      },
    );

    test(
      `that were sent, and not remembered, are there once all the same: ${engine}`,
      { skip },
      async () => {
        await using place = await open(engine);
        const { today, logStore } = place;
        await place.settle(callsOf(today - 2, 300));
        const breaking: LogStore = {
          ...logStore,
          insert: async (rows, signal) => {
            await logStore.insert(rows, signal);
            throw new Error("killed");
          },
        };
        await assert.rejects(place.job("send calls on", breaking), /killed/);
        assert.equal((await findSentDay(place.database.reads, today - 2)).sent_to, "");
        await place.job("send calls on");
        assert.equal(await place.query("select count() from switchyard_calls"), "600");
        assert.equal(await place.there(today - 2), shown(await place.rows(today - 2)));
        await place.query("optimize table switchyard_calls final");
        assert.equal(await place.query("select count() from switchyard_calls"), "300");
        // A former leader may send, but remembers nothing.
        await place.settle(callsOf(today - 1, 10));
        await place.resign();
        await assert.rejects(place.job("send calls on"), LeaseLost);
        assert.equal((await findSentDay(place.database.reads, today - 1)).sent_to, "");
      },
    );

    test(
      `that come late are sent too, also those that cost nothing: ${engine}`,
      { skip },
      async () => {
        await using place = await open(engine);
        const day = place.today - 2;
        await place.settle(callsOf(day, 2500));
        await place.job("send calls on");
        await place.job("close days");
        await place.job("seal sent days");
        assert.equal(await place.isSealed(day), true);
        await place.settle([
          { admittedAtMs: day * dayMs + 1000, cost: 0n, channelCost: 0n, shares: [] },
        ]);
        await place.settle([
          { admittedAtMs: day * dayMs + dayMs - 1, cost: 5n, channelCost: 0n, shares: [] },
        ]);
        await place.job("close days");
        await place.job("seal sent days");
        assert.equal(await place.isSealed(day), false);
        await place.job("send calls on");
        await place.job("seal sent days");
        assert.equal(await place.isSealed(day), true);
        const rows = await place.rows(day);
        assert.equal(rows.calls, 2502n);
        assert.equal(await place.there(day), shown(rows));
        assert.equal(place.sent(), 2501, "the day was not sent whole again");
        const [again] = place.said.filter(({ message }) => message.endsWith("sent on again"));
        const calls = again?.calls ?? 0;
        assert.ok(calls > 0 && calls < 40, "but the stretch of the call that came late");
      },
    );

    test(`leave SQL only when the log store shows each of them: ${engine}`, { skip }, async () => {
      await using place = await open(engine);
      const { today, database } = place;
      const day = today - 20;
      await place.settle(callsOf(day, 2300));
      await place.settle(callsOf(today - 2, 40));
      await place.job("close days");
      place.setRetention(10);
      await place.job("drop old calls");
      const all = await place.rows(day);
      assert.equal(all.calls, 2300n, "not sent");
      await place.job("send calls on");
      await place.job("drop old calls");
      assert.equal((await place.rows(day)).calls, 2300n, "sent, but not sealed");
      await place.job("seal sent days");
      assert.equal(await place.isSealed(day), true);
      // What was there is lost.
      await place.query("truncate table switchyard_calls");
      await place.job("drop old calls");
      assert.equal((await place.rows(day)).calls, 2300n, "sealed, but not there any more");
      assert.equal(await place.isSealed(day), false);
      await place.job("seal sent days");
      assert.equal(await place.isSealed(day), true);
      await place.job("drop old calls");
      assert.equal((await place.rows(day)).calls, 0n);
      assert.equal((await place.rows(today - 2)).calls, 40n, "young days keep theirs");
      assert.equal(await place.there(day), shown(all));
      // Also what comes after that.
      await place.settle([
        { admittedAtMs: day * dayMs + 1000, cost: 7n, channelCost: 1n, shares: [] },
      ]);
      await place.job("close days");
      await place.job("drop old calls");
      assert.equal((await place.rows(day)).calls, 1n);
      await place.job("seal sent days");
      await place.job("drop old calls");
      assert.equal((await place.rows(day)).calls, 0n);
      const more = { calls: 2301n, cost: all.cost + 7n, channelCost: all.channelCost + 1n };
      assert.equal(await place.there(day), shown(more));
      const left = await database.reads.selectFrom("calls").select("day").distinct().execute();
      assert.deepEqual(left, [{ day: today - 2 }]);
    });
  }

  for (const engine of SQL_ENGINES)
    test(
      `that come while their day leaves SQL are closed, and go on too: ${engine}`,
      { skip: skipReason(engine) },
      async () => {
        await using place = await open(engine);
        const { today, database, logStore } = place;
        const day = today - 20;
        await place.settle(callsOf(day, 2300));
        await place.job("close days");
        await place.job("send calls on");
        await place.job("seal sent days");
        place.setRetention(10);
        const verify = (): Promise<unknown> =>
          atOneInstant(database.reads, (trx) => verifyAll(trx, [day]));
        const states: string[] = [];
        const coming: LogStore = {
          ...logStore,
          holds: async (...asked) => {
            states.push((await readClosedDay(database.reads, day)).state);
            for (const atMs of [day * dayMs, day * dayMs + dayMs - 1])
              await place.settle([{ admittedAtMs: atMs, cost: 7n, channelCost: 1n, shares: [] }]);
            assert.deepEqual(await verify(), []);
            return await logStore.holds(...asked);
          },
        };
        for (let turn = 0; turn < 2; turn += 1) {
          await place.job("drop old calls", coming);
          await place.job("send calls on");
          await place.job("seal sent days");
        }
        assert.deepEqual(states, ["closed", "dropping", "dropping", "dropping"]);
        const all = await place.rows(day);
        assert.equal(all.calls, 2308n, "none went before the log store showed it");
        await place.job("drop old calls");
        assert.equal((await place.rows(day)).calls, 0n);
        assert.equal(await place.there(day), shown(all));
        assert.deepEqual(await verify(), []);
      },
    );

  test("stay in SQL while the log store is down, which is told once, and go when it is back", async () => {
    await using place = await open("sqlite");
    const day = place.today - 20;
    await place.settle(callsOf(day, 100));
    await place.job("close days");
    await place.job("send calls on");
    await place.job("seal sent days");
    place.setRetention(10);
    await place.settle(callsOf(place.today - 2, 50));
    await clickhouse.stop("crash");
    try {
      for (let turn = 0; turn < 3; turn += 1) {
        await place.job("send calls on");
        await place.job("seal sent days");
      }
      await place.job("drop old calls");
      assert.equal((await place.rows(day)).calls, 100n);
    } finally {
      await clickhouse.restart();
    }
    const reasons = place.said.filter(({ level }) => level === "warn").map(({ reason }) => reason);
    assert.equal(reasons.length, 3);
    for (const reason of reasons)
      assert.match(reason, /^the log store at 127\.0\.0\.1:\d+ cannot be reached: .*ECONNREFUSED/);
    await place.job("seal sent days");
    await place.job("send calls on");
    const again = place.said.filter(({ message }) => message.endsWith("log store again"));
    assert.equal(again.length, 2, "and each once that it is back");
    await place.job("drop old calls");
    assert.equal((await place.rows(day)).calls, 0n);
    assert.match(await place.there(day), /^100 /);
    assert.match(await place.there(place.today - 2), /^50 /);
  });

  test("say plainly that a password is wrong, that a database is not there, and show no secret", async () => {
    await using place = await open("sqlite");
    await place.settle(callsOf(place.today - 2, 1));
    const wrong = openLogStore({ ...place.settings, password: "not-the-password" });
    const nowhere = openLogStore({ ...place.settings, database: "nowhere" });
    await place.job("send calls on", wrong);
    await place.job("send calls on", nowhere);
    await assert.rejects(wrong.version(), /refuses the user or the password of LOG_STORE_URL/);
    await Promise.all([wrong.close(), nowhere.close()]);
    const [refused, missing] = place.said.map(({ reason }) => reason);
    assert.match(refused ?? "", /refuses the user or the password of LOG_STORE_URL \(Code: \d+\)$/);
    assert.match(missing ?? "", /HTTP \d+: .*Database nowhere/);
    const told = JSON.stringify(place.said);
    assert.ok(!told.includes("not-the-password") && !told.includes(place.settings.password));
    assert.equal((await findSentDay(place.database.reads, place.today - 2)).sent_to, "");
  });

  test("keep a day unsealed that has more there than in SQL", async () => {
    await using place = await open("sqlite");
    const day = place.today - 2;
    await place.settle(callsOf(day, 3));
    await place.job("send calls on");
    await place.job("close days");
    await place.query(
      `insert into switchyard_calls (day, call_id, cost) values (toDate(${day}), 'stranger', 1)`,
    );
    await place.job("seal sent days");
    assert.equal(await place.isSealed(day), false);
    const [error] = place.said.filter(({ level }) => level === "error");
    assert.match(error?.message ?? "", /holds calls of it that the database does not/);
  });

  test("are there in every column as they are in SQL, also in a table of an earlier release", async () => {
    await using place = await open("sqlite");
    const day = place.today - 2;
    await place.query(
      `create table switchyard_calls (day Date, call_id String, cost Int64, sent_at UInt64)
       engine = ReplacingMergeTree(sent_at) partition by toYYYYMM(day) order by (day, call_id)`,
    );
    const text = '\u0007 it\'s \\ "日本" 😀\tend';
    await place.settle([
      {
        admittedAtMs: day * dayMs + 1,
        cost: 2n ** 62n,
        channelCost: -(2n ** 62n),
        modelAsked: text,
        endUser: text,
        channelId: null,
        error: "upstream_error",
        priceId: null,
        firstByteMs: null,
        stream: true,
        shares: [],
      },
    ]);
    await place.job("send calls on");
    const [row] = await place.database.reads.selectFrom("calls").selectAll().execute();
    // Whole numbers of 64 bits as text, whatever the release makes of them in JSON.
    const shownColumn = (name: (typeof callColumns)[number]): string =>
      typeof row?.[name] === "bigint" ? `toString(${name}) as ${name}` : `\`${name}\``;
    const names = callColumns.map(shownColumn).join(", ");
    const found = JSON.parse(
      await place.query(`select ${names} from switchyard_calls final format JSONEachRow`),
    ) as Record<string, unknown>;
    for (const name of callColumns) {
      const value = name === "day" ? new Date(day * dayMs).toISOString().slice(0, 10) : row?.[name];
      const shownValue = typeof value === "bigint" ? String(value) : value;
      assert.deepEqual(found[name], shownValue, name);
    }
    assert.equal(row?.cost, 2n ** 62n);
  });

  test(
    "of a sender that was killed are each there once",
    { skip: skipReason("postgres") },
    async () => {
      await using place = await open("postgres");
      const day = place.today - 2;
      for (let part = 0; part < 8; part += 1) await place.settle(callsOf(day, 3000));
      await place.resign();
      const script = fileURLToPath(new URL("../../test/log/send-until-killed.ts", import.meta.url));
      const given = JSON.stringify({ dsn: place.dsn, settings: place.settings });
      const child = spawn(process.execPath, [script, given], {
        stdio: ["ignore", "ignore", "inherit"],
      });
      const count = async (): Promise<number> =>
        Number(await place.query("select count() from switchyard_calls").catch(() => "0"));
      await until(async () => (await count()) > 10_000, 30_000);
      child.kill("SIGKILL");
      await new Promise((resolve) => child.once("exit", resolve));
      assert.ok((await count()) < 24_000, "it was killed half-way");
      await place.database.writes.updateTable("leases").set({ expires_at: 0n }).execute();
      await place.lead();
      await place.job("send calls on");
      await place.job("close days");
      await place.job("seal sent days");
      assert.equal(await place.isSealed(day), true);
      assert.ok((await count()) > 24_000, "the batch that was not remembered was sent again");
      const rows = await place.rows(day);
      assert.equal(rows.calls, 24_000n);
      assert.equal(await place.there(day), shown(rows));
    },
  );
});
