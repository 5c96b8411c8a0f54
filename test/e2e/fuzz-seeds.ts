/** Requests of every operation that a public path serves, rich in what their API knows: right ones, to be made wrong. */
import type { FrontId, Operation } from "../../src/wire/call.ts";
import { streamedDialects } from "../fakes/streams.ts";

type Body = Record<string, unknown>;

/** A request that is right. */
export interface Seed {
  readonly name: string;
  readonly dialect: FrontId;
  readonly operation: Operation;
  readonly path: (model: string, stream: boolean) => string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: (model: string, stream: boolean) => Body;
  /** Dialects of the upstreams that it can go to. */
  readonly over: readonly string[];
}

const pixel =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const schema = {
  type: "object",
  properties: { city: { type: "string", description: "Where" }, days: { type: "integer" } },
  required: ["city"],
  additionalProperties: false,
};
const streamed = (stream: boolean): Body => (stream ? { stream: true } : {});

const chat = (model: string, stream: boolean): Body => ({
  model,
  messages: [
    { role: "system", content: "Be brief." },
    {
      role: "user",
      name: "ann",
      content: [
        { type: "text", text: "Weather in Köln?" },
        { type: "image_url", image_url: { url: `data:image/png;base64,${pixel}`, detail: "low" } },
      ],
    },
    {
      role: "assistant",
      content: null,
      reasoning_content: "Let me look.",
      tool_calls: [
        {
          id: "call_1",
          type: "function",
          function: { name: "weather", arguments: '{"city":"Köln"}' },
        },
      ],
    },
    { role: "tool", tool_call_id: "call_1", content: "18 °C" },
    { role: "user", content: "And tomorrow?" },
  ],
  tools: [
    { type: "function", function: { name: "weather", description: "d", parameters: schema } },
  ],
  tool_choice: "auto",
  parallel_tool_calls: true,
  max_completion_tokens: 500,
  temperature: 0.5,
  top_p: 0.9,
  stop: ["END"],
  user: "user-1",
  metadata: { a: "b" },
  response_format: { type: "text" },
  ...streamed(stream),
  ...(stream ? { stream_options: { include_usage: true } } : {}),
});

const responses = (model: string, stream: boolean): Body => ({
  model,
  instructions: "Be brief.",
  input: [
    {
      role: "user",
      content: [
        { type: "input_text", text: "Weather?" },
        { type: "input_image", image_url: `data:image/png;base64,${pixel}`, detail: "auto" },
      ],
    },
    { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "hm" }] },
    { type: "function_call", call_id: "c1", name: "weather", arguments: '{"city":"x"}' },
    { type: "function_call_output", call_id: "c1", output: "18 °C" },
    { type: "message", role: "user", content: "And tomorrow?" },
  ],
  tools: [
    { type: "function", name: "weather", description: "d", parameters: schema, strict: false },
  ],
  tool_choice: "auto",
  text: { format: { type: "text" } },
  reasoning: { effort: "low", summary: "auto" },
  max_output_tokens: 500,
  temperature: 0.5,
  store: false,
  metadata: { a: "b" },
  ...streamed(stream),
});

const messages = (model: string, stream: boolean): Body => ({
  model,
  max_tokens: 500,
  system: [{ type: "text", text: "Be brief.", cache_control: { type: "ephemeral" } }],
  messages: [
    {
      role: "user",
      content: [
        { type: "text", text: "Weather?" },
        { type: "image", source: { type: "base64", media_type: "image/png", data: pixel } },
      ],
    },
    {
      role: "assistant",
      content: [
        { type: "thinking", thinking: "hm", signature: "c2ln" },
        { type: "tool_use", id: "toolu_1", name: "weather", input: { city: "Köln" } },
      ],
    },
    {
      role: "user",
      content: [
        {
          type: "tool_result",
          tool_use_id: "toolu_1",
          content: [{ type: "text", text: "18 °C" }],
          is_error: false,
        },
        { type: "text", text: "And tomorrow?" },
      ],
    },
  ],
  tools: [{ name: "weather", description: "d", input_schema: schema }],
  tool_choice: { type: "auto" },
  stop_sequences: ["END"],
  metadata: { user_id: "user-1" },
  temperature: 0.5,
  ...streamed(stream),
});

const gemini = (): Body => ({
  systemInstruction: { parts: [{ text: "Be brief." }] },
  contents: [
    {
      role: "user",
      parts: [{ text: "Weather?" }, { inlineData: { mimeType: "image/png", data: pixel } }],
    },
    {
      role: "model",
      parts: [
        { text: "hm", thought: true },
        {
          functionCall: { id: "1", name: "weather", args: { city: "Köln" } },
          thoughtSignature: "c2ln",
        },
      ],
    },
    {
      role: "user",
      parts: [{ functionResponse: { id: "1", name: "weather", response: { result: "18 °C" } } }],
    },
    { role: "user", parts: [{ text: "And tomorrow?" }] },
  ],
  tools: [
    { functionDeclarations: [{ name: "weather", description: "d", parametersJsonSchema: schema }] },
  ],
  toolConfig: { functionCallingConfig: { mode: "AUTO" } },
  generationConfig: {
    temperature: 0.5,
    topP: 0.9,
    topK: 40,
    maxOutputTokens: 500,
    stopSequences: ["END"],
    thinkingConfig: { includeThoughts: true, thinkingBudget: 100 },
  },
  safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_NONE" }],
});

const anthropicVersion = { "anthropic-version": "2023-06-01" };
const geminiPath =
  (action: string, streamAction?: string): Seed["path"] =>
  (model, stream) =>
    `/v1beta/models/${encodeURIComponent(model)}:${stream ? (streamAction ?? action) : action}`;

type Row = readonly [
  name: string,
  dialect: FrontId,
  operation: Operation,
  path: string | Seed["path"],
  body: Seed["body"],
  over: readonly string[],
];

const rows: readonly Row[] = [
  ["chat", "openai-chat", "chat", "/v1/chat/completions", chat, streamedDialects],
  ["responses", "openai-responses", "chat", "/v1/responses", responses, streamedDialects],
  ["messages", "anthropic-messages", "chat", "/v1/messages", messages, streamedDialects],
  [
    "generate",
    "gemini-content",
    "chat",
    geminiPath("generateContent", "streamGenerateContent?alt=sse"),
    gemini,
    streamedDialects,
  ],
  [
    "generate as an array",
    "gemini-content",
    "chat",
    geminiPath("generateContent", "streamGenerateContent"),
    gemini,
    ["gemini-content", "openai-chat"],
  ],
  [
    "completions",
    "openai-chat",
    "completions",
    "/v1/completions",
    (model) => ({ model, prompt: ["once", "upon"], max_tokens: 5, user: "u" }),
    ["openai-chat"],
  ],
  [
    "compact",
    "openai-responses",
    "compact",
    "/v1/responses/compact",
    (model) => ({ model, input: [{ role: "user", content: "hi" }], instructions: "x" }),
    ["openai-responses"],
  ],
  [
    "input tokens",
    "openai-responses",
    "count-tokens",
    "/v1/responses/input_tokens",
    (model) => ({ model, input: [{ role: "user", content: "hi" }], tools: [] }),
    ["openai-responses", "openai-chat"],
  ],
  [
    "count tokens",
    "anthropic-messages",
    "count-tokens",
    "/v1/messages/count_tokens",
    (model) => {
      const { max_tokens: _limit, ...rest } = messages(model, false);
      return rest;
    },
    ["anthropic-messages", "openai-chat"],
  ],
  [
    "countTokens",
    "gemini-content",
    "count-tokens",
    geminiPath("countTokens"),
    () => ({ contents: gemini()["contents"] }),
    ["gemini-content", "openai-chat"],
  ],
  [
    "embedContent",
    "gemini-content",
    "embeddings",
    geminiPath("embedContent"),
    (model) => ({
      model: `models/${model}`,
      content: { parts: [{ text: "x" }] },
      taskType: "RETRIEVAL_QUERY",
      outputDimensionality: 8,
    }),
    ["gemini-content", "openai-chat", "cohere-v2", "ollama-chat"],
  ],
  [
    "batchEmbedContents",
    "gemini-content",
    "embeddings",
    geminiPath("batchEmbedContents"),
    (model) => ({
      requests: [
        { model: `models/${model}`, content: { parts: [{ text: "x" }] } },
        { model: `models/${model}`, content: { parts: [{ text: "y" }] } },
      ],
    }),
    ["gemini-content", "openai-chat", "cohere-v2", "ollama-chat"],
  ],
  [
    "embeddings",
    "openai-chat",
    "embeddings",
    "/v1/embeddings",
    (model) => ({ model, input: ["x", "y"], encoding_format: "float", dimensions: 8, user: "u" }),
    ["openai-chat", "gemini-content", "cohere-v2", "ollama-chat"],
  ],
  [
    "rerank",
    "jina-v1",
    "rerank",
    "/v1/rerank",
    (model) => ({ model, query: "q", documents: ["a", { text: "b" }], top_n: 1 }),
    ["jina-v1", "cohere-v2"],
  ],
  [
    "Cohere's rerank",
    "cohere-v2",
    "rerank",
    "/v2/rerank",
    (model) => ({ model, query: "q", documents: ["a", "b"], top_n: 1 }),
    ["cohere-v2", "jina-v1"],
  ],
  [
    "Cohere's first rerank",
    "cohere-v2",
    "rerank",
    "/cohere/v1/rerank",
    (model) => ({ model, query: "q", documents: ["a", { text: "b" }], return_documents: true }),
    ["cohere-v2", "jina-v1"],
  ],
  [
    "moderations",
    "openai-media",
    "moderations",
    "/v1/moderations",
    (model) => ({ model, input: ["x", { type: "text", text: "y" }] }),
    ["openai-media"],
  ],
  [
    "images",
    "openai-media",
    "image-generation",
    "/v1/images/generations",
    (model) => ({ model, prompt: "a cat", n: 1, size: "1024x1024", response_format: "b64_json" }),
    ["openai-media"],
  ],
  [
    "speech",
    "openai-media",
    "speech",
    "/v1/audio/speech",
    (model) => ({ model, input: "hello", voice: "alloy", speed: 1, response_format: "mp3" }),
    ["openai-media"],
  ],
];

export const seeds: readonly Seed[] = rows.map(([name, dialect, operation, path, body, over]) => ({
  name,
  dialect,
  operation,
  path: typeof path === "string" ? () => path : path,
  headers: dialect === "anthropic-messages" ? anthropicVersion : {},
  body,
  over,
}));
