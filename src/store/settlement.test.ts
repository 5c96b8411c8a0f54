/** Settlement in SQL, on every engine: together, twice, from two processes at once, against budgets that are folded meanwhile. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { BudgetShare } from "../core/budget-rule.ts";
import { settledCall } from "../log/call-row.ts";
import type { CallRecord } from "../log/call-record.ts";
import { SQL_ENGINES, skipReason } from "../../test/engines/engines.ts";
import { makeRecord } from "../../test/log/call-records.ts";
import { openFresh } from "../../test/store/open-fresh.ts";
import type { LeaseChange } from "./budget-leases.ts";
import { makeLeaseStore } from "./budget-leases.ts";
import { sumCalls } from "./calls.ts";
import type { Database } from "./database.ts";
import { checkBudgets } from "./ledger-budget-checks.ts";
import { atOneInstant, checkRollups } from "./ledger-checks.ts";
import { makeSettlementStore, sealedPosition } from "./settlement.ts";

const shares: readonly BudgetShare[] = [
  { kind: "key", id: 1, period: "total" },
  { kind: "user", id: 2, period: "total" },
  { kind: "channel", id: 7, period: "total" },
];

function record(index: number): CallRecord {
  const amounts = { key: 1000n + BigInt(index), user: 1000n + BigInt(index), channel: 5n };
  return makeRecord(index, {
    cost: amounts.key,
    channelCost: amounts.channel,
    shares: shares.map((share) => ({
      ...share,
      amount: amounts[share.kind as keyof typeof amounts],
    })),
  });
}

function records(count: number): readonly CallRecord[] {
  return Array.from({ length: count }, (_, index) => record(index));
}

/** Rows, roll-ups and budgets say the same. */
async function agree(database: Database, calls: number): Promise<void> {
  const sums = await sumCalls(database.reads, {});
  assert.equal(sums.calls, BigInt(calls));
  const days = await database.reads.selectFrom("calls").select("day").distinct().execute();
  const faults = await atOneInstant(database.reads, async (trx) => [
    ...(await checkBudgets(trx)),
    ...(await Promise.all(days.map(({ day }) => checkRollups(trx, day)))).flat(),
  ]);
  assert.deepEqual(faults, []);
}

for (const engine of SQL_ENGINES) {
  const skip = skipReason(engine);

  test(
    `twelve nodes settle into one user and channel while their leases are folded: ${engine}`,
    { skip },
    async () => {
      await using fresh = await openFresh(engine);
      const { database } = fresh;
      const leases = makeLeaseStore(database.writes);
      const nodes = Array.from({ length: 12 }, (_, index) => `n${index}`);
      const progress = { settling: nodes.length };
      const settling = nodes.map(async (nodeId) => {
        const store = makeSettlementStore(database.writes);
        let from = await store.openCursor(nodeId, "one");
        for (let round = 0; round < 5; round += 1, from += 1n) {
          const calls = records(40).map((call) => settledCall(call, nodeId, false));
          const batch = {
            nodeId,
            incarnation: "one",
            from,
            to: from + 1n,
            settledUntilMs: 1,
            calls,
          };
          assert.equal(await store.settle(batch), true);
        }
        progress.settling -= 1;
      });
      const folding = (async () => {
        for (let turn = 0; progress.settling > 0; turn += 1) {
          const nodeId = nodes[turn % nodes.length] ?? "";
          const fence = BigInt(turn + 1);
          await leases.change(nodeId, shares, (budgets) =>
            budgets.flatMap(({ share, leases: held }): LeaseChange[] => [
              ...held.map((lease) => ({ does: "fold" as const, share, nodeId: lease.nodeId })),
              { does: "grant" as const, share, fence, granted: 1000n, recalled: false },
            ]),
          );
        }
      })();
      await Promise.all([...settling, folding]);
      await agree(database, 12 * 5 * 40);
    },
  );

  test(
    `one stretch of a journal is settled once, by two processes and again: ${engine}`,
    { skip },
    async () => {
      await using fresh = await openFresh(engine);
      const { database } = fresh;
      const calls = records(300).map((call) => settledCall(call, "n1", false));
      const stores = [1, 2, 3].map(() => makeSettlementStore(database.writes));
      const batch = {
        nodeId: "n1",
        incarnation: "one",
        from: 0n,
        to: 9n,
        settledUntilMs: 5,
        calls,
      };
      await stores[0]?.openCursor("n1", "one");
      const done = await Promise.all(stores.map((store) => store.settle(batch)));
      assert.equal(done.filter(Boolean).length, 1);
      assert.equal(await stores[1]?.settle(batch), false);
      assert.equal(await stores[2]?.openCursor("n1", "one"), 9n);
      await agree(database, 300);
    },
  );

  test(
    `a call id is charged once, in whatever batch and journal it comes again: ${engine}`,
    { skip },
    async () => {
      await using fresh = await openFresh(engine);
      const { database } = fresh;
      const store = makeSettlementStore(database.writes);
      const all = records(50).map((call) => settledCall(call, "n1", false));
      const settle = async (
        incarnation: string,
        to: bigint,
        calls: typeof all,
      ): Promise<boolean> => {
        const from = await store.openCursor("n1", incarnation);
        return await store.settle({
          nodeId: "n1",
          incarnation,
          from,
          to,
          settledUntilMs: 0,
          calls,
        });
      };
      assert.equal(await settle("one", 1n, all.slice(0, 20)), true);
      assert.equal(await settle("one", 2n, [...all.slice(10, 30), ...all.slice(25, 35)]), true);
      assert.equal(await settle("two", sealedPosition, all), true);
      await agree(database, 50);
    },
  );

  test(
    `text that a caller chose settles as well, cut where its column ends: ${engine}`,
    { skip },
    async () => {
      await using fresh = await openFresh(engine);
      const { database } = fresh;
      const store = makeSettlementStore(database.writes);
      const odd = ["m\0n", "x".repeat(300), "🚂".repeat(300), "m", "m ", "M", "\ud800"];
      const calls = odd.map((modelBilled, index) =>
        settledCall({ ...record(index), modelBilled, modelAsked: modelBilled }, "n1", false),
      );
      const from = await store.openCursor("n1", "one");
      const batch = { nodeId: "n1", incarnation: "one", from, to: 1n, settledUntilMs: 0, calls };
      assert.equal(await store.settle(batch), true);
      await agree(database, odd.length);
    },
  );
}
