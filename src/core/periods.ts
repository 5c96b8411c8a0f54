/**
 * Calendar periods of a time zone. Promise: an instant lies in exactly one period of a kind, also on days of 23 and 25
 * hours and in zones at odd offsets; weeks begin on Monday.
 */
import type { BudgetPeriod } from "./budget-rule.ts";

/** Whether the machine knows the zone. */
export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

/** A period, its begin and its end (ms UTC). */
export interface Period {
  /** `total`, or such as `day:2026-11-23@Asia/Kathmandu` (at most 64 characters). */
  readonly name: string;
  readonly startMs: number;
  /** Infinity where it never ends. */
  readonly endMs: number;
}

const dayMs = 86_400_000;

export const wholeTime: Period = { name: "total", startMs: 0, endMs: Infinity };

/** The period that an instant lies in. Makes a formatter: callers keep the answer until `endMs`. */
export function periodAt(period: BudgetPeriod, timeZone: string, atMs: number): Period {
  if (period === "total") return wholeTime;
  const offsetAt = offsetsOf(timeZone);
  const date = dateAt(offsetAt, atMs);
  // Clocks that are put back over midnight show the day before once more: it has ended all the same.
  for (const steps of [0, 1, -1]) {
    const startMs = startOf(period, offsetAt, { date, steps });
    const endMs = startOf(period, offsetAt, { date, steps: steps + 1 });
    if (atMs < startMs || atMs >= endMs) continue;
    const [year, month, day] = dateAt(offsetAt, startMs);
    const text = new Date(Date.UTC(year, month, day)).toISOString().slice(0, 10);
    return { name: `${period}:${text}@${timeZone}`.slice(0, 64), startMs, endMs };
  }
  throw new Error(`no ${period} of ${timeZone} holds ${atMs}`);
}

interface PeriodStep {
  readonly date: readonly [number, number, number];
  /** 0: the period that the date lies in; 1: the one after it. */
  readonly steps: number;
}

function startOf(
  period: Exclude<BudgetPeriod, "total">,
  offsetAt: OffsetAt,
  { date: [year, month, day], steps }: PeriodStep,
): number {
  if (period === "month") return startOfDay(offsetAt, Date.UTC(year, month + steps, 1));
  if (period === "day") return startOfDay(offsetAt, Date.UTC(year, month, day + steps));
  const monday = day - ((new Date(Date.UTC(year, month, day)).getUTCDay() + 6) % 7);
  return startOfDay(offsetAt, Date.UTC(year, month, monday + 7 * steps));
}

type OffsetAt = (atMs: number) => number;

/** Milliseconds that a zone's clocks are ahead of UTC at an instant. */
export function offsetsOf(timeZone: string): OffsetAt {
  if (timeZone === "UTC") return () => 0;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
    era: "short",
  });
  return (atMs) => {
    const told: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(atMs)) told[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = told;
    const shown = Date.UTC(year, month - 1, day, hour, minute, second);
    return shown - Math.floor(atMs / 1000) * 1000;
  };
}

function dateAt(offsetAt: OffsetAt, atMs: number): readonly [number, number, number] {
  const local = new Date(atMs + offsetAt(atMs));
  return [local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate()];
}

/**
 * The first instant of a date (given as if it were UTC). Clocks may jump over midnight, and some zones left out a whole
 * day: then it is the first instant after the jump.
 */
function startOfDay(offsetAt: OffsetAt, dateUtcMs: number): number {
  // The date has begun at one of these at the latest, and at the other at the earliest.
  let before = dateUtcMs - dayMs;
  let after = dateUtcMs + dayMs;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (middle + offsetAt(middle) >= dateUtcMs) after = middle;
    else before = middle;
  }
  return after;
}
