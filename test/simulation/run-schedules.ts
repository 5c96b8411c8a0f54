/**
 * Thousands of random schedules of the shipped code in virtual time. A failure prints its seed; run that one again
 * with SIM_SEED=<seed>, or more of them with SIM_SCHEDULES=<count>.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ScheduleOptions } from "./schedule.ts";
import { runSchedule } from "./schedule.ts";

const isCi = process.env["CI"] === "true" || process.env["SWITCHYARD_LONG"] === "1";
const schedules = Number(process.env["SIM_SCHEDULES"] ?? (isCi ? 1350 : 60));
const onlySeed = process.env["SIM_SEED"];

/** Flavours stand in files of their own, so that they run side by side. */
export function simulate(
  title: string,
  firstSeed: number,
  flavour: Pick<ScheduleOptions, "hands" | "breaks">,
): void {
  test(`nodes agree with the database through ${title}`, async () => {
    let swaps = 0;
    const count = onlySeed === undefined ? schedules : 1;
    for (let number = 0; number < count; number += 1) {
      const seed = onlySeed === undefined ? firstSeed + number : Number(onlySeed);
      try {
        swaps += (await runSchedule({ ...flavour, seed, steps: 25 })).swaps;
      } catch (error) {
        throw new Error(`SIM_SEED=${seed} (${title})`, { cause: error });
      }
    }
    assert.ok(swaps > count * 5, `only ${swaps} swaps were checked in ${count} schedules`);
  });
}
