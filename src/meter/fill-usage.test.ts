/** What an upstream left untold is counted here and marked so; what it told stays. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Usage, noUsage } from "../wire/usage.ts";
import { fillUsage } from "./fill-usage.ts";

const counted = { input: () => 30, output: 7 };
const filled = (told: Partial<Usage>): readonly unknown[] => {
  const usage = fillUsage({ ...noUsage, ...told }, counted);
  return [usage.input, usage.output, usage.estimated];
};

test("a side that was told to be nothing is counted", () => {
  assert.deepEqual(filled({ output: 5 }), [30, 5, true]);
  assert.deepEqual(filled({ input: 5 }), [5, 7, true]);
  assert.deepEqual(filled({ cacheRead: 9, output: 5 }), [0, 5, false]);
});

test("what was told stays, and so do units without tokens; the input is not counted for nothing", () => {
  assert.deepEqual(filled({ input: 1, output: 2 }), [1, 2, false]);
  assert.deepEqual(filled({ kinds: { images: 2 } }), [0, 0, false]);
  const told = { ...noUsage, input: 4 };
  const input = (): number => assert.fail("not asked");
  assert.equal(fillUsage(told, { input, output: 0 }), told);
});
