/** The end of a job, on every engine: charged once by several at once and after every crash, and what it held is free. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SQL_ENGINES, skipReason } from "../../test/engines/engines.ts";
import { makeEndRecord, makeJobRecord } from "../../test/log/job-records.ts";
import { openFresh } from "../../test/store/open-fresh.ts";
import type { BudgetShare } from "../core/budget-rule.ts";
import { makeLeaseStore } from "../store/budget-leases.ts";
import { sumCalls } from "../store/calls.ts";
import type { Database } from "../store/database.ts";
import type { Job } from "../store/jobs.ts";
import { jobHolder, makeJobStore } from "../store/jobs.ts";
import { checkBudgets } from "../store/ledger-budget-checks.ts";
import { atOneInstant, checkRollups } from "../store/ledger-checks.ts";
import { isDaySettled } from "../store/ledger-days.ts";
import { makeSettlementStore, sealedPosition } from "../store/settlement.ts";
import { settledCall } from "./call-row.ts";
import type { EndJobParts } from "./end-job.ts";
import { endJob } from "./end-job.ts";
import { jobDigest, parseJobContent, renderJobContent } from "./job-content.ts";
import { parseLine, renderClose } from "./journal-line.ts";

// Of days that are over: whether they can be closed is asked.
const admittedAtMs = Date.now() - 3 * 86_400_000;
const day = Math.floor(admittedAtMs / 86_400_000);
const shares: readonly BudgetShare[] = [
  { kind: "key", id: 1, period: "total" },
  { kind: "user", id: 2, period: `day:${new Date(admittedAtMs).toISOString().slice(0, 10)}@UTC` },
];

function storesOf(database: Database): EndJobParts {
  return {
    settlement: makeSettlementStore(database.writes),
    leases: makeLeaseStore(database.writes),
    jobs: makeJobStore(database.writes),
  };
}

/** A job that runs, with 100 set aside in each of its budgets. */
async function begin(database: Database): Promise<Job> {
  const { settlement, leases, jobs } = storesOf(database);
  const record = makeJobRecord(1, { admittedAtMs, shares });
  await leases.change(jobHolder(record.callId), shares, (budgets) =>
    budgets.map(({ share }) => ({
      does: "grant" as const,
      share,
      fence: 1n,
      granted: 100n,
      recalled: false,
    })),
  );
  await settlement.openCursor("n1", "one");
  const stretch = { nodeId: "n1", incarnation: "one", from: 0n, to: sealedPosition };
  const calls = [settledCall(record, "n1", false)];
  assert.equal(await settlement.settle({ ...stretch, settledUntilMs: 0, calls }), true);
  const job = (await jobs.due(1))[0];
  assert.ok(job !== undefined);
  assert.equal(job.callId, record.callId);
  return job;
}

async function stands(
  database: Database,
  is: { readonly cost: bigint; readonly calls: bigint; readonly held: number },
): Promise<void> {
  const { calls } = await sumCalls(database.reads, {});
  assert.equal(calls, is.calls);
  const leases = await database.reads.selectFrom("budget_leases").selectAll().execute();
  assert.equal(leases.length, is.held);
  const budgets = await database.reads.selectFrom("budgets").selectAll().execute();
  for (const { kind, settled } of budgets)
    assert.equal(settled, leases.length > 0 ? 0n : is.cost, kind);
  const faults = await atOneInstant(database.reads, async (trx) => [
    ...(await checkBudgets(trx)),
    ...(await checkRollups(trx, day)),
  ]);
  assert.deepEqual(faults, []);
}

for (const engine of SQL_ENGINES) {
  const skip = skipReason(engine);

  test(
    `a job is charged once by three who end it at once, and again later: ${engine}`,
    { skip },
    async () => {
      await using fresh = await openFresh(engine);
      const { database } = fresh;
      const job = await begin(database);
      await stands(database, { cost: 0n, calls: 1n, held: 2 });
      const end = (): Promise<boolean> => {
        // Each of them has read the results itself, and gives them ids of its own.
        const records = [40n, 2n].map((cost) => makeEndRecord(parseJobContent(job.content), cost));
        return endJob(storesOf(database), job, records, "ended");
      };
      const ended = await Promise.all([end(), end(), end()]);
      assert.equal(ended.filter(Boolean).length, 1);
      await stands(database, { cost: 42n, calls: 3n, held: 0 });
      assert.equal(await end(), false);
      await stands(database, { cost: 42n, calls: 3n, held: 0 });
      assert.equal(await isDaySettled(database.reads, day), true);
      assert.deepEqual(await storesOf(database).jobs.due(9), []);
    },
  );

  test(
    `a job whose end broke off at any step is ended by the next try: ${engine}`,
    { skip },
    async () => {
      await using fresh = await openFresh(engine);
      const { database } = fresh;
      const job = await begin(database);
      const stores = storesOf(database);
      const breaks = (): Promise<never> => Promise.reject(new Error("away"));
      const broken: readonly EndJobParts[] = [
        { ...stores, settlement: { ...stores.settlement, settle: breaks } },
        { ...stores, leases: { ...stores.leases, change: breaks } },
        {
          ...stores,
          leases: {
            ...stores.leases,
            change: async (...change) => {
              await stores.leases.change(...change);
              throw new Error("its answer was lost");
            },
          },
        },
        { ...stores, jobs: { ...stores.jobs, end: breaks } },
      ];
      const records = (): ReturnType<typeof makeEndRecord>[] => [
        makeEndRecord(parseJobContent(job.content), 142n),
      ];
      for (const parts of broken) await assert.rejects(endJob(parts, job, records(), "ended"));
      assert.equal(await endJob(stores, job, records(), "ended"), true);
      await stands(database, { cost: 142n, calls: 2n, held: 0 });
    },
  );

  test(
    `a job that its vendor lost costs nothing and holds nothing: ${engine}`,
    { skip },
    async () => {
      await using fresh = await openFresh(engine);
      const { database } = fresh;
      const job = await begin(database);
      assert.equal(await endJob(storesOf(database), job, [], "lost"), true);
      await stands(database, { cost: 0n, calls: 1n, held: 0 });
      const row = await database.reads.selectFrom("jobs").selectAll().executeTakeFirstOrThrow();
      assert.equal(row.state, "lost");
    },
  );
}

test("what a job is ended by goes through the journal and the database unchanged", () => {
  const record = makeJobRecord(5, { endUser: "ünser\0", modelSent: null });
  const line = renderClose(record);
  const entry = parseLine(Buffer.from(line.slice(0, -1)));
  assert.ok(entry?.kind === "close");
  assert.deepEqual(entry.call.job, record.job);
  const { job } = settledCall(entry.call, "n1", true);
  assert.ok(job !== null && record.job !== undefined);
  assert.equal(job.callId, record.callId);
  assert.equal(job.digest, jobDigest(record.job));
  assert.match(job.digest, /^[0-9a-f]{64}$/);
  assert.equal(job.content, renderJobContent(record));
  assert.ok(!job.content.includes("\0"));
  const content = parseJobContent(job.content);
  for (const [name, value] of Object.entries(content))
    assert.deepEqual(value, record[name as keyof typeof record], name);
  assert.deepEqual(Object.keys(content).sort(), [
    "address",
    "admittedAtMs",
    "callId",
    "dialect",
    "endUser",
    "group",
    "job",
    "keyId",
    "modelAsked",
    "modelBilled",
    "modelSent",
    "operation",
    "revision",
    "stream",
    "userId",
  ]);
  assert.equal(settledCall({ ...record, job: undefined as never }, "n1", false).job, null);
  assert.throws(() => renderJobContent({ ...record, job: undefined as never }), /began no job/);
});
