import assert from "node:assert/strict";
import { test } from "node:test";
import { bareUsage } from "../../test/fakes/bare-usage.ts";
import { GatewayError } from "../core/errors.ts";
import {
  decodeRealtimeUsage,
  endedResponse,
  readClientEvent,
  readServerEvent,
  renameModels,
  renderRealtimeError,
  transcriptionModel,
  transcriptionUsage,
} from "./realtime-events.ts";

const bytes = (value: unknown): Buffer =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value));

test("a caller's event tells its type, its id and the models it names", () => {
  const event = readClientEvent(
    bytes(
      '{"session":{"a":{"model":"deep"},"model":"m1"},"event_id":"e1","type":"session.update"}',
    ),
  );
  assert.deepEqual([event.type, event.eventId], ["session.update", "e1"]);
  assert.deepEqual(
    event.models.map(({ name, field }) => [name, field]),
    [["m1", "session.model"]],
  );
  const both = readClientEvent(
    bytes({ type: "x", session: { model: "a" }, response: { model: "b" } }),
  );
  assert.deepEqual(
    both.models.map(({ field }) => field),
    ["session.model", "response.model"],
  );
  for (const odd of [
    { session: null },
    { session: "m" },
    { session: { model: 5 } },
    { session: [] },
  ])
    assert.deepEqual(readClientEvent(bytes({ type: "x", ...odd })).models, []);
});

test("what an upstream might read otherwise than we do is refused", () => {
  const hostile = [
    "",
    "null",
    "[]",
    '"response.create"',
    "{",
    "{}",
    '{"type":5}',
    '{"type":"a","type":"response.create"}',
    '{"type":"a","Type":"response.create"}',
    '{"type":"a","\\u0074ype":"response.create"}',
    '{"type":"session.update","session":{},"session":{"model":"b"}}',
    '{"type":"session.update","session":{"model":"a","model":"b"}}',
    '{"type":"a"} trailing',
  ];
  for (const text of hostile)
    assert.throws(
      () => readClientEvent(bytes(text)),
      (error) => error instanceof GatewayError && error.kind === "invalid_request",
      text,
    );
});

test("an upstream's event that cannot be read is left alone", () => {
  for (const text of [
    "",
    "no JSON",
    "[]",
    "{}",
    '{"type":"response.done","response":',
    '{"type":1}',
  ])
    assert.equal(readServerEvent(bytes(text)), undefined, text);
});

test("deltas are counted by their text; sound is content without text", () => {
  const read = (type: string, delta: unknown): readonly unknown[] => {
    const event = readServerEvent(bytes({ type, response_id: "r1", delta }));
    return [event?.responseId, event?.textBytes, event?.isContent];
  };
  assert.deepEqual(read("response.output_text.delta", "four"), ["r1", 4, true]);
  assert.deepEqual(read("response.function_call_arguments.delta", "{}"), ["r1", 2, true]);
  assert.deepEqual(read("response.output_audio.delta", "QUJD"), ["r1", 0, true]);
  assert.deepEqual(read("response.audio.delta", "QUJD"), ["r1", 0, true]);
  assert.deepEqual(read("response.output_text.delta", ""), ["r1", 0, false]);
  assert.deepEqual(read("conversation.item.input_audio_transcription.delta", "x"), [
    "r1",
    0,
    false,
  ]);
});

test("names are put in by splices of their bytes alone", () => {
  const data = bytes('{ "type":"session.created","session":{ "model" : "sent" , "n":1.0} }');
  const { model } = readServerEvent(data)!;
  assert.equal(
    renameModels(data, [model!], 'own "quoted"').toString(),
    '{ "type":"session.created","session":{ "model" : "own \\"quoted\\"" , "n":1.0} }',
  );
});

test("usage: buckets do not overlap, kinds lie within their buckets", () => {
  const usage = decodeRealtimeUsage({
    input_tokens: 253,
    output_tokens: 200,
    input_token_details: {
      text_tokens: 100,
      audio_tokens: 120,
      image_tokens: 33,
      cached_tokens: 64,
      cached_tokens_details: { text_tokens: 14, audio_tokens: 50 },
    },
    output_token_details: { text_tokens: 30, audio_tokens: 170, reasoning_tokens: 5 },
  });
  assert.deepEqual(bareUsage(usage), {
    input: 189,
    cacheRead: 64,
    cacheWrite5m: 0,
    cacheWrite1h: 0,
    output: 200,
    reasoning: 5,
    estimated: false,
    kinds: { inputAudio: 70, inputImage: 33, cacheReadAudio: 50, outputAudio: 170 },
  });
  const odd = decodeRealtimeUsage({
    input_tokens: 10,
    output_tokens: 1,
    input_token_details: { cached_tokens: 99, audio_tokens: 99, cached_tokens_details: null },
    output_token_details: "none",
  });
  assert.deepEqual([odd?.input, odd?.cacheRead, odd?.kinds], [0, 10, undefined]);
  for (const none of [
    undefined,
    null,
    {},
    [],
    { input_tokens: "9" },
    { input_tokens: -1 },
    { input_tokens: Number.NaN },
  ])
    assert.equal(decodeRealtimeUsage(none), null);
});

test("how a response ended", () => {
  const of = (response: unknown): unknown => {
    const { status, problem, usage } = endedResponse({ response });
    return [status, problem, usage?.output ?? null];
  };
  assert.deepEqual(of({ status: "completed", usage: { output_tokens: 3 } }), [
    "completed",
    null,
    3,
  ]);
  assert.deepEqual(of({ status: "cancelled", usage: null }), ["cancelled", null, null]);
  const error = { type: "server_error", code: "rate_limit_exceeded" };
  assert.deepEqual(of({ status: "failed", status_details: { error } }), [
    "failed",
    "rate_limit_exceeded",
    null,
  ]);
  assert.deepEqual(of({ status: "failed" }), ["failed", "the response failed", null]);
  assert.deepEqual(of("odd"), [null, null, null]);
});

test("who writes down what the caller says, and what that counts", () => {
  const model = (session: unknown): unknown => transcriptionModel({ session });
  assert.equal(model({ audio: { input: { transcription: { model: "w" } } } }), "w");
  assert.equal(model({ input_audio_transcription: { model: "whisper-1" } }), "whisper-1");
  for (const none of [
    null,
    {},
    { audio: { input: { transcription: null } } },
    { input_audio_transcription: { model: 1 } },
  ])
    assert.equal(model(none), null);
  assert.deepEqual(transcriptionUsage({ usage: { type: "duration", seconds: 3.5 } })?.kinds, {
    seconds: 3.5,
  });
  assert.equal(transcriptionUsage({ usage: { type: "tokens", input_tokens: 4 } })?.input, 4);
  for (const none of [
    {},
    { usage: { type: "duration" } },
    { usage: { type: "duration", seconds: "one" } },
  ])
    assert.equal(transcriptionUsage(none), null);
});

test("an error is told in the API's own shape, with the caller's event", () => {
  const error = new GatewayError("invalid_request", "no", {
    fields: [{ field: "session.model", message: "no" }],
    values: { detail: "no" },
  });
  const telling = { locale: "en", requestId: "r" } as const;
  const told = renderRealtimeError(error, telling, { eventId: "event_1", aboutEvent: "mine" });
  assert.deepEqual(JSON.parse(told.toString()), {
    type: "error",
    event_id: "event_1",
    error: {
      type: "invalid_request_error",
      code: "invalid_request",
      message: "no",
      param: "session.model",
      event_id: "mine",
    },
  });
});
