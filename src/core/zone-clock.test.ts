/** Clocks on the wall, on days of 23 and 25 hours and at odd offsets. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeZoneClock } from "./zone-clock.ts";

function shown(zone: string, ...instants: readonly string[]): readonly string[] {
  const clock = makeZoneClock(zone);
  return instants.map((at) => {
    const { weekday, minute } = clock(Date.parse(at));
    return `${weekday} ${Math.floor(minute / 60)}:${minute % 60}`;
  });
}

test("weekdays and minutes in UTC, before 1970 too", () => {
  const instants = ["2026-11-23T00:00:00Z", "2026-11-22T23:59:59.999Z", "1969-12-31T23:00:00Z"];
  assert.deepEqual(shown("UTC", ...instants), ["1 0:0", "7 23:59", "3 23:0"]);
  assert.deepEqual(shown("Etc/UTC", ...instants), shown("UTC", ...instants));
});

test("an hour is left out in spring and comes twice in autumn", () => {
  assert.deepEqual(shown("Europe/Berlin", "2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z"), [
    "7 1:59",
    "7 3:0",
  ]);
  assert.deepEqual(shown("Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"), [
    "7 2:30",
    "7 2:30",
  ]);
});

test("zones at odd offsets, asked forwards and backwards", () => {
  const forwards = shown("Asia/Kathmandu", "2026-11-22T18:14:59Z", "2026-11-22T18:15:00Z");
  assert.deepEqual(forwards, ["7 23:59", "1 0:0"]);
  const backwards = shown("Asia/Kathmandu", "2026-11-22T18:15:00Z", "2026-11-22T18:14:59Z");
  assert.deepEqual(backwards, ["1 0:0", "7 23:59"]);
  // Half an hour of summer time.
  assert.deepEqual(shown("Australia/Lord_Howe", "2026-04-04T14:59:59Z", "2026-04-04T15:00:00Z"), [
    "7 1:59",
    "7 1:30",
  ]);
});
