// When copies are written: soon, seldom under churn, at once for revocations, again after a failure.
import { test } from "node:test";
import assert from "node:assert/strict";
import { makeVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { makeSchedule } from "./copy-schedule.ts";

const pace = { delayMs: 1_000, spacingMs: 60_000, urgentDelayMs: 100, urgentSpacingMs: 500 };

function open(writeMs = 0) {
  const clock = makeVirtualClock();
  const wrote: number[] = [];
  const state = { works: true, running: 0 };
  const schedule = makeSchedule(clock, pace, async () => {
    state.running += 1;
    assert.equal(state.running, 1, "one write at a time");
    if (writeMs > 0) await new Promise<void>((resolve) => clock.after(writeMs, resolve));
    state.running -= 1;
    if (state.works) wrote.push(clock.monotonic());
    return state.works;
  });
  return { clock, wrote, state, schedule };
}

test("ordinary changes: a second after the first, then a minute apart, the last one never forgotten", async () => {
  const { clock, wrote, schedule } = open();
  for (let count = 0; count < 90; count += 1) {
    schedule.changed(false);
    await clock.pass(1_000);
  }
  assert.deepEqual(wrote, [1_000, 61_000]);
  await clock.pass(60_000);
  assert.deepEqual(wrote, [1_000, 61_000, 121_000]);
  await clock.pass(600_000);
  assert.equal(wrote.length, 3);
});

test("what was taken away is written within a second, however often it happens", async () => {
  const { clock, wrote, schedule } = open(300);
  schedule.changed(false);
  await clock.pass(2_000);
  for (let count = 0; count < 50; count += 1) {
    schedule.changed(true);
    const at = clock.monotonic();
    await clock.pass(170);
    const after = wrote.filter((written) => written >= at);
    assert.ok(after.length <= 1);
  }
  const last = clock.monotonic();
  schedule.changed(true);
  await clock.pass(1_000);
  assert.ok(wrote.some((written) => written > last));
  // Between its end and the next begin half a second passes.
  for (const [index, written] of wrote.entries())
    if (index > 0) assert.ok(written - (wrote[index - 1] ?? 0) >= 800);
});

test("an urgent change does not wait for an ordinary one's turn", async () => {
  const { clock, wrote, schedule } = open();
  schedule.changed(false);
  await clock.pass(5_000);
  schedule.changed(false);
  schedule.changed(true);
  await clock.pass(1_000);
  assert.deepEqual(wrote, [1_000, 5_100]);
});

test("a failed write is tried again, and flush writes what is left", async () => {
  const { clock, wrote, state, schedule } = open();
  state.works = false;
  schedule.changed(true);
  await clock.pass(5_000);
  state.works = true;
  await clock.pass(10_000);
  assert.equal(wrote.length, 1);
  schedule.changed(false);
  await schedule.flush();
  assert.equal(wrote.length, 2);
  await schedule.flush();
  assert.equal(wrote.length, 2, "nothing new, nothing written");
  await schedule.close();
  schedule.changed(true);
  await clock.pass(100_000);
  assert.equal(wrote.length, 2);
});
