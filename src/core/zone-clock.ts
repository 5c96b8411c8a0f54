/** What clocks on the wall show in a time zone. Promise: asked often, it costs no more than a comparison or two. */
import { offsetsOf } from "./periods.ts";

export interface WallTime {
  /** 1: Monday … 7: Sunday. */
  readonly weekday: number;
  /** Since midnight, 0 to 1439. */
  readonly minute: number;
}

/** The wall time at an instant (ms UTC). */
export type ZoneClock = (atMs: number) => WallTime;

const minuteMs = 60_000;
const dayMs = 86_400_000;
/** Zones change their offset at whole quarters of an hour. */
const quarterMs = 15 * minuteMs;

/** `timeZone` is an IANA name that core/periods.ts knows. */
export function makeZoneClock(timeZone: string): ZoneClock {
  if (timeZone === "UTC") return (atMs) => wallTime(atMs, 0);
  let offsetAt: ((atMs: number) => number) | undefined;
  let heldFor = Number.NaN;
  let held = 0;
  return (atMs) => {
    const quarter = Math.floor(atMs / quarterMs);
    if (quarter !== heldFor) {
      offsetAt ??= offsetsOf(timeZone);
      held = offsetAt(quarter * quarterMs);
      heldFor = quarter;
    }
    return wallTime(atMs, held);
  };
}

function wallTime(atMs: number, offsetMs: number): WallTime {
  const local = atMs + offsetMs;
  const days = Math.floor(local / dayMs);
  // The first of January 1970 was a Thursday.
  const weekday = ((((days + 3) % 7) + 7) % 7) + 1;
  return { weekday, minute: Math.floor((local - days * dayMs) / minuteMs) };
}
