/** What Cohere's chat is sent, and what its rarer replies and events become. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bareUsage } from "../../../test/fakes/bare-usage.ts";
import type { JsonObject } from "../../core/json-value.ts";
import {
  emptyConversation,
  longHistory,
  tinyPng,
  toolCalled,
  userSays,
} from "../../../test/fakes/conversations.ts";
import { anyContext, joinEvents } from "../../../test/fakes/reply-events.ts";
import type { ReplyEvent } from "../../wire/chat-reply.ts";
import type { Conversation } from "../../wire/conversation.ts";
import { cohereChat } from "./codec.ts";

function encode(parts: Partial<Conversation>, model = "command-a-reasoning-08-2025"): JsonObject {
  const conversation = { ...emptyConversation, messages: [userSays("Hello")], ...parts };
  const target = { model, stream: conversation.stream, askUsage: true, quirks: [] };
  return cohereChat.encodeRequest(conversation, target);
}

function decode(events: readonly JsonObject[]): ReplyEvent[] {
  const told: ReplyEvent[] = [];
  const read = cohereChat.makeEventDecoder(anyContext);
  for (const event of events)
    read({ name: null, payload: JSON.stringify(event) }, (one) => told.push(one));
  return told;
}

const started = { type: "message-start", id: "c1", delta: { message: { role: "assistant" } } };
const completed = { type: "message-end", delta: { finish_reason: "COMPLETE" } };

function text(value: string): JsonObject {
  return { type: "content-delta", index: 0, delta: { message: { content: { text: value } } } };
}

function citation(value: JsonObject): JsonObject {
  return { type: "citation-start", index: 0, delta: { message: { citations: value } } };
}

function call(type: string, value: JsonObject): JsonObject {
  return { type, index: 0, delta: { message: { tool_calls: value } } };
}

test("a history: results behind their calls as documents, systems in between kept", () => {
  assert.deepEqual(encode({ messages: longHistory })["messages"], [
    {
      role: "user",
      content: [
        { type: "text", text: "What is this?" },
        {
          type: "image_url",
          image_url: { url: `data:image/png;base64,${tinyPng}`, detail: "low" },
        },
      ],
    },
    {
      role: "assistant",
      content: [{ type: "text", text: "I look." }],
      tool_calls: [
        {
          id: "call_1",
          type: "function",
          function: { name: "look", arguments: '{"where":"left"}' },
        },
        { id: "call_2", type: "function", function: { name: "look", arguments: "{}" } },
      ],
    },
    { role: "tool", tool_call_id: "call_1", content: '{"seen":12345678901234567890}' },
    {
      role: "tool",
      tool_call_id: "call_2",
      content: [{ type: "document", document: { data: { error: "nothing there" } } }],
    },
    { role: "system", content: "Be brief." },
    { role: "user", content: "So?" },
  ]);
});

test("tool choices: some, none, or only those that may be called", () => {
  const tools = [toolCalled("left"), toolCalled("right")];
  const sent = (toolChoice: Conversation["toolChoice"]): unknown[] => {
    const body = encode({ tools, toolChoice });
    const list = (body["tools"] ?? []) as { function: { name: string } }[];
    return [body["tool_choice"] ?? null, ...list.map((tool) => tool.function.name)];
  };
  assert.deepEqual(sent(null), [null, "left", "right"]);
  assert.deepEqual(sent({ kind: "none" }), ["NONE", "left", "right"]);
  assert.deepEqual(sent({ kind: "required" }), ["REQUIRED", "left", "right"]);
  assert.deepEqual(sent({ kind: "named", name: "right" }), ["REQUIRED", "right"]);
  const allowed = { kind: "allowed", names: ["left"], required: false } as const;
  assert.deepEqual(sent(allowed), [null, "left"]);
});

test("thinking is asked of models that think, and of no others", () => {
  const wish = { effort: null, budgetTokens: null, adaptive: false, show: null, summary: null };
  const asked = (parts: object, model?: string): unknown =>
    encode({ reasoning: { ...wish, ...parts } }, model)["thinking"];
  assert.deepEqual(asked({ effort: "none" }), { type: "disabled" });
  assert.deepEqual(asked({ effort: "low" }), { type: "enabled", token_budget: 1024 });
  assert.deepEqual(asked({ effort: "max" }), { type: "enabled" });
  assert.deepEqual(asked({ budgetTokens: 77 }), { type: "enabled", token_budget: 77 });
  assert.equal(asked({ effort: "high" }, "command-r7b-12-2024"), undefined);
});

test("thoughts of another model do not go to this one", () => {
  const parts = [
    {
      kind: "reasoning",
      text: "hm",
      carried: { issuer: "anthropic-messages", data: "x" },
    },
    { kind: "reasoning", text: "bare" },
  ] as const;
  const [, assistant] = encode({ messages: [userSays("a"), { role: "assistant", parts }] })[
    "messages"
  ] as readonly JsonObject[];
  assert.deepEqual(assistant, { role: "assistant", content: [{ type: "text", text: "…" }] });
});

test("a document is refused, as Cohere has no place for one in a message", () => {
  const source = { kind: "text", text: "x" } as const;
  const messages = [
    { role: "user", parts: [{ kind: "media", medium: "document", source }] },
  ] as const;
  assert.throws(() => encode({ messages }), { kind: "invalid_request" });
});

test("citations count characters, stand at their text, and may come behind its end", () => {
  const sources = [
    {
      type: "document",
      id: "doc:0",
      document: { title: "Notes", url: "https://x.test", text: "t" },
    },
    { type: "tool", id: "look:0", tool_output: { content: "c" } },
  ];
  const cited = { start: 2, end: 4, text: "so", sources, type: "TEXT_CONTENT" };
  const joined = joinEvents(
    decode([
      started,
      text("😀 so"),
      { type: "content-end", index: 0 },
      citation(cited),
      citation({ start: 0, end: 1, sources: [], type: "PLAN" }),
      completed,
    ]),
  );
  const raw = { dialect: "cohere-v2", value: cited };
  const expected = [
    { url: "https://x.test", title: "Notes", citedText: "t", start: 3, end: 5, raw },
    { url: null, title: "look:0", citedText: null, start: 3, end: 5, raw },
  ];
  assert.deepEqual(joined.parts, [{ kind: "text", text: "😀 so", citations: expected }]);
  const message = { content: [{ type: "text", text: "😀 so" }], citations: [cited] };
  const reply = cohereChat.decodeReply({ message, finish_reason: "COMPLETE" }, anyContext);
  assert.deepEqual(reply.choices[0]?.parts, joined.parts);
});

test("a plan is a thought that goes back to its place; arguments that are `null` are none", () => {
  const told = (fragments: readonly string[]): unknown =>
    joinEvents(
      decode([
        started,
        { type: "tool-plan-delta", delta: { message: { tool_plan: "I shall look." } } },
        call("tool-call-start", { id: "a", function: { name: "look", arguments: "" } }),
        ...fragments.map((given) => call("tool-call-delta", { function: { arguments: given } })),
        { type: "tool-call-end", index: 0 },
        { type: "message-end", delta: { finish_reason: "TOOL_CALL" } },
      ]),
    ).parts;
  const carried = { issuer: "cohere-v2/model-sent", data: "tool_plan" };
  const plan = { kind: "reasoning", text: "I shall look.", carried };
  const expected = (given: string): unknown => [
    plan,
    { kind: "tool-call", id: "a", name: "look", arguments: given },
  ];
  assert.deepEqual(told([]), expected("{}"));
  assert.deepEqual(told(["nu", "ll"]), expected("{}"));
  assert.deepEqual(told(["{", '"a":1}']), expected('{"a":1}'));
});

test("what is billed is the usage; what failed is an error", () => {
  const usage = {
    billed_units: { input_tokens: 3, output_tokens: 4, search_units: 1 },
    tokens: { input_tokens: 500, output_tokens: 9 },
    cached_tokens: 400,
  };
  const events = decode([
    started,
    { type: "message-end", delta: { finish_reason: "MAX_TOKENS", usage } },
  ]);
  const { finish, usage: told } = joinEvents(events);
  assert.equal(finish?.reason, "length");
  assert.deepEqual(bareUsage(told), {
    input: 3,
    cacheRead: 0,
    cacheWrite5m: 0,
    cacheWrite1h: 0,
    output: 4,
    reasoning: 0,
    estimated: false,
    kinds: { searchUnits: 1 },
  });
  const failed = { type: "message-end", delta: { finish_reason: "ERROR", error: "no luck" } };
  const error = { message: "no luck", type: "ERROR", code: null, status: null };
  assert.deepEqual(decode([started, text("be"), failed]).at(-1), { type: "error", error });
  const body = { message: { content: [] }, finish_reason: "ERROR" };
  assert.throws(() => cohereChat.decodeReply(body, anyContext), { kind: "upstream_failed" });
});

test("nulls, strange types and unknown events are passed over", () => {
  const events = decode([
    { type: "debug", prompt: "x" },
    started,
    { type: "content-delta", delta: null },
    { type: "citation-start", delta: { message: { citations: null } } },
    { type: "tool-call-delta", delta: {} },
    { type: "brand-new" },
    text("a"),
    { ...completed, delta: { finish_reason: "BRAND_NEW", usage: null } },
  ]);
  const { parts, finish, done } = joinEvents(events);
  assert.deepEqual([parts, finish?.reason, done], [[{ kind: "text", text: "a" }], "other", true]);
  assert.throws(() => cohereChat.decodeReply({}, anyContext), { kind: "upstream_invalid" });
});

test("log probabilities come with their text", () => {
  const logprobs = { text: "a", token_ids: [7], logprobs: [-0.5] };
  const events = decode([started, { ...text("a"), logprobs }, completed]);
  const tokens = [{ token: "a", logprob: -0.5, bytes: null, top: [] }];
  assert.deepEqual(
    events.filter(({ type }) => type === "logprobs"),
    [{ type: "logprobs", choice: 0, tokens }],
  );
});
