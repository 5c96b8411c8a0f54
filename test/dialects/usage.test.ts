/** What each vendor tells of one answer, as its documentation shows it, and what the gateway counts of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { findDialect, findUpstreamCodec } from "../../src/dialects/registry.ts";
import type { DialectId } from "../../src/wire/call.ts";
import type { JsonObject } from "../../src/core/json-value.ts";
import type { Usage, UsageKinds } from "../../src/wire/usage.ts";
import { anyContext } from "../fakes/reply-events.ts";

interface Counted {
  /** Input, cache read, cache writes of 5 minutes and of an hour, output, reasoning. */
  readonly buckets: readonly number[];
  readonly kinds?: UsageKinds;
  readonly tier?: string;
  readonly estimated?: boolean;
}

type Case = readonly [name: string, dialect: DialectId, reply: JsonObject, counted: Counted];

const message = { index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" };
const chat = (usage: JsonObject, more: JsonObject = {}): JsonObject => ({
  model: "m",
  choices: [message],
  usage,
  ...more,
});
const claude = (usage: JsonObject): JsonObject => ({ type: "message", content: [], usage });
const response = (usage: JsonObject, more: JsonObject = {}): JsonObject => ({
  object: "response",
  status: "completed",
  output: [],
  usage,
  ...more,
});
const gemini = (
  usageMetadata: JsonObject,
  candidate: JsonObject = {},
  model = "m",
): JsonObject => ({
  candidates: [{ content: { role: "model", parts: [{ text: "ok" }] }, ...candidate }],
  usageMetadata,
  modelVersion: model,
});
const modality = (modality_: string, tokenCount: number): JsonObject => ({
  modality: modality_,
  tokenCount,
});
const ten = { input_tokens: 10, output_tokens: 5 };

const chats: readonly Case[] = [
  [
    "OpenAI: sound in and out, the tier that answered",
    "openai-chat",
    chat(
      {
        prompt_tokens: 100,
        completion_tokens: 50,
        total_tokens: 150,
        prompt_tokens_details: { cached_tokens: 20, audio_tokens: 30 },
        completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 40 },
      },
      { service_tier: "flex" },
    ),
    { buckets: [80, 20, 0, 0, 50, 0], kinds: { inputAudio: 30, outputAudio: 40 }, tier: "flex" },
  ],
  [
    "Groq: its on-demand tier is the usual one",
    "openai-chat",
    chat({ prompt_tokens: 17, completion_tokens: 7 }, { service_tier: "on_demand" }),
    { buckets: [17, 0, 0, 0, 7, 0], tier: "default" },
  ],
  [
    "Groq: usage in its own corner",
    "openai-chat",
    {
      model: "m",
      choices: [message],
      x_groq: { usage: { prompt_tokens: 4, completion_tokens: 2 } },
    },
    { buckets: [4, 0, 0, 0, 2, 0] },
  ],
  [
    "Mistral: seconds of sound beside tokens",
    "openai-chat",
    chat({
      prompt_tokens: 13,
      completion_tokens: 5,
      prompt_audio_seconds: 36,
      num_cached_tokens: 3,
    }),
    { buckets: [10, 3, 0, 0, 5, 0], kinds: { seconds: 36 } },
  ],
  [
    "Qwen: searches of its plugin, pictures and films",
    "openai-chat",
    chat({
      prompt_tokens: 100,
      completion_tokens: 5,
      prompt_tokens_details: { image_tokens: 30, video_tokens: 40 },
      plugins: { search: { count: 2 } },
    }),
    {
      buckets: [100, 0, 0, 0, 5, 0],
      kinds: { inputImage: 30, inputVideo: 40, webSearches: 2 },
    },
  ],
  [
    "xAI: sources and tools of its own",
    "openai-chat",
    chat({
      prompt_tokens: 10,
      completion_tokens: 5,
      total_tokens: 15,
      num_sources_used: 3,
      server_side_tool_usage_details: {
        web_search_calls: 2,
        x_search_calls: 1,
        code_interpreter_calls: 1,
        file_search_calls: 0,
        mcp_calls: 4,
        document_search_calls: 1,
      },
    }),
    {
      buckets: [10, 0, 0, 0, 5, 0],
      kinds: {
        webSearches: 3,
        fileSearches: 1,
        codeSessions: 1,
        toolCalls: 4,
        searchSources: 3,
      },
    },
  ],
  [
    "Perplexity: research, citations and searches beside the answer",
    "openai-chat",
    chat({
      prompt_tokens: 33,
      completion_tokens: 7163,
      total_tokens: 7196,
      citation_tokens: 20016,
      num_search_queries: 18,
      reasoning_tokens: 73997,
    }),
    { buckets: [33, 0, 0, 0, 81160, 73997], kinds: { webSearches: 18, citations: 20016 } },
  ],
  [
    "OpenRouter: searches of its plugin",
    "openai-chat",
    chat({
      prompt_tokens: 10,
      completion_tokens: 5,
      server_tool_use_details: { web_search_requests: 1, tool_calls_executed: 1 },
    }),
    { buckets: [10, 0, 0, 0, 5, 0], kinds: { webSearches: 1 } },
  ],
  [
    "Voyage's embeddings: a total alone",
    "openai-chat",
    { data: [{ embedding: [1] }], model: "m", usage: { total_tokens: 12 } },
    { buckets: [12, 0, 0, 0, 0, 0] },
  ],
];

const search = (type: string): JsonObject => ({ type: "web_search_call", action: { type } });
const code = (container: string): JsonObject => ({
  type: "code_interpreter_call",
  container_id: container,
});

const others: readonly Case[] = [
  [
    "OpenAI Responses: items that are billed apart",
    "openai-responses",
    response(ten, {
      service_tier: "priority",
      output: [
        search("search"),
        search("open_page"),
        { type: "file_search_call" },
        code("a"),
        code("a"),
        code("b"),
        { type: "image_generation_call", result: "AAAA" },
      ],
      tool_usage: { image_gen: { input_tokens: 40, output_tokens: 900 } },
    }),
    {
      buckets: [10, 0, 0, 0, 5, 0],
      kinds: {
        webSearches: 1,
        fileSearches: 1,
        codeSessions: 2,
        images: 1,
        imageToolInput: 40,
        imageToolOutput: 900,
      },
      tier: "priority",
    },
  ],
  [
    "xAI Responses: its own count of tools",
    "openai-responses",
    response({
      ...ten,
      num_sources_used: 2,
      server_side_tool_usage_details: { web_search_calls: 2, x_search_calls: 0 },
    }),
    { buckets: [10, 0, 0, 0, 5, 0], kinds: { webSearches: 2, searchSources: 2 } },
  ],
  [
    "Anthropic: tools, tier, fast mode",
    "anthropic-messages",
    claude({
      ...ten,
      server_tool_use: { web_search_requests: 2, web_fetch_requests: 1 },
      service_tier: "standard",
      speed: "fast",
    }),
    { buckets: [10, 0, 0, 0, 5, 0], kinds: { webSearches: 2, webFetches: 1 }, tier: "fast" },
  ],
  [
    "Anthropic: a batch",
    "anthropic-messages",
    claude({ ...ten, service_tier: "batch" }),
    { buckets: [10, 0, 0, 0, 5, 0], tier: "batch" },
  ],
  [
    "Google: every modality, cached and not",
    "gemini-content",
    gemini({
      promptTokenCount: 1000,
      cachedContentTokenCount: 300,
      candidatesTokenCount: 90,
      thoughtsTokenCount: 10,
      toolUsePromptTokenCount: 50,
      promptTokensDetails: [modality("TEXT", 300), modality("AUDIO", 400), modality("VIDEO", 300)],
      cacheTokensDetails: [modality("AUDIO", 100), modality("VIDEO", 200)],
      toolUsePromptTokensDetails: [modality("DOCUMENT", 50)],
      candidatesTokensDetails: [modality("TEXT", 10), modality("IMAGE", 80)],
      serviceTier: "PRIORITY",
    }),
    {
      buckets: [750, 300, 0, 0, 100, 10],
      kinds: {
        inputAudio: 300,
        inputImage: 50,
        inputVideo: 100,
        inputTool: 50,
        cacheReadAudio: 100,
        cacheReadVideo: 200,
        outputImage: 80,
      },
      tier: "priority",
    },
  ],
  ...["gemini-2.5-pro", "gemini-3-pro"].map((model): Case => {
    const grounding = { webSearchQueries: ["a", "b"], groundingChunks: [{ maps: { uri: "u" } }] };
    const usage = { promptTokenCount: 10, candidatesTokenCount: 5, trafficType: "ON_DEMAND_FLEX" };
    const webSearches = model === "gemini-2.5-pro" ? 1 : 2;
    return [
      `Google: ${model} bills searches by the ${webSearches === 1 ? "prompt" : "query"}`,
      "gemini-content",
      gemini(usage, { groundingMetadata: grounding }, model),
      { buckets: [10, 0, 0, 0, 5, 0], kinds: { webSearches, mapSearches: 1 }, tier: "flex" },
    ];
  }),
  [
    "AWS: input beside caches, the hour apart, the tier",
    "bedrock-converse",
    {
      output: { message: { role: "assistant", content: [{ text: "ok" }] } },
      stopReason: "end_turn",
      serviceTier: { type: "reserved" },
      usage: {
        inputTokens: 3,
        outputTokens: 5,
        cacheReadInputTokens: 10,
        cacheWriteInputTokens: 20,
        cacheDetails: [{ ttl: "1h", inputTokens: 15 }],
      },
    },
    { buckets: [3, 10, 5, 15, 5, 0], tier: "scale" },
  ],
  [
    "Cohere: what is billed, not what was read",
    "cohere-v2",
    {
      message: { role: "assistant", content: [{ type: "text", text: "ok" }] },
      finish_reason: "COMPLETE",
      usage: {
        billed_units: { input_tokens: 39, output_tokens: 27, search_units: 1 },
        tokens: { input_tokens: 1683, output_tokens: 62 },
        cached_tokens: 992,
      },
    },
    { buckets: [39, 0, 0, 0, 27, 0], kinds: { searchUnits: 1 } },
  ],
  [
    "Ollama: a prompt that came out of a cache is not told",
    "ollama-chat",
    { message: { role: "assistant", content: "ok" }, done: true, eval_count: 5 },
    { buckets: [0, 0, 0, 0, 5, 0], estimated: true },
  ],
  [
    "Jina's rerank: tokens",
    "jina-v1",
    { results: [{ index: 0, relevance_score: 1 }], usage: { total_tokens: 23 } },
    { buckets: [23, 0, 0, 0, 0, 0] },
  ],
  [
    "an image of OpenAI: tokens, and its look",
    "openai-media",
    {
      data: [{ b64_json: "AAAA" }],
      size: "1024x1024",
      quality: "high",
      usage: { ...ten, input_tokens_details: { image_tokens: 4, text_tokens: 6 } },
    },
    {
      buckets: [10, 0, 0, 0, 5, 0],
      kinds: {
        inputImage: 4,
        outputImage: 5,
        images: 1,
        imageSizes: { "1024x1024/high": 1 },
      },
    },
  ],
  [
    "a transcript: seconds, to the millisecond",
    "openai-media",
    { text: "ok", duration: 8.470000267 },
    { buckets: [0, 0, 0, 0, 0, 0], kinds: { seconds: 8.47 } },
  ],
  [
    "a transcript that says what it is billed by",
    "openai-media",
    { text: "ok", usage: { type: "duration", seconds: 9 } },
    { buckets: [0, 0, 0, 0, 0, 0], kinds: { seconds: 9 } },
  ],
];

function readUsage(dialect: DialectId, reply: JsonObject): Usage | null {
  const front = dialect === "cohere-v2" ? undefined : findDialect(dialect);
  if (front !== undefined)
    return front.readReply(Buffer.from(JSON.stringify(reply)))?.usage ?? null;
  const codec = findUpstreamCodec(dialect);
  assert.ok(codec !== undefined);
  return codec.decodeReply(reply, anyContext).usage;
}

for (const [name, dialect, reply, counted] of [...chats, ...others])
  test(name, () => {
    const usage = readUsage(dialect, reply);
    assert.ok(usage !== null);
    const { input, cacheRead, cacheWrite5m, cacheWrite1h, output, reasoning } = usage;
    assert.deepEqual(
      [input, cacheRead, cacheWrite5m, cacheWrite1h, output, reasoning],
      counted.buckets,
    );
    assert.deepEqual(usage.kinds, counted.kinds);
    assert.equal(usage.serviceTier, counted.tier);
    assert.equal(usage.estimated, counted.estimated ?? false);
  });

test("what is passed on and what is translated is counted alike", () => {
  for (const [name, dialect, reply] of [...chats, ...others]) {
    const codec = findUpstreamCodec(dialect);
    if (codec === undefined || !("usage" in reply || "usageMetadata" in reply) || "data" in reply)
      continue;
    const translated = codec.decodeReply(reply, anyContext).usage;
    assert.deepEqual(translated, readUsage(dialect, reply), name);
  }
});
