/** Thoughts inline: what is a thought may not depend on where the stream is cut. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fastCheck from "fast-check";
import { makeThoughtSplitter } from "./inline-thoughts.ts";

/** Thoughts and answer of a text that comes in pieces. */
function split(pieces: readonly string[]): readonly [string, string] {
  const told = { reasoning: "", text: "" };
  const splitter = makeThoughtSplitter((kind, text) => {
    assert.notEqual(text, "");
    told[kind] += text;
  });
  for (const piece of pieces) splitter.push(piece);
  splitter.end();
  return [told.reasoning, told.text];
}

const cases: readonly (readonly [string, string, string])[] = [
  ["<think>a</think>b", "a", "b"],
  ["\n<think>\na <b> </thin\n</think>\n\nb", "a <b> </thin\n", "b"],
  ["<think>\n\n</think>\n\nb", "", "b"],
  ["no thoughts <think>x</think>", "", "no thoughts <think>x</think>"],
  ["<thinking>b", "", "<thinking>b"],
  ["<thi", "", "<thi"],
  ["<think>never closed </thi", "never closed </thi", ""],
  [" b", "", " b"],
  ["<think>a</think>", "a", ""],
  ["<think>a</think>b</think>c", "a", "b</think>c"],
];

test("whole, in single characters, and cut anywhere", () => {
  for (const [text, reasoning, answer] of cases) {
    assert.deepEqual(split([text]), [reasoning, answer], text);
    assert.deepEqual(split([...text]), [reasoning, answer], text);
  }
  const property = fastCheck.property(
    fastCheck.constantFrom(...cases),
    fastCheck.array(fastCheck.nat(40), { maxLength: 6 }),
    ([text, reasoning, answer], cuts) => {
      const places = [0, ...cuts.map((cut) => Math.min(cut, text.length)), text.length].sort(
        (a, b) => a - b,
      );
      const pieces = places.slice(1).map((place, index) => text.slice(places[index], place));
      assert.deepEqual(split(pieces), [reasoning, answer]);
    },
  );
  fastCheck.assert(property);
});
