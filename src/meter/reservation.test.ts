/** What is set aside before a call, and that the call then costs no more where its size was told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fastCheck from "fast-check";
import { type WrittenPrice, priceOf } from "../../test/fakes/prices.ts";
import { GatewayError } from "../core/errors.ts";
import type { NanoDollars } from "../core/money.ts";
import { noUsage } from "../wire/usage.ts";
import { makeCharge } from "./charge.ts";
import { type Reserving, estimateReservation, tokensAMediaPart } from "./reservation.ts";

const plain = {
  ratios: [],
  inputBytes: 0,
  mediaParts: 0,
  answers: 1,
  outputTokens: 0,
  tools: {},
  atMs: Date.parse("2026-11-23T12:00:00Z"),
};
const reserve = (price: WrittenPrice, more: Partial<Reserving> = {}): NanoDollars =>
  estimateReservation({ ...plain, price: priceOf(price), ...more });

test("two bytes for a token at the dearest way to read it, and each answer at full length", () => {
  const price = { input: 1, cacheRead: 0.1, cacheWrite5m: 1.25, cacheWrite1h: 2, output: 10 };
  // ceil(1,001 / 2) × 2,000 + 3 × 100 × 10,000
  assert.equal(
    reserve(price, { inputBytes: 1001, answers: 3, outputTokens: 100 }),
    501n * 2000n + 3_000_000n,
  );
  // Reasoning, sound and pictures come out where the price has them.
  assert.equal(reserve({ ...price, outputAudio: 80 }, { outputTokens: 100 }), 8_000_000n);
  assert.equal(reserve({ ...price, reasoning: 12 }, { outputTokens: 100 }), 1_200_000n);
});

test("parts that are no text are reserved at the dearest way to see or hear them", () => {
  const tokens = BigInt(tokensAMediaPart) * 3n;
  assert.equal(reserve({ input: 1, inputAudio: 40 }, { mediaParts: 3 }), tokens * 40_000n);
  assert.equal(reserve({ input: 1, inputAudio: 0.5 }, { mediaParts: 3 }), tokens * 1000n);
});

test("a price per call is reserved to the nano-dollar, whatever is asked", () => {
  const price = { mode: "call", perCall: "0.000000003" } as const;
  const big = { inputBytes: 1e6, answers: 9, outputTokens: 1e6, tools: { webSearches: 5 } };
  assert.equal(reserve(price, big), 3n);
  const charge = makeCharge({
    usage: noUsage,
    price: priceOf(price),
    ratios: [500_000n],
    tier: null,
    atMs: plain.atMs,
  });
  assert.equal(reserve(price, { ...big, ratios: [500_000n] }), charge.cost);
});

test("the hour is known, the tier of the reply is not, and the length only as far as the text goes", () => {
  const offPeak = {
    input: 8,
    times: [{ from: "11:00", to: "13:00", factor: 0.5 }],
    serviceTiers: { priority: { factor: 2 }, batch: { factor: 0.5 } },
  };
  assert.equal(reserve(offPeak, { inputBytes: 2 }), 8000n);
  assert.equal(reserve(offPeak, { inputBytes: 2, atMs: plain.atMs + 3_600_000 }), 16_000n);
  const long = { input: 1, tiers: [{ above: 1000, input: 2, output: 3 }], output: 1 };
  assert.equal(reserve(long, { inputBytes: 2000 }), 1_000_000n);
  assert.equal(reserve(long, { inputBytes: 2002 }), 1001n * 2000n);
  // Searches bring text that nobody can foresee.
  assert.equal(reserve(long, { inputBytes: 2000, tools: { webSearches: 1 } }), 2_000_000n);
});

test("fees of tools and units that the request tells", () => {
  assert.equal(
    reserve({ input: 0, perWebSearch: 0.01 }, { tools: { webSearches: 5 } }),
    50_000_000n,
  );
  const images = { perImage: { "*": 0.04, "1024x1024/high": 0.167 } };
  assert.equal(reserve(images, { answers: 2 }), 334_000_000n);
  const told = { images: 2, imageSizes: { "512x512/low": 2 } };
  assert.equal(reserve(images, { answers: 2, tools: told }), 80_000_000n);
  assert.equal(reserve({ characters: 15 }, { inputBytes: 4096 }), 61_440_000n);
  assert.equal(reserve({ perMinute: 0.006 }), 60_000_000n);
  assert.equal(reserve({ perMinute: 0.006 }, { tools: { seconds: 90 } }), 9_000_000n);
  assert.equal(reserve({ perSearchUnit: 0.002 }), 2_000_000n);
  assert.equal(reserve({ perPage: 0.001 }, { mediaParts: 1 }), 100_000_000n);
});

test("numbers that no call can mean are refused as the caller's mistake", () => {
  for (const odd of [-1, Number.NaN, 1e308, 0.5, Infinity, -Infinity, 2 ** 53])
    for (const name of ["answers", "outputTokens", "inputBytes", "mediaParts"] as const)
      assert.throws(
        () => reserve({ input: 1, output: 1 }, { [name]: odd }),
        (error) => error instanceof GatewayError && error.kind === "invalid_request",
        `${name} ${odd}`,
      );
  assert.throws(() => reserve({ input: 1 }, { answers: 0 }), GatewayError);
});

test("a tier that is known is the one that counts; a price that does not name it is taken as it is", () => {
  const price = {
    input: 8,
    output: 16,
    tiers: [{ above: 1000, input: 10 }],
    serviceTiers: { priority: { factor: 2 }, batch: { factor: 0.5, output: 10 } },
  };
  const size = { inputBytes: 2000, outputTokens: 100 };
  // 1,000 × 8,000 + 100 × 16,000, at the dearest: twice that.
  assert.equal(reserve(price, size), 19_200_000n);
  // (1,000 × 8,000 + 100 × 10,000) × 0.5
  assert.equal(reserve(price, { ...size, tier: "batch" }), 4_500_000n);
  // (1,001 × 10,000 + 100 × 10,000) × 0.5
  assert.equal(reserve(price, { ...size, inputBytes: 2002, tier: "batch" }), 5_505_000n);
  for (const tier of ["flex", "constructor"])
    assert.equal(reserve(price, { ...size, tier }), 9_600_000n);
});

test("an amount beyond all budgets is the largest there is, and does not wrap", () => {
  const most = { answers: Number.MAX_SAFE_INTEGER, outputTokens: Number.MAX_SAFE_INTEGER };
  assert.equal(reserve({ input: 1, output: 75 }, most), 9_000_000_000_000_000_000n);
});

test("a call whose text was told costs no more than was set aside for it", () => {
  const rate = fastCheck.option(fastCheck.nat(1000), { nil: null });
  const factor = fastCheck.nat(3_000_000).map((millionths) => (millionths / 1e6).toFixed(6));
  const price = fastCheck.record({
    input: fastCheck.nat(1000),
    output: rate,
    cacheRead: rate,
    cacheWrite5m: rate,
    cacheWrite1h: rate,
    reasoning: rate,
    tiers: fastCheck
      .record({ above: fastCheck.integer({ min: 1, max: 2000 }), input: rate, factor })
      .map((tier) => (tier.factor === "1.000000" ? [] : [tier])),
    tier: factor,
  });
  const share = fastCheck.nat(100);
  const property = fastCheck.property(
    price,
    fastCheck.tuple(share, share, share, share),
    fastCheck.record({
      inputBytes: fastCheck.nat(10_000),
      outputTokens: fastCheck.nat(500),
      answers: fastCheck.integer({ min: 1, max: 4 }),
      thought: share,
      stated: fastCheck.constantFrom(null, "priority", "other"),
    }),
    ({ tier, ...rates }, shares, { inputBytes, outputTokens, answers, thought, stated }) => {
      const by = priceOf({
        ...rates,
        serviceTiers: tier === "1.000000" ? {} : { priority: { factor: tier } },
      });
      const whole = shares.reduce((sum, one) => sum + one, 0) || 1;
      const [input = 0, cacheRead = 0, cacheWrite5m = 0, cacheWrite1h = 0] = shares.map((one) =>
        Math.floor((Math.ceil(inputBytes / 2) * one) / whole),
      );
      const output = answers * outputTokens;
      const reasoning = Math.floor((output * thought) / 100);
      const usage = { ...noUsage, input, cacheRead, cacheWrite5m, cacheWrite1h, output, reasoning };
      const ratios = [1_300_000n];
      const { cost } = makeCharge({ usage, price: by, ratios, tier: stated, atMs: 0 });
      const reserved = estimateReservation({
        ...plain,
        price: by,
        ratios,
        inputBytes,
        answers,
        outputTokens,
        atMs: 0,
      });
      assert.ok(cost <= reserved, `${cost} > ${reserved}`);
    },
  );
  fastCheck.assert(property, { numRuns: 1000 });
});
