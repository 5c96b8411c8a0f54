/** Holds the scanner to its promise: everything outside an edit arrives byte for byte, and nothing ambiguous is let in. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fastCheck from "fast-check";
import { GatewayError } from "./errors.ts";
import {
  maxJsonDepth,
  memberInsertion,
  readBoolean,
  readNumber,
  readString,
  scanMembers,
  splice,
} from "./json.ts";

const bytes = (text: string): Buffer => Buffer.from(text);

function refusal(text: string, names: readonly string[] = ["model"]): GatewayError {
  try {
    scanMembers(bytes(text), names);
  } catch (thrown) {
    assert.ok(thrown instanceof GatewayError);
    assert.equal(thrown.kind, "invalid_request");
    return thrown;
  }
  throw new assert.AssertionError({ message: `accepted: ${text}` });
}

test("ranges of wanted members are found whatever stands around them", () => {
  const body = bytes(
    ' {\n "a" : [1,{"model":"no"},"}"] ,\t"model":\r\n"gp\\u0074\\"" , "stream":true,"n":-1.5e3 } \n',
  );
  const { members } = scanMembers(body, ["model", "stream", "n", "absent"]);
  assert.equal(readString(body, members["model"]!), 'gpt"');
  assert.equal(readBoolean(body, members["stream"]!), true);
  assert.equal(readNumber(body, members["n"]!), -1500);
  assert.equal(members["absent"], undefined);
});

test("a name written with escapes is the same name", () => {
  const body = bytes('{"mo\\u0064el":"x"}');
  assert.equal(readString(body, scanMembers(body, ["model"]).members["model"]!), "x");
});

test("a repeated wanted member is refused, also in disguise; others may repeat", () => {
  for (const text of [
    '{"model":"a","model":"b"}',
    '{"model":"a","\\u006dodel":"b"}',
    '{"model":"a","Model":"b"}',
    '{"MODEL":"a","model":"b"}',
  ]) {
    const error = refusal(text);
    assert.equal(error.fields[0]?.field, "model");
    assert.match(error.message, /more than once/);
  }
  scanMembers(bytes('{"other":1,"other":2,"model":"a"}'), ["model"]);
});

test("malformed bodies are refused with the place, and the member where there is one", () => {
  assert.match(refusal("").message, /object is expected at byte 0/);
  assert.match(refusal("[]").message, /object is expected/);
  assert.match(refusal('"model"').message, /object is expected/);
  assert.match(refusal("{").message, /member name is expected at byte 1/);
  assert.match(refusal('{"a":1,}').message, /member name is expected at byte 7/);
  assert.match(refusal('{"a":1 "b":2}').message, /`,` or `}` is expected at byte 7/);
  assert.match(refusal('{"a":tru}').message, /in "a": a value that is malformed at byte 5/);
  assert.match(refusal('{"a":01}').message, /malformed/);
  assert.match(refusal('{"a":[1}').message, /in "a": a bracket that closes another kind at byte 7/);
  assert.match(refusal('{"messages":[{"role":"us').message, /in "messages"/);
  assert.match(refusal('{"a"').message, /`:` is expected/);
  assert.match(refusal('{"a":').message, /text ends where a value is expected/);
  assert.match(refusal('{"a":1}{"b":2}').message, /behind the end/);
  assert.match(refusal('{"a":"x\\"').message, /malformed/);
  assert.equal(refusal('{"messages":[').fields[0]?.field, "messages");
});

test("nesting is bounded", () => {
  const deep = (depth: number): string => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  scanMembers(bytes(deep(maxJsonDepth)), ["model"]);
  assert.match(refusal(deep(maxJsonDepth + 1)).message, /nesting deeper/);
});

test("a member of a member is found and edited in place", () => {
  const body = bytes('{"stream_options" : { "include_usage" : false , "x":1 } , "model":"m"}');
  const outer = scanMembers(body, ["stream_options"]).members["stream_options"]!;
  const inner = scanMembers(body, ["include_usage"], outer);
  const range = inner.members["include_usage"]!;
  const edited = splice(body, [{ ...range, bytes: "true" }]);
  assert.equal(edited.toString(), body.toString().replace("false", "true"));
});

test("a member is added to an empty and to a filled object", () => {
  for (const [text, expected] of [
    ["{ }", '{"b":2 }'],
    ['{ "a":1}', '{"b":2, "a":1}'],
  ] as const) {
    const body = bytes(text);
    const edited = splice(body, [memberInsertion(scanMembers(body, ["a"]), "b", "2")]);
    assert.equal(edited.toString(), expected);
    JSON.parse(edited.toString());
  }
});

test("overlapping edits are a fault of ours and said so", () => {
  const twice = [
    { start: 0, end: 3, bytes: "" },
    { start: 2, end: 4, bytes: "" },
  ];
  assert.throws(() => splice(bytes("abcdef"), twice), RangeError);
});

/** Writes a value as JSON in a needlessly odd way: white space, escapes, exponents, huge numbers. */
function oddly(value: unknown, pick: () => number): string {
  const space = (): string => ["", " ", "\n", "\t ", "\r\n"][pick() % 5] ?? "";
  if (typeof value === "string") {
    const characters = Array.from(
      JSON.stringify(value)
        .slice(1, -1)
        .matchAll(/\\u....|\\.|./gsu),
      ([part]) => part,
    );
    const escaped = characters.map((part) =>
      pick() % 4 === 0 && /^[a-z]$/.test(part)
        ? `\\u${part.charCodeAt(0).toString(16).padStart(4, "0")}`
        : part,
    );
    return `"${escaped.join("")}"`;
  }
  if (typeof value === "number")
    return (
      ["9007199254740993", "1e400", "-0.0", "1.0E+2", JSON.stringify(value)][pick() % 5] ?? "0"
    );
  if (Array.isArray(value))
    return `[${space()}${value.map((item) => oddly(item, pick)).join(`${space()},${space()}`)}${space()}]`;
  if (value !== null && typeof value === "object") {
    const members = Object.entries(value).map(
      ([name, item]) => `${oddly(name, pick)}${space()}:${space()}${oddly(item, pick)}`,
    );
    return `${space()}{${space()}${members.join(`${space()},${space()}`)}${space()}}${space()}`;
  }
  return JSON.stringify(value);
}

test("splicing one member leaves every other byte as it was, for any JSON", () => {
  const property = fastCheck.property(
    fastCheck.dictionary(fastCheck.string(), fastCheck.jsonValue(), { maxKeys: 6 }),
    fastCheck.string({ unit: "grapheme" }),
    fastCheck.infiniteStream(fastCheck.nat(1000)),
    (others, model, stream) => {
      const pick = (): number => stream.next().value ?? 0;
      const names = Object.keys(others).filter((name) => name.toLowerCase() !== "model");
      const position = names.length === 0 ? 0 : pick() % (names.length + 1);
      names.splice(position, 0, "model");
      const object = Object.fromEntries(
        names.map((name) => [`${name}`, name === "model" ? model : others[name]]),
      );
      const body = bytes(oddly(object, pick));
      const range = scanMembers(body, ["model"]).members["model"];
      assert.ok(range !== undefined);
      assert.equal(readString(body, range), model);
      const edited = splice(body, [{ ...range, bytes: '"other"' }]);
      assert.deepEqual(edited.subarray(0, range.start), body.subarray(0, range.start));
      assert.deepEqual(edited.subarray(range.start + 7), body.subarray(range.end));
      const again = scanMembers(edited, ["model"]).members["model"];
      assert.ok(again !== undefined && readString(edited, again) === "other");
    },
  );
  fastCheck.assert(property, { numRuns: 500 });
});

test("parsing and writing again would not keep such a body (so splicing is needed)", () => {
  const text = '{"model":"m","seed":9007199254740993,"top_p":1.0, "x":"\\u0061"}';
  assert.notEqual(JSON.stringify(JSON.parse(text)), text);
});

test("five megabytes take a few milliseconds", () => {
  const message = {
    role: "user",
    content: 'A line of text with "quotes" and \\ slashes.\n'.repeat(8),
  };
  const image = {
    type: "image_url",
    image_url: { url: `data:image/png;base64,${"A".repeat(1_000_000)}` },
  };
  const messages = [...Array.from({ length: 9000 }, () => message), image, image];
  const body = bytes(JSON.stringify({ messages, model: "m" }));
  assert.ok(body.length > 5_000_000);
  let best = Infinity;
  for (let round = 0; round < 8; round += 1) {
    const started = performance.now();
    assert.ok(scanMembers(body, ["model", "stream"]).members["model"] !== undefined);
    best = Math.min(best, performance.now() - started);
  }
  // Parsing takes several times as long; the bound leaves room for a busy machine.
  assert.ok(best < 40, `${best} ms`);
});
