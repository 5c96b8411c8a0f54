/** What framers promise: chunks may be cut anywhere, limits hold, and a body that breaks off is told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EventStreamCodec } from "@smithy/eventstream-codec";
import { GatewayError } from "../core/errors.ts";
import type { Framing, StreamEvent } from "./codec.ts";
import { makeFramer, parsePayload, readException, renderSse } from "./framing.ts";

const codec = new EventStreamCodec(
  (bytes) => (typeof bytes === "string" ? bytes : Buffer.from(bytes).toString()),
  (text) => Buffer.from(text),
);

function frame(headers: Readonly<Record<string, string>>, body: string): Buffer {
  const tagged = Object.entries(headers).map(([name, value]) => [name, { type: "string", value }]);
  return Buffer.from(
    codec.encode({ headers: Object.fromEntries(tagged) as never, body: Buffer.from(body) }),
  );
}

function eventFrame(type: string, body: string): Buffer {
  return frame({ ":event-type": type, ":message-type": "event" }, body);
}

function invokeFrame(inner: string): Buffer {
  return eventFrame("chunk", JSON.stringify({ bytes: Buffer.from(inner).toString("base64") }));
}

function read(framing: Framing, chunks: readonly Buffer[]): StreamEvent[] {
  const events: StreamEvent[] = [];
  const framer = makeFramer(framing, (event) => events.push(event));
  for (const chunk of chunks) framer.push(chunk);
  framer.end();
  return events;
}

function failure(framing: Framing, chunks: readonly Buffer[]): string {
  try {
    read(framing, chunks);
  } catch (thrown) {
    assert.ok(thrown instanceof GatewayError);
    return thrown.kind;
  }
  return "none";
}

/** Read whole, in two chunks cut at each byte, and a byte at a time: all must be `expected`. */
function assertEveryCut(framing: Framing, body: Buffer, expected: readonly StreamEvent[]): void {
  assert.deepEqual(read(framing, [body]), expected);
  for (let cut = 0; cut <= body.length; cut += 1)
    assert.deepEqual(
      read(framing, [body.subarray(0, cut), body.subarray(cut)]),
      expected,
      `cut at ${cut}`,
    );
  const bytes = Array.from(body, (_, index) => body.subarray(index, index + 1));
  assert.deepEqual(read(framing, bytes), expected);
}

const sseBodies = {
  "line feeds":
    '\ufeffdata: {"a":"é"}\n\n: ping\n\nevent: x.y\ndata: {"b":1}\n\ndata:\n\ndata: [DONE]\n\n',
  "carriage returns":
    'data: {"a":"é"}\r\n\r\n: ping\r\n\r\nevent: x.y\r\ndata: {"b":1}\r\n\r\ndata: [DONE]\r\n\r\n',
  "a last event without its blank line":
    'data: {"a":"é"}\n\nevent: x.y\nid: 7\ndata: {"b":1}\n\n: ping\n\ndata: [DONE]',
};

for (const [name, body] of Object.entries(sseBodies))
  test(`server-sent events with ${name}`, () => {
    assertEveryCut("sse", Buffer.from(body), [
      { name: null, payload: '{"a":"é"}' },
      { name: "x.y", payload: '{"b":1}' },
      { name: null, payload: "[DONE]" },
    ]);
  });

test("data of several lines is one payload", () => {
  assert.deepEqual(read("sse", [Buffer.from('data: {"a":\ndata: 1}\n\n')]), [
    { name: null, payload: '{"a":\n1}' },
  ]);
});

test("JSON lines, the last without its line feed, blank lines between", () => {
  const lines = ['{"a":"é"}', '{"b":1}', '{"c":2}'];
  const expected = lines.map((payload) => ({ name: null, payload }));
  assertEveryCut("ndjson", Buffer.from(`${lines[0]}\r\n\n${lines[1]}\n \n${lines[2]}`), expected);
});

test("frames of Converse, exceptions among them", () => {
  const body = Buffer.concat([
    eventFrame("messageStart", '{"role":"assistant"}'),
    eventFrame("contentBlockDelta", '{"contentBlockIndex":0,"delta":{"text":"é"}}'),
    frame(
      { ":message-type": "exception", ":exception-type": "throttlingException" },
      '{"message":"slow down"}',
    ),
    frame(
      { ":message-type": "error", ":error-code": "InternalFailure", ":error-message": "oh" },
      "",
    ),
  ]);
  const expected = [
    { name: "messageStart", payload: '{"role":"assistant"}' },
    { name: "contentBlockDelta", payload: '{"contentBlockIndex":0,"delta":{"text":"é"}}' },
    { name: "throttlingException", payload: '{"message":"slow down"}' },
    { name: "InternalFailureException", payload: '{"message":"oh"}' },
  ];
  assertEveryCut("aws-event-stream", body, expected);
  assert.deepEqual(expected.map(readException), [
    undefined,
    undefined,
    { message: "slow down", type: "throttlingException", code: null, status: 429 },
    { message: "oh", type: "InternalFailureException", code: null, status: null },
  ]);
});

test("frames of invoke carry the model's own events, which can be written as SSE", () => {
  const inner = ['{"type":"message_start","message":{}}', '{"type":"ping"}', '{"text":"é"}'];
  const body = Buffer.concat([
    ...inner.map(invokeFrame),
    frame(
      { ":message-type": "exception", ":exception-type": "modelStreamErrorException" },
      '{"message":"broken"}',
    ),
  ]);
  const expected = [
    { name: "message_start", payload: inner[0] ?? "" },
    { name: "ping", payload: inner[1] ?? "" },
    { name: null, payload: inner[2] ?? "" },
    {
      name: "error",
      payload: '{"type":"error","error":{"type":"api_error","message":"broken"}}',
    },
  ];
  assertEveryCut("aws-invoke", body, expected);
  const written = Buffer.concat(expected.slice(0, 3).map(renderSse));
  assert.equal(
    written.toString(),
    `event: message_start\ndata: ${inner[0]}\n\nevent: ping\ndata: ${inner[1]}\n\ndata: ${inner[2]}\n\n`,
  );
  assert.deepEqual(read("sse", [written]), expected.slice(0, 3));
});

test("a body that breaks off within an event is told as such, wherever", () => {
  const bodies: Readonly<Record<Framing, { readonly body: Buffer; readonly whole: number[] }>> = {
    // The payload is whole one byte before each line end.
    sse: { body: Buffer.from('event: a\ndata: {"b":1}\n\n'), whole: [22, 23, 24] },
    ndjson: { body: Buffer.from('{"b":1}\n'), whole: [7, 8] },
    "aws-event-stream": { body: eventFrame("messageStop", '{"stopReason":"end_turn"}'), whole: [] },
    "aws-invoke": { body: invokeFrame('{"type":"message_stop"}'), whole: [] },
  };
  for (const [framing, { body, whole }] of Object.entries(bodies))
    for (let cut = 1; cut <= body.length; cut += 1)
      assert.equal(
        failure(framing as Framing, [body.subarray(0, cut)]),
        cut === body.length || whole.includes(cut) ? "none" : "upstream_truncated",
        `${framing} cut at ${cut}`,
      );
  assert.equal(failure("sse", [Buffer.from("data: 1")]), "upstream_truncated");
});

test("every flipped bit of a frame is noticed", () => {
  const good = eventFrame("messageStop", '{"stopReason":"end_turn"}');
  for (let index = 0; index < good.length; index += 1) {
    const bad = Buffer.from(good);
    bad[index] = (bad[index] ?? 0) ^ 1;
    assert.equal(failure("aws-event-stream", [bad]), "upstream_invalid", `byte ${index}`);
  }
});

test("what is no event stream fails at once, not at its end", () => {
  const framer = makeFramer("aws-event-stream", () => undefined);
  assert.throws(() => framer.push(Buffer.from('{"message":"no"}')), { kind: "upstream_invalid" });
  assert.equal(failure("aws-invoke", [eventFrame("chunk", "no JSON")]), "upstream_invalid");
  assert.equal(failure("aws-invoke", [invokeFrame("[1")]), "upstream_invalid");
  for (const text of ["{", "[]", "1", "null"])
    assert.throws(() => parsePayload(text), { kind: "upstream_invalid" });
});

test("an event larger than 16 MB is refused while it arrives", () => {
  const piece = Buffer.alloc(1024 * 1024, "a");
  for (const framing of ["sse", "ndjson"] as const) {
    const framer = makeFramer(framing, () => undefined);
    framer.push(Buffer.from('data: {"'));
    const push = (): void => {
      for (let count = 0; count < 17; count += 1) framer.push(piece);
    };
    assert.throws(push, { kind: "upstream_invalid" });
  }
  const large = frame({ ":event-type": "x" }, "b".repeat(16 * 1024 * 1024));
  assert.equal(failure("aws-event-stream", [large.subarray(0, 12)]), "upstream_invalid");
});
