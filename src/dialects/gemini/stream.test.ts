import assert from "node:assert/strict";
import { test } from "node:test";
import { SseFramer } from "../../core/sse.ts";
import { splice } from "../../core/json.ts";
import type { EventReading } from "../contract.ts";
import { geminiContent } from "./dialect.ts";
import { eventModel } from "../event-bytes.ts";
import { makeEventReader } from "./stream.ts";

function readOne(payload: string, lineEnd = "\r\n"): EventReading {
  return makeEventReader()(Buffer.from(`data: ${payload}${lineEnd}${lineEnd}`));
}

const part = (value: string): string =>
  `{"candidates":[{"content":{"parts":[${value}],"role":"model"},"index":0}],"modelVersion":"gemini-x"}`;

test("a chunk is content when a part carries something, whatever kind of part it is", () => {
  const carrying = [
    '{"text":"hi"}',
    '{"text":"hm","thought":true}',
    '{"functionCall":{"name":"f","args":{}}}',
    '{"inlineData":{"mimeType":"image/png","data":"AAAA"}}',
    '{"executableCode":{"code":"1"}}',
    '{"toolCall":{"toolType":"FILE_SEARCH"}}',
    '{"thoughtSignature":"AA","text":"x"}',
  ];
  for (const one of carrying) assert.equal(readOne(part(one)).kind, "content", one);
  const silent = ['{"text":""}', '{"text":"","thoughtSignature":"AA"}', '{"functionCall":{}}'];
  for (const one of silent) assert.equal(readOne(part(one)).kind, "preamble", one);
});

test("words in a generated text or in metadata decide nothing", () => {
  const text = JSON.stringify(
    '"finishReason":"STOP","error":{},"usageMetadata":{"totalTokenCount":1}',
  );
  const reading = readOne(part(`{"text":${text}}`));
  assert.equal(reading.kind, "content");
  assert.equal(reading.hasUsage, false);
  const grounding =
    '{"candidates":[{"groundingMetadata":{"groundingSupports":[{"segment":{"text":"claim"}}],"parts":[{"text":"x"}]}}]}';
  assert.equal(readOne(grounding).kind, "preamble");
  const details =
    '{"usageMetadata":{"promptTokensDetails":[{"finishReason":"STOP"}],"totalTokenCount":1}}';
  const usage = readOne(details);
  assert.deepEqual([usage.kind, usage.hasUsage], ["usage", true]);
});

test("a finish reason or a blocked prompt finishes, an error is an error", () => {
  assert.equal(readOne('{"candidates":[{"finishReason":"STOP"}]}').kind, "finish");
  assert.equal(readOne('{"candidates":[{"finishReason":null,"content":{}}]}').kind, "preamble");
  assert.equal(readOne('{"promptFeedback":{"blockReason":"SAFETY"}}').kind, "finish");
  assert.equal(readOne('{"promptFeedback":{}}').kind, "preamble");
  assert.equal(readOne('{"error":{"code":503,"status":"UNAVAILABLE"}}').kind, "error");
});

test("usage counts only where tokens are told, and its first chunk on Vertex tells none", () => {
  assert.equal(readOne('{"usageMetadata":{"trafficType":"ON_DEMAND"}}').hasUsage, false);
  assert.equal(readOne('{"usageMetadata":{"promptTokenCount":4}}').hasUsage, true);
});

test("text is measured with calls' arguments and without media", () => {
  assert.equal(readOne(part('{"text":"12345"}')).textBytes, 5);
  assert.equal(readOne(part('{"functionCall":{"name":"ab","args":{"c":"d"}}}')).textBytes, 12);
  const image = '{"inlineData":{"mimeType":"image/png","data":"AAAAAAAA"}},{"text":"x"}';
  assert.equal(readOne(part(image)).textBytes, 1);
});

test("the model's name can be spliced whatever the line ends and however many data lines", () => {
  const read = makeEventReader();
  for (const lineEnd of ["\n", "\r\n", "\r"]) {
    const event = Buffer.from(`data: ${part('{"text":"a"}')}${lineEnd}${lineEnd}`);
    const reading = read(event);
    assert.equal(eventModel(event, reading), "gemini-x");
    const edit = { start: reading.modelStart, end: reading.modelEnd, bytes: '"mine"' };
    assert.equal(splice(event, [edit]).toString(), event.toString().replace("gemini-x", "mine"));
  }
  const split = Buffer.from(
    'data: {"modelVersion":"m",\ndata: "candidates":[{"finishReason":"STOP"}]}\n\n',
  );
  const reading = read(split);
  assert.deepEqual([reading.kind, reading.modelStart], ["finish", -1]);
  const named = Buffer.from('event: x\ndata: {"modelVersion":"m"}\n\n');
  assert.equal(eventModel(named, read(named)), "m");
  assert.equal(read(Buffer.from(": ping\r\n\r\n")).kind, "preamble");
});

test("broken bytes are read without a throw", () => {
  const whole = `data: ${part('{"text":"a\\u00e4\\"b"}')}\r\n\r\n`;
  for (let end = 0; end < whole.length; end += 1)
    assert.doesNotThrow(() => makeEventReader()(Buffer.from(whole.slice(0, end))));
});

test("usage of the last chunk holds and searches told before it are kept", () => {
  const grounded = Buffer.from(
    'data: {"candidates":[{"groundingMetadata":{"webSearchQueries":["a","b"]}}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":1}}\r\n\r\n',
  );
  const last = Buffer.from(
    'data: {"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":3,"thoughtsTokenCount":2}}\r\n\r\n',
  );
  const first = geminiContent.eventUsage(grounded, null);
  const usage = geminiContent.eventUsage(last, first);
  assert.equal(usage?.output, 5);
  assert.equal(usage?.kinds?.webSearches, 2);
});

test("CRLF streams are cut at every byte into the same events", () => {
  const stream = Buffer.from(
    [1, 2].map((n) => `data: ${part(`{"text":"${n}"}`)}\r\n\r\n`).join(""),
  );
  for (let at = 0; at <= stream.length; at += 1) {
    const kinds: string[] = [];
    const read = makeEventReader();
    const framer = new SseFramer((event) => {
      if (event.toString().trim() !== "") kinds.push(read(event).kind);
    });
    framer.push(stream.subarray(0, at));
    framer.push(stream.subarray(at));
    assert.deepEqual(kinds, ["content", "content"], `cut at ${at}`);
  }
});
