import assert from "node:assert/strict";
import { test } from "node:test";
import { nestsTooDeep, parseJson } from "./json-depth.ts";
import { maxJsonDepth } from "./json.ts";

function nested(levels: number, filling = "1"): string {
  return '{"a":['.repeat(levels / 2) + filling + "]}".repeat(levels / 2);
}

test("as deep as callers' bodies may nest, and no deeper", () => {
  assert.equal(nestsTooDeep(nested(maxJsonDepth)), false);
  assert.equal(nestsTooDeep(nested(maxJsonDepth + 2)), true);
  assert.equal(nestsTooDeep(nested(200_000)), true);
  assert.throws(() => parseJson(nested(200_000)), SyntaxError);
  assert.deepEqual(parseJson(nested(2)), { a: [1] });
});

test("brackets in strings are none, wherever the string ends", () => {
  const brackets = "[{".repeat(2000);
  for (const text of [brackets, `${brackets}\\`, `\\"${brackets}`, `${brackets}\\\\`, '"'])
    assert.deepEqual(parseJson(nested(maxJsonDepth - 2, JSON.stringify([text]))) !== null, true);
  assert.equal(nestsTooDeep(`"${brackets}`), false, "a string that is never closed");
});

test("long lists and closed levels do not add up", () => {
  assert.equal(nestsTooDeep(`[${"[],{},".repeat(5000)}1]`), false);
});
