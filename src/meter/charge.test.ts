/** Money to the last nano-dollar. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fastCheck from "fast-check";
import { priceOf } from "../../test/fakes/prices.ts";
import type { Millionths } from "../core/money.ts";
import type { Price } from "../sync/entities.ts";
import { noConditions, tokenRates } from "../sync/price-rates.ts";
import { type Usage, noUsage } from "../wire/usage.ts";
import { makeChannelCost } from "./channel-cost.ts";
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
  const called = charge(usage({ input: 999, kinds: { images: 3 } }), fixed, 1_500_000n);
  assert.deepEqual([called.cost, called.lines.map((line) => line.what)], [7_500_000n, ["call"]]);
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

const million = 1_000_000;

test("prices of nothing, of a quarter of a cent per million, and what they cost for one token", () => {
  assert.equal(charge(usage({ input: 1e12 }), price({ input: 0n })).cost, 0n);
  // $0.0025 per million is 2.5 nano-dollars a token.
  const cheap = price({ input: 2_500_000n });
  assert.equal(charge(usage({ input: 1 }), cheap).cost, 3n);
  assert.equal(charge(usage({ input: 2 }), cheap).cost, 5n);
  assert.equal(charge(usage({ input: million }), cheap).cost, 2_500_000n);
});

test("a third as a ratio is the third that was written, to the nano-dollar", () => {
  const third = 333_333n;
  assert.equal(
    charge(usage({ input: 3 * million }), price({ input: 1_000_000_000n }), third).cost,
    999_999_000n,
  );
  // 200,000 tokens at $75 per million are $15; × 0.333333 × 0.333333 × 3 = 4.999990000005.
  const opus = price({ output: 75_000_000_000n });
  const cost = charge(usage({ output: 200_000 }), opus, third, third, 3_000_000n).cost;
  assert.equal(cost, 4_999_990_000n);
  // Rounded after all ratios: a third of a nano-dollar, thrice, is one.
  assert.equal(
    charge(usage({ input: 1 }), price({ input: 1_000_000n }), third, 3_000_000n).cost,
    1n,
  );
});

test("ratios of group, key and user multiply, and one of nothing makes a call free", () => {
  const by = price({ input: 1_000_000_000n });
  const used = usage({ input: million });
  assert.equal(charge(used, by, 1_500_000n, 2_000_000n, 500_000n).cost, 1_500_000_000n);
  assert.equal(charge(used, by, 1_500_000n, 0n).cost, 0n);
});

test("what an upstream cannot have counted is charged as nothing, and an amount beyond all is the largest kept", () => {
  const by = price({ input: 1_000_000_000n, output: 1_000_000_000n });
  for (const odd of [-1, Number.NaN, -Infinity]) {
    const told = charge(
      usage({ input: odd, output: 5, kinds: { inputAudio: odd, seconds: odd } }),
      by,
    );
    assert.deepEqual(
      told.lines.map((line) => [line.what, line.units]),
      [["output", 5]],
    );
    assert.equal(told.cost, 5000n);
  }
  const endless = charge(usage({ input: 1e308, cacheRead: Infinity }), by);
  assert.deepEqual(
    endless.lines.map((line) => line.units),
    [1e12, 1e12],
  );
  assert.equal(endless.cost, 2_000_000_000_000_000n);
  const dear = price({ input: 9_000_000_000_000_000_000n });
  assert.equal(
    charge(usage({ input: 1e12 }), dear, 1_000_000_000_000n).cost,
    9_000_000_000_000_000_000n,
  );
});

test("parts are taken out of the bucket that they are part of, and are never more than it", () => {
  const by = price({
    input: 1n,
    inputAudio: 10n,
    inputImage: 100n,
    output: 2n,
    outputAudio: 20n,
    reasoning: 200n,
  });
  const lines = (fields: Partial<Usage>): readonly (readonly [string, number])[] =>
    charge(usage(fields), by).lines.map((line) => [line.what, line.units]);
  assert.deepEqual(lines({ input: 10, kinds: { inputAudio: 3, inputImage: 2 } }), [
    ["inputAudio", 3],
    ["inputImage", 2],
    ["input", 5],
  ]);
  // More parts than whole: as an upstream told that counts cached sound among the fresh.
  assert.deepEqual(lines({ input: 4, kinds: { inputAudio: 3, inputImage: 9 } }), [
    ["inputAudio", 3],
    ["inputImage", 1],
  ]);
  assert.deepEqual(lines({ output: 10, reasoning: 9, kinds: { outputAudio: 4 } }), [
    ["outputAudio", 4],
    ["reasoning", 6],
  ]);
  // A part without a rate stays where it is.
  const plain = charge(usage({ input: 10, kinds: { inputVideo: 7 } }), by);
  assert.deepEqual(
    plain.lines.map((line) => [line.what, line.units]),
    [["input", 10]],
  );
});

test("cached sound without a rate of its own costs what cached text does, else what sound does", () => {
  const heard = usage({ cacheRead: 10, kinds: { cacheReadAudio: 10 } });
  const rateOf = (fields: Partial<Price>): bigint | undefined =>
    charge(heard, price({ input: 1n, inputAudio: 8n, ...fields })).lines[0]?.rate;
  assert.equal(rateOf({ cacheRead: 3n, cacheReadAudio: 4n }), 4n);
  assert.equal(rateOf({ cacheRead: 3n }), 3n);
  assert.equal(rateOf({}), 8n);
});

test("images are priced by the nearest form, and those whose form nobody told by the rest", () => {
  const perImage = { "1024x1024/high": 1n, "1024x1024/*": 10n, "*/high": 100n, "*": 1000n };
  const sizes = { "1024x1024/high": 1, "1024x1024/low": 1, "512x512/high": 1, "512x512/low": 1 };
  const made = usage({ kinds: { images: 5, imageSizes: sizes } });
  const { cost, lines } = charge(made, price({ perImage }));
  assert.equal(cost, 2111n);
  assert.equal(lines.at(-1)?.what, "image auto/auto");
  // More forms than images: the images count.
  const two = usage({ kinds: { images: 2, imageSizes: sizes } });
  assert.equal(charge(two, price({ perImage })).cost, 11n);
});

test("words of a reply find only what stands in the price", () => {
  const by = price({ input: 1_000_000n, perImage: { "*": 5n }, serviceTiers: {} });
  const used = usage({
    input: 1,
    kinds: { images: 1, imageSizes: { __proto__x: 0, constructor: 1 } },
  });
  for (const tier of ["constructor", "__proto__", "toString"])
    assert.deepEqual(
      makeCharge({ usage: used, price: by, ratios: [], tier, atMs: 0 }),
      charge(used, by),
    );
});

test("the tier that fits is the highest, and later conditions win over earlier ones while factors multiply", () => {
  const by = priceOf({
    input: 1,
    output: 1,
    perPage: 0.001,
    perWebSearch: 0.001,
    tiers: [
      { above: 10, input: 2, output: 2 },
      { above: 20, input: 3, factor: 3 },
    ],
    times: [{ from: "00:00", to: "12:00", input: 5, factor: 0.5 }],
    serviceTiers: { batch: { input: 7, factor: 0.5 } },
  });
  const costOf = (used: Partial<Usage>, tier: string | null, hour: number): bigint =>
    makeCharge({ usage: usage(used), price: by, ratios: [], tier, atMs: hour * 3_600_000 }).cost;
  assert.deepEqual(
    [10, 11, 20, 21].map((input) => costOf({ input }, null, 12)),
    [10_000n, 22_000n, 40_000n, 189_000n],
  );
  // At 21 tokens: 3 × 0.5 × 5 × 21, and with a batch 3 × 0.5 × 0.5 × 7 × 21 = 110.25.
  assert.equal(costOf({ input: 21 }, null, 11), 157_500n);
  assert.equal(costOf({ input: 21 }, "batch", 11), 110_250n);
  // A tier names no output: the price's own stands, times its factor.
  assert.equal(costOf({ input: 21, output: 1 }, null, 12), 192_000n);
  // Pages cost half at night, searches never do.
  assert.equal(costOf({ kinds: { pages: 2, webSearches: 1 } }, null, 3), 2_000_000n);
});

test("a window over midnight belongs to the day on which it begins, in its own zone", () => {
  const by = priceOf({
    input: 4,
    times: [
      { zone: "Asia/Kathmandu", from: "22:00", to: "06:00", weekdays: [7, 5], input: 1 },
      { zone: "Asia/Kathmandu", from: "00:00", to: "24:00", weekdays: [3], input: 2 },
    ],
  });
  const rateAt = (at: string): number =>
    Number(
      makeCharge({
        usage: usage({ input: 1 }),
        price: by,
        ratios: [],
        tier: null,
        atMs: Date.parse(at),
      }).cost / 1000n,
    );
  // 22 November 2026 is a Sunday; Kathmandu is 5:45 ahead.
  assert.deepEqual(
    [
      "2026-11-22T21:59:59+05:45",
      "2026-11-22T22:00:00+05:45",
      "2026-11-23T05:59:59+05:45",
      "2026-11-23T06:00:00+05:45",
      "2026-11-23T22:00:00+05:45",
      "2026-11-25T00:00:00+05:45",
      "2026-11-25T23:59:59+05:45",
      "2026-11-26T00:00:00+05:45",
      "2026-11-27T23:00:00+05:45",
      "2026-11-28T05:00:00+05:45",
      "2026-11-22T05:00:00+05:45",
    ].map(rateAt),
    [4, 1, 1, 4, 4, 2, 2, 4, 1, 1, 4],
  );
});

test("a channel costs what its own price says, else its share of what callers pay before their ratios", () => {
  const used = usage({ input: million });
  const by = price({ input: 3_000_000_001n });
  const ownPrice = price({ id: 9, side: "cost", input: 1_000_000_000n });
  const more = { usage: used, price: by, costRatio: 500_000n, tier: null, atMs: 0 };
  assert.equal(makeChannelCost({ ...more, ownPrice: undefined }).cost, 1_500_000_001n);
  const own = makeChannelCost({ ...more, ownPrice });
  assert.deepEqual([own.cost, own.priceId], [1_000_000_000n, 9]);
  assert.equal(makeChannelCost({ ...more, price: undefined, ownPrice }).cost, 1_000_000_000n);
  const none = makeChannelCost({ ...more, price: undefined, ownPrice: undefined });
  assert.deepEqual([none.cost, none.unpriced], [0n, true]);
});

/** Any usage that an upstream may tell, parts that are more than their whole included. */
const count = fastCheck.nat(3_000_000);
const anyUsage = fastCheck.record({
  input: count,
  cacheRead: count,
  cacheWrite5m: count,
  cacheWrite1h: count,
  output: count,
  reasoning: count,
  estimated: fastCheck.boolean(),
  kinds: fastCheck.record({
    inputAudio: count,
    inputImage: count,
    inputVideo: count,
    cacheReadAudio: count,
    cacheReadImage: count,
    cacheReadVideo: count,
    outputAudio: count,
    outputImage: count,
    outputVideo: count,
    webSearches: count,
    seconds: fastCheck.integer({ min: 0, max: 10_000_000 }).map((ms) => ms / 1000),
    characters: count,
    images: fastCheck.nat(20),
  }),
});
const amount = fastCheck.bigInt(0n, 10n ** 12n);
const wholes = ["input", "cacheRead", "cacheWrite5m", "cacheWrite1h", "output"] as const;
const anyPrice = fastCheck
  .record(
    Object.fromEntries([...tokenRates, "perWebSearch", "perHour"].map((name) => [name, amount])),
    { requiredKeys: [] },
  )
  .map((rates) => price({ ...rates, perImage: { "*": 7n } }));

test("for any usage and price: no token is in two lines, none is lost, none is negative", () => {
  const property = fastCheck.property(anyUsage, anyPrice, (used, by) => {
    const { lines } = charge(used, by);
    const unitsOf = (prefix: string): number =>
      lines
        .filter((line) => line.what.startsWith(prefix))
        .reduce((sum, line) => sum + line.units, 0);
    assert.ok(lines.every((line) => line.units > 0 && line.rate >= 0n));
    assert.equal(new Set(lines.map((line) => line.what)).size, lines.length);
    const ownReasoning = lines.find((line) => line.what === "reasoning")?.units ?? 0;
    for (const whole of wholes)
      assert.equal(unitsOf(whole) + (whole === "output" ? ownReasoning : 0), used[whole], whole);
  });
  fastCheck.assert(property, { numRuns: 500 });
});

test("for any usage and price: the cost is the sum of the lines", () => {
  const property = fastCheck.property(anyUsage, anyPrice, (used, by) => {
    const { lines, cost } = charge(used, by, 1_234_567n);
    // In units of 10^-18 dollars × 9, so that hours divide.
    const exact = lines.reduce(
      (sum, { units, rate, per }) =>
        sum + (BigInt(Math.round(units * 1000)) * rate * 9_000_000n) / BigInt(per),
      0n,
    );
    const scale = 1000n * 9_000_000n * 1_000_000n;
    const twice = 2n * (cost * scale - exact * 1_234_567n);
    assert.ok(twice > -scale && twice <= scale);
  });
  fastCheck.assert(property, { numRuns: 500 });
});

test("for any usage and price: using more never costs less", () => {
  const what = fastCheck.constantFrom(...wholes);
  const property = fastCheck.property(anyUsage, anyPrice, what, count, (used, by, name, more) => {
    const before = charge(used, by).cost;
    assert.ok(charge({ ...used, [name]: used[name] + more }, by).cost >= before);
    const { webSearches } = used.kinds;
    const kinds = { ...used.kinds, webSearches: webSearches + more };
    assert.ok(charge({ ...used, kinds }, by).cost >= before);
  });
  fastCheck.assert(property, { numRuns: 500 });
});
