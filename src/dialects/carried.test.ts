/** Holds packed signatures to their promise: they come back as they were, and only to who can read them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  canRead,
  carriedMarker,
  issuerOf,
  packCarried,
  packForCall,
  packWithText,
  readCarried,
  unpackCarried,
  unpackForCall,
  unpackText,
  writeCarried,
} from "./carried.ts";

const carried = { issuer: "gemini-content/gemini-3", data: "a+b/é=\u0000" };

test("what is packed comes back, in letters that every API takes", () => {
  const packed = packCarried(carried);
  assert.match(packed, /^sy1\.[A-Za-z0-9_-]+$/u);
  assert.deepEqual(unpackCarried(packed), carried);
  assert.equal(packCarried(carried), packed);
});

test("strings that we did not pack are nobody's", () => {
  const pack = (value: unknown): string =>
    carriedMarker + Buffer.from(JSON.stringify(value)).toString("base64url");
  const others = ["", "EqQBCg", "sy1.", "sy1.!!", pack({}), pack([1, "x"]), pack(["x"]), pack("x")];
  for (const text of others) {
    assert.equal(unpackCarried(text), undefined, text);
    assert.equal(unpackForCall(text), undefined, text);
  }
  const long = packCarried({ issuer: "x", data: "y".repeat(1024 * 1024) });
  assert.equal(unpackCarried(long), undefined);
});

test("what belongs to a call says to which", () => {
  const packed = packForCall(carried, "call_1");
  assert.deepEqual(unpackForCall(packed), { callId: "call_1", carried });
  assert.deepEqual(unpackCarried(packed), carried);
  assert.equal(unpackForCall(packCarried(carried)), undefined);
});

test("a thought's text may go with what it carries", () => {
  const packed = packWithText(carried, "I think.");
  assert.equal(unpackText(packed), "I think.");
  assert.deepEqual(unpackCarried(packed), carried);
  assert.equal(unpackForCall(packed), undefined);
  assert.equal(unpackText(packCarried(carried)), undefined);
  assert.equal(unpackText(packForCall(carried, "call_1")), undefined);
});

test("a dialect's own slot holds its own as they were, and others' packed", () => {
  const own = { issuer: "anthropic-messages/claude", data: "EqQB" };
  assert.equal(writeCarried(own, "anthropic-messages"), "EqQB");
  assert.equal(
    writeCarried({ ...own, issuer: "anthropic-messages" }, "anthropic-messages"),
    "EqQB",
  );
  assert.deepEqual(readCarried("EqQB", "anthropic-messages"), {
    issuer: "anthropic-messages",
    data: "EqQB",
  });
  const written = writeCarried(carried, "anthropic-messages");
  assert.notEqual(written, carried.data);
  assert.deepEqual(readCarried(written, "anthropic-messages"), carried);
  // A dialect whose name begins like another's is another.
  assert.notEqual(
    writeCarried({ issuer: "anthropic-messages2", data: "x" }, "anthropic-messages"),
    "x",
  );
});

test("only the same dialect, and the same model where it is known, can read it", () => {
  const readable = (issuer: string): boolean =>
    canRead({ issuer, data: "" }, "anthropic-messages", "claude-a");
  assert.equal(readable("anthropic-messages"), true);
  assert.equal(readable(issuerOf("anthropic-messages", "claude-a")), true);
  assert.equal(readable(issuerOf("anthropic-messages", null)), true);
  assert.equal(readable("anthropic-messages/claude-b"), false);
  assert.equal(readable("gemini-content"), false);
});
