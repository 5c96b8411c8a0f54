// What is set aside for a job stays set aside while the call that begins it runs, however long that takes.
import assert from "node:assert/strict";
import { it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { reclaimLeases } from "../../src/budget/reclaim-leases.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { makeLeaseStore } from "../../src/store/budget-leases.ts";
import { openFresh, until } from "../store/open-fresh.ts";
import { claimOf, openBudgetNode } from "./budget-nodes.ts";

const maxStaleMs = 300;

it("is nobody else's while the call runs, and reclaimed where its job never came to be", async () => {
  await using fresh = await openFresh("sqlite");
  const { writes } = fresh.database;
  const a = openBudgetNode(fresh.database, "a", { maxStaleMs });
  const held = async (): Promise<bigint> => {
    const rows = await writes.selectFrom("budget_leases").select(["node_id", "granted"]).execute();
    return rows.find((row) => row.node_id === "job:c1")?.granted ?? 0n;
  };
  const answer = await a.budgets.setAside("c1", [claimOf(40n, 100n)], Date.now());
  assert.ok(answer.reserved);
  const parts = { store: makeLeaseStore(writes), nodeId: "b", maxStaleMs, logger: silentLogger };
  const reclaim = reclaimLeases(parts);
  for (let turn = 0; turn < 8; turn += 1) {
    await pause(maxStaleMs / 2);
    await reclaim.run();
    assert.equal(await held(), 40n);
  }
  answer.reservation.leave?.();
  await until(async () => {
    await reclaim.run();
    return (await held()) === 0n;
  });
  await a.close();
});
