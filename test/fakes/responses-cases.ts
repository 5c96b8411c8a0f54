/** Replies that hold everything the Responses API can tell, and the context in which they are told. */
import type { JsonObject } from "../../src/core/json-value.ts";
import type { ReplyContext } from "../../src/dialects/codec.ts";
import type { ReplyEvent } from "../../src/wire/chat-reply.ts";
import type { Carried } from "../../src/wire/conversation.ts";

/** A request that uses every member that is echoed. */
export const fullRequest: JsonObject = {
  model: "asked",
  input: "Hello",
  instructions: "Be brief.",
  tools: [
    { type: "function", name: "look_up", parameters: { type: "object", properties: {} } },
    { type: "custom", name: "patch", description: "Applies a patch" },
    { type: "web_search" },
    {
      type: "namespace",
      name: "files",
      description: "Files",
      tools: [{ type: "function", name: "read", parameters: null, strict: false }],
    },
  ],
  tool_choice: "auto",
  parallel_tool_calls: false,
  temperature: 0.5,
  top_p: 0.9,
  top_logprobs: 2,
  max_output_tokens: 500,
  max_tool_calls: 3,
  metadata: { purpose: "test" },
  reasoning: { effort: "low", summary: "auto" },
  text: {
    format: { type: "json_schema", name: "answer", schema: { type: "object" } },
    verbosity: "low",
  },
  include: ["reasoning.encrypted_content"],
  prompt_cache_key: "cache",
  safety_identifier: "someone",
  service_tier: "auto",
  truncation: "disabled",
  store: false,
  stream: true,
};

export function replyContext(request: JsonObject, more: Partial<ReplyContext> = {}): ReplyContext {
  return {
    callId: "0abc",
    replyId: null,
    model: "asked",
    createdAtS: 1_790_000_000,
    request,
    usageAsked: true,
    inputTokensEstimate: 0,
    ...more,
  };
}

const carried: Carried = { issuer: "anthropic-messages/claude", data: "c2lnbmF0dXJl" };

function called(block: number, name: string, custom: boolean, texts: string[]): ReplyEvent[] {
  const start = {
    kind: "tool-call",
    id: `call_${block}`,
    name,
    ...(custom ? { custom } : {}),
  } as const;
  return [
    { type: "block", choice: 0, block, start },
    ...texts.map((text): ReplyEvent => ({ type: "delta", block, text })),
    { type: "block-end", block },
  ];
}

/** Thoughts, texts with citations and log probabilities, a refusal, calls of all kinds, an image, usage. */
export const fullEvents: readonly ReplyEvent[] = [
  { type: "start", id: "upstream", model: "sent", createdAtS: 1_790_000_001 },
  { type: "block", choice: 0, block: 0, start: { kind: "reasoning" } },
  { type: "delta", block: 0, text: "Let me " },
  { type: "delta", block: 0, text: "think." },
  { type: "carried", block: 0, carried },
  { type: "block-end", block: 0 },
  { type: "block", choice: 0, block: 1, start: { kind: "text" } },
  {
    type: "logprobs",
    choice: 0,
    tokens: [{ token: "Hel", logprob: -0.1, bytes: null, top: [] }],
  },
  { type: "delta", block: 1, text: "Hel" },
  { type: "delta", block: 1, text: "lo\n\nthere é😀" },
  {
    type: "citation",
    block: 1,
    citation: { url: "https://a.example", title: "A", citedText: "a", start: null, end: null },
  },
  { type: "block-end", block: 1 },
  { type: "block", choice: 0, block: 2, start: { kind: "text" } },
  { type: "delta", block: 2, text: "Second part" },
  { type: "carried", block: 2, carried },
  { type: "block-end", block: 2 },
  { type: "block", choice: 0, block: 3, start: { kind: "refusal" } },
  { type: "delta", block: 3, text: "I cannot" },
  { type: "block-end", block: 3 },
  ...called(4, "look_up", false, ['{"a"', ":1}"]),
  ...called(5, "patch", true, ["*** Begin", " Patch"]),
  ...called(6, "files__read", false, []),
  {
    type: "block",
    choice: 0,
    block: 7,
    start: { kind: "tool-call", id: "call_7", name: "look_up" },
  },
  {
    type: "block",
    choice: 0,
    block: 8,
    start: { kind: "tool-call", id: "call_8", name: "look_up" },
  },
  { type: "delta", block: 8, text: "{" },
  { type: "delta", block: 7, text: "{}" },
  { type: "delta", block: 8, text: "}" },
  { type: "carried", block: 7, carried },
  { type: "block-end", block: 7 },
  { type: "block-end", block: 8 },
  { type: "block", choice: 0, block: 9, start: { kind: "reasoning", redacted: true } },
  { type: "carried", block: 9, carried },
  { type: "block-end", block: 9 },
  {
    type: "block",
    choice: 0,
    block: 10,
    start: {
      kind: "part",
      part: {
        kind: "media",
        medium: "image",
        source: { kind: "data", mediaType: "image/png", data: "iVBORw0KGgo=" },
      },
    },
  },
  { type: "block-end", block: 10 },
  {
    type: "finish",
    choice: 0,
    finish: { reason: "tool-calls", stopSequence: null, raw: "tool_use" },
  },
  {
    type: "usage",
    usage: {
      input: 10,
      cacheRead: 5,
      cacheWrite5m: 2,
      cacheWrite1h: 1,
      output: 7,
      reasoning: 3,
      estimated: false,
    },
  },
  { type: "done" },
];
