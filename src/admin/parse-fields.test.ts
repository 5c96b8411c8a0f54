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

test("inside a field it is refused too, where it would be lost without a word", () => {
  assert.throws(() => parseBody(Buffer.from('{"modelMapping":{"__proto__":"b"}}')), {
    kind: "validation_failed",
    fields: [{ field: "modelMapping.__proto__", message: "is a name that cannot be used" }],
  });
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

/** What is said of each fault, as `field message`. */
function faultsOf(act: () => unknown): readonly string[] {
  try {
    act();
  } catch (error) {
    const { fields } = error as { fields: { field: string; message: string }[] };
    return fields.map(({ field, message }) => `${field} ${message}`);
  }
  return [];
}

test("a fault says what is expected; only what is missing is required", () => {
  const schema = z.strictObject({
    text: z.string().max(3),
    count: z.int().min(1).max(9),
    list: z.array(z.string()).max(1),
    flag: z.boolean(),
    map: z.record(z.string().regex(/^[a-z]+$/, "is no name"), z.string()),
    kind: z.enum(["a", "b"]),
    either: z.union([z.int().min(1), z.string().min(1)]),
  });
  const good = { text: "x", count: 1, list: [], flag: true, map: {}, kind: "a", either: 1 };
  const cases: [object, string][] = [
    [{ text: 1 }, "text must be a text"],
    [{ text: "four" }, "text must have at most 3 characters"],
    [{ text: undefined }, "text is required"],
    [{ text: null }, "text must be a text"],
    [{ count: "1" }, "count must be a number"],
    [{ count: 1.5 }, "count must be a whole number"],
    [{ count: 0 }, "count must be at least 1"],
    [{ count: 10 }, "count must be at most 9"],
    [{ list: "x" }, "list must be an array"],
    [{ list: ["a", "b"] }, "list must have at most 1 entries"],
    [{ list: [1] }, "list[0] must be a text"],
    [{ flag: "true" }, "flag must be true or false"],
    [{ map: [] }, "map must be an object"],
    [{ map: { "9": "x" } }, "map.9 is no name"],
    [{ map: { a: 1 } }, "map.a must be a text"],
    [{ kind: "c" }, 'kind must be "a" or "b"'],
    [{ either: [] }, "either must be a number or a text"],
    [{ either: 0 }, "either must be at least 1"],
    [{ either: undefined }, "either is required"],
  ];
  for (const [wrong, expected] of cases)
    assert.deepEqual(
      faultsOf(() => parseFields(schema, { ...good, ...wrong })),
      [expected],
      JSON.stringify(wrong),
    );
});

test("text that no database gives back as it came is refused by name", () => {
  const parse = (text: string) => () => parseBody(Buffer.from(text));
  assert.deepEqual(
    faultsOf(
      parse(String.raw`{"a":["x","\u0000"],"b":{"c":"\ud800"},"n\u0000":1,"ok":"\ud83d\ude42"}`),
    ),
    [
      "a[1] must be valid text without NUL characters",
      "b.c must be valid text without NUL characters",
      "n\0 must be valid text without NUL characters",
    ],
  );
  assert.throws(() => parseBody(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])), {
    kind: "invalid_request",
  });
});

test("a repeated member is refused: one of the two would be ignored", () => {
  assert.throws(() => parseBody(Buffer.from('{"name":"a","x":{"name":1},"name":"b"}')), {
    kind: "invalid_request",
    fields: [
      {
        field: "name",
        message: 'The member "name" stands in the body more than once; send it once',
      },
    ],
  });
  assert.deepEqual(parseBody(Buffer.from('{"name":"a","x":{"name":1}}')), {
    name: "a",
    x: { name: 1 },
  });
});
