/** Keeps calls from waiting for counters that do not answer. Promise: it opens when they failed for half a second, five times. */
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";

const failuresToOpen = 5;
/** A burst that goes wrong together is one fault, not five. */
const failingMs = 500;

export interface Breaker {
  /** Nobody is to wait. */
  readonly open: boolean;
  failed(): void;
  /** An answer came in time; an open breaker stays open until {@link Breaker.close}. */
  answered(): void;
  /** They were told everything, and answered in time. */
  close(): void;
}

export function makeBreaker(clock: Clock, logger: Logger): Breaker {
  let failures = 0;
  let sinceMs = 0;
  let open = false;
  return {
    get open() {
      return open;
    },
    failed: () => {
      if (failures === 0) sinceMs = clock.monotonic();
      failures += 1;
      const lasts = clock.monotonic() - sinceMs >= failingMs;
      if (open || failures < failuresToOpen || !lasts) return;
      open = true;
      logger.warn({}, "the shared counters of limits do not answer; this node keeps to its share");
    },
    answered: () => {
      failures = 0;
    },
    close: () => {
      if (open) logger.info({}, "the shared counters of limits answer again");
      open = false;
    },
  };
}
