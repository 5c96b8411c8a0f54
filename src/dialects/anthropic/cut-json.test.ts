/** Arguments as the object that Anthropic wants, whatever came of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inputOf } from "./cut-json.ts";

test("what was cut off keeps its whole members", () => {
  const cases: readonly [string, object][] = [
    ['{"a":1,"b":[2,{"c":"x', { a: 1, b: [2, {}] }],
    ['{"a":"}]","b":tru', { a: "}]" }],
    ['{"a":{"b":1}', { a: { b: 1 } }],
    ['{"a\\"":1,"b', { 'a"': 1 }],
    ['{"a":1}', { a: 1 }],
    ["{", {}],
    ["", {}],
    ["null", {}],
    ["[1]", {}],
    ["}{", {}],
  ];
  for (const [text, expected] of cases) assert.deepEqual(inputOf(text), expected, text);
});

test("nesting without end neither takes long nor runs out of stack", () => {
  for (const piece of ["[", '{"a":', '[{"a":', '{"a":[1,'])
    for (const start of ['{"a":', ""]) {
      const startedAt = performance.now();
      assert.deepEqual(inputOf(start + piece.repeat(300_000)), {});
      assert.ok(performance.now() - startedAt < 2000, piece);
    }
});
