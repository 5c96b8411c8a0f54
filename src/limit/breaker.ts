/** Keeps calls from waiting for counters that do not answer. Promise: it opens after five failures in a row, and says so once. */
import type { Logger } from "../core/logger.ts";

const failuresToOpen = 5;

export interface Breaker {
  /** Nobody is to wait. */
  readonly open: boolean;
  failed(): void;
  /** An answer came in time; an open breaker stays open until {@link Breaker.close}. */
  answered(): void;
  /** They were told everything, and answered in time. */
  close(): void;
}

export function makeBreaker(logger: Logger): Breaker {
  let failures = 0;
  let open = false;
  return {
    get open() {
      return open;
    },
    failed: () => {
      failures += 1;
      if (open || failures < failuresToOpen) return;
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
