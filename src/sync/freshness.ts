/**
 * How old what a node knows is. Ages take the larger of monotonic and wall time, so that a machine that slept cannot
 * call itself fresh; business time is the database's clock carried on by the monotonic one.
 */
import type { Clock } from "../core/clock.ts";
import type { Head } from "../store/sync-store.ts";

/** A point in time on both clocks. */
export interface Instant {
  readonly monotonic: number;
  readonly wall: number;
}

export interface Freshness {
  now(): Instant;
  /** A reading of the database's clock, asked for at `asked`. */
  sawDatabase(nowMs: number, asked: Instant): void;
  /** As of `asked` the head was what is applied. */
  confirmed(asked: Instant): void;
  /** The head has a revision that is not applied. */
  behind(head: Head, asked: Instant): void;
  stalenessMs(): number;
  lagMs(): number;
  businessNowMs(): number;
}

export function makeFreshness(clock: Clock): Freshness {
  const now = (): Instant => ({ monotonic: clock.monotonic(), wall: clock.now() });
  const since = (instant: Instant): number =>
    Math.max(0, clock.monotonic() - instant.monotonic, clock.now() - instant.wall);
  let confirmedAt = now();
  let lag: { atReading: number; readAt: Instant } | undefined;
  let database: { nowMs: number; monotonic: number } | undefined;
  return {
    now,
    sawDatabase: (nowMs, asked) => {
      // The answer was made somewhere between question and arrival: the middle errs least.
      const middle = (asked.monotonic + clock.monotonic()) / 2;
      database = { nowMs, monotonic: middle };
    },
    confirmed: (asked) => {
      confirmedAt = asked;
      lag = undefined;
    },
    behind: (head, asked) => {
      lag ??= { atReading: Math.max(0, head.nowMs - head.committedAtMs), readAt: asked };
    },
    stalenessMs: () => since(confirmedAt),
    lagMs: () => (lag === undefined ? 0 : lag.atReading + since(lag.readAt)),
    businessNowMs: () =>
      database === undefined
        ? clock.now()
        : Math.round(database.nowMs + clock.monotonic() - database.monotonic),
  };
}
