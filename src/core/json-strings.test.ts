// Strings are found where a parser finds them, under the names that it reads.
import assert from "node:assert/strict";
import { test } from "node:test";
import { maxJsonDepth, readString } from "./json.ts";
import { walkStrings } from "./json-strings.ts";

function stringsOf(text: string, opaque: readonly string[] = []): [string, string | undefined][] {
  const body = Buffer.from(text);
  const found: [string, string | undefined][] = [];
  walkStrings(body, opaque, (path, value) => {
    found.push([path.join("/"), readString(body, value)]);
  });
  return found;
}

/** The same by a parser. */
function parsed(
  value: unknown,
  path: readonly string[],
  opaque: readonly string[],
): [string, string][] {
  if (typeof value === "string") return [[path.join("/"), value]];
  if (Array.isArray(value)) return value.flatMap((one) => parsed(one, path, opaque));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, one]) =>
    opaque.includes(name) ? [] : parsed(one, [...path, name], opaque),
  );
}

const texts = [
  '{"a":"1","b":{"c":["2",{"d":"3"},[["4"]]],"e":null,"f":1.5e3,"g":true},"":"5"}',
  ' { "a" : [ ] , "b" : { } , "c" : "\\u00e9 \\" \\\\" } ',
  '["x",["y"],{"z":"w"}]',
  '"alone"',
  "12",
  '{"skip":{"a":"no"},"keep":{"skip":["no"],"b":"yes"}}',
  '{"ünïcode":"ö","a\\nb":"c"}',
];

test("the strings of a text are those that a parser finds, in order", () => {
  for (const text of texts) {
    assert.deepEqual(stringsOf(text), parsed(JSON.parse(text), [], []), text);
    assert.deepEqual(stringsOf(text, ["skip"]), parsed(JSON.parse(text), [], ["skip"]), text);
  }
});

test("names are read with their escapes resolved, repeated ones each", () => {
  assert.deepEqual(stringsOf('{"file\\u005fid":"a","file_id":"b"}'), [
    ["file_id", "a"],
    ["file_id", "b"],
  ]);
});

test("broken texts end the walk without a loop", () => {
  for (const text of [
    '{"a":',
    '{"a" "b"}',
    '{"a":"b"',
    "[1 2",
    '{"a":"b",,}',
    "{1:2}",
    '["a",]',
    "{",
  ])
    try {
      stringsOf(text);
    } catch (thrown) {
      assert.match(String(thrown), /not valid JSON/, text);
    }
});

test("texts as deep as any body may be are walked", () => {
  const deep = `${'{"a":['.repeat(maxJsonDepth / 2)}"x"${"]}".repeat(maxJsonDepth / 2)}`;
  assert.equal(stringsOf(deep).length, 1);
});
