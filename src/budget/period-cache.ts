/** Periods by rule. Promise: finding the period of a call costs no formatter but for the first one in it. */
import type { BudgetRule } from "../core/budget-rule.ts";
import { type Period, periodAt, wholeTime } from "../core/periods.ts";

/** The period that an instant (ms UTC) lies in; null: of a balance. */
export type FindPeriod = (rule: BudgetRule | null, atMs: number) => Period;

/** More zones than operators have. */
const mostKept = 2000;

export function makePeriodCache(): FindPeriod {
  const known = new Map<string, Period>();
  return (rule, atMs) => {
    if (rule === null || rule.period === "total") return wholeTime;
    const name = `${rule.period}@${rule.timeZone}`;
    const last = known.get(name);
    if (last !== undefined && last.startMs <= atMs && atMs < last.endMs) return last;
    const period = periodAt(rule.period, rule.timeZone, atMs);
    // A late call of the period before must not push out the one that all others are in.
    if (last !== undefined && period.startMs < last.startMs) return period;
    if (known.size >= mostKept) known.clear();
    known.set(name, period);
    return period;
  };
}
