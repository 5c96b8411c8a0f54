import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../../core/json-value.ts";
import type { Finish, ReplyEvent } from "../../wire/chat-reply.ts";
import { noUsage } from "../../wire/usage.ts";
import type { ReplyContext } from "../codec.ts";
import { makeEventEncoder } from "./encode-events.ts";
import { encodeReply } from "./encode-reply.ts";
import { readSignature } from "./signature.ts";

const context: ReplyContext = {
  callId: "call-1",
  replyId: null,
  model: "shown",
  createdAtS: 1,
  request: {},
  usageAsked: false,
  inputTokensEstimate: 1,
};

const stop: Finish = { reason: "stop", stopSequence: null, raw: "stop" };

/** Chunks that events cause, each with the index of its event. */
function chunksOf(events: readonly ReplyEvent[]): [number, JsonObject][] {
  const encode = makeEventEncoder(context);
  return events.flatMap((event, index): [number, JsonObject][] => {
    const written = encode(event);
    if (written === undefined) return [];
    assert.match(written, /^data: [^\r\n]*\r\n\r\n$/);
    return [[index, JSON.parse(written.slice(6)) as JsonObject]];
  });
}

function candidateOf(chunk: JsonObject | undefined): JsonObject {
  const candidates = chunk?.["candidates"] as JsonObject[] | undefined;
  return candidates?.[0] ?? {};
}

function partsOf(chunk: JsonObject | undefined): JsonObject[] {
  return (candidateOf(chunk)["content"] as { parts: JsonObject[] }).parts;
}

const start: ReplyEvent = { type: "start", id: "up-1", model: "their", createdAtS: null };
const block = (index: number, kind: "text" | "reasoning"): ReplyEvent => ({
  type: "block",
  choice: 0,
  block: index,
  start: { kind },
});

test("text goes on at once; the end waits for the usage behind it", () => {
  const chunks = chunksOf([
    start,
    block(0, "text"),
    { type: "delta", block: 0, text: "hi" },
    { type: "block-end", block: 0 },
    { type: "finish", choice: 0, finish: stop },
    { type: "usage", usage: { ...noUsage, input: 3, cacheRead: 2, output: 5, reasoning: 1 } },
    { type: "done" },
  ]);
  assert.deepEqual(chunks, [
    [
      2,
      {
        candidates: [{ content: { parts: [{ text: "hi" }], role: "model" }, index: 0 }],
        modelVersion: "shown",
        responseId: "up-1",
      },
    ],
    [
      6,
      {
        candidates: [
          { content: { parts: [{ text: "" }], role: "model" }, finishReason: "STOP", index: 0 },
        ],
        usageMetadata: {
          promptTokenCount: 5,
          cachedContentTokenCount: 2,
          candidatesTokenCount: 4,
          thoughtsTokenCount: 1,
          totalTokenCount: 10,
        },
        modelVersion: "shown",
        responseId: "up-1",
      },
    ],
  ]);
});

test("a call goes on whole when it ends, with what is carried; calls may overlap", () => {
  const carried = { issuer: "openai-responses/x", data: "enc" };
  const call = (index: number, id: string): ReplyEvent => ({
    type: "block",
    choice: 0,
    block: index,
    start: { kind: "tool-call", id, name: "f" },
  });
  const chunks = chunksOf([
    call(0, "a"),
    call(1, "b"),
    { type: "delta", block: 0, text: '{"x"' },
    { type: "delta", block: 1, text: "{}" },
    { type: "carried", block: 0, carried },
    { type: "delta", block: 0, text: ":1}" },
    { type: "block-end", block: 0 },
    { type: "block-end", block: 1 },
    { type: "finish", choice: 0, finish: { ...stop, reason: "tool-calls", raw: "tool_calls" } },
    { type: "done" },
  ]);
  assert.deepEqual(
    chunks.map(([index]) => index),
    [6, 7, 9],
  );
  const [first] = partsOf(chunks[0]?.[1]);
  assert.deepEqual(first?.["functionCall"], { id: "a", name: "f", args: { x: 1 } });
  assert.deepEqual(readSignature(String(first?.["thoughtSignature"]))?.carried, carried);
  assert.equal(candidateOf(chunks[2]?.[1])["finishReason"], "STOP");
});

test("a call that broke off is never told as a call", () => {
  const broken = (finish: Finish): JsonObject => {
    const events: ReplyEvent[] = [
      { type: "block", choice: 0, block: 0, start: { kind: "tool-call", id: "a", name: "f" } },
      { type: "delta", block: 0, text: '{"x":' },
      { type: "block-end", block: 0 },
      { type: "finish", choice: 0, finish },
      { type: "done" },
    ];
    const chunks = chunksOf(events);
    assert.equal(chunks.length, 1);
    assert.doesNotMatch(JSON.stringify(chunks), /functionCall"/);
    return candidateOf(chunks[0]?.[1]);
  };
  assert.equal(broken(stop)["finishReason"], "MALFORMED_FUNCTION_CALL");
  assert.match(String(broken(stop)["finishMessage"]), /\{"x":/);
  assert.equal(broken({ ...stop, reason: "length", raw: "length" })["finishReason"], "MAX_TOKENS");
});

test("thoughts are marked, and hidden ones are a signature alone that comes back as it was", () => {
  const carried = { issuer: "anthropic-messages/claude", data: "sig" };
  const chunks = chunksOf([
    block(0, "reasoning"),
    { type: "delta", block: 0, text: "hm" },
    { type: "carried", block: 0, carried },
    { type: "block-end", block: 0 },
    { type: "block", choice: 0, block: 1, start: { kind: "reasoning", redacted: true } },
    { type: "carried", block: 1, carried },
    { type: "block-end", block: 1 },
  ]).map(([, chunk]) => partsOf(chunk)[0] ?? {});
  assert.deepEqual(chunks[0], { text: "hm", thought: true });
  assert.deepEqual([chunks[1]?.["text"], chunks[1]?.["thought"]], ["", true]);
  assert.deepEqual(readSignature(String(chunks[1]?.["thoughtSignature"])), {
    carried,
    redacted: false,
  });
  assert.equal(chunks[2]?.["thought"], undefined);
  assert.deepEqual(readSignature(String(chunks[2]?.["thoughtSignature"])), {
    carried,
    redacted: true,
  });
});

test("sources and probabilities stand in the last chunk, sources counted in bytes of all the text", () => {
  const citation = { url: "https://a.test", title: null, citedText: null, start: 0, end: 2 };
  const chunks = chunksOf([
    block(0, "text"),
    { type: "delta", block: 0, text: "äh " },
    { type: "block-end", block: 0 },
    block(1, "text"),
    { type: "delta", block: 1, text: "öl" },
    { type: "citation", block: 1, citation },
    { type: "logprobs", choice: 0, tokens: [{ token: "öl", logprob: -1, bytes: null, top: [] }] },
    { type: "block-end", block: 1 },
    { type: "finish", choice: 0, finish: stop },
    { type: "done" },
  ]);
  const last = candidateOf(chunks.at(-1)?.[1]);
  assert.deepEqual(last["groundingMetadata"], {
    groundingChunks: [{ web: { uri: "https://a.test" } }],
    groundingSupports: [
      { segment: { startIndex: 4, endIndex: 7, text: "öl" }, groundingChunkIndices: [0] },
    ],
  });
  assert.deepEqual(last["logprobsResult"], {
    chosenCandidates: [{ token: "öl", logProbability: -1 }],
  });
});

test("every end has a word, and a prompt that was blocked is told as such", () => {
  const wordOf = (finish: Finish): unknown => {
    const chunks = chunksOf([{ type: "finish", choice: 0, finish }, { type: "done" }]);
    const last = chunks.at(-1)?.[1];
    return last?.["promptFeedback"] ?? candidateOf(last)["finishReason"];
  };
  const reasons = [
    "stop",
    "stop-sequence",
    "length",
    "context",
    "tool-calls",
    "content-filter",
    "refusal",
    "pause",
    "tool-error",
    "other",
  ] as const;
  assert.deepEqual(
    reasons.map((reason) => wordOf({ reason, stopSequence: null, raw: null })),
    [
      "STOP",
      "STOP",
      "MAX_TOKENS",
      "MAX_TOKENS",
      "STOP",
      "SAFETY",
      "SAFETY",
      "STOP",
      "MALFORMED_FUNCTION_CALL",
      "OTHER",
    ],
  );
  assert.equal(wordOf({ reason: "content-filter", stopSequence: null, raw: "SPII" }), "SPII");
  assert.deepEqual(
    wordOf({ reason: "content-filter", stopSequence: null, raw: "JAILBREAK", detail: "d" }),
    {
      blockReason: "JAILBREAK",
      blockReasonMessage: "d",
    },
  );
});

test("whole replies of other vendors hold every part that Google knows", () => {
  const body = encodeReply(
    {
      id: null,
      model: "m",
      createdAtS: null,
      choices: [
        {
          index: 0,
          parts: [
            { kind: "reasoning", text: "hm" },
            { kind: "refusal", text: "no" },
            {
              kind: "media",
              medium: "image",
              source: { kind: "data", mediaType: "image/png", data: "AA==" },
            },
            { kind: "tool-call", id: "c", name: "t", arguments: "free", custom: true },
            { kind: "foreign", dialect: "anthropic-messages", value: { type: "server_tool_use" } },
          ],
          finish: { ...stop, reason: "refusal" },
          logprobs: null,
        },
      ],
      usage: null,
      serviceTier: null,
    },
    context,
  );
  assert.deepEqual(body, {
    candidates: [
      {
        content: {
          parts: [
            { text: "hm", thought: true },
            { text: "no" },
            { inlineData: { mimeType: "image/png", data: "AA==" } },
            { functionCall: { id: "c", name: "t", args: { input: "free" } } },
          ],
          role: "model",
        },
        finishReason: "SAFETY",
        index: 0,
      },
    ],
    modelVersion: "shown",
    responseId: "call-1",
  });
});
