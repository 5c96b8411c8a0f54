/** Sleeping ends with its time or its signal, and leaves no timer behind. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clock, sleep } from "./clock.ts";

function manualClock(): Clock & { advance(ms: number): void; readonly pending: number } {
  let nowMs = 0;
  let timers: { at: number; action: () => void }[] = [];
  return {
    now: () => nowMs,
    monotonic: () => nowMs,
    after: (delayMs, action) => {
      const timer = { at: nowMs + delayMs, action };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance: (ms) => {
      nowMs += ms;
      for (const timer of timers.filter((candidate) => candidate.at <= nowMs)) timer.action();
    },
    get pending() {
      return timers.length;
    },
  };
}

test("sleep resolves when its time has come", async () => {
  const clock = manualClock();
  let done = false;
  const slept = sleep(clock, 100).then(() => {
    done = true;
  });
  clock.advance(99);
  await Promise.resolve();
  assert.equal(done, false);
  clock.advance(1);
  await slept;
  assert.equal(clock.pending, 0);
});

test("an aborted sleep resolves at once and cancels its timer", async () => {
  const clock = manualClock();
  const stop = new AbortController();
  const slept = sleep(clock, 100, stop.signal);
  assert.equal(clock.pending, 1);
  stop.abort();
  await slept;
  assert.equal(clock.pending, 0);
  await sleep(clock, 100, stop.signal);
});
