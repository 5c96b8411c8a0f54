/** Whatever an upstream tells: no bucket negative, fractional or beyond bounds, and an odd number is told as an estimate. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fastCheck from "fast-check";
import type { Usage } from "../wire/usage.ts";
import { decodeUsage as anthropic } from "./anthropic/usage.ts";
import { readUsage as bedrock } from "./bedrock-converse/reply-words.ts";
import { readUsage as cohere } from "./cohere/words.ts";
import { inputUsage } from "./embedding-vectors.ts";
import { decodeUsage as gemini } from "./gemini/usage.ts";
import { boundedRaw, makeUsage, tierWord } from "./make-usage.ts";
import { readUsage as ollama } from "./ollama/decode.ts";
import { decodeUsage as chat } from "./openai-chat/usage.ts";
import { decodeUsage as media } from "./openai-media/usage.ts";
import { decodeUsage as responses } from "./openai-responses/usage.ts";
import { decodeRealtimeUsage, transcriptionUsage } from "./realtime-events.ts";
import { decodeRerankUsage } from "./rerank-shape.ts";
import { makeUsageReader, maxUsage } from "./usage-number.ts";

type Told = Readonly<Record<string, unknown>>;

const decoders: readonly (readonly [string, (told: Told) => Usage | null])[] = [
  ["chat", chat],
  ["chat, reasoning apart", (told) => chat(told, true)],
  ["responses", (usage) => responses({ usage, tool_usage: usage })],
  ["anthropic", anthropic],
  ["anthropic, streamed", (told) => anthropic(told, anthropic(told))],
  ["gemini", gemini],
  ["bedrock", bedrock],
  ["cohere", cohere],
  ["ollama", ollama],
  ["media", (told) => media(told, { images: 2, look: told })],
  ["realtime", decodeRealtimeUsage],
  ["transcription", (usage) => transcriptionUsage({ usage })],
  ["rerank", (told) => decodeRerankUsage(told, told)],
  ["embeddings", (told) => inputUsage(told, "prompt_tokens", "input_tokens", "promptTokenCount")],
];

/** Every name that any of the readers asks for. */
const names =
  `prompt_tokens completion_tokens total_tokens cached_tokens num_cached_tokens prompt_cache_hit_tokens
  input_tokens output_tokens reasoning_tokens audio_tokens image_tokens video_tokens cache_write_tokens ttl_12h_tokens
  cache_creation_input_tokens cache_read_input_tokens ephemeral_5m_input_tokens ephemeral_1h_input_tokens
  thinking_tokens web_search_requests web_fetch_requests promptTokenCount candidatesTokenCount thoughtsTokenCount
  toolUsePromptTokenCount cachedContentTokenCount totalTokenCount tokenCount inputTokens outputTokens
  cacheReadInputTokens cacheWriteInputTokens prompt_eval_count eval_count search_units num_search_queries
  num_sources_used citation_tokens accepted_prediction_tokens rejected_prediction_tokens seconds
  prompt_audio_seconds num_requests web_search_calls x_search_calls code_interpreter_calls`.split(
    /\s+/,
  );
const groups =
  `prompt_tokens_details completion_tokens_details input_tokens_details output_tokens_details
  input_token_details output_token_details cached_tokens_details cache_creation cache_write_tokens_details
  server_tool_use server_side_tool_usage_details billed_units tokens web_search image_gen`.split(
    /\s+/,
  );
const lists =
  `promptTokensDetails candidatesTokensDetails cacheTokensDetails iterations cacheDetails`.split(
    /\s+/,
  );

const number = fastCheck.oneof(
  fastCheck.nat(5000),
  fastCheck.constantFrom<unknown>(
    -1,
    -16_638,
    1.5,
    -0,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    1e308,
    maxUsage,
    "7",
    "-7",
    null,
    true,
    [],
    {},
  ),
);
const flat = fastCheck.dictionary(fastCheck.constantFrom(...names), number, { maxKeys: 12 });
const modal = fastCheck.record({
  modality: fastCheck.constantFrom("TEXT", "AUDIO", "IMAGE", "VIDEO", "DOCUMENT", 3),
  ttl: fastCheck.constantFrom("5m", "1h"),
});
const item = fastCheck.tuple(flat, modal).map(([left, right]) => ({ ...left, ...right }));
const hostile = fastCheck
  .tuple(
    flat,
    fastCheck.dictionary(fastCheck.constantFrom(...groups), flat, { maxKeys: 6 }),
    fastCheck.dictionary(
      fastCheck.constantFrom(...lists),
      fastCheck.array(item, { maxLength: 4 }),
      {
        maxKeys: 3,
      },
    ),
    fastCheck.constantFrom({}, { type: "duration" }),
  )
  .map(([numbers, objects, listed, type]): Told => ({
    ...numbers,
    ...objects,
    ...listed,
    ...type,
  }));

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= maxUsage && !Object.is(value, -0);
}

function check(usage: Usage, name: string): void {
  const { kinds = {} } = usage;
  const buckets = [usage.input, usage.cacheRead, usage.cacheWrite5m, usage.cacheWrite1h];
  for (const count of [...buckets, usage.output, usage.reasoning])
    assert.ok(isCount(count), `${name}: ${count}`);
  assert.ok(Number.isSafeInteger(buckets.reduce((sum, count) => sum + count, usage.output)));
  assert.ok(usage.reasoning <= usage.output, name);
  const { imageSizes, seconds = 0, ...counts } = kinds;
  for (const [kind, count] of Object.entries(counts))
    assert.ok(isCount(count) && count > 0, `${name}: ${kind} ${count}`);
  assert.ok(Number.isSafeInteger(Math.round(seconds * 1000)) && seconds >= 0, name);
  for (const images of Object.values(imageSizes ?? {})) assert.ok(isCount(images), name);
  const sum = (...parts: readonly (number | undefined)[]): number =>
    parts.reduce((all: number, part) => all + (part ?? 0), 0);
  assert.ok(sum(kinds.inputAudio, kinds.inputImage, kinds.inputVideo) <= usage.input, name);
  assert.ok(sum(kinds.inputTool) <= usage.input, name);
  const cached = sum(kinds.cacheReadAudio, kinds.cacheReadImage, kinds.cacheReadVideo);
  assert.ok(cached <= usage.cacheRead, name);
  assert.ok(sum(kinds.outputAudio, kinds.outputImage, kinds.outputVideo) <= usage.output, name);
  const { raw, ...told } = usage;
  assert.ok(raw === undefined || JSON.stringify(raw).length <= 8192);
  // Whatever is kept can be written as JSON and read again.
  assert.deepEqual(JSON.parse(JSON.stringify(told)), told);
}

test("numbers of a hostile upstream: whole, never negative, within bounds, in every dialect", () => {
  let read = 0;
  const property = fastCheck.property(hostile, (told) => {
    for (const [name, decode] of decoders) {
      const usage = decode(told);
      if (usage === null) continue;
      read += 1;
      check(usage, name);
    }
  });
  fastCheck.assert(property, { numRuns: 3000 });
  assert.ok(read > 10_000, String(read));
});

test("an impossible number is read as not told, and what is left is an estimate", () => {
  const odd = [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, "7", true, [], {}];
  for (const value of odd) {
    const cases: readonly (Usage | null)[] = [
      chat({ prompt_tokens: 8, completion_tokens: value }),
      chat({ prompt_tokens: 8, prompt_tokens_details: { cached_tokens: value } }),
      responses({ usage: { input_tokens: 8, output_tokens: value } }),
      anthropic({ input_tokens: 8, cache_read_input_tokens: value }),
      gemini({ promptTokenCount: 8, thoughtsTokenCount: value }),
      bedrock({ inputTokens: 8, cacheReadInputTokens: value }),
    ];
    for (const usage of cases) {
      assert.equal(usage?.estimated, true, String(value));
      assert.equal(usage?.input === 8 || usage?.input === 7, true, String(value));
    }
  }
  assert.equal(chat({ prompt_tokens: 8, completion_tokens: 0 })?.estimated, false);
  assert.equal(chat({ prompt_tokens: 8, completion_tokens: null })?.estimated, false);
  assert.equal(chat({ prompt_tokens: -5, completion_tokens: -5 }), null);
});

test("more cached than prompted never makes a negative input", () => {
  // A rival booked 56,322 - 72,960 = -16,638 tokens, and credited its user.
  const usage = chat({
    prompt_tokens: 56_322,
    completion_tokens: 10,
    prompt_tokens_details: { cached_tokens: 72_960 },
  });
  assert.deepEqual([usage?.input, usage?.cacheRead], [56_322, 72_960]);
  const vendors: readonly (Usage | null)[] = [
    responses({
      usage: {
        input_tokens: 56_322,
        output_tokens: 1,
        input_tokens_details: { cached_tokens: 72_960 },
      },
    }),
    gemini({ promptTokenCount: 56_322, cachedContentTokenCount: 72_960 }),
    decodeRealtimeUsage({ input_tokens: 56_322, input_token_details: { cached_tokens: 72_960 } }),
    media({ input_tokens: 56_322, input_tokens_details: { cached_tokens: 72_960 } }),
  ];
  for (const each of vendors) assert.ok((each?.input ?? -1) >= 0);
});

test("the vendor's own object is kept up to 8 KB; a tier is told in one vendor's words", () => {
  assert.deepEqual(boundedRaw({ a: 1 }), { a: 1 });
  assert.equal(boundedRaw({ a: "x".repeat(9000) }), undefined);
  assert.equal(boundedRaw([1]), undefined);
  const words = ["standard", "ON_DEMAND", "ON_DEMAND_FLEX", "priority", "PROVISIONED_THROUGHPUT"];
  assert.deepEqual(words.map(tierWord), ["default", "default", "flex", "priority", "scale"]);
  const none = [undefined, null, 3, "", "TRAFFIC_TYPE_UNSPECIFIED", "x".repeat(99)];
  for (const told of none) assert.equal(tierWord(told), null);
  const reader = makeUsageReader();
  assert.equal(makeUsage({}, reader), null);
  assert.equal(makeUsage({ tier: "flex", raw: { a: 1 } }, reader), null);
});
