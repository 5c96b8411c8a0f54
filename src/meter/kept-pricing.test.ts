/** What a job is priced by, written down and read again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fastCheck from "fast-check";
import { priceOf } from "../../test/fakes/prices.ts";
import { GatewayError } from "../core/errors.ts";
import type { JsonObject } from "../core/json-value.ts";
import type { NanoDollars } from "../core/money.ts";
import { makeZoneClock } from "../core/zone-clock.ts";
import {
  type Price,
  type RateChange,
  type TokenRates,
  type UnitRates,
  tokenRates,
  unitRates,
} from "../sync/price-rates.ts";
import { type Usage, type UsageKinds, noUsage } from "../wire/usage.ts";
import { makeChannelCost } from "./channel-cost.ts";
import { type Charge, makeCharge } from "./charge.ts";
import { type JobPricing, parsePricing, renderPricing } from "./kept-pricing.ts";

/** On its way through a database's column. */
const kept = (pricing: JobPricing): JobPricing =>
  parsePricing(JSON.parse(JSON.stringify(renderPricing(pricing))) as JsonObject);

const amount = fastCheck.bigInt(0n, 10n ** 18n);
const factor = fastCheck.bigInt(0n, 5_000_000n);
const some = <Name extends string>(
  names: readonly Name[],
): fastCheck.Arbitrary<{ [Key in Name]?: NanoDollars }> =>
  fastCheck.record(
    Object.fromEntries(names.map((name) => [name, amount])) as Record<
      Name,
      fastCheck.Arbitrary<NanoDollars>
    >,
    { requiredKeys: [] },
  );
const change: fastCheck.Arbitrary<RateChange> = fastCheck.record({
  rates: some(tokenRates) as fastCheck.Arbitrary<TokenRates>,
  factor,
});
const minute = fastCheck.nat(1439);
const time = fastCheck
  .record({
    zone: fastCheck.constantFrom("UTC", "Europe/Berlin", "Asia/Kolkata", "America/Los_Angeles"),
    fromMinute: minute,
    toMinute: minute,
    weekdays: fastCheck.option(fastCheck.uniqueArray(fastCheck.integer({ min: 1, max: 7 }))),
    change,
  })
  .map(({ change: changed, ...when }) => ({
    ...when,
    ...changed,
    clock: makeZoneClock(when.zone),
  }));
const looks = ["*", "1024x1024/high", "1024x1024/*", "*/low"];
const tierNames = ["batch", "flex", "__proto__", "constructor"];
const price: fastCheck.Arbitrary<Price> = fastCheck
  .record({
    head: fastCheck.record({
      id: fastCheck.nat(),
      rev: fastCheck.nat(),
      model: fastCheck.string(),
      mode: fastCheck.constantFrom<Price["mode"]>("tokens", "call"),
      channelId: fastCheck.nat(9),
      side: fastCheck.constantFrom<Price["side"]>("charge", "cost"),
      effectiveFromMs: fastCheck.nat(),
      locked: fastCheck.boolean(),
      source: fastCheck.option(fastCheck.string()),
      perImage: fastCheck.option(fastCheck.dictionary(fastCheck.constantFrom(...looks), amount)),
      serviceTiers: fastCheck
        .dictionary(fastCheck.constantFrom(...tierNames), change)
        .map((tiers) => Object.fromEntries(Object.entries(tiers))),
      times: fastCheck.array(time, { maxLength: 3 }),
      tiers: fastCheck
        .array(fastCheck.tuple(fastCheck.integer({ min: 1, max: 3_000 }), change), { maxLength: 3 })
        .map((list) =>
          list
            .map(([above, changed]) => ({ above, ...changed }))
            .sort((one, other) => one.above - other.above),
        ),
    }),
    token: some(tokenRates) as fastCheck.Arbitrary<TokenRates>,
    unit: some(unitRates) as fastCheck.Arbitrary<UnitRates>,
  })
  .map(({ head, token, unit }) => ({ ...head, ...token, ...unit }));

const count = fastCheck.nat(4_000);
const usage: fastCheck.Arbitrary<Usage> = fastCheck
  .record({
    input: count,
    cacheRead: count,
    cacheWrite5m: count,
    cacheWrite1h: count,
    output: count,
    reasoning: count,
    inputAudio: count,
    outputImage: count,
    images: count,
    webSearches: count,
    seconds: fastCheck.nat(9_999_999).map((ms) => ms / 1000),
    look: fastCheck.constantFrom("1024x1024/high", "auto/low", "9x9/x"),
  })
  .map(({ inputAudio, outputImage, images, webSearches, seconds, look, ...buckets }) => {
    const kinds: UsageKinds = { inputAudio, outputImage, images, webSearches, seconds };
    const imageSizes = { [look]: Math.floor(images / 2) };
    return { ...noUsage, ...buckets, kinds: { ...kinds, imageSizes } };
  });

test("any price charges any usage, at any instant and in any tier, as it did before", () => {
  const drawn = fastCheck.record({
    charge: fastCheck.option(price),
    cost: fastCheck.option(price),
    ratios: fastCheck.array(factor, { maxLength: 3 }),
    costRatio: factor,
  });
  const call = fastCheck.record({
    usage,
    atMs: fastCheck.integer({ min: 1_600_000_000_000, max: 1_900_000_000_000 }),
    tier: fastCheck.constantFrom(null, ...tierNames),
  });
  const property = fastCheck.property(
    drawn,
    call,
    ({ charge, cost, ratios, costRatio }, { usage: used, atMs, tier }) => {
      const one = { charge: charge ?? undefined, cost: cost ?? undefined };
      const pricing = { models: new Map([["m", one]]), ratios, costRatio };
      const by = (held: JobPricing): readonly Charge[] => {
        const model = held.models.get("m");
        const charging = { usage: used, price: model?.charge, tier, atMs };
        return [
          makeCharge({ ...charging, ratios: held.ratios }),
          makeChannelCost({ ...charging, ownPrice: model?.cost, costRatio: held.costRatio }),
        ];
      };
      assert.deepEqual(by(kept(pricing)), by(pricing));
    },
  );
  fastCheck.assert(property, { numRuns: 1_000 });
});

test("a price is the same in all its parts", () => {
  const charge = priceOf(
    {
      model: "gpt-4o*",
      input: "2.5",
      output: "10.000000001",
      perWebSearch: 0.01,
      perImage: { "*": 0.04, "1024x1024/high": "0.167" },
      tiers: [{ above: 200_000, input: 5, factor: 1.5 }],
      times: [{ zone: "Europe/Berlin", from: "22:00", to: "06:00", weekdays: [5, 6], factor: 0.5 }],
      serviceTiers: { batch: { factor: 0.5 }, priority: { input: 5 } },
    },
    12,
  );
  const pricing: JobPricing = {
    models: new Map([
      ["gpt-4o", { charge, cost: { ...charge, side: "cost", channelId: 4 } }],
      ["__proto__", { charge: undefined, cost: undefined }],
    ]),
    ratios: [1_500_000n, 0n],
    costRatio: 333_333n,
  };
  const read = kept(pricing);
  const bare = (one: JobPricing): unknown => ({
    ...one,
    models: [...one.models].map(([name, prices]) => [
      name,
      Object.values(prices).map((held: Price | undefined) => ({
        ...held,
        times: held?.times.map(({ clock: _clock, ...rest }) => rest),
      })),
    ]),
  });
  assert.deepEqual(bare(read), bare(pricing));
  const [window] = read.models.get("gpt-4o")?.charge?.times ?? [];
  // 21:30 UTC is 22:30 in Berlin's winter.
  assert.deepEqual(window?.clock(Date.parse("2026-11-23T21:30:00Z")), {
    weekday: 1,
    minute: 22 * 60 + 30,
  });
});

test("what was not written by it is a fault of ours, never a price of nothing", () => {
  const pricing = { models: new Map(), ratios: [1_000_000n], costRatio: 1_000_000n };
  const good = renderPricing(pricing);
  const charge = { charge: { ...priceOf({ input: 1 }), times: [], tiers: [] } as unknown };
  const broken: readonly unknown[] = [
    {},
    { ...good, costRatio: 1 },
    { ...good, costRatio: "1.5" },
    { ...good, ratios: ["x"] },
    { ...good, ratios: "1" },
    { ...good, models: {} },
    { ...good, models: [1] },
    { ...good, models: [{ model: "m", ...charge }] },
    { ...good, models: [{ model: "m", charge: null }] },
  ];
  for (const one of broken)
    assert.throws(
      () => parsePricing(one as JsonObject),
      (thrown) => thrown instanceof GatewayError && thrown.kind === "internal",
    );
  assert.deepEqual(parsePricing(good), pricing);
});
