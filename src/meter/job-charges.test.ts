/** What batches cost: computed by hand, and the same as their requests one by one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fastCheck from "fast-check";
import { type WrittenPrice, priceOf } from "../../test/fakes/prices.ts";
import { type Usage, noUsage } from "../wire/usage.ts";
import { makeChannelCost } from "./channel-cost.ts";
import { makeCharge } from "./charge.ts";
import { type JobMeter, makeJobMeter, matchModel } from "./job-charges.ts";
import type { JobPricing, ModelPricing } from "./kept-pricing.ts";

const noon = Date.parse("2026-11-23T12:00:00Z");
const priced = (charge: WrittenPrice, cost?: WrittenPrice): ModelPricing => ({
  charge: priceOf(charge, 7),
  cost: cost === undefined ? undefined : priceOf({ ...cost, side: "cost" }, 8),
});
const batch = (used: Partial<Usage>): Usage => ({ ...noUsage, ...used, serviceTier: "batch" });
const meterOf = (
  models: Readonly<Record<string, ModelPricing>>,
  more: Partial<JobPricing> = {},
): JobMeter =>
  makeJobMeter(
    {
      models: new Map(Object.entries(models)),
      ratios: [1_200_000n],
      costRatio: 800_000n,
      ...more,
    },
    noon,
  );
const tiered: WrittenPrice = {
  input: 2,
  cacheRead: 0.5,
  output: 8,
  tiers: [{ above: 200_000, input: 4, output: 12 }],
  serviceTiers: { batch: { factor: 0.5 } },
};

test("a batch at half price: each request in the tier of its own length, their charges summed", () => {
  const meter = meterOf({ m: priced(tiered) });
  // 1,000 × 2,000 + 500 × 8,000 = 6,000,000; × 0.5 × 1.2 = 3,600,000
  meter.add({
    model: "m",
    usage: batch({ input: 1000, output: 500, reasoning: 100, estimated: true }),
  });
  // 250,000 tokens went in: 150,000 × 4,000 + 100,000 × 500 + 1,000 × 12,000 = 662,000,000; × 0.6 = 397,200,000
  meter.add({ model: "m", usage: batch({ input: 150_000, cacheRead: 100_000, output: 1000 }) });
  meter.add({ model: "m", usage: batch({ input: 1000, output: 500 }) });
  const [total, ...others] = meter.totals();
  assert.deepEqual(others, []);
  assert.equal(total?.cost, 3_600_000n + 397_200_000n + 3_600_000n);
  // × 0.5 × 0.8: 2,400,000 + 264,800,000 + 2,400,000
  assert.equal(total?.channelCost, 269_600_000n);
  assert.deepEqual(
    [total?.requests, total?.priceId, total?.unpriced, total?.estimated],
    [3, 7, false, true],
  );
  const sums = { input: 152_000, cacheRead: 100_000, output: 2000, reasoning: 100 };
  assert.deepEqual(total?.usage, batch({ ...sums, estimated: true }));
  const half = { per: 1_000_000, factors: [500_000n] };
  const lines = [
    { what: "input", units: 2000, rate: 2_000_000_000n, ...half },
    { what: "output", units: 1000, rate: 8_000_000_000n, ...half },
    { what: "input", units: 150_000, rate: 4_000_000_000n, ...half },
    { what: "cacheRead", units: 100_000, rate: 500_000_000n, ...half },
    { what: "output", units: 1000, rate: 12_000_000_000n, ...half },
  ];
  assert.deepEqual(total?.lines, lines);
  assert.deepEqual(total?.costLines, lines);
});

test("each model by its own prices; one without is told so and costs nothing", () => {
  const meter = meterOf({
    mini: priced({ input: 1, output: 4, serviceTiers: { batch: { factor: 0.5 } } }, { input: 0.1 }),
    embed: priced({ input: 0.02 }),
  });
  meter.add({ model: "mini", usage: batch({ input: 100, output: 10 }) });
  meter.add({ model: "embed", usage: batch({ input: 1000 }) });
  meter.add({ model: "mini", usage: batch({ input: 100, output: 10 }) });
  meter.add({ model: "unheard", usage: batch({ input: 100, output: 10 }) });
  assert.deepEqual(
    meter
      .totals()
      .map((one) => [
        one.model,
        one.requests,
        one.cost,
        one.channelCost,
        one.priceId,
        one.unpriced,
      ]),
    [
      // (100 × 1,000 + 10 × 4,000) × 0.5 × 1.2 = 84,000 each; the operator pays 110 × 100, and no share of that
      ["mini", 2, 168_000n, 22_000n, 7, false],
      // 1,000 × 20 × 1.2, and × 0.8
      ["embed", 1, 24_000n, 16_000n, 7, false],
      ["unheard", 1, 0n, 0n, null, true],
    ],
  );
});

test("a batch of no answers has no totals", () => {
  assert.deepEqual(meterOf({ m: priced(tiered) }).totals(), []);
});

test("it is rounded request by request, as calls are", () => {
  const meter = meterOf(
    { less: priced({ input: "0.0004" }), half: priced({ input: "0.0005" }) },
    { ratios: [], costRatio: 1_000_000n },
  );
  for (let request = 0; request < 10; request += 1)
    for (const model of ["less", "half"]) meter.add({ model, usage: batch({ input: 1 }) });
  assert.deepEqual(
    meter.totals().map(({ cost }) => cost),
    [0n, 10n],
  );
});

test("prices by the hour are those of the beginning", () => {
  const price = { input: 1, times: [{ from: "11:00", to: "13:00", factor: 0.25 }] };
  const meter = meterOf({ m: priced(price) }, { ratios: [] });
  meter.add({ model: "m", usage: batch({ input: 1000 }) });
  assert.equal(meter.totals()[0]?.cost, 250_000n);
});

test("kinds are summed too, and a request per call costs what calls do", () => {
  const meter = meterOf(
    { m: priced({ mode: "call", perCall: 0.001 }), draw: priced({ perImage: { "*": 0.04 } }) },
    { ratios: [] },
  );
  meter.add({ model: "m", usage: batch({ kinds: { webSearches: 2, seconds: 0.1 } }) });
  meter.add({ model: "m", usage: batch({}) });
  meter.add({ model: "m", usage: batch({ kinds: { webSearches: 1, seconds: 0.2, pages: 4 } }) });
  const looks = (size: string): Usage => batch({ kinds: { images: 2, imageSizes: { [size]: 2 } } });
  for (const size of ["a/high", "b/high", "a/high"])
    meter.add({ model: "draw", usage: looks(size) });
  const [called, drawn] = meter.totals();
  assert.deepEqual([called?.cost, called?.lines[0]?.units], [3_000_000n, 3]);
  assert.deepEqual(called?.usage.kinds, { webSearches: 3, seconds: 0.3, pages: 4 });
  assert.deepEqual(drawn?.usage.kinds, { images: 6, imageSizes: { "a/high": 4, "b/high": 2 } });
  assert.equal(drawn?.cost, 240_000_000n);
});

test("a batch costs what its requests would have cost one by one", () => {
  const count = fastCheck.nat(400_000);
  const used = fastCheck.record({
    model: fastCheck.constantFrom("a", "b", "c"),
    input: count,
    cacheRead: count,
    output: count,
    webSearches: fastCheck.nat(3),
  });
  const models = { a: priced(tiered, { input: "0.123" }), b: priced({ input: "0.000777" }) };
  const property = fastCheck.property(
    fastCheck.array(used),
    fastCheck.nat(3_000_000),
    (all, by) => {
      const pricing = { ratios: [BigInt(by)], costRatio: 333_333n };
      const meter = meterOf(models, pricing);
      const held = new Map<string, readonly bigint[]>();
      for (const { model, webSearches, ...buckets } of all) {
        const usage = batch({ ...buckets, kinds: { webSearches } });
        meter.add({ model, usage });
        const { charge: price, cost: ownPrice } = new Map(Object.entries(models)).get(model) ?? {};
        const charging = { usage, price, tier: "batch", atMs: noon };
        const [cost = 0n, channelCost = 0n] = held.get(model) ?? [];
        held.set(model, [
          cost + makeCharge({ ...charging, ratios: pricing.ratios }).cost,
          channelCost +
            makeChannelCost({ ...charging, ownPrice, costRatio: pricing.costRatio }).cost,
        ]);
      }
      const totals = meter.totals().map((one) => [one.model, [one.cost, one.channelCost]] as const);
      assert.deepEqual(new Map(totals), held);
    },
  );
  fastCheck.assert(property, { numRuns: 300 });
});

test("however many answers and words a vendor makes up, only sums are held", () => {
  const meter = meterOf({ m: priced({ input: 1, perImage: { "*": 0.01 } }) }, { ratios: [] });
  for (let request = 0; request < 60_000; request += 1) {
    const kinds = { images: 1, imageSizes: { [`look${request}/high`]: 1 } };
    meter.add({ model: "m", usage: batch({ input: 10, kinds }) });
    if (request % 4 === 0) meter.add({ model: `made-up-${request}`, usage: batch({ input: 1 }) });
  }
  const totals = meter.totals();
  const [known] = totals;
  assert.ok(totals.length <= 1001, `${totals.length} models`);
  assert.equal(
    totals.reduce((sum, { requests }) => sum + requests, 0),
    75_000,
  );
  // 60,000 × (10 × 1,000 + 10,000,000)
  assert.equal(known?.cost, 600_600_000_000n);
  assert.equal(known?.usage.kinds?.images, 60_000);
  assert.ok(Object.keys(known?.usage.kinds?.imageSizes ?? {}).length <= 100);
  const lines = known?.lines ?? [];
  assert.ok(lines.length <= 201, `${lines.length} lines`);
  const images = lines.filter(({ rate }) => rate === 10_000_000n);
  assert.equal(
    images.reduce((sum, { units }) => sum + units, 0),
    60_000,
  );
});

test("counts and amounts that no batch can have stay within bounds", () => {
  const meter = meterOf({ m: priced({ input: 9_000_000, perHour: 1 }) }, { ratios: [] });
  for (const input of [1e308, -5, Number.NaN, 1e12, Infinity])
    meter.add({ model: "m", usage: batch({ input, output: -1, kinds: { seconds: input } }) });
  const [total] = meter.totals();
  assert.equal(total?.cost, 9_000_000_000_000_000_000n);
  assert.deepEqual([total?.usage.input, total?.usage.output], [1e12, 0]);
});

test("an answer belongs to the model that was asked for, under whichever name its vendor tells it", () => {
  const asked = ["gpt-4o", "gpt-4o-mini", "o3"];
  const aliases = ["claude-3-5-sonnet-latest", "claude-3-5-haiku-latest", "claude-opus-4-0"];
  const cases: readonly [string | null, readonly string[], string][] = [
    ["gpt-4o", asked, "gpt-4o"],
    ["gpt-4o-mini-2024-07-18", asked, "gpt-4o-mini"],
    ["gpt-4o-2024-08-06", asked, "gpt-4o"],
    ["gpt-4o-mini-2024-07-18", asked.toReversed(), "gpt-4o-mini"],
    // A name of which one begins it whole, another shares more with it.
    ["gpt-4-0613", ["gpt-4-0125", "gpt-4"], "gpt-4"],
    ["claude-3-5-haiku-20241022", aliases, "claude-3-5-haiku-latest"],
    ["claude-opus-4-20250514", aliases, "claude-opus-4-0"],
    ["claude", asked, "gpt-4o"],
    ["claude", ["my-deployment"], "my-deployment"],
    ["claude", ["", "cl"], "cl"],
    [null, asked, "gpt-4o"],
    [null, [], ""],
    ["claude", [], "claude"],
  ];
  for (const [reported, names, expected] of cases)
    assert.equal(matchModel(reported, names), expected, `${reported} of ${names.join()}`);
});
