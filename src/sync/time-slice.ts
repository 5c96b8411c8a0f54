/** Long work in slices, so that no build of a large configuration holds up the calls that the same process serves. */
import type { Clock } from "../core/clock.ts";

export interface Slices {
  /** Undefined while there is time left in this slice; else to be awaited before going on. */
  breathe(): Promise<void> | undefined;
}

/** Longest slice, ms. One step between two breaths and a garbage collection add to it: 8 ms is what calls may feel. */
const sliceMs = 3;

export function makeSlices(clock: Clock, yieldSlice: () => Promise<void>): Slices {
  let endsAt = clock.monotonic() + sliceMs;
  return {
    breathe: () => {
      if (clock.monotonic() < endsAt) return undefined;
      return yieldSlice().then(() => {
        endsAt = clock.monotonic() + sliceMs;
      });
    },
  };
}
