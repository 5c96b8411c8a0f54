import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isTimeZone, periodAt, wholeTime } from "./periods.ts";

const hourMs = 3_600_000;

const at = (text: string): number => Date.parse(text);

describe("periodAt", () => {
  it("knows days of 23 and of 25 hours", () => {
    const spring = periodAt("day", "Europe/Berlin", at("2026-03-29T12:00:00Z"));
    assert.equal(spring.name, "day:2026-03-29@Europe/Berlin");
    assert.equal(spring.endMs - spring.startMs, 23 * hourMs);
    const autumn = periodAt("day", "Europe/Berlin", at("2026-10-25T12:00:00Z"));
    assert.equal(autumn.endMs - autumn.startMs, 25 * hourMs);
  });

  it("puts the last second of a day into that day, and the next into the next: +5:45", () => {
    const last = periodAt("day", "Asia/Kathmandu", at("2026-11-23T18:14:59Z"));
    const next = periodAt("day", "Asia/Kathmandu", at("2026-11-23T18:15:00Z"));
    assert.equal(last.name, "day:2026-11-23@Asia/Kathmandu");
    assert.equal(last.endMs, at("2026-11-23T18:15:00Z"));
    assert.equal(next.name, "day:2026-11-24@Asia/Kathmandu");
    assert.equal(next.startMs, last.endMs);
  });

  it("begins a day at one where clocks leave midnight out", () => {
    const day = periodAt("day", "Africa/Cairo", at("2024-04-26T12:00:00Z"));
    assert.equal(day.startMs, at("2024-04-25T22:00:00Z"));
    assert.equal(day.endMs - day.startMs, 23 * hourMs);
    assert.equal(day.name, "day:2024-04-26@Africa/Cairo");
  });

  it("ends a day once where clocks show the hour before midnight twice", () => {
    // At 00:01 it was 23:01 of the day before again.
    const zone = "America/St_Johns";
    for (let minute = 0; minute < 200; minute += 1) {
      const instant = at("2009-11-01T01:30:00Z") + minute * 60_000;
      const day = periodAt("day", zone, instant);
      assert.ok(day.startMs <= instant && instant < day.endMs, `minute ${minute}`);
    }
  });

  it("knows the day that Samoa left out", () => {
    const before = periodAt("day", "Pacific/Apia", at("2011-12-30T09:59:59Z"));
    const after = periodAt("day", "Pacific/Apia", at("2011-12-30T10:00:00Z"));
    assert.equal(before.name, "day:2011-12-29@Pacific/Apia");
    assert.equal(after.name, "day:2011-12-31@Pacific/Apia");
    assert.equal(before.endMs, after.startMs);
    const week = periodAt("week", "Pacific/Apia", at("2011-12-31T12:00:00Z"));
    assert.equal(week.name, "week:2011-12-26@Pacific/Apia");
    assert.equal(week.endMs - week.startMs, 6 * 24 * hourMs);
  });

  it("begins weeks on Monday and months on the first", () => {
    assert.equal(periodAt("week", "UTC", at("2026-11-29T23:59:59Z")).name, "week:2026-11-23@UTC");
    assert.equal(periodAt("week", "UTC", at("2026-11-30T00:00:00Z")).name, "week:2026-11-30@UTC");
    const month = periodAt("month", "America/Sao_Paulo", at("2026-12-31T12:00:00Z"));
    assert.equal(month.name, "month:2026-12-01@America/Sao_Paulo");
    assert.equal(month.endMs, at("2027-01-01T03:00:00Z"));
  });

  it("never ends in total", () => {
    assert.equal(periodAt("total", "UTC", 0), wholeTime);
    assert.equal(wholeTime.endMs, Infinity);
  });

  it("lays periods end to end in every zone, each instant in exactly one", () => {
    const zones = Intl.supportedValuesOf("timeZone").filter((_, index) => index % 9 === 0);
    const odd = [
      "Asia/Kathmandu",
      "Pacific/Apia",
      "America/St_Johns",
      "Africa/Cairo",
      "Asia/Beirut",
    ];
    let seed = 7;
    const random = (): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed / 2_147_483_648;
    };
    for (const zone of [...zones, ...odd, "Australia/Lord_Howe", "America/Havana"])
      for (const period of ["day", "week", "month"] as const) {
        const instant = at("1990-01-01T00:00:00Z") + Math.floor(random() * 40 * 365 * 24) * hourMs;
        const one = periodAt(period, zone, instant);
        const says = `${period} ${zone} ${new Date(instant).toISOString()}`;
        assert.ok(one.startMs <= instant && instant < one.endMs, says);
        assert.deepEqual(periodAt(period, zone, one.startMs), one, says);
        assert.deepEqual(periodAt(period, zone, one.endMs - 1), one, says);
        const next = periodAt(period, zone, one.endMs);
        assert.equal(next.startMs, one.endMs, says);
        assert.notEqual(next.name, one.name, says);
        assert.ok(one.name.length <= 64, says);
      }
  });
});

describe("isTimeZone", () => {
  it("knows names of zones, and no others", () => {
    assert.ok(isTimeZone("Europe/Berlin"));
    assert.ok(!isTimeZone("Europe/Atlantis"));
    assert.ok(!isTimeZone(""));
  });
});
