/**
 * Waits for an answer no longer than a call may be held up. Promises: some silence ends it; what comes later is handed
 * on, never dropped.
 */
import type { Clock } from "../core/clock.ts";

/** Longest that a call waits for counters that are silent. */
export const usualSilenceMs = 50;
/** Longest of all, as a multiple of it: they are at work, or this process was kept from hearing them. */
const longestWait = 5;
/** A timer that is later than this tells that the process did not run. */
const lateMs = 10;

export interface Hearing<T> {
  readonly silenceMs: number;
  /** How many answers came on this line. */
  heard(): number;
  /** An answer that nobody waits for any more. */
  late(answer: T): void;
}

/** Undefined: it failed, or did not come in time. */
export function answerInTime<T>(
  clock: Clock,
  answer: Promise<T>,
  { silenceMs, heard, late }: Hearing<T>,
): Promise<T | undefined> {
  const startMs = clock.monotonic();
  return new Promise((resolve) => {
    let waiting = true;
    let cancel = (): void => undefined;
    const settle = (value: T | undefined): void => {
      if (!waiting) return;
      waiting = false;
      cancel();
      resolve(value);
    };
    const listen = (): void => {
      const before = heard();
      const dueMs = clock.monotonic() + silenceMs;
      const judge = (): void => {
        const alive = heard() > before || clock.monotonic() - dueMs > lateMs;
        if (waiting && alive && clock.monotonic() - startMs < silenceMs * longestWait) listen();
        else settle(undefined);
      };
      // What lies in the socket is read before the time is judged.
      cancel = clock.after(silenceMs, () => setImmediate(judge));
    };
    listen();
    answer.then(
      (value) => (waiting ? settle(value) : late(value)),
      () => settle(undefined),
    );
  });
}
