/** Vendors' usage, each as it is really told, in disjoint buckets. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fastCheck from "fast-check";
import { decodeUsage, encodeUsage, findUsage } from "./usage.ts";

/** Input, cache read, cache write, output, reasoning. */
function buckets(value: unknown): readonly number[] | null {
  const usage = decodeUsage(value);
  return usage && [usage.input, usage.cacheRead, usage.cacheWrite5m, usage.output, usage.reasoning];
}

test("each vendor's telling", () => {
  const details = { cached_tokens: 40, cache_write_tokens: 10, audio_tokens: 0 };
  const cases: readonly [string, unknown, readonly number[] | null][] = [
    [
      "OpenAI",
      {
        prompt_tokens: 100,
        completion_tokens: 20,
        total_tokens: 120,
        prompt_tokens_details: details,
        completion_tokens_details: { reasoning_tokens: 15 },
      },
      [50, 40, 10, 20, 15],
    ],
    [
      "DeepSeek",
      {
        prompt_tokens: 100,
        completion_tokens: 5,
        prompt_cache_hit_tokens: 64,
        prompt_cache_miss_tokens: 36,
      },
      [36, 64, 0, 5, 0],
    ],
    [
      "Moonshot",
      { prompt_tokens: 100, completion_tokens: 5, cached_tokens: 30 },
      [70, 30, 0, 5, 0],
    ],
    [
      "Mistral",
      { prompt_tokens: 100, completion_tokens: 5, num_cached_tokens: 30 },
      [70, 30, 0, 5, 0],
    ],
    [
      "Qwen",
      {
        prompt_tokens: 100,
        completion_tokens: 5,
        prompt_tokens_details: { cached_tokens: 10, cache_creation_input_tokens: 20 },
      },
      [70, 10, 20, 5, 0],
    ],
    [
      "xAI: reasoning apart",
      {
        prompt_tokens: 10,
        completion_tokens: 3,
        total_tokens: 113,
        completion_tokens_details: { reasoning_tokens: 100 },
      },
      [10, 0, 0, 103, 100],
    ],
    [
      "cached beside the prompt",
      { prompt_tokens: 10, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 90 } },
      [10, 90, 0, 3, 0],
    ],
    [
      "Perplexity",
      { prompt_tokens: 8, completion_tokens: 9, total_tokens: 17, reasoning_tokens: 4 },
      [8, 0, 0, 9, 4],
    ],
    [
      // Its documented example of deep research, 2026.
      "Perplexity: research beside the answer",
      {
        prompt_tokens: 33,
        completion_tokens: 7163,
        total_tokens: 7196,
        citation_tokens: 20016,
        num_search_queries: 18,
        reasoning_tokens: 73997,
      },
      [33, 0, 0, 81160, 73997],
    ],
    ["embeddings", { prompt_tokens: 8, total_tokens: 8 }, [8, 0, 0, 0, 0]],
    ["Voyage", { total_tokens: 8 }, [8, 0, 0, 0, 0]],
    [
      "nulls",
      {
        prompt_tokens: 8,
        completion_tokens: 2,
        prompt_tokens_details: null,
        completion_tokens_details: null,
      },
      [8, 0, 0, 2, 0],
    ],
    ["all zero", { prompt_tokens: 0, completion_tokens: 0 }, null],
    ["nonsense", { prompt_tokens: "8", completion_tokens: -1 }, null],
    ["null", null, null],
  ];
  for (const [name, value, expected] of cases) assert.deepEqual(buckets(value), expected, name);
});

test("usage is found where Groq and Moonshot put it", () => {
  const usage = { prompt_tokens: 4, completion_tokens: 2 };
  assert.equal(findUsage({ x_groq: { usage } })?.input, 4);
  assert.equal(findUsage({ choices: [{ delta: {}, usage }] })?.input, 4);
  assert.equal(findUsage({ usage: null, x_groq: { id: "r" } }), null);
});

test("buckets never add up to more than was told", () => {
  const tokens = fastCheck.nat(1_000_000);
  const property = fastCheck.property(
    tokens,
    tokens,
    tokens,
    tokens,
    (prompt, completion, read, write) => {
      fastCheck.pre(prompt + completion > 0 && read + write <= prompt);
      const usage = decodeUsage({
        prompt_tokens: prompt,
        completion_tokens: completion,
        prompt_tokens_details: { cached_tokens: read, cache_write_tokens: write },
      });
      assert.ok(usage !== null);
      assert.equal(usage.input + usage.cacheRead + usage.cacheWrite5m, prompt);
      assert.equal(usage.output, completion);
    },
  );
  fastCheck.assert(property);
});

test("what was written to a cache and read from it at once is one token", () => {
  // OpenRouter over Gemini, recorded 2026.
  const usage = decodeUsage({
    prompt_tokens: 2168,
    completion_tokens: 100,
    total_tokens: 2268,
    prompt_tokens_details: { cache_write_tokens: 2161, cached_tokens: 2161 },
  });
  assert.deepEqual(
    [usage?.input, usage?.cacheRead, usage?.cacheWrite5m, usage?.output],
    [0, 2161, 7, 100],
  );
});

test("kinds with prices of their own are told apart, never more than their bucket holds", () => {
  const usage = decodeUsage({
    prompt_tokens: 100,
    completion_tokens: 50,
    total_tokens: 150,
    num_search_queries: 2,
    prompt_tokens_details: {
      cached_tokens: 40,
      audio_tokens: 30,
      image_tokens: 50,
      cached_tokens_details: { audio_tokens: 10 },
    },
    completion_tokens_details: {
      audio_tokens: 20,
      accepted_prediction_tokens: 5,
      rejected_prediction_tokens: 7,
    },
  });
  assert.equal(usage?.input, 60);
  assert.deepEqual(usage?.kinds, {
    inputAudio: 20,
    // All 50 cannot have been in what was not cached.
    inputImage: 40,
    cacheReadAudio: 10,
    outputAudio: 20,
    acceptedPrediction: 5,
    rejectedPrediction: 7,
    webSearches: 2,
  });
  assert.equal(decodeUsage({ prompt_tokens: 1, completion_tokens: 1 })?.kinds, undefined);
});

test("lifetimes of caches keep apart", () => {
  const usage = decodeUsage({
    prompt_tokens: 100,
    completion_tokens: 1,
    prompt_tokens_details: {
      cache_write_tokens: 60,
      cache_write_tokens_details: { ttl_30m_tokens: 20, ttl_12h_tokens: 40 },
    },
  });
  assert.deepEqual([usage?.input, usage?.cacheWrite5m, usage?.cacheWrite1h], [40, 20, 40]);
});

test("vendors that count reasoning beside are believed, others only by their total", () => {
  const xai = {
    prompt_tokens: 10,
    completion_tokens: 3,
    completion_tokens_details: { reasoning_tokens: 100 },
  };
  assert.deepEqual([decodeUsage(xai)?.output, decodeUsage(xai, true)?.output], [3, 103]);
  const google = { prompt_tokens: 66, completion_tokens: 6, total_tokens: 100 };
  assert.deepEqual([decodeUsage(google)?.output, decodeUsage(google, true)?.output], [6, 34]);
  assert.equal(decodeUsage(google, true)?.reasoning, 28);
  // Google's compatible endpoint, whatever channel it is behind.
  const reply = { model: "gemini-2.5-pro", usage: google };
  assert.deepEqual([findUsage(reply)?.output, findUsage(reply)?.reasoning], [34, 28]);
  assert.equal(findUsage({ ...reply, model: "other" })?.output, 6);
});

test("usage that was written is read again the same", () => {
  const tokens = fastCheck.nat(100_000);
  const property = fastCheck.property(
    fastCheck.record({
      input: fastCheck.integer({ min: 10, max: 100_000 }),
      cacheRead: tokens,
      cacheWrite5m: tokens,
      cacheWrite1h: tokens,
      output: fastCheck.integer({ min: 10, max: 100_000 }),
    }),
    (told) => {
      const kinds = { inputAudio: 2, inputImage: 3, outputAudio: 4, rejectedPrediction: 5 };
      const usage = { ...told, reasoning: 1, estimated: false, kinds };
      const encoded = encodeUsage(usage);
      assert.deepEqual(decodeUsage(encoded), { ...usage, raw: encoded });
    },
  );
  fastCheck.assert(property);
});
