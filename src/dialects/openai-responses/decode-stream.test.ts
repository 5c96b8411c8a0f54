/** Streams as odd as vendors make them: each text, thought and call is told once and whole. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../../core/json-value.ts";
import { GatewayError } from "../../core/errors.ts";
import type { ReplyEvent } from "../../wire/chat-reply.ts";
import { openaiResponsesCodec } from "./dialect.ts";

const context = { model: "sent", callId: "0abc", quirks: [] };

function decode(...payloads: readonly JsonObject[]): ReplyEvent[] {
  const read = openaiResponsesCodec.makeEventDecoder(context);
  const events: ReplyEvent[] = [];
  for (const payload of payloads)
    read({ name: null, payload: JSON.stringify(payload) }, (event) => events.push(event));
  return events;
}

/** Told without the ends that every stream has. */
function told(...payloads: readonly JsonObject[]): unknown[] {
  const response = { status: "completed", output: [] };
  const events = decode(...payloads, { type: "response.completed", response });
  assert.deepEqual(events.slice(-1), [{ type: "done" }]);
  return events
    .slice(1, -2)
    .map((event) =>
      event.type === "block"
        ? [event.block, event.start]
        : "text" in event
          ? event.text
          : event.type,
    );
}

test("a text is told once, whichever events bring it", () => {
  const at = { output_index: 0, content_index: 0, item_id: "m" };
  const part = { type: "output_text", text: "Hello", annotations: [] };
  const item = { type: "message", role: "assistant", content: [part] };
  const delta = (text: string): JsonObject => ({
    ...at,
    type: "response.output_text.delta",
    delta: text,
  });
  const whole = [[0, { kind: "text" }], "Hello", "block-end"];
  assert.deepEqual(told({ type: "response.output_item.done", output_index: 0, item }), whole);
  assert.deepEqual(told({ ...at, type: "response.content_part.done", part }), whole);
  assert.deepEqual(told(delta("Hello")), whole);
  assert.deepEqual(
    told(
      delta("Hel"),
      { ...at, type: "response.content_part.done", part, item_id: "rotated" },
      { type: "response.output_item.done", output_index: 0, item },
      delta("more"),
    ),
    [[0, { kind: "text" }], "Hel", "lo", "block-end"],
  );
  const events = decode({ type: "response.completed", response: { output: [item] } });
  assert.deepEqual(
    events.map(({ type }) => type),
    ["start", "block", "delta", "block-end", "finish", "done"],
  );
});

test("calls: parallel, without arguments, whole at once, with ids minted where there are none", () => {
  const added = (place: number, more: JsonObject): JsonObject => ({
    type: "response.output_item.added",
    output_index: place,
    item: { type: "function_call", name: "f", arguments: "", ...more },
  });
  const done = (place: number, text: string): JsonObject => ({
    type: "response.output_item.done",
    output_index: place,
    item: { type: "function_call", call_id: `c${place}`, name: "f", arguments: text },
  });
  const delta = (place: number, text: string): JsonObject => ({
    type: "response.function_call_arguments.delta",
    output_index: place,
    delta: text,
  });
  assert.deepEqual(
    told(
      added(0, { call_id: "c0" }),
      added(1, { call_id: "", id: null }),
      delta(1, "{"),
      delta(0, '{"a"'),
      delta(1, "}"),
      done(0, '{"a":1}'),
      done(1, "{}"),
      done(2, ""),
    ),
    [
      [0, { kind: "tool-call", id: "c0", name: "f" }],
      [1, { kind: "tool-call", id: "call_0abc_1", name: "f" }],
      "{",
      '{"a"',
      "}",
      ":1}",
      "block-end",
      "block-end",
      [2, { kind: "tool-call", id: "c2", name: "f" }],
      "{}",
      "block-end",
    ],
  );
});

test("a thought is told by its raw text or by its summary, not by both", () => {
  const at = { output_index: 0, item_id: "r" };
  const item = {
    type: "reasoning",
    id: "rs_1",
    summary: [{ type: "summary_text", text: "Sum" }],
    encrypted_content: "gAAA",
  };
  const events = decode(
    { ...at, type: "response.reasoning_summary_part.added", summary_index: 0 },
    { ...at, type: "response.reasoning_summary_text.delta", delta: "Sum", summary_index: 0 },
    { ...at, type: "response.reasoning_text.delta", delta: "Raw", content_index: 0 },
    { ...at, type: "response.reasoning_summary_part.added", summary_index: 1 },
    { ...at, type: "response.reasoning_summary_text.delta", delta: "Two", summary_index: 1 },
    { type: "response.output_item.done", output_index: 0, item },
  );
  assert.deepEqual(events.slice(1), [
    { type: "block", choice: 0, block: 0, start: { kind: "reasoning" } },
    { type: "delta", block: 0, text: "Sum" },
    { type: "delta", block: 0, text: "\n\n" },
    { type: "delta", block: 0, text: "Two" },
    {
      type: "carried",
      block: 0,
      carried: { issuer: "openai-responses/sent", data: '["rs_1","gAAA"]' },
    },
    { type: "block-end", block: 0 },
  ]);
});

test("how it ended, and errors in both shapes", () => {
  const finish = (response: JsonObject, type = "response.completed"): unknown => {
    const event = decode({ type, response }).find((one) => one.type === "finish");
    return event?.finish.reason;
  };
  const refusal = { type: "message", content: [{ type: "refusal", refusal: "No" }] };
  const call = { type: "function_call", call_id: "c", name: "f", arguments: "{}" };
  assert.equal(finish({}), "stop");
  assert.equal(finish({ output: [call] }), "tool-calls");
  assert.equal(finish({ output: [refusal] }), "refusal");
  const limit = { incomplete_details: { reason: "max_output_tokens" }, output: [call] };
  assert.equal(finish(limit, "response.incomplete"), "length");
  assert.equal(finish({ incomplete_details: { reason: "content_filter" } }), "content-filter");
  assert.equal(finish({}, "response.incomplete"), "other");
  const error = { code: "rate_limit_exceeded", message: "slow" };
  const expected = { message: "slow", type: null, code: "rate_limit_exceeded", status: 429 };
  for (const payload of [
    { type: "error", ...error },
    { type: "error", error },
    { type: "response.failed", response: { error } },
  ])
    assert.deepEqual(decode(payload), [{ type: "error", error: expected }]);
});

test("unknown events are passed over, nonsense within known ones too, broken ones are not", () => {
  const nonsense = [null, 1, "x", [], {}];
  for (const value of nonsense)
    for (const name of ["item", "part", "delta", "annotation", "response", "output_index"])
      for (const type of [
        "output_item.added",
        "output_item.done",
        "content_part.done",
        "completed",
      ])
        assert.doesNotThrow(() => decode({ type: `response.${type}`, [name]: value }));
  assert.deepEqual(decode({ type: "response.new_thing" }, { type: "keepalive" }, {}), []);
  const read = openaiResponsesCodec.makeEventDecoder(context);
  assert.throws(
    () => read({ name: null, payload: '{"type":' }, () => undefined),
    (thrown: unknown) => thrown instanceof GatewayError && thrown.kind === "upstream_invalid",
  );
});

test("a whole reply that failed tells so", () => {
  const kindOf = (body: JsonObject): string => {
    try {
      openaiResponsesCodec.decodeReply(body, context);
    } catch (thrown) {
      return thrown instanceof GatewayError ? `${thrown.kind}: ${thrown.message}` : String(thrown);
    }
    return "none";
  };
  const error = (code: string): JsonObject => ({
    status: "failed",
    error: { code, message: "m" },
    output: [],
  });
  assert.equal(kindOf(error("server_error")), "upstream_failed: m");
  assert.equal(kindOf(error("rate_limit_exceeded")), "upstream_overloaded: m");
  assert.equal(kindOf(error("invalid_prompt")), "upstream_refused: m");
  assert.equal(kindOf({}), "upstream_invalid: the response has no output");
  assert.equal(kindOf({ output: [null, 1, { type: "message", content: null }] }), "none");
});
