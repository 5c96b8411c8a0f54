import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import {
  errorEventFrame,
  errorReplyFrame,
  renderErrorFrame,
  renderSteerFailed,
} from "./socket-errors.ts";
import {
  type CreateFrame,
  type History,
  bodyOfFrame,
  inputElements,
  keptElements,
  parseCreate,
  parseFrame,
  renderPrepared,
} from "./socket-frames.ts";

const frameOf = (value: unknown): CreateFrame =>
  parseCreate(parseFrame(Buffer.from(typeof value === "string" ? value : JSON.stringify(value))));

const bodyText = (value: unknown, history: History | null = null): string =>
  bodyOfFrame(frameOf(value), history).toString();

test("the envelope goes, the stream is asked for, all else stays the same bytes", () => {
  assert.equal(
    bodyText('{"type":"response.create","model":"m", "n" : 1.0}'),
    '{"stream":true,"model":"m", "n" : 1.0}',
  );
  assert.equal(
    bodyText(
      '{ "stream" : false , "model":"m","stream_id":"a","generate":true,"type":"response.create" }',
    ),
    '{ "stream" : true , "model":"m" }',
  );
  assert.equal(bodyText('{"type":"response.create"}'), '{"stream":true}');
  assert.equal(bodyText('{"type":"response.create","stream":null}'), '{"stream":true}');
  assert.equal(
    bodyText('{"type":"response.create","previous_response_id":"resp_1"}'),
    '{"stream":true,"previous_response_id":"resp_1"}',
  );
});

test("what went before stands in front of the input, in place of the id", () => {
  const elements = [Buffer.from('{"a":1.0},{"b":2}'), Buffer.alloc(0), Buffer.from('{"c":3}')];
  const create = (input: string): string =>
    `{"type":"response.create","previous_response_id":"resp_1","input":${input},"model":"m"}`;
  const alone = { elements, before: null };
  assert.equal(
    bodyText(create('[ {"d":4} ]'), alone),
    '{"stream":true,"input":[{"a":1.0},{"b":2},{"c":3}, {"d":4} ],"model":"m"}',
  );
  assert.equal(
    bodyText(create('"hi \\u00fc"'), alone),
    '{"stream":true,"input":[{"a":1.0},{"b":2},{"c":3},{"type":"message","role":"user","content":"hi \\u00fc"}],"model":"m"}',
  );
  assert.equal(
    bodyText(create("[ ]"), { elements, before: "resp_0" }),
    '{"stream":true,"previous_response_id":"resp_0","input":[{"a":1.0},{"b":2},{"c":3}],"model":"m"}',
  );
  assert.equal(
    bodyText('{"type":"response.create","previous_response_id":"r","model":"m"}', alone),
    '{"input":[{"a":1.0},{"b":2},{"c":3}],"stream":true,"model":"m"}',
  );
  assert.equal(
    bodyText(create("null"), { elements: [], before: null }),
    '{"stream":true,"input":[],"model":"m"}',
  );
  assert.throws(() => bodyText(create("5"), alone), /`input` must be a string or an array/);
});

test("whatever a frame says beside the envelope, its body says the same", () => {
  const names = fc.constantFrom("model", "tools", "x", "ü", "metadata", "instructions");
  fc.assert(
    fc.property(fc.dictionary(names, fc.jsonValue()), fc.boolean(), (members, isFirst) => {
      const type = { type: "response.create" };
      const frame = isFirst ? { ...type, ...members } : { ...members, ...type };
      const body = JSON.parse(bodyText(frame)) as JsonObject;
      assert.deepEqual(body, JSON.parse(JSON.stringify({ ...members, stream: true })));
    }),
  );
});

test("what this transport cannot do is refused by name", () => {
  const refused = (value: object): string | undefined => {
    try {
      frameOf({ type: "response.create", ...value });
      return undefined;
    } catch (error) {
      assert.ok(error instanceof GatewayError && error.kind === "invalid_request");
      return error.fields[0]?.field;
    }
  };
  assert.equal(refused({ background: true }), "background");
  assert.equal(refused({ background: false }), undefined);
  assert.equal(refused({ generate: "no" }), "generate");
  assert.equal(refused({ stream_id: "" }), "stream_id");
  assert.equal(refused({ stream_id: "x".repeat(257) }), "stream_id");
  assert.equal(refused({ stream_id: 7 }), "stream_id");
  assert.equal(refused({ stream_id: "A.b_c-1" }), undefined);
  assert.equal(refused({ previous_response_id: 1 }), "previous_response_id");
  assert.equal(refused({ store: "yes" }), "store");
  assert.equal(refused({ type: null }), "type");
  for (const text of ["", "[]", "{", '{"type":"a","type":"b"}'])
    assert.throws(() => parseFrame(Buffer.from(text)), GatewayError);
});

test("output is kept as it was, but for reasoning that only its keeper could find again", () => {
  const message = { type: "message", id: "msg_1", content: [] };
  const call = { type: "function_call", id: "fc_1", call_id: "c" };
  const sealed = { type: "reasoning", id: "rs_1", encrypted_content: "x" };
  const bare = { type: "reasoning", id: "rs_2", encrypted_content: null };
  const kept = (output: unknown): string => keptElements({ output } as JsonObject).toString();
  assert.equal(kept([sealed, message]), `${JSON.stringify(sealed)},${JSON.stringify(message)}`);
  assert.equal(
    kept([bare, message, sealed, call]),
    '{"type":"message","content":[]},{"type":"reasoning","encrypted_content":"x"},{"type":"function_call","call_id":"c"}',
  );
  for (const none of [undefined, null, [], "x", [1, null]]) assert.equal(kept(none), "");
});

test("a text is the message that it stands for", () => {
  const elements = (input: string): string =>
    inputElements(parseFrame(Buffer.from(`{"type":"x","input":${input}}`))).toString();
  assert.equal(elements('"a\\"b"'), '{"type":"message","role":"user","content":"a\\"b"}');
  assert.equal(elements("[\n]"), "");
  assert.equal(elements("null"), "");
});

test("a prepared response is whole, and empty", () => {
  const frame = frameOf({ type: "response.create", model: "m", instructions: "be brief" });
  const told = renderPrepared(frame, { responseId: "resp_1", model: "m", createdAtS: 5 });
  const [created, completed] = told.map((text) => JSON.parse(text) as JsonObject);
  assert.deepEqual([created?.["type"], created?.["sequence_number"]], ["response.created", 0]);
  assert.deepEqual(
    [completed?.["type"], completed?.["sequence_number"]],
    ["response.completed", 1],
  );
  const response = completed?.["response"] as JsonObject;
  assert.deepEqual(
    [response["id"], response["status"], response["output"], response["instructions"]],
    ["resp_1", "completed", [], "be brief"],
  );
  assert.equal(response["store"], false);
});

test("errors have a status and their words within, whoever tells them", () => {
  const telling = { locale: "en", requestId: "" } as const;
  const own = renderErrorFrame(
    new GatewayError("temporarily_unavailable", "busy", { retryAfterS: 1.5 }),
    telling,
    "a_word",
  );
  assert.equal(own["status"], 503);
  assert.deepEqual((own["error"] as JsonObject)["code"], "a_word");
  assert.deepEqual(own["headers"], { "retry-after": "2" });
  const reply = (body: string): JsonObject =>
    errorReplyFrame({ status: 418, headers: { "content-type": "x" }, body: Buffer.from(body) });
  assert.deepEqual(reply('{"error":{"message":"m","code":"c"}}'), {
    type: "error",
    status: 418,
    error: { message: "m", code: "c" },
  });
  assert.equal((reply("<html>")["error"] as JsonObject)["message"], "<html>");
  const status = (event: JsonObject): unknown =>
    errorEventFrame({ type: "error", ...event })["status"];
  assert.equal(status({ code: "rate_limit_exceeded" }), 429);
  assert.equal(status({ error: { type: "invalid_request_error", message: "m" } }), 400);
  assert.equal(status({ error: { code: "upstream_truncated" } }), 502);
  assert.equal(status({ code: "toString" }), 500);
  assert.deepEqual(
    errorEventFrame({ type: "error", sequence_number: 3, code: "c", message: "m" }),
    {
      type: "error",
      sequence_number: 3,
      code: "c",
      message: "m",
      status: 500,
      error: { type: "server_error", code: "c", message: "m", param: null },
    },
  );
});

test("steering is declined, its input comes back", () => {
  const frame = parseFrame(
    Buffer.from(
      '{"type":"response.steer","previous_response_id":"resp_1","input":[{"role":"user"}]}',
    ),
  );
  const told = JSON.parse(renderSteerFailed(frame)) as JsonObject;
  assert.deepEqual(told["steer"], { previous_response_id: "resp_1", input: [{ role: "user" }] });
});
