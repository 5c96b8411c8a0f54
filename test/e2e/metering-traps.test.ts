/**
 * Traps that other gateways' meters fell into, one test each, from socket to socket: what a call's record says it used
 * and cost. The trap of a crash (what was answered is in the ledger, once) stands in ledger-crash.test.ts, which kills
 * real processes.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { CallRecord } from "../../src/log/call-record.ts";
import type { WrittenPrice } from "../fakes/prices.ts";
import { asObject } from "../fakes/scripted/turn.ts";
import {
  type Behaviour,
  cut,
  gate,
  json,
  openFakeUpstream,
  status,
  stream,
} from "../fakes/upstream.ts";
import { closing, openYard, testKey } from "./call-harness.ts";
import { leaveAfter } from "./leave-after.ts";
import { type Front, type Wire, chunk, named, openWire, sse } from "./trap-wire.ts";

/** Dollars for a million tokens; a search costs a cent. */
const price: WrittenPrice = {
  model: "own-model",
  input: "3",
  output: "15",
  cacheRead: "0.3",
  cacheWrite5m: "3.75",
  cacheWrite1h: "6",
  perWebSearch: "0.01",
};

interface Played {
  readonly dialect: string;
  readonly behaviour: Behaviour;
}

function openPriced(t: TestContext, played: Played, priceBook = [price]): Promise<Wire> {
  return openWire(t, { ...played, yard: { priceBook } });
}

/** Nano-dollars by the price above. */
function costOf(usage: CallRecord["usage"]): bigint {
  const tokens =
    BigInt(usage.input) * 3_000n +
    BigInt(usage.cacheRead) * 300n +
    BigInt(usage.cacheWrite5m) * 3_750n +
    BigInt(usage.cacheWrite1h) * 6_000n +
    BigInt(usage.output) * 15_000n;
  return tokens + BigInt(usage.kinds?.webSearches ?? 0) * 10_000_000n;
}

/** Input, cache read, cache writes of 5 minutes and an hour, output, reasoning. */
function bucketsOf({ usage }: CallRecord): readonly number[] {
  const { input, cacheRead, cacheWrite5m, cacheWrite1h, output, reasoning } = usage;
  return [input, cacheRead, cacheWrite5m, cacheWrite1h, output, reasoning];
}

const chatReply = (usage: object): object => ({
  id: "c",
  object: "chat.completion",
  created: 1,
  model: "m",
  choices: [{ index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" }],
  usage,
});
const claudeReply = (usage: object): object => ({
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "m",
  content: [{ type: "text", text: "ok" }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage,
});
const geminiReply = (usageMetadata: object): object => ({
  candidates: [{ content: { role: "model", parts: [{ text: "ok" }] }, finishReason: "STOP" }],
  usageMetadata,
  modelVersion: "m",
});

interface Case {
  readonly name: string;
  readonly dialect: string;
  readonly front: Front;
  readonly told: object;
  readonly buckets: readonly number[];
}

async function checkCases(t: TestContext, cases: readonly Case[]): Promise<void> {
  for (const { name, dialect, front, told, buckets } of cases)
    await t.test(name, async (one) => {
      const wire = await openPriced(one, { dialect, behaviour: json(told) });
      await wire.send(front, {});
      const record = await wire.yard.recorded(1);
      assert.deepEqual(bucketsOf(record), buckets);
      assert.ok(buckets.every((count) => count >= 0));
      assert.equal(record.cost, costOf(record.usage));
      assert.equal(record.usage.estimated, false);
    });
}

test("cached tokens: within OpenAI's and Google's prompt, beside Anthropic's, split by DeepSeek", async (t) => {
  const details = { cached_tokens: 60, cache_write_tokens: 20 };
  const claude = {
    input_tokens: 20,
    cache_read_input_tokens: 60,
    cache_creation_input_tokens: 30,
    cache_creation: { ephemeral_5m_input_tokens: 20, ephemeral_1h_input_tokens: 10 },
    output_tokens: 5,
  };
  await checkCases(t, [
    {
      name: "OpenAI",
      dialect: "openai-chat",
      front: "chat",
      told: chatReply({
        prompt_tokens: 100,
        completion_tokens: 5,
        total_tokens: 105,
        prompt_tokens_details: details,
      }),
      buckets: [20, 60, 20, 0, 5, 0],
    },
    {
      name: "Anthropic",
      dialect: "anthropic-messages",
      front: "messages",
      told: claudeReply(claude),
      buckets: [20, 60, 20, 10, 5, 0],
    },
    {
      name: "Anthropic, asked in OpenAI's words",
      dialect: "anthropic-messages",
      front: "chat",
      told: claudeReply(claude),
      buckets: [20, 60, 20, 10, 5, 0],
    },
    {
      name: "Google",
      dialect: "gemini-content",
      front: "gemini",
      told: geminiReply({
        promptTokenCount: 100,
        cachedContentTokenCount: 60,
        candidatesTokenCount: 5,
        totalTokenCount: 105,
      }),
      buckets: [40, 60, 0, 0, 5, 0],
    },
    {
      name: "DeepSeek",
      dialect: "openai-chat",
      front: "chat",
      told: chatReply({
        prompt_tokens: 100,
        completion_tokens: 5,
        total_tokens: 105,
        prompt_cache_hit_tokens: 60,
        prompt_cache_miss_tokens: 40,
      }),
      buckets: [40, 60, 0, 0, 5, 0],
    },
    {
      name: "more cached than prompted credits nobody",
      dialect: "openai-chat",
      front: "chat",
      told: chatReply({
        prompt_tokens: 56_322,
        completion_tokens: 5,
        prompt_tokens_details: { cached_tokens: 72_960 },
      }),
      buckets: [56_322, 72_960, 0, 0, 5, 0],
    },
  ]);
});

test("reasoning: within OpenAI's and Anthropic's output, beside Google's, as are its tools' results", async (t) => {
  await checkCases(t, [
    {
      name: "OpenAI",
      dialect: "openai-chat",
      front: "chat",
      told: chatReply({
        prompt_tokens: 10,
        completion_tokens: 50,
        total_tokens: 60,
        completion_tokens_details: { reasoning_tokens: 40 },
      }),
      buckets: [10, 0, 0, 0, 50, 40],
    },
    {
      name: "Anthropic",
      dialect: "anthropic-messages",
      front: "messages",
      told: claudeReply({
        input_tokens: 10,
        output_tokens: 50,
        output_tokens_details: { thinking_tokens: 40 },
      }),
      buckets: [10, 0, 0, 0, 50, 40],
    },
    {
      name: "Google",
      dialect: "gemini-content",
      front: "gemini",
      told: geminiReply({
        promptTokenCount: 10,
        toolUsePromptTokenCount: 7,
        candidatesTokenCount: 50,
        thoughtsTokenCount: 40,
        totalTokenCount: 107,
      }),
      buckets: [17, 0, 0, 0, 90, 40],
    },
    {
      name: "Google, asked in OpenAI's words",
      dialect: "gemini-content",
      front: "chat",
      told: geminiReply({
        promptTokenCount: 10,
        toolUsePromptTokenCount: 7,
        candidatesTokenCount: 50,
        thoughtsTokenCount: 40,
        totalTokenCount: 107,
      }),
      buckets: [17, 0, 0, 0, 90, 40],
    },
    {
      name: "xAI, whose total tells that it is beside",
      dialect: "openai-chat",
      front: "chat",
      told: chatReply({
        prompt_tokens: 12,
        completion_tokens: 1,
        total_tokens: 303,
        completion_tokens_details: { reasoning_tokens: 290 },
      }),
      buckets: [12, 0, 0, 0, 291, 290],
    },
  ]);
});

/** A stream of Messages that seeds its usage, says a text, and tells its usage anew. */
function claudeStream(seed: object, last: object | null): string[] {
  const { usage: _usage, ...message } = claudeReply({}) as { usage: object };
  const start = {
    type: "message_start",
    message: { ...message, content: [], stop_reason: null, usage: seed },
  };
  const text = { type: "text", text: "" };
  const events = [
    start,
    { type: "content_block_start", index: 0, content_block: text },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "one two three" } },
  ];
  if (last === null) return named(...events);
  return named(
    ...events,
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: last },
    { type: "message_stop" },
  );
}

test("Anthropic's stream: what message_delta tells goes over message_start, and a search is a unit", async (t) => {
  for (const front of ["messages", "chat"] as const)
    await t.test(front, async (one) => {
      // The vendor's documented example of web search: 2,679 input tokens become 10,682.
      const seed = { input_tokens: 2679, cache_read_input_tokens: 0, output_tokens: 3 };
      const last = {
        input_tokens: 10_682,
        output_tokens: 510,
        server_tool_use: { web_search_requests: 1 },
      };
      const behaviour = stream(claudeStream(seed, last));
      const wire = await openPriced(one, { dialect: "anthropic-messages", behaviour });
      await wire.ask(front, { stream: true });
      const record = await wire.yard.recorded(1);
      assert.deepEqual(bucketsOf(record), [10_682, 0, 0, 0, 510, 0]);
      assert.deepEqual(record.usage.kinds, { webSearches: 1 });
      assert.equal(record.cost, 10_682n * 3_000n + 510n * 15_000n + 10_000_000n);
    });
});

test("a placeholder of one output token is not taken for the answer's", async (t) => {
  const seed = { input_tokens: 25, output_tokens: 1 };
  const behaviour = cut(claudeStream(seed, null));
  const wire = await openPriced(t, { dialect: "anthropic-messages", behaviour });
  await wire.ask("messages", { stream: true }).catch(() => undefined);
  const record = await wire.yard.recorded(1);
  assert.equal(record.outcome, "cut");
  assert.deepEqual(bucketsOf(record), [25, 0, 0, 0, Math.ceil("one two three".length / 4), 0]);
  assert.equal(record.usage.estimated, true);
});

const told = { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 };
const usageChunk = { ...chunk({}), choices: [], usage: told };
const chatStream = (): string[] =>
  sse(chunk({ role: "assistant", content: "hi" }), chunk({}, "stop"), usageChunk, "[DONE]");

test("usage in OpenAI's streams: asked for whatever the caller says, and kept from who did not ask", async (t) => {
  const asks: readonly (readonly [string, object, shown: boolean])[] = [
    ["nothing said", {}, false],
    ["opted out", { stream_options: { include_usage: false } }, false],
    ["opted in", { stream_options: { include_usage: true } }, true],
  ];
  for (const [name, options, shown] of asks)
    await t.test(name, async (one) => {
      const behaviour = stream(chatStream());
      const wire = await openPriced(one, { dialect: "openai-chat", behaviour });
      const got = await wire.ask("chat", { stream: true, ...options });
      assert.equal(asObject(wire.sent()["stream_options"])["include_usage"], true);
      const tells = got.events.filter(({ usage }) => typeof usage === "object" && usage !== null);
      assert.equal(tells.length, shown ? 1 : 0);
      for (const event of tells) assert.deepEqual(event["choices"], []);
      assert.ok(got.text.includes("hi") && got.text.trimEnd().endsWith("data: [DONE]"));
      const record = await wire.yard.recorded(1);
      assert.deepEqual(bucketsOf(record), [7, 0, 0, 0, 2, 0]);
      assert.equal(record.cost, 7n * 3_000n + 2n * 15_000n);
    });
});

test("an API that tells usage unasked, and refuses to be asked, is not asked", async (t) => {
  const wire = await openWire(t, { dialect: "openai-responses" });
  await wire.send("responses", {});
  assert.equal("stream_options" in wire.sent(), false);
  assert.equal((await wire.yard.recorded(1)).usage.output, 2);
});

test("estimates are marked, and cost", async (t) => {
  const { usage: _usage, ...untold } = chatReply({}) as { usage: object };
  const noughts = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
  const odd = { prompt_tokens: -16_638, completion_tokens: 1.5, total_tokens: 1e300 };
  for (const reply of [untold, chatReply(noughts), { ...untold, usage: null }, chatReply(odd)]) {
    const wire = await openPriced(t, { dialect: "openai-chat", behaviour: json(reply) });
    await wire.send("chat", { messages: [{ role: "user", content: "word ".repeat(100) }] });
    const { usage, cost } = await wire.yard.recorded(1);
    assert.equal(usage.estimated, true);
    assert.ok(usage.output >= 1 && cost > 0n && cost < 1_000_000_000n);
    assert.equal(cost, costOf(usage));
  }
});

test("a stream that is cancelled: the last counts that were told, else what was said", async (t) => {
  await t.test("Google counts from chunk to chunk", async (one) => {
    const counts = { promptTokenCount: 40, candidatesTokenCount: 9, totalTokenCount: 49 };
    const say = (text: string, usageMetadata: object): object => ({
      candidates: [{ content: { role: "model", parts: [{ text }] } }],
      usageMetadata,
    });
    const first = say("a", { promptTokenCount: 40, candidatesTokenCount: 1, totalTokenCount: 41 });
    const behaviour = stream([...sse(first, say("gone", counts)), gate()]);
    const wire = await openPriced(one, { dialect: "gemini-content", behaviour });
    await leaveAfter(wire.yard, "gone", {
      path: "/v1beta/models/own-model:streamGenerateContent?alt=sse",
      body: { contents: [{ role: "user", parts: [{ text: "hi" }] }] },
    });
    const record = await wire.yard.recorded(1);
    assert.equal(record.outcome, "caller_gone");
    assert.deepEqual(bucketsOf(record), [40, 0, 0, 0, 9, 0]);
  });
  await t.test("OpenAI counts at the end alone", async (one) => {
    const behaviour = stream([...sse(chunk({ content: "four byte" })), gate()]);
    const wire = await openPriced(one, { dialect: "openai-chat", behaviour });
    await leaveAfter(wire.yard, "four byte", {
      path: "/v1/chat/completions",
      // A large limit is not what was said.
      body: {
        model: "own-model",
        stream: true,
        max_tokens: 100_000,
        messages: [{ role: "user", content: "x".repeat(400) }],
      },
    });
    const { usage, cost, outcome } = await wire.yard.recorded(1);
    assert.deepEqual([outcome, usage.estimated], ["caller_gone", true]);
    assert.equal(usage.output, Math.ceil("four byte".length / 4));
    assert.ok(usage.input >= 1 && usage.input <= 110, String(usage.input));
    assert.equal(cost, costOf(usage));
  });
  await t.test("nothing was said", async (one) => {
    const behaviour = stream([...sse(chunk({ role: "assistant" })), gate()]);
    const wire = await openPriced(one, { dialect: "openai-chat", behaviour });
    await leaveAfter(wire.yard, null, {
      path: "/v1/chat/completions",
      body: { model: "own-model", stream: true, messages: [{ role: "user", content: "hi" }] },
      received: () => wire.vendor.received(1),
    });
    const record = await wire.yard.recorded(1);
    assert.deepEqual([record.outcome, record.cost, record.usage.input], ["caller_gone", 0n, 0]);
  });
});

test("what was tried again and what fell back is priced once, by the channel and group that answered", async (t) => {
  const failing = closing(t, await openFakeUpstream(status(503)));
  const answering = closing(t, await openFakeUpstream(json(chatReply(told))));
  const yard = await openYard(t, {
    channels: [
      { baseUrl: failing.baseUrl, groups: ["cheap"], modelMapping: { "own-model": "dear" } },
      { baseUrl: answering.baseUrl, groups: ["good"] },
    ],
    groups: [
      { symbol: "cheap", ratio: 500_000n },
      { symbol: "good", ratio: 2_000_000n },
    ],
    priceBook: [price],
    key: { group: "cheap", fallbackGroup: "good" },
  });
  const response = await fetch(`${yard.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${testKey}` },
    body: JSON.stringify({ model: "own-model", messages: [{ role: "user", content: "hi" }] }),
  });
  assert.equal(response.status, 200);
  const record = await yard.recorded(1);
  assert.ok(record.attempts >= 2 && failing.requests.length >= 1);
  assert.deepEqual([record.group, record.channelId], ["good", 2]);
  assert.equal(record.cost, 2n * (7n * 3_000n + 2n * 15_000n));
  assert.deepEqual(
    yard.records.map(({ callId }) => callId),
    [record.callId],
  );
});

test("money: a price of 0 is a price, a missing one is told, and large amounts are exact", async (t) => {
  const ask = async (priceBook: WrittenPrice[], usage: object): Promise<CallRecord> => {
    const behaviour = json(chatReply(usage));
    const wire = await openPriced(t, { dialect: "openai-chat", behaviour }, priceBook);
    await wire.send("chat", {});
    return wire.yard.recorded(1);
  };
  const free = await ask([{ model: "own-model", input: "0", output: "0" }], told);
  assert.deepEqual([free.cost, free.unpriced, free.priceId], [0n, false, 1]);
  const missing = await ask([{ model: "another", input: "1" }], told);
  assert.deepEqual([missing.cost, missing.unpriced, missing.priceId], [0n, true, null]);
  const much = { prompt_tokens: 200_000, completion_tokens: 1, total_tokens: 200_001 };
  const dear = await ask([{ model: "own-model", input: "75", output: "0.0025" }], much);
  // Fifteen dollars, and two and a half nano-dollars, rounded half up once.
  assert.equal(dear.cost, 15_000_000_003n);
  // Numbers that a rival's 32-bit quotas wrapped round: past any bound a number is no count, and is estimated.
  const beyond = { prompt_tokens: 2 ** 62, completion_tokens: 2 ** 31, total_tokens: 0 };
  const huge = await ask([{ model: "own-model", input: "75", output: "75" }], beyond);
  assert.ok(huge.cost >= 0n && huge.usage.estimated);
  assert.ok(Number.isSafeInteger(huge.usage.input) && Number.isSafeInteger(huge.usage.output));
});

test("the tier that the reply states is priced, not the one that was asked for", async (t) => {
  const halved = { ...price, serviceTiers: { flex: { factor: "0.5" }, priority: { factor: "2" } } };
  const plain = 7n * 3_000n + 2n * 15_000n;
  const replies: readonly (readonly [tier: string, cost: bigint])[] = [
    ["flex", plain / 2n],
    ["default", plain],
    ["priority", plain * 2n],
  ];
  for (const [tier, cost] of replies) {
    const events = [chunk({ content: "hi" }), chunk({}, "stop"), usageChunk];
    const streamed = sse(...events.map((event) => ({ ...event, service_tier: tier })), "[DONE]");
    const whole = json({ ...chatReply(told), service_tier: tier });
    for (const behaviour of [whole, stream(streamed)]) {
      const wire = await openPriced(t, { dialect: "openai-chat", behaviour }, [halved]);
      const got = await wire.ask("chat", { service_tier: "auto", stream: behaviour !== whole });
      assert.equal(got.status, 200, got.text);
      const record = await wire.yard.recorded(1);
      assert.deepEqual([record.serviceTier, record.cost], [tier, cost]);
    }
  }
});
