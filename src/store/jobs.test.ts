/** Jobs in SQL, on every engine: begun with their call and never twice, asked in turn, found, ended once, forgotten with their guards. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { settledCall } from "../log/call-row.ts";
import { jobDigest } from "../log/job-content.ts";
import { SQL_ENGINES, skipReason } from "../../test/engines/engines.ts";
import { makeRecord } from "../../test/log/call-records.ts";
import { makeJobRecord } from "../../test/log/job-records.ts";
import { openFresh, testSecret } from "../../test/store/open-fresh.ts";
import type { BudgetShare } from "../core/budget-rule.ts";
import { makeLeaseStore } from "./budget-leases.ts";
import type { Database } from "./database.ts";
import { insertJobs, jobHolder, jobIncarnation, makeJobStore } from "./jobs.ts";
import { migrate } from "./migrate.ts";
import { jobMigrations } from "./migrations/0008-jobs.ts";
import { readSchema } from "./read-schema.ts";
import { makeSettlementStore, sealedPosition } from "./settlement.ts";

const share: BudgetShare = { kind: "key", id: 1, period: "total" };

/** Whose they are, and where. */
const of = { kind: "batch", channelId: 3n, keyId: 1n, userId: 2n };

async function begin(database: Database, ...callIds: readonly string[]): Promise<void> {
  const begunAt = BigInt(Date.now() - 60_000);
  await insertJobs(
    database.writes,
    callIds.map((callId) => ({ callId, digest: `of ${callId}`, content: "{}", begunAt, ...of })),
  );
}

async function age(database: Database, callId: string, ms: number) {
  await database.writes
    .updateTable("jobs")
    .set((eb) => ({ poll_at: eb("poll_at", "-", BigInt(ms)) }))
    .where("call_id", "=", callId)
    .execute();
}

for (const engine of SQL_ENGINES) {
  const skip = skipReason(engine);

  test(
    `a job begins with the row of its call, and with no other: ${engine}`,
    { skip },
    async () => {
      await using fresh = await openFresh(engine);
      const { database } = fresh;
      const store = makeSettlementStore(database.writes);
      const records = [0, 1, 2].map((index) => makeJobRecord(index));
      const calls = [...records, makeRecord(9)].map((record) => settledCall(record, "n1", false));
      const batch = { nodeId: "n1", from: 0n, to: 9n, settledUntilMs: 0 };
      const jobs = makeJobStore(database.writes);
      for (const [incarnation, some] of [
        ["one", calls.slice(0, 2)],
        // A copy of the journal: what stands in it for the second time changes nothing.
        ["two", calls],
      ] as const) {
        await store.openCursor("n1", incarnation);
        assert.equal(await store.settle({ ...batch, incarnation, calls: some }), true);
        assert.equal(await store.settle({ ...batch, incarnation, calls: some }), false);
        assert.equal((await jobs.due(10)).length, some === calls ? 3 : 2);
        const [first] = await jobs.due(1);
        if (first !== undefined) await jobs.again(first.callId, 0);
      }
      const due = await jobs.due(10);
      assert.deepEqual(
        due.map(({ callId }) => callId).sort(),
        records.map(({ callId }) => callId).sort(),
      );
      assert.equal(
        due.reduce((sum, { polls }) => sum + polls, 0),
        2,
      );
      assert.deepEqual(
        due.map(({ digest }) => digest).sort(),
        [0, 1, 2]
          .map((index) => jobDigest({ channelId: 7, credentialId: 0, resource: `batch_${index}` }))
          .sort(),
      );
    },
  );

  test(`a call that cannot be settled leaves no job behind: ${engine}`, { skip }, async () => {
    await using fresh = await openFresh(engine);
    const { database } = fresh;
    const store = makeSettlementStore(database.writes);
    await store.openCursor("n1", "one");
    const call = settledCall(makeJobRecord(0), "n1", false);
    const batch = { nodeId: "n1", incarnation: "one", from: 0n, to: 1n, settledUntilMs: 0 };
    // More than the column of what was spent holds, which is written last.
    const bad = { ...call, shares: [{ ...share, amount: 2n ** 70n }] };
    await assert.rejects(store.settle({ ...batch, calls: [bad] }));
    assert.deepEqual(await makeJobStore(database.writes).due(10), []);
  });

  test(
    `jobs are asked in turn, found by what they are, and end once: ${engine}`,
    { skip },
    async () => {
      await using fresh = await openFresh(engine);
      const { database } = fresh;
      const jobs = makeJobStore(database.writes);
      await begin(database, "a", "b", "c");
      await age(database, "b", 5000);
      await age(database, "c", 2000);
      const names = async (limit: number): Promise<string[]> =>
        (await jobs.due(limit)).map(({ callId }) => callId);
      assert.deepEqual(await names(2), ["b", "c"]);
      await jobs.again("b", 600_000);
      assert.deepEqual(await names(9), ["c", "a"]);
      const standing = await jobs.find("of b");
      assert.equal(standing?.state, "running");
      const found = standing?.state === "running" ? standing.job : undefined;
      assert.equal(found?.callId, "b");
      assert.equal(found?.polls, 1);
      assert.equal(found?.content, "{}");
      assert.ok(Math.abs((found?.ageMs ?? 0) - 60_000) < 10_000, `${found?.ageMs} ms old`);
      const ends = await Promise.all([jobs.end("b", "ended"), jobs.end("b", "lost")]);
      assert.deepEqual(ends.sort(), [false, true]);
      assert.equal(await jobs.end("nobody", "lost"), false);
      assert.deepEqual(await jobs.find("of b"), { state: "over" });
      assert.equal(await jobs.find("of nobody"), undefined);
      await age(database, "b", 9_000_000);
      assert.deepEqual(await names(9), ["c", "a"]);
    },
  );

  test(
    `what guarded a job's end goes with it, and not before its time: ${engine}`,
    { skip },
    async () => {
      await using fresh = await openFresh(engine);
      const { database } = fresh;
      const jobs = makeJobStore(database.writes);
      const settlement = makeSettlementStore(database.writes);
      await begin(database, "old", "young", "running");
      for (const callId of ["old", "young", "running"])
        await settlement.openCursor(jobHolder(callId), jobIncarnation);
      await settlement.openCursor("old", "of a node");
      assert.equal(await jobs.end("old", "ended"), true);
      assert.equal(await jobs.end("young", "lost"), true);
      await age(database, "old", 100_000);
      assert.equal(await jobs.forget(200_000, 10), 0);
      assert.equal(await jobs.forget(50_000, 10), 1);
      assert.equal(await jobs.forget(50_000, 10), 0);
      const cursors = await database.reads
        .selectFrom("journal_cursors")
        .select("node_id")
        .orderBy("node_id")
        .execute();
      assert.deepEqual(
        cursors.map((row) => row.node_id),
        [jobHolder("running"), jobHolder("young"), "old"].sort(),
      );
      assert.equal(await jobs.forget(-1000, 10), 1);
      assert.equal((await jobs.due(10)).length, 1);
    },
  );

  test(
    `what a running job holds never ages, however long nobody asked: ${engine}`,
    { skip },
    async () => {
      await using fresh = await openFresh(engine);
      const { database } = fresh;
      const leases = makeLeaseStore(database.writes);
      await begin(database, "runs", "ended");
      await makeJobStore(database.writes).end("ended", "ended");
      for (const holder of ["job:runs", "job:ended", "job:unknown", "node"])
        await leases.change(holder, [share], () => [
          { does: "grant", share, fence: 1n, granted: 5n, recalled: false },
        ]);
      await database.writes
        .updateTable("budget_leases")
        .set((eb) => ({ renewed_at: eb("renewed_at", "-", 3_600_000n) }))
        .execute();
      const agesOf = async (): Promise<ReadonlyMap<string, number>> => {
        let ages: [string, number][] = [];
        await leases.change("node", [share], (budgets) => {
          ages = budgets.flatMap((budget) =>
            budget.leases.map(({ nodeId, ageMs }): [string, number] => [nodeId, ageMs]),
          );
          return [];
        });
        return new Map(ages);
      };
      const before = await agesOf();
      assert.equal(before.size, 4);
      assert.equal(before.get("job:runs"), 0);
      for (const other of ["job:ended", "job:unknown", "node"])
        assert.ok((before.get(other) ?? 0) >= 3_600_000, `${other}: ${before.get(other)}`);
      assert.deepEqual(await leases.stale(3_500_000, 10), [share]);
      const renewed = await database.reads
        .selectFrom("budget_leases")
        .select("node_id")
        .where("renewed_at", ">", BigInt(Date.now() - 600_000))
        .execute();
      assert.deepEqual(renewed, [{ node_id: "job:runs" }]);
    },
  );

  test(`a database of before jobs gets their table: ${engine}`, { skip }, async () => {
    await using fresh = await openFresh(engine);
    const { database } = fresh;
    const names = jobMigrations.map(({ name }) => name);
    await database.schema.schema.dropTable("jobs").execute();
    await database.schema.deleteFrom("switchyard_migrations").where("name", "in", names).execute();
    assert.notEqual((await readSchema(database.reads)).state, "current");
    assert.deepEqual(await migrate(database, { secretKey: testSecret }), names);
    await begin(database, "a");
    assert.equal((await makeJobStore(database.writes).due(1)).length, 1);
  });
}

test("a job's journal ends where no day waits for it", () => {
  assert.equal(BigInt(Number(sealedPosition)), sealedPosition);
});
