import assert from "node:assert/strict";
import { test } from "node:test";
import { ResponsesMemory } from "./responses-memory.ts";

function play(limit = Number.POSITIVE_INFINITY): { memory: ResponsesMemory; held: () => number } {
  let held = 0;
  const memory = new ResponsesMemory({
    hold: (bytes) => {
      if (held + bytes > limit) return false;
      held += bytes;
      return true;
    },
    release: (bytes) => void (held -= bytes),
  });
  return { memory, held: () => held };
}

const pieces = (...texts: readonly string[]): Buffer[] => texts.map((text) => Buffer.from(text));
const told = (memory: ResponsesMemory, id: string): unknown => {
  const found = memory.history(id);
  return found && [found.elements.map(String).join(), found.before];
};

test("a chain is told from its beginning, a fork from its own", () => {
  const { memory, held } = play();
  memory.remember("a", null, pieces("1", "2"));
  memory.remember("b", "a", pieces("3"));
  memory.remember("c", "a", pieces("4"));
  assert.deepEqual(told(memory, "b"), ["1,2,3", null]);
  assert.deepEqual(told(memory, "c"), ["1,2,4", null]);
  assert.equal(told(memory, "d"), undefined);
  assert.equal(held(), 4);
});

test("what stands before the oldest is named, where somebody else keeps it", () => {
  const { memory } = play();
  memory.remember("b", "kept", pieces("2"));
  memory.remember("c", "b", pieces("3"));
  assert.deepEqual(told(memory, "c"), ["2,3", "kept"]);
});

test("the oldest are forgotten, but not what later ones need; all is given back", () => {
  const { memory, held } = play();
  for (let index = 0; index < 200; index += 1)
    memory.remember(`r${index}`, index === 0 ? null : `r${index - 1}`, pieces("x"));
  assert.equal(memory.history("r0"), undefined);
  assert.equal(memory.history("r199")?.elements.length, 200);
  assert.equal(held(), 200);
  for (let index = 0; index < 64; index += 1) memory.remember(`alone${index}`, null, pieces("yy"));
  assert.equal(memory.history("r199"), undefined);
  assert.equal(held(), 128);
  memory.clear();
  assert.equal(held(), 0);
});

test("an id that comes again stands for the new one", () => {
  const { memory, held } = play();
  memory.remember("a", null, pieces("old"));
  memory.remember("b", "a", pieces("b"));
  memory.remember("a", "b", pieces("new"));
  assert.deepEqual(told(memory, "a"), ["old,b,new", null]);
  memory.remember("a", null, pieces("last"));
  assert.deepEqual(told(memory, "a"), ["last", null]);
  assert.deepEqual(told(memory, "b"), ["old,b", null]);
  memory.clear();
  assert.equal(held(), 0);
});

test("what there is no room for is not remembered", () => {
  const { memory, held } = play(3);
  memory.remember("a", null, pieces("xxx"));
  memory.remember("b", "a", pieces("y"));
  assert.equal(memory.history("b"), undefined);
  assert.deepEqual(told(memory, "a"), ["xxx", null]);
  assert.equal(held(), 3);
});
