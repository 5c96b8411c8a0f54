import assert from "node:assert/strict";
import { test } from "node:test";
import { eventModel, type EventWalk, Found, makeWalkingReader, takeModel } from "./event-bytes.ts";

/** A walk that takes the text it is given whole for the model's name. */
class WholeWalk implements EventWalk {
  readonly found = new Found();
  text = "";

  walk(bytes: Buffer, start: number, end: number): void {
    this.found.clear();
    this.text = bytes.toString("utf8", start, end);
    if (bytes[start] === 0x22) takeModel(this.found, bytes, start, end);
    this.found.kind = "content";
  }
}

test("the payload is found in place, whatever the line ends and the name before it", () => {
  for (const text of [
    `data: "m"\n\n`,
    `data:"m"\r\n\r\n`,
    `data: "m"\r\r`,
    `event: x\ndata: "m"\n\n`,
    `id: 7\ndata: "m"\n\n`,
    `: note\r\ndata: "m"\r\n\r\n`,
  ]) {
    const walk = new WholeWalk();
    const event = Buffer.from(text);
    const reading = makeWalkingReader(walk)(event);
    assert.equal(reading.kind, "content", text);
    assert.equal(walk.text, `"m"`, text);
    assert.equal(eventModel(event, reading), "m", text);
  }
});

test("offsets into several joined lines mean nothing in the event", () => {
  const walk = new WholeWalk();
  const event = Buffer.from(`data: "m"\ndata: 1\n\n`);
  const reading = makeWalkingReader(walk)(event);
  assert.equal(walk.text, `"m"\n1`);
  assert.equal(reading.modelStart, -1);
  assert.equal(eventModel(event, reading), null);
});

test("comments, the terminator and events named error are told apart without a walk's judgement", () => {
  const read = makeWalkingReader(new WholeWalk());
  assert.equal(read(Buffer.from(": ping\n\n")).kind, "preamble");
  assert.equal(read(Buffer.from("data: [DONE]\n\n")).kind, "done");
  assert.equal(read(Buffer.from("id: 1\ndata: [DONE]\n\n")).kind, "done");
  for (const name of ["event: error", "event:error"])
    assert.equal(read(Buffer.from(`${name}\ndata: {}\n\n`)).kind, "error");
});
