/**
 * Charges computed by hand from the vendors' price lists; with each stands the page, and a day on which it held.
 * Amounts in the comments: tokens × nano-dollars a token ($1 per million tokens is 1,000 nano-dollars a token).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type WrittenPrice, priceOf } from "../../test/fakes/prices.ts";
import { makeFindPrice } from "../sync/price-index.ts";
import { type Usage, noUsage } from "../wire/usage.ts";
import { makeCharge } from "./charge.ts";

interface HandCase {
  readonly name: string;
  readonly price: WrittenPrice;
  readonly usage: Partial<Usage>;
  readonly tier?: string;
  readonly at?: string;
  /** Nano-dollars. */
  readonly cost: bigint;
}

// platform.openai.com/docs/pricing, 2025-10-06
const gpt4o = { input: 2.5, cacheRead: 1.25, output: 10 };
const gpt41 = {
  input: "2.00",
  cacheRead: "0.50",
  output: "8.00",
  perFileSearch: "0.0025",
  perCodeSession: "0.03",
  // openai.com/api-priority-processing, 2026-05-04
  serviceTiers: {
    priority: { input: "3.50", cacheRead: "0.875", output: "14.00" },
    batch: { factor: "0.5" },
  },
};
// docs.anthropic.com/en/docs/about-claude/pricing, 2025-10-01
const sonnet45: WrittenPrice = {
  input: 3,
  output: 15,
  cacheRead: 0.3,
  cacheWrite5m: 3.75,
  cacheWrite1h: 6,
  perWebSearch: "0.01",
  tiers: [
    {
      above: 200_000,
      input: 6,
      output: 22.5,
      cacheRead: 0.6,
      cacheWrite5m: 7.5,
      cacheWrite1h: 12,
    },
  ],
  serviceTiers: { batch: { factor: 0.5 } },
};
// api-docs.deepseek.com/quick_start/pricing, 2025-08-21
const reasoner: WrittenPrice = {
  input: 0.55,
  cacheRead: 0.14,
  output: 2.19,
  times: [{ from: "16:30", to: "00:30", input: 0.135, cacheRead: 0.035, output: 0.55 }],
};
const reasonerUsage = { input: 1000, cacheRead: 2000, output: 500 };
// openai.com/api/pricing, 2024-10-01
const dallE3: WrittenPrice = {
  perImage: { "1024x1024/hd": 0.08, "*/hd": 0.12, "1024x1024/*": 0.04, "*": 0.08 },
};

const cases: readonly HandCase[] = [
  {
    // 1,200 × 2,500 + 800 × 1,250 + 300 × 10,000
    name: "gpt-4o with a cached prefix",
    price: gpt4o,
    usage: { input: 1200, cacheRead: 800, output: 300 },
    cost: 7_000_000n,
  },
  {
    // platform.openai.com/docs/pricing, 2025-10-06: 1 × 150 + 1 × 600
    name: "gpt-4o-mini, one token each way",
    price: { input: 0.15, cacheRead: 0.075, output: 0.6 },
    usage: { input: 1, output: 1 },
    cost: 750n,
  },
  {
    // 21 × 3,000 + 188,086 × 300 + 1,000 × 3,750 + 393 × 15,000
    name: "Claude Sonnet 4.5 reading and writing a cache",
    price: sonnet45,
    usage: { input: 21, cacheRead: 188_086, cacheWrite5m: 1000, output: 393 },
    cost: 66_133_800n,
  },
  {
    // 10 × 3,000 + 500 × 3,750 + 2,000 × 6,000 + 100 × 15,000
    name: "Claude Sonnet 4.5 writing caches of both lifetimes",
    price: sonnet45,
    usage: { input: 10, cacheWrite5m: 500, cacheWrite1h: 2000, output: 100 },
    cost: 15_405_000n,
  },
  {
    // 200,000 × 3,000 + 1,000 × 15,000: not above 200,000 yet
    name: "Claude Sonnet 4.5 at the edge of long context",
    price: sonnet45,
    usage: { input: 200_000, output: 1000 },
    cost: 615_000_000n,
  },
  {
    // 150,000 × 6,000 + 50,001 × 600 + 1,000 × 22,500: cached tokens count for the length
    name: "Claude Sonnet 4.5 in long context, the whole call at its rates",
    price: sonnet45,
    usage: { input: 150_000, cacheRead: 50_001, output: 1000 },
    cost: 952_500_600n,
  },
  {
    // 10,682 × 3,000 + 510 × 15,000 + 3 × $10 per 1,000
    name: "Claude Sonnet 4.5 with three web searches",
    price: sonnet45,
    usage: { input: 10_682, output: 510, kinds: { webSearches: 3 } },
    cost: 69_696_000n,
  },
  {
    // (1,000 × 3,000 + 1,000 × 15,000) / 2 + 2 × 10,000,000: searches cost the same in a batch
    name: "Claude Sonnet 4.5 in a batch, with searches",
    price: sonnet45,
    usage: { input: 1000, output: 1000, kinds: { webSearches: 2 } },
    tier: "batch",
    cost: 29_000_000n,
  },
  {
    // docs.anthropic.com, 2025-10-01: 200,000 tokens at $75 per million are $15
    name: "Claude Opus 4.1 answering 200,000 tokens",
    price: { input: 15, output: 75 },
    usage: { output: 200_000 },
    cost: 15_000_000_000n,
  },
  {
    // ai.google.dev/gemini-api/docs/pricing, 2025-10-02: 250,000 × 2,500 + 2,000 × 15,000
    name: "Gemini 2.5 Pro above 200,000 tokens, thoughts among the output",
    price: {
      input: 1.25,
      cacheRead: 0.125,
      output: 10,
      tiers: [{ above: 200_000, input: 2.5, cacheRead: 0.25, output: 15 }],
    },
    usage: { input: 250_000, output: 2000, reasoning: 1500 },
    cost: 655_000_000n,
  },
  {
    // ai.google.dev, 2025-10-02: 100 × 300 + 3,200 × 1,000 + 1,000 × 30 + 500 × 100 + 50 × 2,500
    name: "Gemini 2.5 Flash hearing, partly from its cache",
    price: { input: 0.3, inputAudio: 1, cacheRead: 0.03, cacheReadAudio: 0.1, output: 2.5 },
    usage: {
      input: 3300,
      cacheRead: 1500,
      output: 50,
      kinds: { inputAudio: 3200, cacheReadAudio: 500 },
    },
    cost: 3_435_000n,
  },
  {
    // ai.google.dev, 2025-10-02: 8 × 300 + 10 × 2,500 + 1,290 × 30,000
    name: "Gemini 2.5 Flash Image drawing one picture and saying so",
    price: { input: 0.3, output: 2.5, outputImage: 30 },
    usage: { input: 8, output: 1300, kinds: { outputImage: 1290, images: 1 } },
    cost: 38_727_400n,
  },
  {
    // platform.openai.com/docs/pricing, 2025-10-06:
    // 39 × 4,000 + 80 × 32,000 + 24 × 400 + 40 × 400 + 50 × 16,000 + 150 × 64,000
    name: "gpt-realtime hearing and speaking",
    price: {
      input: 4,
      cacheRead: 0.4,
      output: 16,
      inputAudio: 32,
      cacheReadAudio: 0.4,
      outputAudio: 64,
    },
    usage: {
      input: 119,
      cacheRead: 64,
      output: 200,
      kinds: { inputAudio: 80, cacheReadAudio: 40, outputAudio: 150 },
    },
    cost: 13_141_600n,
  },
  {
    // platform.openai.com/docs/pricing, 2025-10-06: 50 × 5,000 + 60 × 10,000 + 4,160 × 40,000
    name: "gpt-image-1 editing a picture, by tokens",
    price: { input: 5, inputImage: 10, output: 40 },
    usage: { input: 110, output: 4160, kinds: { inputImage: 60, images: 1 } },
    cost: 167_250_000n,
  },
  {
    name: "DALL·E 3, one standard square and two wide ones in HD",
    price: dallE3,
    usage: {
      kinds: { images: 3, imageSizes: { "1024x1024/standard": 1, "1792x1024/hd": 2 } },
    },
    cost: 280_000_000n,
  },
  {
    // platform.openai.com/docs/pricing, 2025-10-06: $0.006 a minute, 90 seconds
    name: "whisper-1 by the minute",
    price: { perMinute: 0.006 },
    usage: { kinds: { seconds: 90 } },
    cost: 9_000_000n,
  },
  {
    // groq.com/pricing, 2025-09-15: $0.04 an hour; 8.47 × 40,000,000 / 3,600 = 94,111.1…
    name: "whisper-large-v3-turbo on Groq by the hour",
    price: { perHour: 0.04 },
    usage: { kinds: { seconds: 8.47 } },
    cost: 94_111n,
  },
  {
    // platform.openai.com/docs/pricing, 2025-10-06: $15 per million characters
    name: "tts-1 speaking 4,096 characters",
    price: { characters: 15 },
    usage: { input: 0, kinds: { characters: 4096 } },
    cost: 61_440_000n,
  },
  {
    // platform.openai.com/docs/pricing, 2025-10-06: 14 × 1,250 + 1,000 × 3,000 + 200 × 5,000
    name: "gpt-4o-mini-transcribe by tokens",
    price: { input: 1.25, inputAudio: 3, output: 5 },
    usage: { input: 1014, output: 200, kinds: { inputAudio: 1000, seconds: 100 } },
    cost: 4_017_500n,
  },
  {
    // cohere.com/pricing, 2025-09-01: $2.00 per 1,000 searches
    name: "Cohere Rerank 3.5, three search units",
    price: { perSearchUnit: 0.002 },
    usage: { kinds: { searchUnits: 3 } },
    cost: 6_000_000n,
  },
  {
    // mistral.ai/pricing, 2025-09-01: $1 per 1,000 pages
    name: "Mistral OCR, 29 pages",
    price: { perPage: 0.001 },
    usage: { kinds: { pages: 29 } },
    cost: 29_000_000n,
  },
  {
    // 1,000 × 550 + 2,000 × 140 + 500 × 2,190
    name: "DeepSeek reasoner in the last second of the day's price",
    price: reasoner,
    usage: reasonerUsage,
    at: "2025-08-21T16:29:59.999Z",
    cost: 1_925_000n,
  },
  {
    // 1,000 × 135 + 2,000 × 35 + 500 × 550
    name: "DeepSeek reasoner off peak",
    price: reasoner,
    usage: reasonerUsage,
    at: "2025-08-21T16:30:00Z",
    cost: 480_000n,
  },
  {
    name: "DeepSeek reasoner off peak after midnight",
    price: reasoner,
    usage: reasonerUsage,
    at: "2025-08-22T00:29:59Z",
    cost: 480_000n,
  },
  {
    // 1,000 × 3,500 + 400 × 875 + 100 × 14,000
    name: "gpt-4.1 with priority",
    price: gpt41,
    usage: { input: 1000, cacheRead: 400, output: 100 },
    tier: "priority",
    cost: 5_250_000n,
  },
  {
    // 1,000 × 2,000 + 400 × 500 + 100 × 8,000: the reply states what was given, not what was asked
    name: "gpt-4.1 that priority was asked of and default given",
    price: gpt41,
    usage: { input: 1000, cacheRead: 400, output: 100 },
    tier: "default",
    cost: 3_000_000n,
  },
  {
    // 500 × 2,000 + 2 × $2.50 per 1,000 + 1 × $0.03
    name: "gpt-4.1 searching files and running code",
    price: gpt41,
    usage: { input: 500, kinds: { fileSearches: 2, codeSessions: 1 } },
    cost: 36_000_000n,
  },
  {
    // platform.openai.com/docs/pricing, 2025-10-06: flex is half: (1,000 × 2,000 + 1,000 × 8,000) / 2
    name: "o3 on flex",
    price: { input: 2, cacheRead: 0.5, output: 8, serviceTiers: { flex: { factor: "0.5" } } },
    usage: { input: 1000, output: 1000, reasoning: 600 },
    tier: "flex",
    cost: 5_000_000n,
  },
  {
    // docs.perplexity.ai/getting-started/pricing, 2025-09-10:
    // 33 × 2,000 + 2,000 × 8,000 + 6,000 × 3,000 + 20,016 × 2,000 + 28 × $5 per 1,000
    name: "Sonar Deep Research: reasoning, citations and searches apart",
    price: { input: 2, output: 8, reasoning: 3, citations: 2, perWebSearch: 0.005 },
    usage: {
      input: 33,
      output: 8000,
      reasoning: 6000,
      kinds: { citations: 20_016, webSearches: 28 },
    },
    cost: 214_098_000n,
  },
  {
    // docs.perplexity.ai/getting-started/pricing, 2025-09-10: 14 × 1,000 + 100 × 1,000 + $5 per 1,000 requests
    name: "Sonar: a fee for the request beside its tokens",
    price: { input: 1, output: 1, perCall: 0.005 },
    usage: { input: 14, output: 100 },
    cost: 5_114_000n,
  },
  {
    // platform.openai.com/docs/pricing, 2025-10-06: 8 × 20
    name: "text-embedding-3-small",
    price: { input: "0.02" },
    usage: { input: 8 },
    cost: 160n,
  },
  {
    // docs.x.ai/developers/pricing, 2026-09-01: long context from 200,000 on: 200,000 × 2,500 + 10 × 5,000
    name: "grok-4.3 reaching long context",
    price: {
      input: 1.25,
      cacheRead: 0.2,
      output: 2.5,
      tiers: [{ above: 199_999, input: 2.5, cacheRead: 0.4, output: 5 }],
    },
    usage: { input: 200_000, output: 10 },
    cost: 500_050_000n,
  },
];

for (const { name, price, usage, tier = null, at = "2025-10-10T12:00:00Z", cost } of cases)
  test(`by hand: ${name}`, () => {
    const charge = makeCharge({
      usage: { ...noUsage, ...usage },
      price: priceOf(price),
      ratios: [],
      tier,
      atMs: Date.parse(at),
    });
    assert.equal(charge.cost, cost);
    assert.deepEqual([charge.priceId, charge.priceRev, charge.unpriced], [1, 7, false]);
  });

test("by hand: deepseek-chat before and after the day its price changed", () => {
  // api-docs.deepseek.com/quick_start/pricing, 2025-08-21: another list from 16:00 UTC on 5 September 2025.
  const find = makeFindPrice([
    priceOf({ model: "deepseek-chat", input: 0.27, cacheRead: 0.07, output: 1.1 }, 1),
    priceOf(
      {
        model: "deepseek-chat",
        input: 0.56,
        cacheRead: 0.07,
        output: 1.68,
        effectiveFrom: "2025-09-05T16:00:00Z",
      },
      2,
    ),
  ]);
  const costAt = (at: string): bigint => {
    const atMs = Date.parse(at);
    const price = find("deepseek-chat", { channelId: 5, atMs, side: "charge" });
    const usage = { ...noUsage, ...reasonerUsage };
    return makeCharge({ usage, price, ratios: [], tier: null, atMs }).cost;
  };
  // 1,000 × 270 + 2,000 × 70 + 500 × 1,100, then 1,000 × 560 + 2,000 × 70 + 500 × 1,680
  assert.equal(costAt("2025-09-05T15:59:59.999Z"), 960_000n);
  assert.equal(costAt("2025-09-05T16:00:00.000Z"), 1_540_000n);
});
