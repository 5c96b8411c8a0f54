/** Money never loses a digit: parse and format are inverse, bad input is refused, halves round up. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { divideHalfUp, formatDollars, formatRatio, parseDollars, parseRatio } from "./money.ts";

test("dollars are read exactly, as number or text", () => {
  assert.equal(parseDollars("0.0025"), 2_500_000n);
  assert.equal(parseDollars(75), 75_000_000_000n);
  assert.equal(parseDollars(0.1), 100_000_000n);
  assert.equal(parseDollars("1e-7"), undefined);
  assert.equal(parseDollars(1e-7), 100n);
  assert.equal(parseDollars("-3.5"), -3_500_000_000n);
  assert.equal(parseDollars("0.000000001"), 1n);
  assert.equal(parseDollars("1.2300000000000"), 1_230_000_000n);
});

test("what would lose digits or is no amount is refused", () => {
  for (const bad of [
    "0.0000000001",
    "",
    "1,5",
    "0x10",
    "Infinity",
    "1.",
    ".5",
    "9999999999999",
    Number.NaN,
    Infinity,
    1e21,
  ]) {
    assert.equal(parseDollars(bad), undefined, String(bad));
  }
  assert.equal(parseRatio("0.1234567"), undefined);
});

test("format and parse are inverse", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), (nano) => {
      assert.equal(parseDollars(formatDollars(nano)), nano);
    }),
  );
  assert.equal(formatDollars(1n), "0.000000001");
  assert.equal(formatRatio(1_500_000n), "1.5");
  assert.equal(formatRatio(0n), "0");
});

test("division rounds half away from zero, once", () => {
  assert.equal(divideHalfUp(5n, 10n), 1n);
  assert.equal(divideHalfUp(4n, 10n), 0n);
  assert.equal(divideHalfUp(-5n, 10n), -1n);
  assert.equal(divideHalfUp(10n ** 30n + 1n, 2n), (10n ** 30n + 2n) / 2n);
});
