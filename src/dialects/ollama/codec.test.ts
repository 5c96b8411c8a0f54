/** What Ollama's chat is sent, and what its replies and lines become. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json, JsonObject } from "../../core/json-value.ts";
import {
  emptyConversation,
  longHistory,
  tinyPng,
  toolCalled,
  userSays,
} from "../../../test/fakes/conversations.ts";
import { anyContext, decodeChunks, joinEvents } from "../../../test/fakes/reply-events.ts";
import type { Conversation } from "../../wire/conversation.ts";
import { ollamaChat } from "./codec.ts";

function encode(parts: Partial<Conversation>, model = "qwen3:8b"): JsonObject {
  const conversation = { ...emptyConversation, messages: [userSays("Hello")], ...parts };
  const target = { model, stream: conversation.stream, askUsage: true, quirks: [] };
  return ollamaChat.encodeRequest(conversation, target);
}

function lines(...values: readonly JsonObject[]): Buffer[] {
  return values.map((value) => Buffer.from(`${JSON.stringify(value)}\n`));
}

test("a history: images beside the text, arguments as objects, results named", () => {
  assert.deepEqual(encode({ messages: longHistory }), {
    model: "qwen3:8b",
    messages: [
      { role: "user", content: "What is this?", images: [tinyPng] },
      {
        role: "assistant",
        content: "I look.",
        tool_calls: [
          { function: { name: "look", arguments: { where: "left" } } },
          { function: { name: "look", arguments: {} } },
        ],
      },
      { role: "tool", content: '{"seen":12345678901234567890}', tool_name: "look" },
      { role: "tool", content: "Error: nothing there", tool_name: "look" },
      { role: "system", content: "Be brief." },
      { role: "user", content: "So?" },
    ],
    stream: false,
  });
});

test("arguments cut off by a limit still arrive", () => {
  const parts = [{ kind: "tool-call", id: "a", name: "look", arguments: '{"wh' }] as const;
  const { messages } = encode({ messages: [userSays("a"), { role: "assistant", parts }] });
  const given = { unreadable_arguments: '{"wh' };
  assert.deepEqual((messages as JsonObject[])[1], {
    role: "assistant",
    content: "",
    tool_calls: [{ function: { name: "look", arguments: given } }],
  });
});

test("sampling, limits and formats under Ollama's names", () => {
  const schema = { type: "object" } as const;
  const body = encode({
    maxOutputTokens: 9,
    sampling: {
      temperature: 0,
      topP: 0.5,
      topK: 4,
      seed: 1,
      presencePenalty: 1,
      frequencyPenalty: 2,
      stop: ["x"],
    },
    responseFormat: { kind: "schema", name: null, description: null, schema, strict: null },
  });
  assert.deepEqual(body["options"], {
    num_predict: 9,
    temperature: 0,
    top_p: 0.5,
    top_k: 4,
    seed: 1,
    presence_penalty: 1,
    frequency_penalty: 2,
    stop: ["x"],
  });
  assert.deepEqual(body["format"], schema);
  assert.equal(encode({ responseFormat: { kind: "json" } })["format"], "json");
});

test("thinking is yes or no, and three steps for gpt-oss", () => {
  const wish = { effort: null, budgetTokens: null, adaptive: false, show: null, summary: null };
  const asked = (parts: object, model?: string): Json | undefined =>
    encode({ reasoning: { ...wish, ...parts } }, model)["think"];
  assert.equal(encode({})["think"], undefined);
  assert.equal(asked({ effort: "low" }), true);
  assert.equal(asked({ effort: "none" }), false);
  assert.equal(asked({ budgetTokens: 0 }), false);
  assert.equal(asked({ effort: "none" }, "gpt-oss:20b"), "low");
  assert.equal(asked({ effort: "max" }, "gpt-oss:20b"), "high");
  assert.equal(asked({ budgetTokens: 3000 }, "gpt-oss:20b"), "medium");
});

test("tool choices are told in words, or by leaving tools out", () => {
  const tools = [toolCalled("left"), toolCalled("right")];
  const sent = (toolChoice: Conversation["toolChoice"]): unknown[] => {
    const body = encode({ tools, toolChoice });
    const list = (body["tools"] ?? []) as { function: { name: string } }[];
    const [first] = body["messages"] as readonly JsonObject[];
    const words = first?.["role"] === "system" ? first["content"] : null;
    return [words, ...list.map((tool) => tool.function.name)];
  };
  assert.deepEqual(sent({ kind: "none" }), [null]);
  assert.deepEqual(sent({ kind: "auto" }), [null, "left", "right"]);
  assert.deepEqual(sent({ kind: "required" }), ["You must call a tool now.", "left", "right"]);
  assert.deepEqual(sent({ kind: "named", name: "left" }), [
    "You must call the tool left now.",
    "left",
  ]);
});

test("media other than inline images are refused, saying what to do", () => {
  const refused = [
    { medium: "image", source: { kind: "url", url: "https://x.test/a.png", mediaType: null } },
    { medium: "document", source: { kind: "text", text: "x" } },
  ] as const;
  for (const part of refused) {
    const messages = [{ role: "user", parts: [{ kind: "media", ...part }] }] as const;
    assert.throws(() => encode({ messages }), { kind: "invalid_request" });
  }
});

const message = {
  role: "assistant",
  content: "Hi",
  thinking: "hm",
  tool_calls: [{ function: { name: "look", arguments: { a: 1 } } }, { function: { name: "look" } }],
};

test("calls get ids that are the same on each try and unlike in each call", () => {
  const ids = (callId: string): (string | null)[] => {
    const reply = ollamaChat.decodeReply({ message, done: true }, { ...anyContext, callId });
    const parts = reply.choices[0]?.parts ?? [];
    return parts.map((part) => (part.kind === "tool-call" ? part.id : null));
  };
  const [, , first, second] = ids("one");
  assert.deepEqual(ids("one"), [null, null, first, second]);
  assert.match(first ?? "", /^call_[a-f0-9]{24}$/u);
  assert.equal(new Set([first, second, ...ids("two").slice(2)]).size, 4);
});

test("a whole reply and the same as lines", () => {
  const rest = { model: "qwen3:8b", created_at: "2026-03-04T05:06:07.5Z" };
  const end = { done: true, done_reason: "stop", prompt_eval_count: 3, eval_count: 4 };
  const reply = ollamaChat.decodeReply({ ...rest, message, ...end }, anyContext);
  const joined = joinEvents(decodeChunks(ollamaChat, lines({ ...rest, message, ...end })));
  assert.deepEqual(joined.parts, reply.choices[0]?.parts);
  assert.deepEqual(joined.finish, { reason: "tool-calls", stopSequence: null, raw: "stop" });
  assert.deepEqual(joined.finish, reply.choices[0]?.finish);
  assert.deepEqual(joined.usage, reply.usage);
  assert.deepEqual([reply.usage?.input, reply.usage?.output], [3, 4]);
  assert.deepEqual([reply.model, reply.createdAtS], ["qwen3:8b", 1772600767]);
  assert.equal(joined.model, "qwen3:8b");
});

test("thoughts go back to the model that had them", () => {
  const context = { ...anyContext, model: "qwen3:8b" };
  const [choice] = ollamaChat.decodeReply({ message }, context).choices;
  const history = [userSays("a"), { role: "assistant", parts: choice?.parts ?? [] }] as const;
  const again = encode({ messages: history })["messages"] as JsonObject[];
  assert.equal(again[1]?.["thinking"], "hm");
  const other = encode({ messages: history }, "llama3.2")["messages"] as JsonObject[];
  assert.equal(other[1]?.["thinking"], undefined);
});

test("errors come as lines, and as bodies", () => {
  const chunks = lines({ message: { content: "be" } }, { error: "model runner has stopped" });
  assert.equal(joinEvents(decodeChunks(ollamaChat, chunks)).error, "model runner has stopped");
  const body = Buffer.from('{"error":"model \\"x\\" not found"}');
  assert.equal(ollamaChat.decodeError(body).message, 'model "x" not found');
  assert.throws(() => ollamaChat.decodeReply({ error: "no" }, anyContext), {
    kind: "upstream_failed",
    message: "no",
  });
});

test("a stream that ends without its last line tells no finish", () => {
  const joined = joinEvents(decodeChunks(ollamaChat, lines({ message: { content: "be" } })));
  assert.equal(joined.finish, null);
  const limit = lines({ message: null, done: true, done_reason: "length" });
  assert.equal(joinEvents(decodeChunks(ollamaChat, limit)).finish?.reason, "length");
});
