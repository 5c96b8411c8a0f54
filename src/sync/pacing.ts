/** When the follower looks next. Promise: no flag, bell or fault ever makes a healthy poll slower than a second. */
import type { Clock } from "../core/clock.ts";

const pollMs = 250;
const spread = 0.2;
/** The fleet's polls per second that a database is asked to bear from 100 nodes on, until the ceiling binds. */
const fleetPollsPerSecond = 400;
export const slowestPollMs = 1000;

/** Ms until the next poll: 250 ± 20 % up to 100 live nodes, never above a second. */
export function pollDelay(liveNodes: number, random: () => number): number {
  const fair = (liveNodes / fleetPollsPerSecond) * 1000;
  const base = Math.min(Math.max(pollMs, fair), slowestPollMs / (1 + spread));
  return base * (1 - spread + 2 * spread * random());
}

/** Full jitter, so that a fleet does not fall upon a returning database; capped so that every node is back within 3 s. */
export function errorDelay(errorsInARow: number, random: () => number): number {
  const cap = Math.min(1000, pollMs * 2 ** Math.min(errorsInARow - 1, 8));
  return 20 + random() * (cap - 20);
}

/** Lets 3 bells in a row through at once and 10 per second on: churn coalesces, a lone change never waits. */
export function makeBellBucket(clock: Clock): { reserve(): number } {
  const burst = 3;
  const perMs = 10 / 1000;
  let tokens = burst;
  let filledAt = clock.monotonic();
  return {
    /** Takes a token; ms to wait until it is there. */
    reserve: () => {
      const now = clock.monotonic();
      tokens = Math.min(burst, tokens + (now - filledAt) * perMs) - 1;
      filledAt = now;
      return tokens >= 0 ? 0 : -tokens / perMs;
    },
  };
}
