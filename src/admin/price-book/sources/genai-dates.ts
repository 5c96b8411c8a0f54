/**
 * Dated and hourly prices of genai-prices as rows of ours. There the last entry of a list that fits an instant counts; here
 * each date is a row, and the hours that outrank it are its times. Times of the list are UTC, or have an offset.
 */
import { type EntryReader, unitsOf } from "../entry-reader.ts";
import type { ListedTime, RateName } from "../listed-price.ts";
import { isAbsent, memberOf } from "../read-document.ts";
import type { ReadRates } from "./genai-rates.ts";
import { ratesInstead, readRates } from "./genai-rates.ts";

/** What holds from an instant on. */
export interface DatedRates extends ReadRates {
  /** Ms UTC; 0: always. */
  readonly fromMs: number;
  readonly times: readonly ListedTime[];
}

interface Entry extends ReadRates {
  readonly when:
    | { readonly kind: "from"; readonly fromMs: number }
    | { readonly kind: "hours"; readonly fromMinute: number; readonly toMinute: number };
}

/** A model's `prices`: one set, or a list of them with constraints. */
export function readDatedRates(reader: EntryReader, prices: unknown): readonly DatedRates[] {
  if (!Array.isArray(prices)) return [{ fromMs: 0, times: [], ...readRates(reader, prices) }];
  const entries = prices.map((entry: unknown) => readEntry(reader, entry));
  if (reader.failed || entries.length === 0) {
    reader.remark("prices", "row-left-out", "has no price that can be told");
    return [];
  }
  const starts = entries.flatMap(({ when }) => (when.kind === "from" ? [when.fromMs] : []));
  const dates = [...new Set([0, ...starts])].sort((left, right) => left - right);
  return dates.map((fromMs) => ratesFrom(fromMs, entries, reader));
}

function ratesFrom(fromMs: number, entries: readonly Entry[], reader: EntryReader): DatedRates {
  const at = entries.findLastIndex(({ when }) => when.kind === "from" && when.fromMs <= fromMs);
  // Where nothing fits an instant, the first of the list counts.
  const { rates, tiers } = entries[Math.max(0, at)] as Entry;
  const times = entries.slice(at + 1).flatMap((entry): ListedTime[] => {
    const { when } = entry;
    if (when.kind !== "hours") return [];
    if (entry.tiers.length > 0 || tiers.length > 0)
      reader.remark("prices", "row-left-out", "has tiers by length and by hour at once");
    const { fromMinute, toMinute } = when;
    const instead = ratesInstead(rates, entry.rates);
    const own = Object.entries(instead).filter(([name]) => unitsOf(name as RateName) > 1n);
    const fees = Object.entries(instead).filter(([name]) => unitsOf(name as RateName) === 1n);
    if (fees.some(([name, amount]) => rates[name as RateName] !== amount))
      reader.remark("prices", "row-left-out", "has fees that differ by the hour");
    return [{ fromMinute, toMinute, rates: Object.fromEntries(own), factor: null }];
  });
  return { fromMs, rates, tiers, times: times.toReversed() };
}

function readEntry(reader: EntryReader, entry: unknown): Entry {
  const read = readRates(reader, memberOf(entry, "prices"));
  const constraint = memberOf(entry, "constraint");
  if (isAbsent(constraint)) return { ...read, when: { kind: "from", fromMs: 0 } };
  const start = dateMs(memberOf(constraint, "start_date"));
  if (start !== undefined) return { ...read, when: { kind: "from", fromMs: start } };
  const fromMinute = minuteOf(memberOf(constraint, "start_time"));
  const toMinute = minuteOf(memberOf(constraint, "end_time"));
  if (fromMinute !== undefined && toMinute !== undefined)
    return { ...read, when: { kind: "hours", fromMinute, toMinute } };
  reader.remark("constraint", "row-left-out", "is neither a date nor hours of the day");
  return { ...read, when: { kind: "from", fromMs: 0 } };
}

/** Midnight UTC of a date, as there. */
function dateMs(value: unknown): number | undefined {
  if (typeof value !== "string" || !/^\d{4}-\d{2}-\d{2}$/.test(value)) return undefined;
  const ms = Date.parse(`${value}T00:00:00Z`);
  const isDay = !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(value);
  return isDay && ms >= 0 ? ms : undefined;
}

const timePattern = /^([01]\d|2[0-3]):([0-5]\d):00(?:\.0+)?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/** Minutes since midnight UTC of a time on a whole minute. */
function minuteOf(value: unknown): number | undefined {
  const match = typeof value === "string" ? timePattern.exec(value) : null;
  if (match === null) return undefined;
  const [, hour, minute, sign, offsetHour = "0", offsetMinute = "0"] = match;
  const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * (sign === "-" ? -1 : 1);
  return (Number(hour) * 60 + Number(minute) - offset + 1440) % 1440;
}
