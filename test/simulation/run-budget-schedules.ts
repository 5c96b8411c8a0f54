/**
 * Thousands of random schedules of the shipped budgets in virtual time. A failure prints its seed; run that one again
 * with SIM_SEED=<seed>, or more of them with SIM_SCHEDULES=<count>.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { BudgetScheduleOptions } from "./budget-schedule.ts";
import { runBudgetSchedule } from "./budget-schedule.ts";

const isCi = process.env["CI"] === "true" || process.env["SWITCHYARD_LONG"] === "1";
const onlySeed = process.env["SIM_SEED"];

/** Flavours stand in files of their own, so that they run side by side: 20,000 in all. */
export function simulateBudgets(
  title: string,
  counts: { readonly ci: number; readonly here: number },
  flavour: Pick<BudgetScheduleOptions, "excess" | "breaks">,
): void {
  test(`budgets hold through ${title}`, async () => {
    const asked = Number(process.env["SIM_SCHEDULES"] ?? (isCi ? counts.ci : counts.here));
    const count = onlySeed === undefined ? asked : 1;
    let admitted = 0;
    for (let number = 1; number <= count; number += 1) {
      const seed = onlySeed === undefined ? number : Number(onlySeed);
      try {
        admitted += (await runBudgetSchedule({ ...flavour, seed, steps: 20 })).admitted;
      } catch (error) {
        throw new Error(`SIM_SEED=${seed} (${title})`, { cause: error });
      }
    }
    assert.ok(admitted > count * 5, `only ${admitted} calls were let in by ${count} schedules`);
  });
}
