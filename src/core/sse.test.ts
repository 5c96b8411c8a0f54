/** Holds the framer to its promise: events are cut where the standard says, from chunks of any size, losing no byte. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fastCheck from "fast-check";
import { GatewayError } from "./errors.ts";
import { SseFramer, eventData, eventName, renderEvent } from "./sse.ts";

function frame(
  chunks: readonly (string | Buffer)[],
  limit?: number,
): { events: string[]; rest: string } {
  const events: string[] = [];
  const framer = new SseFramer((event) => events.push(event.toString()), limit);
  for (const chunk of chunks) framer.push(Buffer.from(chunk));
  return { events, rest: framer.rest().toString() };
}

test("whole events in one chunk are handed over without copying", () => {
  const chunk = Buffer.from("data: 1\n\ndata: 2\n\n");
  const events: Buffer[] = [];
  new SseFramer((event) => events.push(event)).push(chunk);
  assert.deepEqual(events.map(String), ["data: 1\n\n", "data: 2\n\n"]);
  for (const event of events) assert.equal(event.buffer, chunk.buffer);
});

test("LF, CRLF and CR end lines, also mixed", () => {
  assert.deepEqual(frame(["data: 1\r\n\r\ndata: 2\r\n\r\n"]).events, [
    "data: 1\r\n\r\n",
    "data: 2\r\n\r\n",
  ]);
  assert.deepEqual(frame(["data: 1\r\rdata: 2\r\r"]).events, ["data: 1\r\r", "data: 2\r\r"]);
  assert.deepEqual(frame(["data: 1\n\r\ndata: 2\r\n\n"]).events, [
    "data: 1\n\r\n",
    "data: 2\r\n\n",
  ]);
});

test("a line end of two bytes that arrives in two chunks stays one, at the end of a stream too", () => {
  assert.deepEqual(frame(["data: 1\r\n\r", "\n", "data: 2\r\n\r", "\n"]), {
    events: ["data: 1\r\n\r\n", "data: 2\r\n\r\n"],
    rest: "",
  });
  assert.deepEqual(frame(["data: 1\r\n\r", "data: 2\n\n"]), {
    events: ["data: 1\r\n\r", "data: 2\n\n"],
    rest: "",
  });
});

test("an event that has not ended is held", () => {
  const held = frame(["data: 1\n\ndata: 2\n"]);
  assert.deepEqual(held, { events: ["data: 1\n\n"], rest: "data: 2\n" });
  assert.deepEqual(frame(["data: 2\n", "\n"]), { events: ["data: 2\n\n"], rest: "" });
});

test("comments and several data lines are one event", () => {
  const { events } = frame([": ping\n\n", "event: x\nid: 4\ndata: a\ndata:b\ndata\n\n"]);
  assert.equal(events.length, 2);
  assert.equal(eventData(Buffer.from(events[0]!)), undefined);
  assert.equal(eventData(Buffer.from(events[1]!))?.toString(), "a\nb\n");
  assert.equal(eventName(Buffer.from(events[1]!)), "x");
});

test("fields are read as the standard says", () => {
  const data = (text: string): string | undefined => eventData(Buffer.from(text))?.toString();
  assert.equal(data("data:  two\n\n"), " two");
  assert.equal(data("data:none\r\n\r\n"), "none");
  assert.equal(data("\ufeffdata: marked\n\n"), "marked");
  assert.equal(data("database: no\n\n"), undefined);
  assert.equal(data("\ndata: after a stray line end\n\n"), "after a stray line end");
  assert.equal(eventName(Buffer.from("data: 1\n\n")), undefined);
});

test("an event larger than the limit is refused instead of kept", () => {
  const framer = new SseFramer(() => undefined, 100);
  assert.throws(
    () => {
      for (let round = 0; round < 20; round += 1) framer.push(Buffer.from("data: 0123456789"));
    },
    (thrown) => thrown instanceof GatewayError && thrown.kind === "upstream_invalid",
  );
});

test("however the bytes are cut into chunks: the same payloads, no byte lost", () => {
  const lineEnd = fastCheck.constantFrom("\n", "\r\n", "\r");
  const event = fastCheck.array(fastCheck.constantFrom("data: é", ": c", "event: e", "data:{}"), {
    minLength: 1,
    maxLength: 4,
  });
  const property = fastCheck.property(
    lineEnd,
    fastCheck.array(event, { maxLength: 6 }),
    fastCheck.array(fastCheck.nat(60)),
    (end, events, cuts) => {
      const whole = Buffer.from(
        events.map((lines) => lines.map((line) => line + end).join("") + end).join(""),
      );
      const chunks: Buffer[] = [];
      let start = 0;
      for (const cut of cuts
        .map((offset) => Math.min(offset, whole.length))
        .sort((a, b) => a - b)) {
        chunks.push(whole.subarray(start, cut));
        start = cut;
      }
      chunks.push(whole.subarray(start));
      const found: Buffer[] = [];
      const framer = new SseFramer((piece) => found.push(piece));
      for (const chunk of chunks) framer.push(chunk);
      assert.deepEqual(Buffer.concat([...found, framer.rest()]), whole);
      const expected = events.map((lines) => eventData(Buffer.from(lines.join("\n")))?.toString());
      assert.deepEqual(
        found.map((piece) => eventData(piece)?.toString()),
        expected,
      );
    },
  );
  fastCheck.assert(property, { numRuns: 500 });
});

test("a written event reads back", () => {
  const event = renderEvent("one\ntwo", "error");
  assert.equal(eventName(event), "error");
  assert.equal(eventData(event)?.toString(), "one\ntwo");
});
