/** LiteLLM's file: every kind of member that its entries have, in an excerpt of our own, and documents that are hostile. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readAtOnce } from "../listed-price.ts";
import type { ListedPrice, ParsedList } from "../listed-price.ts";
import { readDocument } from "../read-document.ts";
import { renderRow } from "../render-row.ts";
import { readLiteLlm } from "./litellm.ts";

const parse = (entries: object | string, wish: "all" | "made" = "made"): ParsedList =>
  readAtOnce(
    readLiteLlm(
      readDocument(typeof entries === "string" ? entries : JSON.stringify(entries)),
      () => wish,
    ),
  );

/** The one row of an entry of a maker, as it would be shown. */
function shown(entry: object, key = "m"): Record<string, unknown> {
  const { prices, remarks } = parse({
    [key]: { litellm_provider: "openai", mode: "chat", ...entry },
  });
  assert.equal(prices.length, 1, JSON.stringify(remarks));
  const row = renderRow(prices[0] as ListedPrice, "litellm", []);
  assert.ok(row !== undefined);
  const { model: _model, mode: _mode, side: _side, source: _source, ...rest } = row.shown;
  return rest;
}

const remarksOf = (entry: object): readonly string[] =>
  parse({ m: { litellm_provider: "openai", mode: "chat", ...entry } }).remarks.map(
    ({ field, effect }) => `${field} ${effect}`,
  );

test("dollars a token become dollars a million, digit by digit", () => {
  assert.deepEqual(
    shown({
      input_cost_per_token: 1.5e-6,
      output_cost_per_token: 6e-6,
      cache_read_input_token_cost: 1.25e-7,
      cache_creation_input_token_cost: 1.875e-6,
      cache_creation_input_token_cost_above_1hr: 3e-6,
      input_cost_per_audio_token: 4e-5,
      output_cost_per_audio_token: 8e-5,
      input_cost_per_image_token: 1e-5,
      output_cost_per_image_token: 3e-5,
      input_cost_per_video_token: 2e-6,
      output_cost_per_video_token: 3e-6,
      output_cost_per_reasoning_token: 7e-6,
      citation_cost_per_token: 2e-6,
      max_tokens: 4096,
      supports_vision: true,
      deprecation_date: "2027-01-01",
    }),
    {
      input: "1.5",
      output: "6",
      cacheRead: "0.125",
      cacheWrite5m: "1.875",
      cacheWrite1h: "3",
      inputAudio: "40",
      outputAudio: "80",
      inputImage: "10",
      outputImage: "30",
      inputVideo: "2",
      outputVideo: "3",
      reasoning: "7",
      citations: "2",
    },
  );
});

test("prices of other units", () => {
  assert.deepEqual(shown({ input_cost_per_second: 0.0001, output_cost_per_second: 0 }), {
    perSecond: "0.0001",
  });
  assert.deepEqual(shown({ input_cost_per_character: 1.5e-5 }), { characters: "15" });
  assert.deepEqual(shown({ ocr_cost_per_page: 0.001 }), { perPage: "0.001" });
  assert.deepEqual(shown({ mode: "rerank", input_cost_per_query: 0.002 }), {
    perSearchUnit: "0.002",
  });
  assert.deepEqual(shown({ mode: "search", input_cost_per_query: 0.005 }), { perCall: "0.005" });
  assert.deepEqual(
    shown({
      input_cost_per_token: 2e-6,
      input_cost_per_request: 0.01,
      file_search_cost_per_1k_calls: 2.5,
      code_interpreter_cost_per_session: 0.03,
      search_context_cost_per_query: {
        search_context_size_low: 0.01,
        search_context_size_medium: 0.01,
        search_context_size_high: 0.01,
      },
    }),
    {
      input: "2",
      perCall: "0.01",
      perFileSearch: "0.0025",
      perCodeSession: "0.03",
      perWebSearch: "0.01",
    },
  );
});

test("long inputs, service tiers as factors, and as prices where they are no one factor", () => {
  const long = {
    input_cost_per_token: 2.5e-6,
    input_cost_per_token_above_272k_tokens: 5e-6,
    output_cost_per_token: 1.5e-5,
    output_cost_per_token_above_272k_tokens: 2.25e-5,
    cache_read_input_token_cost: 2.5e-7,
  };
  const tiers = [{ above: 272_000, input: "5", output: "22.5" }];
  const plain = { input: "2.5", output: "15", cacheRead: "0.25" };
  assert.deepEqual(
    shown({
      ...long,
      input_cost_per_token_batches: 1.25e-6,
      output_cost_per_token_batches: 7.5e-6,
      input_cost_per_token_priority: 5e-6,
      output_cost_per_token_priority: 3e-5,
      cache_read_input_token_cost_priority: 5e-7,
      input_cost_per_token_above_272k_tokens_priority: 1e-5,
      output_cost_per_token_above_272k_tokens_priority: 4.5e-5,
      input_cost_per_token_flex: 1.25e-6,
      output_cost_per_token_flex: 7.5e-6,
      cache_read_input_token_cost_flex: 1.3e-7,
    }),
    {
      ...plain,
      tiers,
      serviceTiers: {
        batch: { factor: "0.5" },
        priority: { factor: "2" },
        flex: { input: "1.25", output: "7.5", cacheRead: "0.13" },
      },
    },
  );
  assert.deepEqual(
    remarksOf({
      ...long,
      input_cost_per_token_priority: 5e-6,
      input_cost_per_token_above_272k_tokens_priority: 7e-6,
    }),
    ["input_cost_per_token_above_272k_tokens_priority field-left-out"],
  );
  assert.deepEqual(
    shown({ input_cost_per_token: 5e-6, provider_specific_entry: { fast: 6, us: 1.1 } }),
    {
      input: "5",
      serviceTiers: { fast: { factor: "6" } },
    },
  );
});

test("ranges of the input's length", () => {
  const range = (from: number, to: number, input: number, output: number) => ({
    range: [from, to],
    input_cost_per_token: input,
    output_cost_per_token: output,
  });
  assert.deepEqual(
    shown({
      tiered_pricing: [
        range(32_000, 128_000, 2e-6, 8e-6),
        range(0, 32_000, 1e-6, 4e-6),
        range(128_000, 1_000_000, 3e-6, 1.2e-5),
      ],
    }),
    {
      input: "1",
      output: "4",
      tiers: [
        { above: 32_000, input: "2", output: "8" },
        { above: 128_000, input: "3", output: "12" },
      ],
    },
  );
  for (const tiered_pricing of [
    [],
    {},
    [range(5, 9, 1, 1)],
    [{ range: [0, 1], moon: 1 }],
    [{ range: "x" }],
  ])
    assert.deepEqual(remarksOf({ tiered_pricing }), ["tiered_pricing row-left-out"]);
});

test("images by their form, or by their tokens, never both", () => {
  const entry = (fields: object) => ({
    litellm_provider: "openai",
    mode: "image_generation",
    ...fields,
  });
  const { prices, remarks } = parse({
    "standard/1024-x-1024/dall-e-3": entry({ input_cost_per_image: 0.04 }),
    "hd/1024-x-1792/dall-e-3": entry({ output_cost_per_image: 0.12, input_cost_per_pixel: 0 }),
    "512-x-512/dall-e-2": entry({ input_cost_per_pixel: 6.86e-8, output_cost_per_pixel: 0 }),
    "gpt-image-1": entry({ input_cost_per_token: 5e-6, output_cost_per_image_token: 4e-5 }),
    "low/1024-x-1024/gpt-image-1": entry({ input_cost_per_image: 0.011 }),
    "flux-like": entry({ output_cost_per_image: 0.05 }),
    "50-steps/whatever": entry({ input_cost_per_pixel: 1e-8 }),
  });
  const forms = Object.fromEntries(prices.map((price) => [price.model, price.perImage]));
  assert.deepEqual(forms, {
    "dall-e-3": {
      "1024x1024/standard": 40_000_000n,
      "1024x1792/hd": 120_000_000n,
      "*": 120_000_000n,
    },
    // 6.86e-8 dollars a pixel, 262144 of them: 0.0179830784 dollars.
    "dall-e-2": { "512x512/*": 17_983_078n, "*": 17_983_078n },
    "gpt-image-1": null,
    "flux-like": { "*": 50_000_000n },
  });
  assert.deepEqual(remarks.map(({ model, effect }) => `${model} ${effect}`).sort(), [
    "50-steps/whatever field-left-out",
    "50-steps/whatever row-left-out",
    "512-x-512/dall-e-2 rounded",
    "low/1024-x-1024/gpt-image-1 field-left-out",
  ]);
});

test("one name, several vendors: the maker's price; the others are counted, or taken when they are asked for", () => {
  const entries = {
    "gpt-4o": { litellm_provider: "openai", input_cost_per_token: 2.5e-6 },
    "azure/gpt-4o": { litellm_provider: "azure", input_cost_per_token: 3e-6 },
    "gemini/gemini-9": { litellm_provider: "gemini", input_cost_per_token: 1e-6 },
    "gemini-9": { litellm_provider: "vertex_ai-language-models", input_cost_per_token: 2e-6 },
    "ft:gpt-4o-2024-08-06": { litellm_provider: "openai", input_cost_per_token: 4e-6 },
    "cohere/again": { litellm_provider: "cohere_chat", input_cost_per_token: 1e-6 },
    "unheard/of": { litellm_provider: "unheard", input_cost_per_token: 1e-6 },
    sample_spec: { input_cost_per_token: "words", litellm_provider: "one of" },
  };
  const made = parse(entries);
  assert.deepEqual(
    made.prices.map(({ vendor, model }) => `${vendor} ${model}`),
    [
      "openai gpt-4o",
      "gemini gemini-9",
      "openai ft:gpt-4o-2024-08-06*",
      "cohere_chat cohere/again",
    ],
  );
  assert.deepEqual(made.passedOver, { azure: 1, vertex_ai: 1, unheard: 1 });
  const all = parse(entries, "all");
  assert.deepEqual(
    all.prices.filter(({ isMaker }) => !isMaker).map(({ vendor, model }) => `${vendor} ${model}`),
    ["azure gpt-4o", "vertex_ai gemini-9", "unheard of"],
  );
});

test("what is not understood is named, and what is no price leaves its row out", () => {
  const price = { input_cost_per_token: 1e-6 };
  assert.deepEqual(remarksOf({ ...price, regional_processing_uplift_multiplier_eu: 1.1 }), [
    "regional_processing_uplift_multiplier_eu field-left-out",
  ]);
  assert.deepEqual(remarksOf({ ...price, computer_use_input_cost_per_1k_tokens: 0 }), []);
  assert.deepEqual(remarksOf({ ...price, input_cost_per_image: 0.1 }), [
    "input_cost_per_image field-left-out",
  ]);
  assert.deepEqual(
    remarksOf({
      ...price,
      search_context_cost_per_query: {
        search_context_size_low: 0.01,
        search_context_size_medium: 0.02,
      },
    }),
    ["search_context_cost_per_query approximated"],
  );
  assert.deepEqual(remarksOf({ input_cost_per_token: 1.2345678901234567e-6 }), [
    "input_cost_per_token rounded",
  ]);
  for (const amount of [-1e-6, "free", true, [1], {}, "1e400", 1e300])
    assert.deepEqual(remarksOf({ input_cost_per_token: amount }), [
      "input_cost_per_token row-left-out",
    ]);
  assert.deepEqual(remarksOf({}), [" row-left-out"]);
  // The digits of the file, not those of a float.
  const exact = parse(
    '{"m":{"litellm_provider":"openai","input_cost_per_token":0.1234567890123456789e-5}}',
  );
  assert.match(exact.remarks[0]?.reason ?? "", /1\.23456789 is taken/);
});

test("hostile documents are refused, or harm nothing", () => {
  for (const text of ["", "{", "NaN", "[1,2", "\0", "{'a':1}"])
    assert.throws(() => readDocument(text), { kind: "validation_failed" }, text);
  for (const text of ["[]", "{}", "[1,2,3]", "null", "7", '"x"', '{"a":5}', '{"a":{"b":1}}'])
    assert.throws(() => parse(text), { kind: "validation_failed" }, text);
  assert.throws(() => readDocument("[".repeat(100_000)), { kind: "validation_failed" });
  assert.throws(() => readDocument(`"${"x".repeat(10_000_000)}"`), { kind: "request_too_large" });
  const numbers = `[${"1.0000000000000001,".repeat(300_000)}1]`;
  assert.throws(() => parse(numbers), { kind: "validation_failed" });
  const hostile = parse(
    '{"__proto__":{"litellm_provider":"openai","input_cost_per_token":1e-6,"__proto__":{"x":1}},' +
      '"constructor":{"litellm_provider":"__proto__","input_cost_per_token":1e-6},' +
      '"toString":{"litellm_provider":"openai","input_cost_per_token":1e400,"constructor":5},' +
      '"bad*name*":{"litellm_provider":"openai","input_cost_per_token":1e-6}}',
  );
  assert.deepEqual(
    hostile.prices.map(({ model }) => model),
    ["__proto__"],
  );
  assert.deepEqual(Object.keys(hostile.passedOver), ["__proto__"]);
  assert.equal(({} as Record<string, unknown>)["x"], undefined);
  assert.deepEqual(
    hostile.remarks.map(({ model, effect }) => `${model} ${effect}`),
    ["toString row-left-out", "bad*name* row-left-out"],
  );
});
