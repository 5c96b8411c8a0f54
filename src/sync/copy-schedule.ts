/**
 * When a copy is written: soon after a change, seldom under churn, at once for what must not be forgotten. Promise kept:
 * never two writes at a time, and a write that failed is tried again.
 */
import type { Cancel, Clock } from "../core/clock.ts";

export interface SchedulePace {
  /** From an ordinary change to the write. */
  readonly delayMs: number;
  /** Between two writes for ordinary changes. */
  readonly spacingMs: number;
  /** From a change that must not be forgotten to the write. */
  readonly urgentDelayMs: number;
  /** Between two writes for such changes. */
  readonly urgentSpacingMs: number;
}

export interface Schedule {
  changed(urgent: boolean): void;
  /** Writes now what is not written yet; resolves when nothing is under way. */
  flush(): Promise<void>;
  /** Plans nothing any more; resolves when nothing is under way. */
  close(): Promise<void>;
}

const retryMs = 10_000;

/** `write` answers whether it wrote; it must not throw. */
export function makeSchedule(
  clock: Clock,
  pace: SchedulePace,
  write: () => Promise<boolean>,
): Schedule {
  let wroteAt = -Infinity;
  let dirty = false;
  let closed = false;
  let planned: { atMs: number; cancel: Cancel } | undefined;
  let writing: Promise<void> | undefined;

  const plan = (atMs: number): void => {
    if (closed || (planned !== undefined && planned.atMs <= atMs)) return;
    planned?.cancel();
    planned = { atMs, cancel: clock.after(Math.max(0, atMs - clock.monotonic()), start) };
  };
  const run = async (): Promise<void> => {
    dirty = false;
    const wrote = await write();
    wroteAt = clock.monotonic();
    if (wrote) return;
    dirty = true;
    plan(wroteAt + retryMs);
  };
  const start = (): void => {
    planned = undefined;
    if (writing !== undefined) return plan(clock.monotonic() + pace.urgentDelayMs);
    // Planned while a write was under way, whose end was not known then.
    const earliest = wroteAt + pace.urgentSpacingMs;
    if (clock.monotonic() < earliest) return plan(earliest);
    writing = run().finally(() => {
      writing = undefined;
    });
  };

  return {
    changed: (urgent) => {
      dirty = true;
      const now = clock.monotonic();
      if (urgent) plan(Math.max(now + pace.urgentDelayMs, wroteAt + pace.urgentSpacingMs));
      else plan(Math.max(now + pace.delayMs, wroteAt + pace.spacingMs));
    },
    flush: async () => {
      await writing;
      if (!dirty || closed) return;
      planned?.cancel();
      await run();
    },
    close: async () => {
      closed = true;
      planned?.cancel();
      await writing;
    },
  };
}
