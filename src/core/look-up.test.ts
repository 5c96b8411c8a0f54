import assert from "node:assert/strict";
import { test } from "node:test";
import { lookUp } from "./look-up.ts";

test("only what stands in a table is found in it", () => {
  const table = { stop: "end", "": "nothing" };
  assert.equal(lookUp(table, "stop"), "end");
  assert.equal(lookUp(table, ""), "nothing");
  for (const word of ["other", "constructor", "__proto__", "toString", null, undefined])
    assert.equal(lookUp<string>(table, word), undefined, String(word));
});
