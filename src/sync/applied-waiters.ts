/** Those who wait until this node serves a revision. */
import type { Clock } from "../core/clock.ts";

interface Waiter {
  readonly revision: number;
  readonly finish: (applied: boolean) => void;
}

export class AppliedWaiters {
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True once {@link applied} tells of the revision, false after `timeoutMs`. */
  wait(revision: number, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const waiter: Waiter = {
        revision,
        finish: (applied) => {
          cancel();
          this.#waiters.delete(waiter);
          resolve(applied);
        },
      };
      const cancel = this.#clock.after(timeoutMs, () => waiter.finish(false));
      this.#waiters.add(waiter);
    });
  }

  applied(revision: number): void {
    for (const waiter of this.#waiters) if (waiter.revision <= revision) waiter.finish(true);
  }

  close(): void {
    for (const waiter of this.#waiters) waiter.finish(false);
  }
}
