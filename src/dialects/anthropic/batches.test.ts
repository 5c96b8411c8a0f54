/** Anthropic's Message Batches as their bodies, documents and results are, and as nobody should write them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fastCheck from "fast-check";
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { BatchResult } from "../contract.ts";
import { getDialect } from "../registry.ts";
import { anthropicBatches } from "./batches.ts";

const result = (line: unknown): BatchResult | undefined =>
  anthropicBatches.readResult(Buffer.from(typeof line === "string" ? line : JSON.stringify(line)));
const message = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "claude-sonnet-4-5-20250929",
  content: [{ type: "text", text: "Hello again!" }],
  stop_reason: "end_turn",
  usage: {
    input_tokens: 10,
    cache_read_input_tokens: 2000,
    cache_creation_input_tokens: 300,
    cache_creation: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 200 },
    output_tokens: 36,
    server_tool_use: { web_search_requests: 2 },
    service_tier: "standard",
  },
};
const succeeded = (told: unknown): unknown => ({
  custom_id: "my-first-request",
  result: { type: "succeeded", message: told },
});

test("the dialect's door shows them", () => {
  assert.equal(getDialect("anthropic-messages").batches, anthropicBatches);
});

test("requests are the bytes that stand in the body", () => {
  const params = `{ "model":"claude-haiku-4-5", "max_tokens":  16,"messages":[{"role":"user","content":"] } \\" é"}]}`;
  const body = Buffer.from(
    `{"requests":[ {"custom_id":"a","params":${params}} ,{"params":{}},\n7, {"custom_id":"c"}]}`,
  );
  const input = anthropicBatches.inputOf(body);
  assert.deepEqual([input.file, input.path, input.requests.length], [null, null, 4]);
  const requests = input.requests.map((one) => anthropicBatches.readRequest(one, input));
  const [first, second] = requests;
  assert.deepEqual(
    [first?.name, first?.dialect, first?.operation, first?.body.toString()],
    ["a", "anthropic-messages", "chat", params],
  );
  assert.equal(first?.body.buffer, body.buffer);
  assert.deepEqual([second?.name, second?.body.toString()], ["", "{}"]);
  assert.deepEqual(requests.slice(2), [undefined, undefined]);
  assert.deepEqual(anthropicBatches.inputOf(Buffer.from(`{"requests":[]}`)).requests, []);
});

test("a body without one list of requests is refused by name", () => {
  for (const body of [`{}`, `{"requests":{}}`, `{"requests":[],"requests":[]}`, "[", "7", ""])
    assert.throws(
      () => anthropicBatches.inputOf(Buffer.from(body)),
      (thrown) => thrown instanceof GatewayError && thrown.kind === "invalid_request",
      body,
    );
});

test("a batch has ended when it says so, and its results lie behind its own path", () => {
  const url = "https://api.example.com/v1/messages/batches/msgbatch_1/results";
  const state = (document: JsonObject): unknown => {
    const { ended, results } = anthropicBatches.readState(document);
    return [ended, results];
  };
  for (const status of ["in_progress", "canceling", "unheard", 7])
    assert.deepEqual(state({ processing_status: status, results_url: url }), [false, null]);
  assert.deepEqual(state({ processing_status: "ended", results_url: url }), [
    true,
    { tail: "/results" },
  ]);
  assert.deepEqual(state({ processing_status: "ended", results_url: null }), [true, null]);
  // Archived after a month: they are missing, not none.
  const archived = { processing_status: "ended", results_url: null };
  assert.deepEqual(state({ ...archived, request_counts: { succeeded: 2 } }), [
    true,
    { tail: "/results" },
  ]);
  assert.deepEqual(state({ ...archived, request_counts: { succeeded: 0, errored: 2 } }), [
    true,
    null,
  ]);
  assert.deepEqual(state({}), [false, null]);
});

test("an answer's usage is what the dialect reads of it, in the tier of batches", () => {
  const { name, model, usage } = result(succeeded(message)) ?? {};
  assert.deepEqual([name, model], ["my-first-request", "claude-sonnet-4-5-20250929"]);
  assert.deepEqual(
    [usage?.input, usage?.cacheRead, usage?.cacheWrite5m, usage?.cacheWrite1h, usage?.output],
    [10, 2000, 100, 200, 36],
  );
  assert.deepEqual(
    [usage?.serviceTier, usage?.estimated, usage?.kinds?.webSearches],
    ["batch", false, 2],
  );
  const { usage: _left, ...silent } = message;
  const told = result(succeeded(silent))?.usage;
  // "Hello again!" are twelve bytes.
  assert.deepEqual(
    [told?.input, told?.output, told?.estimated, told?.serviceTier],
    [0, 3, true, "batch"],
  );
});

test("what failed, was cancelled or expired costs nothing", () => {
  for (const type of ["errored", "canceled", "expired", "unheard", 7, null]) {
    assert.equal(result({ custom_id: "a", result: { type } }), undefined);
    assert.equal(result({ custom_id: "a", result: { type, message } }), undefined);
  }
  assert.equal(result(succeeded({ type: "error", error: { type: "api_error" } })), undefined);
  assert.equal(result(succeeded(null)), undefined);
});

test("no line makes it throw, whatever stands in it", () => {
  const input = { file: null, requests: [], path: null };
  const lines = [
    "",
    "not json",
    "[]",
    "{}",
    `{"result":{"type":"succeeded","message":{"content":[`,
    `{"result":{"type":"succeeded","message":{}},"result":{}}`,
    `{"result":{"type":"succeeded","type":"errored","message":{"content":[]}}}`,
    `{"custom_id":"a","params":{},"params":{}}`,
  ];
  for (const line of lines) {
    assert.equal(result(line), undefined, line);
    assert.equal(anthropicBatches.readRequest(Buffer.from(line), input), undefined, line);
  }
  fastCheck.assert(
    fastCheck.property(
      fastCheck.oneof(
        fastCheck.json(),
        fastCheck.jsonValue().map((told) => JSON.stringify(succeeded(told))),
        fastCheck
          .jsonValue()
          .map((usage) => JSON.stringify(succeeded({ content: [], usage, model: usage }))),
      ),
      (line) => {
        anthropicBatches.readRequest(Buffer.from(line), input);
        const usage = result(line)?.usage;
        for (const count of usage === undefined ? [] : [usage.input, usage.output])
          assert.ok(Number.isInteger(count) && count >= 0 && count <= 1e12);
      },
    ),
    { numRuns: 500 },
  );
  const odd = { ...message, usage: { input_tokens: -4, output_tokens: 1e308 } };
  const usage = result(succeeded(odd))?.usage;
  assert.deepEqual([usage?.input, usage?.output, usage?.estimated], [0, 3, true]);
});
