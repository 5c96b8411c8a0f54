/** The ledger over its days, on every engine: folded exactly, closed once all is settled, checked, dropped, and each planted fault found. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { addAccountEntry } from "../store/account-entries.ts";
import { postToBalance } from "../store/balances.ts";
import { nextOpenDay, oldestDay, readClosedDay } from "../store/ledger-days.ts";
import { LeaseLost, takeLease } from "../store/leases.ts";
import { sumUsage } from "../store/rollups.ts";
import { sealedPosition } from "../store/settlement.ts";
import { SQL_ENGINES, skipReason } from "../../test/engines/engines.ts";
import type { Place } from "../../test/log/ledger-place.ts";
import { callsOf, dayMs, makePlace } from "../../test/log/ledger-place.ts";
import { openFresh } from "../../test/store/open-fresh.ts";

async function sums({ database }: Place): Promise<unknown> {
  const [row] = await sumUsage(database.reads, {
    filters: { fromMs: 0, toMs: 10 ** 14 },
    by: [],
    everyMs: undefined,
    limit: 10,
  });
  return row;
}

for (const engine of SQL_ENGINES) {
  const skip = skipReason(engine);

  test(
    `roll-ups of nodes are folded exactly, while they are settled into: ${engine}`,
    { skip },
    async () => {
      await using fresh = await openFresh(engine);
      const place = await makePlace(fresh.database);
      const { today, lease } = place;
      for (const node of ["n1", "n2"]) await place.settle(node, callsOf(today - 2, 100));
      const before = await sums(place);
      const settling = (async () => {
        for (let round = 0; round < 10; round += 1)
          for (const node of ["n1", "n2"]) await place.settle(node, callsOf(today - 2, 20));
      })();
      for (let round = 0; round < 10; round += 1) await place.job("fold usage");
      await settling;
      await place.job("fold usage");
      const rows = await fresh.database.reads.selectFrom("usage_rollups").selectAll().execute();
      assert.ok(rows.every((row) => row.node_id === "" && row.span === 15));
      assert.equal(
        rows.reduce((sum, row) => sum + row.calls, 0n),
        600n,
      );
      assert.deepEqual(await place.verify([today - 2]), []);
      assert.notDeepEqual(await sums(place), before);
      const late = takeLease(fresh.database.writes, "leader", "n1/1", 600_000);
      assert.ok((await late) !== undefined);
      await place.settle("n3", callsOf(today - 2, 5));
      await assert.rejects(place.job("fold usage"), LeaseLost, "a former leader folds nothing");
      assert.equal(lease.fence < ((await late)?.fence ?? 0), true);
      assert.deepEqual(await place.verify([today - 2]), []);
    },
  );

  test(
    `old quarter-hours become days of the reporting zone, exactly: ${engine}`,
    { skip },
    async () => {
      await using fresh = await openFresh(engine);
      const place = await makePlace(fresh.database);
      const { today } = place;
      place.settings.reportingTimeZone = "Asia/Kathmandu";
      // Kathmandu is 5:45 ahead: its day begins at 18:15 UTC.
      const start = (today - 50) * dayMs + 18.25 * 3_600_000;
      for (const at of [start - 1, start, start + dayMs - 1, start + dayMs])
        await place.settle("n1", [{ admittedAtMs: at }]);
      await place.settle("n1", [{ admittedAtMs: (today - 5) * dayMs }]);
      await place.job("fold usage");
      const rows = await fresh.database.reads
        .selectFrom("usage_rollups")
        .select(["span", "bucket", "calls", "cost"])
        .orderBy("bucket")
        .execute();
      assert.deepEqual(
        rows.map((row) => [row.span, (Number(row.bucket) - start) / dayMs, row.calls]),
        [
          [1440, -1, 1n],
          [1440, 0, 2n],
          [1440, 1, 1n],
          [15, ((today - 5) * dayMs - start) / dayMs, 1n],
        ],
      );
      assert.equal(
        rows.reduce((sum, row) => sum + row.cost, 0n),
        5000n,
      );
    },
  );

  test(
    `a day is closed when all journals are settled, late calls by further entries, and rows go after that: ${engine}`,
    { skip },
    async () => {
      await using fresh = await openFresh(engine);
      const { database } = fresh;
      const place = await makePlace(database);
      const { today } = place;
      const old = today - 20;
      await database.writes.transaction().execute((trx) =>
        postToBalance(trx, {
          kind: "credit",
          userId: 2n,
          amount: 2n ** 60n,
          reference: "credit:1",
          remark: "",
          actorId: null,
        }),
      );
      await place.settle("n1", callsOf(old, 60));
      await place.settle("n2", callsOf(old + 1, 60));
      await place.job("close days");
      assert.equal((await readClosedDay(database.reads, old)).state, "open", "journals are behind");
      await place.settle("n1", [], { settledUntilMs: today * dayMs });
      await place.settle("n2", [], { settledUntilMs: (old + 1) * dayMs });
      await place.job("close days");
      assert.equal((await readClosedDay(database.reads, old)).state, "closed");
      assert.equal((await readClosedDay(database.reads, old + 1)).state, "open");
      await place.settle("n2", [], { to: sealedPosition });
      await place.job("close days");
      assert.equal(await nextOpenDay(database.reads), today);
      assert.deepEqual(await place.verify([old, old + 1, today]), []);
      // A node that was away for long comes back.
      await place.settle("n3", callsOf(old, 7), { settledUntilMs: today * dayMs });
      assert.deepEqual(await place.verify([old]), [], "calls that come late bring their entries");
      await place.job("close days");
      assert.equal((await readClosedDay(database.reads, old)).rounds, 2);
      assert.deepEqual(await place.verify([old]), []);
      await place.job("close days");
      assert.equal((await readClosedDay(database.reads, old)).rounds, 2, "nothing is closed twice");
      place.settings.callRetentionDays = 10;
      await place.job("drop old calls");
      assert.equal(await oldestDay(database.reads), undefined);
      const details = await database.reads.selectFrom("call_details").selectAll().execute();
      assert.equal(details.length, 0);
      assert.deepEqual(await place.verify([old, old + 1]), [], "without rows");
      // Even after its rows went a day takes what comes late.
      await place.settle("n3", callsOf(old, 3));
      await place.job("close days");
      await place.job("drop old calls");
      assert.equal(await oldestDay(database.reads), undefined);
      assert.deepEqual(await place.verify([old]), []);
    },
  );

  test(`each planted fault is found, to the nano-dollar: ${engine}`, { skip }, async () => {
    await using fresh = await openFresh(engine);
    const { database } = fresh;
    const db = database.writes;
    const place = await makePlace(database);
    const { today } = place;
    const day = today - 3;
    await place.settle("n1", callsOf(day, 40), { settledUntilMs: today * dayMs });
    await place.job("close days");
    assert.deepEqual(await place.verify([day]), []);
    const found = async (): Promise<readonly string[]> => {
      const faults = await place.verify([day]);
      return [
        ...new Set(faults.map(({ check, found: is, expected }) => `${check} ${is - expected}`)),
      ].sort();
    };
    const first = await db
      .selectFrom("calls")
      .selectAll()
      .orderBy("call_id")
      .limit(1)
      .executeTakeFirstOrThrow();
    const here = { day, call_id: first.call_id };

    await db
      .updateTable("calls")
      .set({ cost: first.cost - 1n })
      .where((where) => where.and(here))
      .execute();
    assert.deepEqual(await found(), ["budget 1", "closing 1", "rollups 1"], "an edited row");
    await db
      .deleteFrom("calls")
      .where((where) => where.and(here))
      .execute();
    assert.ok((await found()).includes(`closing ${first.cost}`), "a deleted row");
    await db.insertInto("calls").values(first).execute();
    assert.deepEqual(await found(), []);

    await db
      .updateTable("usage_rollups")
      .set((eb) => ({ cost: eb("cost", "+", 5n) }))
      .where("key_id", "=", 1n)
      .where("bucket", "=", first.admitted_at - (first.admitted_at % 900_000n))
      .execute();
    assert.deepEqual(await found(), ["rollups 5"], "a changed roll-up");
    await db
      .updateTable("usage_rollups")
      .set((eb) => ({ cost: eb("cost", "-", 5n) }))
      .where("key_id", "=", 1n)
      .where("bucket", "=", first.admitted_at - (first.admitted_at % 900_000n))
      .execute();

    await db
      .updateTable("budget_leases")
      .set((eb) => ({ spent: eb("spent", "+", 3n) }))
      .where("kind", "=", "channel")
      .execute();
    await db.updateTable("budgets").set({ settled: 2n }).where("kind", "=", "balance").execute();
    assert.deepEqual(await found(), ["budget 2", "budget 3"], "changed counters");
    await db
      .updateTable("budget_leases")
      .set((eb) => ({ spent: eb("spent", "-", 3n) }))
      .where("kind", "=", "channel")
      .execute();
    await db
      .updateTable("budgets")
      .set({ settled: 0n, credited: 9n })
      .where("kind", "=", "balance")
      .execute();
    assert.deepEqual(await found(), ["balance 9"], "money that no entry tells of");
    await db.updateTable("budgets").set({ credited: 0n }).where("kind", "=", "balance").execute();

    await db
      .updateTable("account_entries")
      .set((eb) => ({ amount: eb("amount", "+", 4n) }))
      .where("account_kind", "=", "key")
      .where("account_id", "=", 1n)
      .execute();
    assert.deepEqual(await found(), ["closing 4", "crossfoot 4"], "a changed entry");
    place.settings.callRetentionDays = 1;
    await place.job("drop old calls");
    assert.equal(await oldestDay(database.reads), day, "rows stay while entries differ");
  });

  test(`an entry is written once: ${engine}`, { skip }, async () => {
    await using fresh = await openFresh(engine);
    const db = fresh.database.writes;
    const entry = {
      kind: "credit",
      accountKind: "user",
      accountId: 2,
      amount: -(2n ** 62n),
      day: null,
      reference: "r",
      remark: "zum \0 Test",
      actorId: 1,
    } as const;
    const answers = await Promise.all(Array.from({ length: 8 }, () => addAccountEntry(db, entry)));
    assert.equal(answers.filter(Boolean).length, 1);
    const rows = await db.selectFrom("account_entries").selectAll().execute();
    assert.deepEqual(
      rows.map((row) => [row.amount, row.remark]),
      [[entry.amount, "zum  Test"]],
    );
    // Inside a transaction that goes on.
    await db.transaction().execute(async (trx) => {
      assert.equal(await addAccountEntry(trx, entry), false);
      assert.equal(await addAccountEntry(trx, { ...entry, reference: "s" }), true);
    });
    assert.equal((await db.selectFrom("account_entries").selectAll().execute()).length, 2);
  });
}
