/** A reply told as events and put together again is the same reply. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatReply, ReplyEvent } from "../wire/chat-reply.ts";
import { noUsage } from "../wire/usage.ts";
import { foldEvents } from "./fold-events.ts";

const citation = { url: "https://x.test", title: "X", citedText: null, start: 0, end: 2 };
const carried = { issuer: "anthropic-messages/m", data: "c2ln" };
const token = { token: "Hi", logprob: -0.1, bytes: null, top: [] };
const image = {
  kind: "media",
  medium: "image",
  source: { kind: "data", mediaType: "image/png", data: "AA==" },
} as const;

const events: readonly ReplyEvent[] = [
  { type: "start", id: "r1", model: "m", createdAtS: 7 },
  { type: "block", choice: 0, block: 0, start: { kind: "reasoning" } },
  { type: "delta", block: 0, text: "let me " },
  { type: "block", choice: 1, block: 1, start: { kind: "text" } },
  { type: "delta", block: 1, text: "Ho" },
  { type: "delta", block: 0, text: "see" },
  { type: "carried", block: 0, carried },
  { type: "block-end", block: 0 },
  { type: "block", choice: 0, block: 2, start: { kind: "text" } },
  { type: "delta", block: 2, text: "Hi" },
  { type: "citation", block: 2, citation },
  { type: "logprobs", choice: 0, tokens: [token] },
  { type: "block-end", block: 2 },
  { type: "block", choice: 0, block: 3, start: { kind: "tool-call", id: "a", name: "f" } },
  {
    type: "block",
    choice: 0,
    block: 4,
    start: { kind: "tool-call", id: "b", name: "g", custom: true },
  },
  { type: "delta", block: 4, text: "free" },
  { type: "delta", block: 3, text: '{"x":' },
  { type: "delta", block: 3, text: "1}" },
  { type: "block", choice: 0, block: 5, start: { kind: "part", part: image } },
  { type: "block", choice: 0, block: 6, start: { kind: "refusal" } },
  { type: "delta", block: 6, text: "no" },
  { type: "delta", block: 99, text: "of nobody" },
  { type: "usage", usage: { ...noUsage, input: 1 } },
  { type: "finish", choice: 0, finish: { reason: "tool-calls", stopSequence: null, raw: "x" } },
  { type: "usage", usage: { ...noUsage, input: 3, output: 4 }, serviceTier: "flex" },
  { type: "done" },
];

const reply: ChatReply = {
  id: "r1",
  model: "m",
  createdAtS: 7,
  choices: [
    {
      index: 0,
      parts: [
        { kind: "reasoning", text: "let me see", carried },
        { kind: "text", text: "Hi", citations: [citation] },
        { kind: "tool-call", id: "a", name: "f", arguments: '{"x":1}' },
        { kind: "tool-call", id: "b", name: "g", custom: true, arguments: "free" },
        image,
        { kind: "refusal", text: "no" },
      ],
      finish: { reason: "tool-calls", stopSequence: null, raw: "x" },
      logprobs: [token],
    },
    {
      index: 1,
      parts: [{ kind: "text", text: "Ho" }],
      finish: { reason: "other", stopSequence: null, raw: null },
      logprobs: null,
    },
  ],
  usage: { ...noUsage, input: 3, output: 4 },
  serviceTier: "flex",
};

test("interleaved blocks of several choices come together", () => {
  assert.deepEqual(
    foldEvents((take) => events.forEach(take)),
    reply,
  );
});

test("nothing is an empty reply, and an error is thrown", () => {
  const none = foldEvents(() => undefined);
  assert.deepEqual([none.choices, none.id, none.usage], [[], null, null]);
  const error = { message: "busy", type: null, code: null, status: null };
  assert.throws(() => foldEvents((take) => take({ type: "error", error })), {
    kind: "upstream_failed",
    message: "busy",
  });
});
