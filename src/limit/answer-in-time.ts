/** Waits for an answer no longer than a call may be held up. Promise: what comes later is handed on, never dropped. */
import type { Clock } from "../core/clock.ts";

/** Longest that a call waits for the shared counters. */
export const deadlineMs = 50;

/** Undefined: it failed, or did not come in time. */
export function answerInTime<T>(
  clock: Clock,
  answer: Promise<T>,
  late: (answer: T) => void,
): Promise<T | undefined> {
  return new Promise((resolve) => {
    let waiting = true;
    const settle = (value: T | undefined): void => {
      waiting = false;
      cancel();
      resolve(value);
    };
    const giveUp = (): void => {
      if (waiting) settle(undefined);
    };
    // It may lie in the socket while this process was busy itself: it is read before the time is judged.
    const cancel = clock.after(deadlineMs, () => setImmediate(giveUp));
    answer.then((value) => (waiting ? settle(value) : late(value)), giveUp);
  });
}
