/** What Converse's rarer replies and events become. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bareUsage } from "../../../test/fakes/bare-usage.ts";
import type { JsonObject } from "../../core/json-value.ts";
import { anyContext, joinEvents } from "../../../test/fakes/reply-events.ts";
import type { ReplyEvent } from "../../wire/chat-reply.ts";
import { decodeError, decodeReply } from "./decode.ts";
import { makeEventDecoder } from "./stream.ts";

type Told = readonly [name: string, payload: unknown];

function decode(events: readonly Told[]): ReplyEvent[] {
  const told: ReplyEvent[] = [];
  const read = makeEventDecoder(anyContext);
  for (const [name, payload] of events)
    read({ name, payload: JSON.stringify(payload) }, (event) => told.push(event));
  return told;
}

function delta(index: number, value: JsonObject): Told {
  return ["contentBlockDelta", { contentBlockIndex: index, delta: value, p: "abc" }];
}

function stop(index: number): Told {
  return ["contentBlockStop", { contentBlockIndex: index }];
}

const started: Told = ["messageStart", { role: "assistant" }];
const ended: Told = ["messageStop", { stopReason: "end_turn" }];

test("thoughts, text and a call without arguments; a signature in pieces is told once", () => {
  const joined = joinEvents(
    decode([
      started,
      delta(0, { reasoningContent: { text: "hm" } }),
      delta(0, { reasoningContent: { signature: "ab" } }),
      delta(0, { reasoningContent: { signature: "cd" } }),
      stop(0),
      delta(1, { text: "" }),
      stop(1),
      [
        "contentBlockStart",
        { contentBlockIndex: 2, start: { toolUse: { toolUseId: "t", name: "look" } } },
      ],
      delta(2, { toolUse: { input: "" } }),
      stop(2),
      ["newEvent", { anything: 1 }],
      ended,
      ["metadata", { usage: { inputTokens: 1, outputTokens: 2 }, serviceTier: { type: "flex" } }],
    ]),
  );
  const carried = { issuer: "bedrock-converse/model-sent", data: "abcd" };
  assert.deepEqual(joined.parts, [
    { kind: "reasoning", text: "hm", carried },
    { kind: "tool-call", id: "t", name: "look", arguments: "{}" },
  ]);
  assert.equal(joined.finish?.reason, "tool-calls");
});

test("encrypted thoughts in several pieces are one", () => {
  const pieces = ["one", "two"].map((text) => Buffer.from(text).toString("base64"));
  const deltas = pieces.map((redactedContent) =>
    delta(0, { reasoningContent: { redactedContent } }),
  );
  const { parts } = joinEvents(decode([started, ...deltas, stop(0), ended]));
  const data = Buffer.from("onetwo").toString("base64");
  const carried = { issuer: "bedrock-converse/model-sent", data };
  assert.deepEqual(parts, [{ kind: "reasoning", text: "", redacted: true, carried }]);
});

test("an image comes whole, a server tool's call not at all, blocks left open are closed", () => {
  const { parts } = joinEvents(
    decode([
      started,
      ["contentBlockStart", { contentBlockIndex: 0, start: { image: { format: "webp" } } }],
      delta(0, { image: { source: { bytes: "AAAA" } } }),
      delta(0, { image: { source: { bytes: "BBBB" } } }),
      stop(0),
      [
        "contentBlockStart",
        {
          contentBlockIndex: 1,
          start: { toolUse: { toolUseId: "s", name: "web", type: "server_tool_use" } },
        },
      ],
      delta(1, { toolUse: { input: "{}" } }),
      stop(1),
      delta(2, { text: "left open" }),
      ended,
    ]),
  );
  assert.deepEqual(parts, [
    {
      kind: "media",
      medium: "image",
      source: { kind: "data", mediaType: "image/webp", data: "AAAABBBB" },
    },
    { kind: "text", text: "left open" },
  ]);
});

test("citations stand at their text, streamed and whole", () => {
  const citation = {
    title: "Notes",
    sourceContent: [{ text: "It is " }, { text: "so." }],
    location: { web: { url: "https://x.test/a", domain: "x.test" } },
  };
  const raw = { dialect: "bedrock-converse", value: citation };
  const told = { url: "https://x.test/a", title: "Notes", citedText: "It is so.", raw };
  const { parts } = joinEvents(
    decode([started, delta(0, { text: "So it is." }), delta(0, { citation }), stop(0), ended]),
  );
  const streamed = { ...told, start: null, end: null };
  assert.deepEqual(parts, [{ kind: "text", text: "So it is.", citations: [streamed] }]);
  const content = [
    { citationsContent: { content: [{ text: "So it is." }], citations: [citation] } },
  ];
  const reply = decodeReply(
    { output: { message: { content } }, stopReason: "end_turn" },
    anyContext,
  );
  const whole = { ...told, start: 0, end: 9 };
  assert.deepEqual(reply.choices[0]?.parts, [
    { kind: "text", text: "So it is.", citations: [whole] },
  ]);
});

test("exceptions become errors with the status they stand for", () => {
  const cases: readonly [string, number | null][] = [
    ["throttlingException", 429],
    ["modelStreamErrorException", 424],
    ["internalServerException", 500],
    ["serviceUnavailableException", 503],
    ["validationException", 400],
    ["brandNewException", null],
  ];
  for (const [name, status] of cases) {
    const events = decode([started, delta(0, { text: "be" }), [name, { message: "no" }]]);
    const error = { message: "no", type: name, code: null, status };
    assert.deepEqual(events.at(-1), { type: "error", error });
  }
  assert.deepEqual(decode([["throttlingException", {}]]), [
    {
      type: "error",
      error: {
        message: "throttlingException",
        type: "throttlingException",
        code: null,
        status: 429,
      },
    },
  ]);
});

test("every reason to stop has its word", () => {
  const words = {
    end_turn: "stop",
    stop_sequence: "stop-sequence",
    max_tokens: "length",
    model_context_window_exceeded: "context",
    tool_use: "tool-calls",
    guardrail_intervened: "content-filter",
    content_filtered: "content-filter",
    malformed_tool_use: "tool-error",
    malformed_model_output: "tool-error",
    something_new: "other",
  };
  for (const [stopReason, reason] of Object.entries(words)) {
    const extra = { additionalModelResponseFields: { delta: { stop_sequence: "END" } } };
    const events = decode([started, ["messageStop", { stopReason, ...extra }]]);
    const finish = { reason, stopSequence: "END", raw: stopReason };
    assert.deepEqual(events.at(-1), { type: "finish", choice: 0, finish });
  }
});

test("usage leaves caches out of the input and tells the hour's writes apart", () => {
  const usage = {
    inputTokens: 3,
    outputTokens: 5,
    totalTokens: 38,
    cacheReadInputTokens: 10,
    cacheWriteInputTokens: 20,
    cacheDetails: [
      { ttl: "1h", inputTokens: 15 },
      { ttl: "5m", inputTokens: 5 },
    ],
  };
  const reply = decodeReply({ output: { message: {} }, usage, stopReason: "end_turn" }, anyContext);
  assert.deepEqual(bareUsage(reply.usage), {
    input: 3,
    cacheRead: 10,
    cacheWrite5m: 5,
    cacheWrite1h: 15,
    output: 5,
    reasoning: 0,
    estimated: false,
  });
});

test("nulls and strange types are passed over; a reply without a message is none", () => {
  const content = [
    null,
    1,
    { text: null },
    { toolUse: { name: 1 } },
    { reasoningContent: {} },
    { text: "a" },
  ];
  const reply = decodeReply({ output: { message: { content } }, usage: null }, anyContext);
  assert.deepEqual(reply.choices[0]?.parts, [{ kind: "text", text: "a" }]);
  assert.equal(reply.usage, null);
  assert.throws(() => decodeReply({ output: null }, anyContext), { kind: "upstream_invalid" });
  const strange: Told[] = [
    started,
    ["contentBlockStart", {}],
    ["contentBlockDelta", { delta: null }],
    ["contentBlockDelta", { contentBlockIndex: 4, delta: { toolUse: { input: "{" } } }],
    ["contentBlockStop", {}],
    ["metadata", { usage: null }],
    ended,
  ];
  assert.deepEqual(joinEvents(decode(strange)).parts, []);
});

test("errors tell message and type where the body has them", () => {
  const typed = Buffer.from(
    '{"__type":"com.amazon.coral#ThrottlingException:http://x","Message":"slow"}',
  );
  const error = { message: "slow", type: "ThrottlingException", code: null, status: 429 };
  assert.deepEqual(decodeError(typed), error);
  const page = Buffer.from("<html>bad gateway</html>");
  const untyped = { message: "<html>bad gateway</html>", type: null, code: null, status: null };
  assert.deepEqual(decodeError(page), untyped);
});
