/** Money to the last nano-dollar. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fastCheck from "fast-check";
import type { Millionths } from "../core/money.ts";
import type { Price } from "../sync/entities.ts";
import { noConditions } from "../sync/price-rates.ts";
import { type Usage, noUsage } from "../wire/usage.ts";
import { type Charge, makeCharge } from "./charge.ts";
import { estimateUsage } from "./estimate.ts";

const price = (fields: Partial<Price>): Price => ({
  ...noConditions,
  id: 3,
  rev: 1,
  model: "m",
  mode: "tokens",
  channelId: 0,
  side: "charge",
  effectiveFromMs: 0,
  locked: false,
  source: null,
  ...fields,
});
const usage = (fields: Partial<Usage>): Usage => ({ ...noUsage, ...fields });
const one = 1_000_000n;
const charge = (used: Usage, by: Price | undefined, ...ratios: readonly Millionths[]): Charge =>
  makeCharge({ usage: used, price: by, ratios, tier: null, atMs: 0 });

test("the lines are rounded once, half up, not one by one", () => {
  // Three buckets of 0.4 nano-dollars each: together 1.2, rounded apart they would be nothing.
  const tiny = price({ input: 400_000n, cacheRead: 400_000n, output: 400_000n });
  assert.equal(charge(usage({ input: 1, cacheRead: 1, output: 1 }), tiny).cost, 1n);
  assert.equal(charge(usage({ input: 1 }), price({ input: 500_000n })).cost, 1n);
  assert.equal(charge(usage({ input: 1 }), price({ input: 499_999n })).cost, 0n);
});

test("a bucket without a price takes the nearest one", () => {
  const all = usage({
    input: 1_000_000,
    cacheRead: 1_000_000,
    cacheWrite5m: 1_000_000,
    cacheWrite1h: 1_000_000,
    output: 1_000_000,
  });
  const costBy = (fields: Partial<Price>): bigint => charge(all, price(fields)).cost;
  assert.equal(costBy({ input: 2n }), 10n);
  assert.equal(costBy({ input: 2n, cacheWrite5m: 3n, output: 7n, cacheRead: 1n }), 16n);
  assert.equal(costBy({ input: 2n, cacheRead: 0n, cacheWrite5m: 0n, output: 0n }), 2n);
});

test("a price per call does not look at tokens, and ratios count once", () => {
  const fixed = price({ mode: "call", perCall: 5_000_000n });
  assert.equal(charge(usage({ input: 999 }), fixed, 1_500_000n).cost, 7_500_000n);
  assert.deepEqual(charge(usage({ input: 999 }), undefined, one), {
    cost: 0n,
    lines: [],
    priceId: null,
    priceRev: null,
    unpriced: true,
  });
});

test("cost is exactly half-up of the true sum, for any amounts", () => {
  const count = fastCheck.nat(2_000_000_000);
  const nano = fastCheck.bigInt(0n, 10n ** 9n);
  const property = fastCheck.property(
    count,
    count,
    fastCheck.tuple(nano, nano),
    fastCheck.bigInt(0n, 10n ** 9n),
    (input, output, [inPrice, outPrice], ratio) => {
      const { cost } = charge(
        usage({ input, output }),
        price({ input: inPrice, output: outPrice }),
        ratio,
      );
      const exact = (BigInt(input) * inPrice + BigInt(output) * outPrice) * ratio;
      const scale = 10n ** 12n;
      // |cost - exact| <= 1/2, and at exactly 1/2 the cost is the larger one.
      const twice = 2n * (cost * scale - exact);
      assert.ok(twice > -scale && twice <= scale);
    },
  );
  fastCheck.assert(property, { numRuns: 1000 });
});

test("an estimate counts four bytes for a token and says that it is one", () => {
  const estimate = estimateUsage(9, 4);
  assert.deepEqual([estimate.input, estimate.output, estimate.estimated], [3, 1, true]);
});
