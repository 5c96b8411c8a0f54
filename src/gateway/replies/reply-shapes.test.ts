/** The forms that replies take on their way: arrays made of events, events made of a whole reply. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatReply } from "../../wire/chat-reply.ts";
import { EventMeter } from "./event-meter.ts";
import { JsonArray } from "../exchange/json-array.ts";
import { replyEvents } from "./reply-events.ts";

test("an array is closed whether or not anything was in it, and comments are nothing in it", () => {
  const empty = new JsonArray();
  assert.equal(empty.elements(Buffer.from(": ping\n\n")).toString() + empty.end().toString(), "[]");
  const array = new JsonArray();
  const told =
    array.elements(Buffer.from('data: {"a":1}\n\ndata: {"b":2}\r\n\r\n')).toString() +
    array.elements(Buffer.from('event: x\ndata: {"c":3}\n\n')).toString() +
    array.end().toString();
  assert.deepEqual(JSON.parse(told), [{ a: 1 }, { b: 2 }, { c: 3 }]);
});

const reply: ChatReply = {
  id: "r1",
  model: "m",
  createdAtS: 5,
  choices: [
    {
      index: 0,
      parts: [
        { kind: "reasoning", text: "hm", carried: { issuer: "x", data: "s" } },
        { kind: "text", text: "hello" },
        { kind: "tool-call", id: "t1", name: "f", arguments: '{"a":1}' },
      ],
      finish: { reason: "tool-calls", stopSequence: null, raw: null },
      logprobs: null,
    },
  ],
  usage: null,
  serviceTier: null,
};

test("a whole reply told as events opens and closes each block and ends once", () => {
  const events = replyEvents(reply);
  const types = events.map(({ type }) => type).join(" ");
  const block = "block delta block-end";
  assert.equal(types, `start block delta carried block-end ${block} ${block} finish done`);
  const meter = new EventMeter();
  const carrying = events.filter((event) => meter.note(event)).map(({ type }) => type);
  assert.deepEqual(carrying, ["delta", "carried", "delta", "block", "delta", "finish"]);
  assert.equal(meter.whole, true);
  assert.equal(meter.measured().textBytes, 2 + 5 + 7);
});

test("an answer is whole only when every choice that began has ended", () => {
  const meter = new EventMeter();
  const finish = { reason: "stop", stopSequence: null, raw: null } as const;
  assert.equal(meter.whole, false);
  for (const choice of [0, 1])
    meter.note({ type: "block", choice, block: choice, start: { kind: "text" } });
  meter.note({ type: "finish", choice: 0, finish });
  assert.equal(meter.whole, false);
  meter.note({ type: "finish", choice: 1, finish });
  assert.equal(meter.whole, true);
});
