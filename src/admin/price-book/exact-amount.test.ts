/** Amounts of price lists, to the last digit. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fastCheck from "fast-check";
import { exactRatio, parseFraction, toNano } from "./exact-amount.ts";
import type { Fraction } from "./exact-amount.ts";

const million = 1_000_000n;

function fraction(text: string): Fraction {
  const parsed = parseFraction(text);
  assert.ok(!("fault" in parsed), text);
  return parsed;
}

test("dollars a token become nano-dollars per million without a float between", () => {
  const cases: readonly (readonly [string, bigint])[] = [
    ["1.5e-06", 1_500_000_000n],
    ["0.0000015", 1_500_000_000n],
    ["2.5E-9", 2_500_000n],
    ["7.5e-05", 75_000_000_000n],
    ["0", 0n],
    ["0.000", 0n],
    ["-0.0", 0n],
    ["5.46875e-07", 546_875_000n],
    ["3", 3_000_000_000_000_000n],
    // A float would make 0.1 + 0.2 of this.
    ["0.30000000000000004", 300_000_000_000_000n],
  ];
  for (const [text, nano] of cases) {
    const amount = toNano(fraction(text), { units: million });
    assert.ok(!("fault" in amount), text);
    assert.equal(amount.nano, nano, text);
    assert.equal(amount.exact, text !== "0.30000000000000004", text);
  }
});

test("what is no price is refused", () => {
  for (const text of [
    "",
    "NaN",
    "Infinity",
    "1e",
    "0x10",
    "1,5",
    "--1",
    "1e400",
    "-1e-400",
    "1e-400",
    "1e9999999",
  ])
    assert.ok("fault" in parseFraction(text), text);
  assert.deepEqual(parseFraction("-1e-6"), { fault: "is negative" });
  assert.deepEqual(parseFraction("9".repeat(5000)), { fault: "is out of range" });
  assert.deepEqual(toNano(fraction("1e12"), { units: million }), { fault: "is out of range" });
  assert.deepEqual(toNano(fraction("1e-22"), { units: million }), {
    fault: "is less than a nano-dollar can tell",
  });
});

test("ratios are exact or none", () => {
  assert.equal(exactRatio(fraction("1.25e-06"), fraction("2.5e-06")), 500_000n);
  assert.equal(exactRatio(fraction("1.3e-07"), fraction("2.5e-07")), 520_000n);
  assert.equal(exactRatio(fraction("1e-06"), fraction("3e-06")), undefined);
  assert.equal(exactRatio(fraction("1e-06"), fraction("0")), undefined);
});

test("any amount of nano-dollars survives being written as dollars a token", () => {
  fastCheck.assert(
    fastCheck.property(fastCheck.bigInt(0n, 10n ** 18n), (nano) => {
      const digits = nano.toString();
      assert.deepEqual(toNano(fraction(`${digits}e-15`), { units: million }), {
        nano,
        exact: true,
      });
    }),
  );
});
