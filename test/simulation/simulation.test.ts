/**
 * Thousands of random schedules of the shipped code in virtual time. A failure prints its seed; run that one again
 * with SIM_SEED=<seed>, or more of them with SIM_SCHEDULES=<count>.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runSchedule } from "./schedule.ts";

const isCi = process.env["CI"] === "true" || process.env["SWITCHYARD_LONG"] === "1";
const schedules = Number(process.env["SIM_SCHEDULES"] ?? (isCi ? 5400 : 240));
const onlySeed = process.env["SIM_SEED"];

const flavours = [
  { title: "faults, kills and lost bells", hands: false, breaks: false },
  { title: "lost tails and restored backups", hands: false, breaks: true },
  { title: "changes by hand", hands: true, breaks: false },
];

for (const [index, { title, hands, breaks }] of flavours.entries()) {
  test(`nodes agree with the database through ${title}`, async () => {
    let swaps = 0;
    const count = onlySeed === undefined ? Math.ceil(schedules / flavours.length) : 1;
    for (let number = 0; number < count; number += 1) {
      const seed = onlySeed === undefined ? index * 1_000_003 + number : Number(onlySeed);
      try {
        swaps += (await runSchedule({ seed, hands, breaks, steps: 25 })).swaps;
      } catch (error) {
        throw new Error(`SIM_SEED=${seed} (${title})`, { cause: error });
      }
    }
    assert.ok(swaps > count * 5, `only ${swaps} swaps were checked in ${count} schedules`);
  });
}
