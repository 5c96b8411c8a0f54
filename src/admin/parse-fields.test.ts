/** Merge patches and the refusal of what is not known. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import type { Json } from "../core/json-value.ts";
import { mergePatch, parseBody, parseFields } from "./parse-fields.ts";

test("RFC 7396, with its own examples", () => {
  const cases: [Json, Json, Json][] = [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
      ["a", "b"],
      ["c", "d"],
      ["c", "d"],
    ],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [target, patch, result] of cases)
    assert.deepEqual(mergePatch(target, patch), result, JSON.stringify(patch));
});

test("a member named __proto__ is refused like any unknown one, in a body and in a patch", () => {
  const schema = z.strictObject({ weight: z.int().default(1) });
  for (const name of ["__proto__", "constructor"]) {
    const body = parseBody(Buffer.from(`{"${name}":{"weight":9}}`));
    for (const value of [body, mergePatch({}, body)])
      assert.throws(() => parseFields(schema, value), {
        kind: "validation_failed",
        fields: [{ field: name, message: "is not a known field" }],
      });
  }
});

test("all faults are named at once, nested ones by their path", () => {
  const schema = z.strictObject({ a: z.array(z.strictObject({ b: z.int() })), c: z.string() });
  assert.throws(
    () =>
      parseFields(schema, { a: [{ b: 1 }, { b: "x", d: 1 }], e: 1 }, { e: "is not enforced yet" }),
    (error) => {
      const { fields } = error as { fields: { field: string; message: string }[] };
      assert.deepEqual(fields.map((fault) => fault.field).sort(), ["a[1].b", "a[1].d", "c", "e"]);
      assert.equal(fields.find((fault) => fault.field === "c")?.message, "is required");
      assert.equal(fields.find((fault) => fault.field === "e")?.message, "is not enforced yet");
      return true;
    },
  );
});
