/** Holds the reading of replies and streams: what odd vendors send, and what must be told as broken. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReplyEvent } from "../../wire/chat-reply.ts";
import { joinEvents } from "../../../test/fakes/reply-events.ts";
import type { ReadContext } from "../codec.ts";
import { makeEventDecoder } from "./decode-events.ts";
import { decodeReply } from "./decode-reply.ts";
import { answerTool } from "./encode-tools.ts";
import { anthropicUpstream } from "./upstream-codec.ts";

const context: ReadContext = { model: "claude-x", callId: "c1", quirks: [] };

function decode(...payloads: (object | string)[]): ReplyEvent[] {
  const events: ReplyEvent[] = [];
  const read = makeEventDecoder(context);
  for (const payload of payloads) {
    const text = typeof payload === "string" ? payload : JSON.stringify(payload);
    read({ name: null, payload: text }, (event) => events.push(event));
  }
  return events;
}

const start = {
  type: "message_start",
  message: { id: "m1", model: "claude-x", usage: { input_tokens: 4, output_tokens: 1 } },
};
const begin = (index: number, content_block: object): object => ({
  type: "content_block_start",
  index,
  content_block,
});
const delta = (index: number, inner: object): object => ({
  type: "content_block_delta",
  index,
  delta: inner,
});
const stop = (index: number): object => ({ type: "content_block_stop", index });
const json = (index: number, partial_json: string): object =>
  delta(index, { type: "input_json_delta", partial_json });
const end = (stop_reason: string, usage: object = { output_tokens: 9 }): object[] => [
  { type: "message_delta", delta: { stop_reason }, usage },
  { type: "message_stop" },
];

test("thoughts come with their signature, which says who made them", () => {
  const { parts } = joinEvents(
    decode(
      start,
      begin(0, { type: "thinking", thinking: "", signature: "" }),
      delta(0, { type: "thinking_delta", thinking: "hm" }),
      delta(0, { type: "signature_delta", signature: "S" }),
      stop(0),
      begin(1, { type: "thinking", thinking: "", signature: "" }),
      delta(1, { type: "signature_delta", signature: "T" }),
      stop(1),
      begin(2, { type: "redacted_thinking", data: "R" }),
      stop(2),
      begin(3, { type: "thinking", thinking: "unsigned" }),
      stop(3),
      ...end("end_turn"),
    ),
  );
  const carried = (data: string) => ({ issuer: "anthropic-messages/claude-x", data });
  assert.deepEqual(parts, [
    { kind: "reasoning", text: "hm", carried: carried("S") },
    { kind: "reasoning", text: "", carried: carried("T") },
    { kind: "reasoning", redacted: true, text: "", carried: carried("R") },
    { kind: "reasoning", text: "unsigned" },
  ]);
});

test("arguments come in fragments, whole in the start, or not at all; ids are made where there are none", () => {
  const { parts, finish } = joinEvents(
    decode(
      start,
      begin(0, { type: "tool_use", id: "t1", name: "a", input: {} }),
      json(0, ""),
      stop(0),
      begin(1, { type: "tool_use", id: "t2", name: "b", input: { x: 1 } }),
      stop(1),
      begin(2, { type: "tool_use", name: "c" }),
      json(2, '{"y"'),
      json(2, ":2}"),
      ...end("tool_use"),
    ),
  );
  const told = parts.map((part) => (part.kind === "tool-call" ? [part.name, part.arguments] : []));
  assert.deepEqual(told, [
    ["a", "{}"],
    ["b", '{"x":1}'],
    ["c", '{"y":2}'],
  ]);
  const [, , third] = parts;
  assert.match(third?.kind === "tool-call" ? third.id : "", /^call_[0-9a-f]+$/u);
  assert.equal(finish?.reason, "tool-calls");
});

test("the call that was asked for as the answer is read as text", () => {
  const stream = joinEvents(
    decode(
      start,
      begin(0, { type: "tool_use", id: "t", name: answerTool, input: {} }),
      json(0, '{"a":'),
      json(0, "1}"),
      stop(0),
      ...end("tool_use"),
    ),
  );
  assert.deepEqual(stream.parts, [{ kind: "text", text: '{"a":1}' }]);
  assert.equal(stream.finish?.reason, "stop");
  const content = [{ type: "tool_use", id: "t", name: answerTool, input: { a: 1 } }];
  const [choice] = decodeReply({ content, stop_reason: "tool_use" }, context).choices;
  assert.deepEqual(choice?.parts, [{ kind: "text", text: '{"a":1}' }]);
  assert.equal(choice.finish.reason, "stop");
});

test("a vendor's own tools are kept as they stand, with what came in deltas", () => {
  const use = { type: "server_tool_use", id: "s1", name: "web_search", input: {} };
  const compaction = { type: "compaction", content: "" };
  const { parts } = joinEvents(
    decode(
      start,
      begin(0, use),
      json(0, '{"query":"x"}'),
      stop(0),
      begin(1, compaction),
      delta(1, { type: "compaction_delta", content: "sum" }),
      delta(1, { type: "compaction_delta", content: "mary" }),
      stop(1),
      ...end("end_turn"),
    ),
  );
  const dialect = "anthropic-messages";
  assert.deepEqual(parts, [
    { kind: "foreign", dialect, value: { ...use, input: { query: "x" } } },
    { kind: "foreign", dialect, value: { ...compaction, content: "summary" } },
  ]);
});

test("a refusal without a word is an answer that ends so", () => {
  const stop_details = { type: "refusal", category: "cyber", explanation: "why" };
  const joined = joinEvents(
    decode(
      start,
      { type: "ping" },
      {
        type: "message_delta",
        delta: { stop_reason: "refusal", stop_details },
        usage: { output_tokens: 5 },
      },
      { type: "message_stop" },
    ),
  );
  assert.deepEqual(joined.parts, []);
  assert.deepEqual(joined.finish, {
    reason: "refusal",
    stopSequence: null,
    raw: "refusal",
    detail: "why",
  });
  assert.ok(joined.done);
});

test("counts are told early and at the end, with the tier", () => {
  const tiered = {
    ...start,
    message: { ...start.message, usage: { input_tokens: 4, service_tier: "standard" } },
  };
  const counts = decode(tiered, ...end("end_turn", { input_tokens: 6, output_tokens: 9 })).filter(
    (event) => event.type === "usage",
  );
  assert.deepEqual(
    counts.map(({ usage, serviceTier }) => [usage.input, usage.output, serviceTier]),
    [
      [4, 0, "default"],
      [6, 9, "default"],
    ],
  );
});

test("ends that are not known are told with the vendor's word", () => {
  const finish = (word: string) => joinEvents(decode(start, ...end(word))).finish;
  assert.deepEqual(finish("compaction"), {
    reason: "other",
    stopSequence: null,
    raw: "compaction",
  });
  assert.equal(finish("model_context_window_exceeded")?.reason, "context");
  assert.equal(finish("pause_turn")?.reason, "pause");
});

test("errors are told with the status that they stand for", () => {
  const error = { type: "error", error: { type: "overloaded_error", message: "Overloaded" } };
  const expected = { message: "Overloaded", type: "overloaded_error", code: null, status: 529 };
  assert.deepEqual(decode(start, error).at(-1), { type: "error", error: expected });
  assert.deepEqual(decode({ error: { message: "x" } }), [
    { type: "error", error: { message: "x", type: null, code: null, status: null } },
  ]);
  assert.deepEqual(anthropicUpstream.decodeError(Buffer.from(JSON.stringify(error))), expected);
  assert.equal(anthropicUpstream.decodeError(Buffer.from("<html>")).message, "<html>");
});

test("nulls, missing and unknown things are passed over; the terminator of others is one too", () => {
  const { parts, done } = joinEvents(
    decode(
      { type: "message_start", message: null },
      { type: "message_start", message: {} },
      { type: "brand_new", data: 1 },
      begin(0, { type: "text" }),
      delta(0, { type: "text_delta", text: null }),
      delta(0, { type: "brand_new_delta" }),
      delta(7, { type: "text_delta", text: "lost" }),
      delta(0, { type: "text_delta", text: "a" }),
      stop(9),
      { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: null },
      "[DONE]",
    ),
  );
  assert.deepEqual(parts, [{ kind: "text", text: "a" }]);
  assert.ok(done);
});

test("what is no event, no reply, or another answer in the middle is told as broken", () => {
  const broken = { kind: "upstream_invalid" };
  assert.throws(() => decode("{half"), broken);
  assert.throws(() => decode("[1]"), broken);
  assert.throws(() => decode(start, { ...start, message: { ...start.message, id: "m2" } }), broken);
  assert.throws(() => decodeReply({ type: "message" }, context), broken);
});

test("a whole reply with sources, a tier and counts", () => {
  const location = {
    type: "web_search_result_location",
    url: "https://x",
    title: "T",
    cited_text: "c",
    encrypted_index: "e",
  };
  const reply = decodeReply(
    {
      id: "m1",
      model: "claude-x",
      content: [
        { type: "text", text: "four", citations: [location] },
        null,
        { type: "text", text: "" },
      ],
      stop_reason: "stop_sequence",
      stop_sequence: "END",
      usage: { input_tokens: 1, output_tokens: 2, service_tier: "priority" },
    },
    context,
  );
  assert.equal(reply.serviceTier, "priority");
  assert.deepEqual(reply.choices[0]?.finish, {
    reason: "stop-sequence",
    stopSequence: "END",
    raw: "stop_sequence",
  });
  assert.equal(reply.choices[0].parts.length, 1);
  assert.deepEqual(reply.choices[0].parts[0], {
    kind: "text",
    text: "four",
    citations: [
      {
        url: "https://x",
        title: "T",
        citedText: "c",
        start: 0,
        end: 4,
        raw: { dialect: "anthropic-messages", value: location },
      },
    ],
  });
});
