/** What an upstream is sent: what each model and vendor takes, results in their place, thoughts to whom they belong. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyConversation } from "../../../test/fakes/conversations.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { Conversation, Message, ReasoningWish, Tool } from "../../wire/conversation.ts";
import { objectsOf } from "../loose-fields.ts";
import type { QuirkId } from "../quirk-ids.ts";
import { encodeRequest } from "./encode-request.ts";
import { droppedByTraits, findTraits, nearestEffort } from "./model-traits.ts";

const hello: Message = { role: "user", parts: [{ kind: "text", text: "hi" }] };
const tool: Tool = { name: "f", description: null, parameters: null, strict: null };

function conversation(fields: Partial<Conversation>): Conversation {
  return { ...emptyConversation, messages: [hello], ...fields };
}

function send(
  fields: Partial<Conversation>,
  model = "some-model",
  quirks: readonly QuirkId[] = [],
): JsonObject {
  const target = { model, stream: fields.stream === true, askUsage: true, quirks };
  return encodeRequest(conversation(fields), target);
}

const wish = (fields: Partial<ReasoningWish>): ReasoningWish => ({
  effort: null,
  budgetTokens: null,
  adaptive: false,
  show: null,
  summary: null,
  ...fields,
});

test("a plain conversation, members in their order", () => {
  const body = send({
    stream: true,
    system: [{ kind: "text", text: "Be kind." }],
    tools: [tool],
    toolChoice: { kind: "required" },
    sampling: { temperature: 0.5, stop: ["x"], topK: 5 },
    maxOutputTokens: 7,
  });
  const fields = {
    model: "some-model",
    messages: [
      { role: "system", content: "Be kind." },
      { role: "user", content: "hi" },
    ],
    tools: [
      { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } },
    ],
    tool_choice: "required",
    max_completion_tokens: 7,
    temperature: 0.5,
    stop: ["x"],
    stream: true,
    stream_options: { include_usage: true },
  };
  assert.equal(JSON.stringify(body), JSON.stringify(fields));
});

test("OpenAI's models get what they take", () => {
  const fields: Partial<Conversation> = {
    system: [{ kind: "text", text: "s" }],
    sampling: {
      temperature: 1,
      topP: 0.5,
      topLogprobs: 2,
      presencePenalty: 1,
      frequencyPenalty: 1,
    },
    reasoning: wish({ effort: "none" }),
    verbosity: "low",
    metadata: { a: "b" },
    parallelToolCalls: false,
    tools: [tool],
  };
  const uses = [
    { feature: "temperature", field: "t" },
    { feature: "penalties", field: "p" },
    { feature: "verbosity", field: "v" },
    { feature: "metadata", field: "m" },
    { feature: "reasoning-effort", field: "r" },
    { feature: "no-parallel-tool-calls", field: "c" },
  ] as const;
  const row = (model: string): unknown[] => {
    const body = send(fields, model);
    const [first] = body["messages"] as { role: string }[];
    const target = { model, stream: false, askUsage: false, quirks: [] };
    return [
      first?.role,
      body["temperature"] ?? null,
      body["logprobs"] ?? null,
      body["presence_penalty"] ?? null,
      body["reasoning_effort"] ?? null,
      body["verbosity"] ?? null,
      droppedByTraits(conversation({ ...fields, uses }), target).join(""),
    ];
  };
  const cases: Readonly<Record<string, readonly unknown[]>> = {
    "gpt-4o": ["system", 1, true, 1, null, null, "vmr"],
    "gpt-5-chat-latest": ["system", 1, true, 1, null, null, "vmr"],
    "gpt-4o-search-preview": ["system", null, null, null, null, null, "tpvmr"],
    "o4-mini": ["developer", null, null, null, "low", null, "tpvmc"],
    "gpt-5-nano": ["developer", null, null, null, "minimal", "low", "tpm"],
    "openai/gpt-5.1": ["developer", 1, true, null, "none", "low", "pm"],
    "gpt-5.4-2026-01-01": ["developer", 1, true, null, "none", "low", "pm"],
    // Functions are refused beside reasoning, so it never reasons here.
    "gpt-5.6-sol": ["developer", 1, true, null, "none", "low", "pmr"],
    "gpt-6": ["developer", null, null, null, "low", "low", "tpm"],
    "gpt-oss-120b": ["system", 1, true, 1, "none", "low", ""],
    "deepseek-chat": ["system", 1, true, 1, "none", "low", ""],
  };
  for (const [model, expected] of Object.entries(cases))
    assert.deepEqual(row(model), expected, model);
});

test("efforts are fitted to those that a model knows", () => {
  const cases = [
    ["max", "gpt-5", "high"],
    ["minimal", "gpt-5.1", "low"],
    ["none", "gpt-5", "minimal"],
    ["xhigh", "gpt-5.2", "xhigh"],
    ["max", "gpt-5.2", "xhigh"],
    ["minimal", "other", "low"],
    ["max", "other", "high"],
    ["none", "other", "none"],
  ] as const;
  for (const [given, model, expected] of cases)
    assert.equal(nearestEffort(given, findTraits(model).efforts), expected, `${given} ${model}`);
  assert.equal(send({ reasoning: wish({ budgetTokens: 4000 }) })["reasoning_effort"], "medium");
  assert.equal(send({ reasoning: wish({ adaptive: true }) })["reasoning_effort"], undefined);
});

test("results follow their calls, one for each, and nothing said is lost", () => {
  const call = (id: string) => ({ kind: "tool-call", id, name: "f", arguments: "{}" }) as const;
  const result = (callId: string, text: string, isError = false) =>
    ({
      kind: "tool-result",
      callId,
      name: null,
      content: [{ kind: "text", text }],
      isError,
    }) as const;
  const image = {
    kind: "media",
    medium: "image",
    source: { kind: "data", mediaType: "image/png", data: "AA" },
  } as const;
  const { messages } = send({
    messages: [
      hello,
      { role: "assistant", parts: [call("1"), call("2"), call("3")] },
      hello,
      { role: "tool", parts: [result("9", "lost"), result("2", "bad", true)] },
      { role: "tool", parts: [{ ...result("1", "one"), content: [image] }] },
      { role: "system", parts: [{ kind: "text", text: "s" }] },
    ],
  });
  const calls = ["1", "2", "3"].map((id) => ({
    id,
    type: "function",
    function: { name: "f", arguments: "{}" },
  }));
  assert.deepEqual(messages, [
    { role: "user", content: "hi" },
    { role: "assistant", content: null, tool_calls: calls },
    { role: "tool", tool_call_id: "1", content: "" },
    { role: "tool", tool_call_id: "2", content: "Error: bad" },
    {
      role: "tool",
      tool_call_id: "3",
      content: "Error: No result: the call was interrupted.",
    },
    {
      role: "user",
      content: [
        { type: "text", text: "[media in the result of f 1]" },
        { type: "image_url", image_url: { url: "data:image/png;base64,AA" } },
      ],
    },
    { role: "user", content: "hi" },
    {
      role: "user",
      content: [
        { type: "text", text: "[result of tool 9]" },
        { type: "text", text: "lost" },
      ],
    },
    { role: "system", content: "s" },
  ]);
});

test("thoughts go back to those who want them, and to nobody else", () => {
  const detail = '{"type":"reasoning.text","signature":"S","format":"x","index":0}';
  const said: Message = {
    role: "assistant",
    parts: [
      { kind: "reasoning", text: "r", carried: { issuer: "openai-chat/here", data: detail } },
      { kind: "reasoning", text: "a", carried: { issuer: "anthropic-messages/x", data: "A" } },
      { kind: "text", text: "t" },
    ],
  };
  const turn = (model: string, quirks: readonly QuirkId[] = [], message: Message = said) =>
    (send({ messages: [message] }, model, quirks)["messages"] as JsonObject[])[0];
  const plain = { role: "assistant", content: "t" };
  assert.deepEqual(turn("elsewhere"), plain);
  assert.deepEqual(turn("elsewhere", ["replay-reasoning"]), { ...plain, reasoning_content: "ra" });
  assert.deepEqual(turn("elsewhere", ["replay-as-reasoning"]), { ...plain, reasoning: "ra" });
  assert.deepEqual(turn("here"), {
    ...plain,
    reasoning_details: [
      { type: "reasoning.text", signature: "S", format: "x", index: 0, text: "r" },
    ],
  });
  const thoughtless: Message = {
    role: "assistant",
    parts: [{ kind: "tool-call", id: "1", name: "f", arguments: "{}" }],
  };
  assert.equal(turn("m", ["replay-reasoning"], thoughtless)?.["reasoning_content"], "");
  assert.equal(turn("m", ["replay-reasoning"], { role: "assistant", parts: [] }), undefined);
});

test("signatures of calls go back bare to the model that gave them", () => {
  const call = (issuer: string): Message => ({
    role: "assistant",
    parts: [
      { kind: "tool-call", id: "1", name: "f", arguments: "{}", carried: { issuer, data: "G" } },
    ],
  });
  const sent = (issuer: string): unknown => {
    const [assistant] = send({ messages: [call(issuer)] })["messages"] as JsonObject[];
    return objectsOf(assistant?.["tool_calls"])[0]?.["extra_content"];
  };
  assert.deepEqual(sent("openai-chat/some-model"), { google: { thought_signature: "G" } });
  assert.equal(sent("openai-chat/another"), undefined);
  assert.equal(sent("gemini-content/some-model"), undefined);
});

test("media, documents and wishes to cache", () => {
  const parts = (quirks: readonly QuirkId[], model = "m") => {
    const document = {
      kind: "media",
      medium: "document",
      source: { kind: "text", text: "body" },
      title: "T",
      cache: { ttl: "1h" },
    } as const;
    const pdf = {
      kind: "media",
      medium: "document",
      source: { kind: "data", mediaType: "application/pdf", data: "AA" },
    } as const;
    const audio = {
      kind: "media",
      medium: "audio",
      source: { kind: "data", mediaType: "audio/mpeg", data: "AA" },
    } as const;
    const message: Message = { role: "user", parts: [document, pdf, audio] };
    return (send({ messages: [message] }, model, quirks)["messages"] as JsonObject[])[0]?.[
      "content"
    ];
  };
  const rest = [
    {
      type: "file",
      file: { filename: "document.pdf", file_data: "data:application/pdf;base64,AA" },
    },
    { type: "input_audio", input_audio: { data: "AA", format: "mp3" } },
  ];
  const text = { type: "text", text: "T\n\nbody" };
  assert.deepEqual(parts([]), [text, ...rest]);
  assert.deepEqual(parts(["cache-control"]), [
    { ...text, cache_control: { type: "ephemeral", ttl: "1h" } },
    ...rest,
  ]);
  assert.deepEqual(parts([], "gpt-5.6"), [
    { ...text, prompt_cache_breakpoint: { mode: "explicit", ttl: "12h" } },
    ...rest,
  ]);
});

test("strings where a vendor takes nothing else", () => {
  const texts = [
    { kind: "text", text: "a" },
    { kind: "text", text: "b" },
  ] as const;
  const messages: Message[] = [
    { role: "user", parts: texts },
    { role: "assistant", parts: texts },
  ];
  const contents = (model: string, quirks: readonly QuirkId[] = []): unknown[] =>
    objectsOf(send({ system: texts, messages }, model, quirks)["messages"]).map(
      ({ content }) => content,
    );
  const list = [
    { type: "text", text: "a" },
    { type: "text", text: "b" },
  ];
  assert.deepEqual(contents("gpt-4o"), [list, list, list]);
  assert.deepEqual(contents("other"), ["a\n\nb", list, "ab"]);
  assert.deepEqual(contents("other", ["string-content"]), ["a\n\nb", "a\n\nb", "ab"]);
});

test("tools that are allowed, and ids and keys that are too long", () => {
  const tools = [tool, { ...tool, name: "g" }];
  const toolChoice = { kind: "allowed", names: ["g"], required: true } as const;
  const other = send({ tools, toolChoice });
  assert.equal((other["tools"] as JsonObject[]).length, 1);
  assert.equal(other["tool_choice"], "required");
  const own = send({ tools, toolChoice }, "gpt-4o");
  assert.deepEqual(own["tool_choice"], {
    type: "allowed_tools",
    allowed_tools: { mode: "required", tools: [{ type: "function", function: { name: "g" } }] },
  });
  const long = "x".repeat(50);
  const messages: Message[] = [
    { role: "assistant", parts: [{ kind: "tool-call", id: long, name: "f", arguments: "{}" }] },
  ];
  const [assistant, result] = send({ messages }, "gpt-4o")["messages"] as JsonObject[];
  const [call] = objectsOf(assistant?.["tool_calls"]);
  assert.ok(String(call?.["id"]).length <= 40);
  assert.equal(result?.["tool_call_id"], call?.["id"]);
  const keys = send({ endUser: "u".repeat(100), cacheKey: "k" });
  assert.equal(String(keys["user"]).length, 43);
  assert.equal(keys["prompt_cache_key"], "k");
});

test("spoken answers come with a voice, and as samples in a stream", () => {
  const fields = { modalities: ["audio"], audio: { voice: "v", format: "mp3" } };
  assert.deepEqual(send(fields)["audio"], { voice: "v", format: "mp3" });
  assert.deepEqual(send({ ...fields, stream: true })["audio"], { voice: "v", format: "pcm16" });
  assert.deepEqual(send(fields)["modalities"], ["text", "audio"]);
});

test("what a vendor refuses is named in the caller's words", () => {
  const uses = [
    { feature: "temperature", field: "generationConfig.temperature" },
    { feature: "end-user", field: "metadata.user_id" },
    { feature: "cache-mark", field: "system[0].cache_control" },
    { feature: "cache-mark", field: "system[0].cache_control" },
  ] as const;
  const dropped = (quirks: readonly QuirkId[]): string[] =>
    droppedByTraits(conversation({ uses }), { model: "m", stream: false, askUsage: false, quirks });
  assert.deepEqual(dropped([]), ["system[0].cache_control"]);
  assert.deepEqual(dropped(["cache-control"]), []);
  assert.deepEqual(dropped(["fixed-sampling", "known-members-only", "cache-control"]), [
    "generationConfig.temperature",
    "metadata.user_id",
  ]);
});
