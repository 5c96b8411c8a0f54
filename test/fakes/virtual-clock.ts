// A clock that stands still until a test moves it; what was planned then runs in order, promises between settled.
import type { Clock } from "../../src/core/clock.ts";

export interface VirtualClock extends Clock {
  /** Lets `ms` pass, running what falls due on the way. */
  pass(ms: number): Promise<void>;
  /** Sets the wall clock off by `ms` more. */
  jump(ms: number): void;
  /** Lets promises settle without time passing. */
  settle(): Promise<void>;
}

export function makeVirtualClock(wallMs = 1_700_000_000_000): VirtualClock {
  let elapsed = 0;
  let offset = 0;
  let serial = 0;
  const planned = new Map<number, { atMs: number; action: () => void }>();
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  const next = (): [number, { atMs: number; action: () => void }] | undefined =>
    [...planned].sort(([a, x], [b, y]) => x.atMs - y.atMs || a - b)[0];
  return {
    now: () => wallMs + elapsed + offset,
    monotonic: () => elapsed,
    after: (delayMs, action) => {
      serial += 1;
      const id = serial;
      planned.set(id, { atMs: elapsed + Math.max(0, delayMs), action });
      return () => void planned.delete(id);
    },
    pass: async (ms) => {
      const until = elapsed + ms;
      await settle();
      for (let due = next(); due !== undefined && due[1].atMs <= until; due = next()) {
        planned.delete(due[0]);
        elapsed = Math.max(elapsed, due[1].atMs);
        due[1].action();
        await settle();
      }
      elapsed = Math.max(elapsed, until);
    },
    jump: (ms) => {
      offset += ms;
    },
    settle,
  };
}
