/**
 * Thousands of random schedules of the shipped journal and settlement in virtual time, over real SQLite in memory. A
 * failure prints its seed; run that one again with SIM_SEED=<seed>, or more of them with SIM_SCHEDULES=<count>.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SimServer } from "./ledger-database.ts";
import { runLedgerSchedule } from "./ledger-schedule.ts";
import { makeChance, VirtualClock } from "./virtual-clock.ts";

const isCi = process.env["CI"] === "true" || process.env["SWITCHYARD_LONG"] === "1";
const schedules = Number(process.env["SIM_SCHEDULES"] ?? (isCi ? 2000 : 60));
const onlySeed = process.env["SIM_SEED"];
const firstSeed = 40_000;

test("every answered call is settled once, through kills, power cuts, refusing disks and a breaking database", async () => {
  const clock = new VirtualClock();
  const server = new SimServer(clock, makeChance(1));
  await clock.until(server.prepare(), 600_000);
  const count = onlySeed === undefined ? schedules : 1;
  const sums = { calls: 0, promised: 0, kills: 0 };
  for (let number = 0; number < count; number += 1) {
    const seed = onlySeed === undefined ? firstSeed + number : Number(onlySeed);
    try {
      const outcome = await runLedgerSchedule(server, seed);
      sums.calls += outcome.calls;
      sums.promised += outcome.promised;
      sums.kills += outcome.kills;
    } catch (error) {
      throw new Error(`SIM_SEED=${seed}`, { cause: error });
    }
  }
  if (onlySeed !== undefined) return;
  assert.ok(sums.promised > count * 20, `only ${sums.promised} answers in ${count} schedules`);
  assert.ok(sums.kills > count, `only ${sums.kills} kills in ${count} schedules`);
});
