/** Holds the event reader to structure: what an event is must not depend on words, white space or line ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openaiResponses } from "./dialect.ts";

const read = openaiResponses.makeEventReader();

function event(payload: object, name?: string): Buffer {
  const field = name === undefined ? "" : `event: ${name}\n`;
  return Buffer.from(`${field}data: ${JSON.stringify(payload)}\n\n`);
}

test("each kind of event", () => {
  const cases: readonly [object, string][] = [
    [{ type: "response.created", response: { model: "m" } }, "preamble"],
    [{ type: "response.in_progress", response: { usage: null } }, "preamble"],
    [{ type: "response.queued" }, "preamble"],
    [{ type: "keepalive" }, "preamble"],
    [{ type: "response.output_item.added", item: { type: "message", content: [] } }, "preamble"],
    [{ type: "response.output_item.added", item: { type: "reasoning", summary: [] } }, "preamble"],
    [{ type: "response.output_item.added", item: { type: "function_call", name: "f" } }, "content"],
    [{ type: "response.output_item.added", item: { type: "web_search_call" } }, "content"],
    [{ type: "response.output_item.added", item: { content: [1], type: "message" } }, "content"],
    [{ type: "response.content_part.added", part: { type: "output_text" } }, "preamble"],
    [{ type: "response.output_text.delta", delta: "" }, "preamble"],
    [{ type: "response.output_text.delta", delta: "response.failed" }, "content"],
    [{ type: "response.reasoning_summary_text.delta", delta: "x" }, "content"],
    [{ type: "response.web_search_call.searching" }, "content"],
    [{ type: "response.completed", response: { usage: { input_tokens: 1 } } }, "done"],
    [{ type: "response.incomplete", response: {} }, "done"],
    [{ type: "response.failed", response: { error: {} } }, "error"],
    [{ type: "error", message: "m" }, "error"],
    [{ response: { type: "response.completed" } }, "preamble"],
  ];
  for (const [payload, kind] of cases) {
    assert.equal(read(event(payload)).kind, kind, JSON.stringify(payload));
    const name = String((payload as { type?: string }).type ?? "other");
    assert.equal(read(event(payload, name)).kind, kind, JSON.stringify(payload));
  }
});

test("a terminator tells usage and the model's name where they stand", () => {
  const done = event(
    {
      response: { output: [{ model: "inner" }], model: "sent-é", usage: { input_tokens: 3 } },
      type: "response.completed",
    },
    "response.completed",
  );
  const reading = read(done);
  assert.deepEqual([reading.kind, reading.hasUsage], ["done", true]);
  assert.equal(done.toString("utf8", reading.modelStart, reading.modelEnd), '"sent-é"');
  assert.equal(openaiResponses.eventModel(done, reading), "sent-é");
  assert.equal(openaiResponses.eventUsage(done, null)?.input, 3);
});

test("odd but lawful framings are read alike", () => {
  const delta = '{"type":"response.output_text.delta","delta":"ab\\"c"}';
  for (const text of [
    `data:${delta}\n\n`,
    `data: ${delta}\r\n\r\n`,
    `id: 1\nevent: response.output_text.delta\ndata: ${delta}\n\n`,
    `event: response.output_text.delta\n: comment\ndata: ${delta}\n\n`,
    `data: {"type":"response.output_text.delta",\ndata: "delta":"ab\\"c"}\n\n`,
  ]) {
    const reading = read(Buffer.from(text));
    assert.deepEqual([reading.kind, reading.textBytes], ["content", 5], text);
  }
  const split = read(
    Buffer.from('data: {"type":"response.created",\ndata: "response":{"model":"m"}}\n\n'),
  );
  assert.equal(split.modelStart, -1);
});

test("what is no event of this API ends nothing", () => {
  for (const text of [
    ": ping\n\n",
    "data: [DONE]\n\n",
    'data: {"type":\n\n',
    "data: 1\n\n",
    "\n\n",
  ])
    assert.equal(read(Buffer.from(text)).kind, "preamble", text);
  assert.equal(
    read(Buffer.from('event: response.completed\ndata: {"response":{}}\n\n')).kind,
    "done",
  );
});

test("errors are read in both of OpenAI's shapes", () => {
  const told = { code: "insufficient_quota", message: "no money", type: "insufficient_quota" };
  for (const payload of [
    { type: "error", error: told },
    { ...told, type: "error" },
    { type: "response.failed", response: { error: told } },
  ]) {
    const error = openaiResponses.eventError(event(payload));
    assert.deepEqual([error.code, error.message], ["insufficient_quota", "no money"]);
  }
});
