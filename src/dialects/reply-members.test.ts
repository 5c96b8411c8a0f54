import assert from "node:assert/strict";
import { test } from "node:test";
import {
  isTold,
  modelFacts,
  scanReply,
  textOfMembers,
  textWithin,
  valueAt,
} from "./reply-members.ts";

test("members of a reply are found; what is not one JSON object is no reply", () => {
  const body = Buffer.from(`{"model":"m","usage":{"a":1},"error":null}`);
  const members = scanReply(body, ["model", "usage", "error"])?.members ?? {};
  assert.deepEqual(modelFacts(body, members["model"]), {
    model: "m",
    modelRange: { start: 9, end: 12 },
  });
  assert.deepEqual(modelFacts(body, members["usage"]), { model: null, modelRange: null });
  assert.deepEqual(modelFacts(body, undefined), { model: null, modelRange: null });
  assert.deepEqual(valueAt(body, members["usage"]), { a: 1 });
  assert.equal(valueAt(body, undefined), undefined);
  for (const text of ["[]", "{", "", "7"])
    assert.equal(scanReply(Buffer.from(text), []), undefined);
});

test("an error is told by an object or by a text that is not empty", () => {
  for (const [value, told] of [
    [`{}`, true],
    [`"no"`, true],
    [`""`, false],
    [`null`, false],
    [`false`, false],
  ] as const) {
    const body = Buffer.from(`{"error":${value}}`);
    assert.equal(isTold(body, scanReply(body, ["error"])?.members["error"]), told, value);
  }
  assert.equal(isTold(Buffer.from("{}"), undefined), false);
});

test("text is counted in bytes, wherever it stands, but in silent members; what is no object counts whole", () => {
  const count = (value: unknown): number =>
    typeof value === "string" ? Buffer.byteLength(value) : textWithin(value, ["id"], count);
  const body = Buffer.from(`{"a":["xy",{"t":"é","id":"long"}],"b":"no","c":5}`);
  assert.equal(textOfMembers(body, ["a", "c"], count), 4);
  assert.equal(textOfMembers(Buffer.from("not json"), ["a"], count), 8);
  assert.equal(textOfMembers(Buffer.from("17"), ["a"], count), 2);
});
