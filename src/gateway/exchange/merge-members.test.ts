/** Members put into any JSON body are there afterwards, and everything else is as it was. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fastCheck from "fast-check";
import { mergeMembers } from "./merge-members.ts";
import type { Json, JsonObject } from "../../core/json-value.ts";

const merged = (text: string, members: JsonObject): string =>
  mergeMembers(Buffer.from(text), members).toString();

test("objects are joined, arrays are added to, everything else is put in its place", () => {
  assert.equal(merged("{}", { a: 1, b: [2] }), '{"a":1,"b":[2]}');
  assert.equal(merged('{ "a" : 1.50 }', { a: "x", c: true }), '{"c":true, "a" : "x" }');
  assert.equal(merged('{"o":{"x":1e400}}', { o: { y: 2, z: 3 } }), '{"o":{"y":2,"z":3,"x":1e400}}');
  assert.equal(merged('{"o":{}}', { o: { y: { z: 1 } } }), '{"o":{"y":{"z":1}}}');
  assert.equal(merged('{"l":[1, 2]}', { l: [0] }), '{"l":[0,1, 2]}');
  assert.equal(merged('{"l":[ ]}', { l: [0] }), '{"l":[0 ]}');
  assert.equal(merged('{"o":null,"l":"x"}', { o: { y: 1 }, l: [1] }), '{"o":{"y":1},"l":[1]}');
});

function expected(body: Json | undefined, value: Json): Json {
  const isObject = (one: Json | undefined): one is JsonObject =>
    typeof one === "object" && one !== null && !Array.isArray(one);
  if (Array.isArray(body) && Array.isArray(value))
    return [...(value as Json[]), ...(body as Json[])];
  if (!isObject(body) || !isObject(value)) return value;
  const result: Record<string, Json> = { ...body };
  for (const [name, one] of Object.entries(value)) result[name] = expected(body[name], one);
  return result;
}

test("merging bytes is merging values", () => {
  // Names in one case only: two that differ in case are one repeated member.
  const name = fastCheck.constantFrom("a", "b", "c", "d");
  const { value } = fastCheck.letrec<{ value: Json }>((tie) => ({
    value: fastCheck.oneof(
      { maxDepth: 4 },
      fastCheck.integer(),
      fastCheck.string(),
      fastCheck.constant(null),
      fastCheck.array(tie("value"), { maxLength: 3 }),
      fastCheck.dictionary(name, tie("value"), { maxKeys: 4, noNullPrototype: true }),
    ),
  }));
  const object = fastCheck.dictionary(name, value, { maxKeys: 4, noNullPrototype: true });
  fastCheck.assert(
    fastCheck.property(object, object, fastCheck.nat(3), (body, members, indent) => {
      const bytes = mergeMembers(Buffer.from(JSON.stringify(body, null, indent)), members);
      assert.deepEqual(JSON.parse(bytes.toString()), expected(body, members));
    }),
    { numRuns: 500 },
  );
});
