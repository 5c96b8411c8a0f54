/** Which price a real call is charged by: the channel that answered, the name, the hour, the tier of the reply, all ratios. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { CallRecord } from "../../src/log/call-record.ts";
import { openFakeUpstream, json, status } from "../fakes/upstream.ts";
import { type YardSpec, closing, openYard, testKey } from "./call-harness.ts";

/** 600 fresh tokens, 400 cached, 100 answered; `tier` as the reply states it. */
const answer = (tier?: string): object => ({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "vendor-model",
  choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }],
  usage: {
    prompt_tokens: 1000,
    prompt_tokens_details: { cached_tokens: 400 },
    completion_tokens: 100,
    total_tokens: 1100,
  },
  ...(tier === undefined ? {} : { service_tier: tier }),
});

async function charged(
  t: TestContext,
  tier: string | undefined,
  spec: Omit<YardSpec, "channels"> & { readonly answering?: object },
): Promise<CallRecord> {
  const failing = await closing(t, await openFakeUpstream(status(500)));
  const one = await closing(t, await openFakeUpstream(json(answer(tier))));
  const yard = await openYard(t, {
    channels: [
      { baseUrl: failing.baseUrl, priority: 9 },
      { baseUrl: one.baseUrl, ...spec.answering },
    ],
    ...spec,
  });
  const response = await fetch(`${yard.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${testKey}`, "content-type": "application/json" },
    body: '{"model":"own-model","service_tier":"priority","messages":[{"role":"user","content":"hi"}]}',
  });
  assert.equal(response.status, 200, await response.text());
  return await yard.recorded(1);
}

const price = {
  model: "own-*",
  input: 2,
  cacheRead: 0.5,
  output: 8,
  serviceTiers: { priority: { input: 3.5, cacheRead: 0.875, output: 14 } },
};

test("the channel that answered prices the call, not the one that failed", async (t) => {
  const record = await charged(t, undefined, {
    priceBook: [
      price,
      { ...price, channelId: 1, input: 1000 },
      { ...price, channelId: 2, input: 4, serviceTiers: {} },
    ],
  });
  // 600 × 4,000 + 400 × 500 + 100 × 8,000
  assert.deepEqual([record.channelId, record.priceId, record.cost], [2, 3, 3_400_000n]);
});

test("the tier that the reply states counts, whatever was asked", async (t) => {
  // 600 × 2,000 + 400 × 500 + 100 × 8,000 and 600 × 3,500 + 400 × 875 + 100 × 14,000
  for (const [tier, cost] of [
    ["default", 2_200_000n],
    ["priority", 3_850_000n],
    [undefined, 2_200_000n],
  ] as const) {
    const record = await charged(t, tier, { priceBook: [price] });
    assert.deepEqual([record.serviceTier, record.cost], [tier ?? null, cost]);
  }
});

test("ratios of group, key and user multiply what callers pay, not what it costs the operator", async (t) => {
  const owner = {
    id: 22,
    rev: 1,
    username: "tester",
    role: "member",
    group: "default",
    enabled: true,
    billing: "postpaid",
    ratio: 2_000_000n,
    budget: null,
    limits: [],
  } as const;
  const more = {
    groups: [{ symbol: "default", ratio: 1_500_000n }],
    key: { ratio: 333_333n, owner },
  };
  const shared = await charged(t, undefined, { priceBook: [price], ...more });
  // 2,200,000 × 1.5 × 0.333333 × 2 = 2,199,997.8
  assert.deepEqual([shared.cost, shared.channelCost], [2_199_998n, 2_200_000n]);
  const own = await charged(t, undefined, {
    priceBook: [price, { model: "sent-model", side: "cost", input: 1, output: 1, cacheRead: 0 }],
    answering: { modelMapping: { "own-model": "sent-model" } },
    ...more,
  });
  // Callers pay for the name they asked; the operator for the one that was sent: 600 × 1,000 + 100 × 1,000.
  assert.deepEqual([own.cost, own.channelCost], [2_199_998n, 700_000n]);
});

test("the price that holds when the call is admitted, and the hour it is then", async (t) => {
  const nowMs = Date.now();
  const clockText = (minutesOn: number): string =>
    new Date(nowMs + minutesOn * 60_000).toISOString().slice(11, 16);
  const record = await charged(t, undefined, {
    priceBook: [
      { ...price, input: 100 },
      {
        ...price,
        effectiveFrom: nowMs - 60_000,
        times: [
          { from: clockText(-5), to: clockText(30), factor: 0.5 },
          { from: "00:00", to: "24:00", factor: 9 },
        ],
      },
      { ...price, input: 100, effectiveFrom: nowMs + 3_600_000 },
    ],
  });
  assert.deepEqual([record.priceId, record.cost], [2, 1_100_000n]);
});

test("the lines of a charge add up to it, in the call's details", async (t) => {
  const record = await charged(t, "priority", { priceBook: [price] });
  const { lines } = record.details as unknown as {
    lines: { what: string; units: number; rate: string; per: number }[];
  };
  assert.deepEqual(lines, [
    { what: "input", units: 600, rate: "3500000000", per: 1_000_000 },
    { what: "cacheRead", units: 400, rate: "875000000", per: 1_000_000 },
    { what: "output", units: 100, rate: "14000000000", per: 1_000_000 },
  ]);
  const sum = lines.reduce((total, { units, rate }) => total + BigInt(units) * BigInt(rate), 0n);
  assert.equal(sum / 1_000_000n, record.cost);
});
