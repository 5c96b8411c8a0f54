/** Which words behind a model's name are wishes, and which belong to the name. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mapModel } from "./plan.ts";
import { parseModelWish } from "./model-wish.ts";
import type { Channel } from "../sync/entities.ts";

const none = { effort: null, thinking: false, search: false };

test("known words are taken off, in any number; others stay", () => {
  assert.deepEqual(parseModelWish("m"), { model: "m", wish: null });
  assert.deepEqual(parseModelWish("m#high"), { model: "m", wish: { ...none, effort: "high" } });
  assert.deepEqual(parseModelWish("a#b#search#thinking"), {
    model: "a#b",
    wish: { ...none, search: true, thinking: true },
  });
  for (const name of ["m#", "#high", "m#HIGH", "m#v2", "m#high#x"])
    assert.deepEqual(parseModelWish(name), { model: name, wish: null });
});

test("a mapping's target may keep the asked price and carry a wish", () => {
  const channel = (target: string, billAs: "asked" | "sent"): Channel =>
    ({ modelMapping: { pro: target }, options: { billAs } }) as unknown as Channel;
  assert.deepEqual(mapModel(channel("+m#low", "sent"), "pro"), {
    model: "m",
    billedModel: "pro",
    wish: { ...none, effort: "low" },
  });
  assert.equal(mapModel(channel("m#low", "sent"), "pro").billedModel, "m");
  assert.equal(mapModel(channel("m", "asked"), "pro").billedModel, "pro");
  assert.deepEqual(mapModel(channel("m", "sent"), "other"), {
    model: "other",
    billedModel: "other",
    wish: null,
  });
});
