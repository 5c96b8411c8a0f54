/** What Ollama's own client reads from chat replies, our codec reads too. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ChatResponse, Ollama } from "ollama";
import type { JsonObject } from "../../src/core/json-value.ts";
import { ollamaChat } from "../../src/dialects/ollama/codec.ts";
import type { AssistantPart } from "../../src/wire/conversation.ts";
import { anyContext, decodeAtEveryCut, joinEvents } from "../fakes/reply-events.ts";

function line(message: JsonObject, rest: JsonObject = {}): JsonObject {
  const created_at = "2026-03-04T05:06:07.123456789Z";
  return {
    model: "qwen3:8b",
    created_at,
    message: { role: "assistant", ...message },
    done: false,
    ...rest,
  };
}

const end = {
  done: true,
  done_reason: "stop",
  total_duration: 174560334,
  load_duration: 101397084,
  prompt_eval_count: 11,
  prompt_eval_duration: 13074791,
  eval_count: 18,
  eval_duration: 52479709,
};

const calls = [
  { function: { name: "look", arguments: { where: "left é" } } },
  { function: { name: "look", arguments: {} } },
];

const lines = [
  line({ content: "", thinking: "Let me" }),
  line({ content: "", thinking: " see." }),
  line({ content: "I " }),
  line({ content: "look. é" }),
  line({ content: "", tool_calls: calls.slice(0, 1) }),
  line({ content: "", tool_calls: calls.slice(1) }),
  line({ content: "" }, end),
];

const whole = line({ content: "I look. é", thinking: "Let me see.", tool_calls: calls }, end);

interface Told {
  text: string;
  thinking: string;
  calls: { name: string; arguments: unknown }[];
}

function play(body: string): Ollama {
  return new Ollama({
    host: "http://127.0.0.1:1",
    fetch: () => Promise.resolve(new Response(body)),
  });
}

function add(told: Told, { message }: ChatResponse): void {
  told.text += message.content;
  told.thinking += message.thinking ?? "";
  for (const call of message.tool_calls ?? [])
    told.calls.push({ name: call.function.name, arguments: call.function.arguments });
}

const question = { model: "m", messages: [{ role: "user", content: "?" }] };

function ourTold(parts: readonly AssistantPart[]): Told {
  const told: Told = { text: "", thinking: "", calls: [] };
  for (const part of parts) {
    if (part.kind === "text") told.text += part.text;
    if (part.kind === "reasoning") told.thinking += part.text;
    if (part.kind === "tool-call")
      told.calls.push({ name: part.name, arguments: JSON.parse(part.arguments) });
  }
  return told;
}

test("a whole reply is read as Ollama's client reads it", async () => {
  const told: Told = { text: "", thinking: "", calls: [] };
  add(told, await play(JSON.stringify(whole)).chat({ ...question, stream: false }));
  const reply = ollamaChat.decodeReply(whole, anyContext);
  assert.deepEqual(ourTold(reply.choices[0]?.parts ?? []), told);
});

test("a stream is read as Ollama's client reads it, wherever it is cut", async () => {
  const body = `${lines.map((item) => JSON.stringify(item)).join("\n")}\n`;
  const told: Told = { text: "", thinking: "", calls: [] };
  for await (const part of await play(body).chat({ ...question, stream: true })) add(told, part);
  const joined = joinEvents(decodeAtEveryCut(ollamaChat, Buffer.from(body)));
  assert.deepEqual(ourTold(joined.parts), told);
  assert.deepEqual(joined.parts, ollamaChat.decodeReply(whole, anyContext).choices[0]?.parts);
});
