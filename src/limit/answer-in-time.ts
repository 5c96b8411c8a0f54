/**
 * Waits for an answer no longer than a call may be held up. Promises: some silence ends it; what comes later is handed
 * on, never dropped.
 */
import type { Clock } from "../core/clock.ts";

/** Longest that a call waits for counters that are silent. */
export const usualSilenceMs = 50;
/** Longest of all, as a multiple of it: they are at work, were never heard, or this process was kept from hearing them. */
const longestWait = 5;
/** A timer that is later than this tells that the process did not run. */
const lateMs = 4;

export interface Hearing<T> {
  readonly silenceMs: number;
  /** How many answers came on this line. */
  heard(): number;
  /** An answer that nobody waits for any more. */
  late(answer: T): void;
}

export interface Heard<T> {
  /** Undefined: it failed, or did not come in time. */
  readonly value: T | undefined;
  /** How long it took beside the time in which this process did not run. */
  readonly tookMs: number;
}

/** Never rejects. */
export function answerInTime<T>(
  clock: Clock,
  answer: Promise<T>,
  { silenceMs, heard, late }: Hearing<T>,
): Promise<Heard<T>> {
  const startMs = clock.monotonic();
  const longestMs = silenceMs * longestWait;
  return new Promise((resolve) => {
    let waiting = true;
    let asleepMs = 0;
    let cancel = (): void => undefined;
    const settle = (value: T | undefined): void => {
      if (!waiting) return;
      waiting = false;
      cancel();
      resolve({ value, tookMs: clock.monotonic() - startMs - asleepMs });
    };
    const listen = (): void => {
      const before = heard();
      // The first question finds everything cold, here and there.
      const patienceMs = before === 0 ? longestMs : silenceMs;
      const dueMs = clock.monotonic() + patienceMs;
      const judge = (): void => {
        const overdueMs = clock.monotonic() - dueMs;
        if (overdueMs > lateMs) asleepMs += patienceMs + overdueMs;
        const alive = heard() > before || overdueMs > lateMs;
        if (waiting && alive && clock.monotonic() - startMs < longestMs) listen();
        else settle(undefined);
      };
      // What lies in the socket is read before the time is judged.
      cancel = clock.after(patienceMs, () => setImmediate(judge));
    };
    listen();
    answer.then(
      (value) => (waiting ? settle(value) : late(value)),
      () => settle(undefined),
    );
  });
}
