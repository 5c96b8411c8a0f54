/** Which row of the price book prices a call. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fastCheck from "fast-check";
import { priceOf } from "../../test/fakes/prices.ts";
import { makeFindPrice } from "./price-index.ts";
import type { Price, PriceWhere } from "./price-rates.ts";

const row = (id: number, model: string, more: Partial<Price> = {}): Price => ({
  ...priceOf({ model, input: id }, id),
  ...more,
});
const at = (channelId: number, atMs = 1000, side: Price["side"] = "charge"): PriceWhere => ({
  channelId,
  atMs,
  side,
});

test("the exact name, else the longest prefix; the channel's own before any general one", () => {
  const find = makeFindPrice([
    row(1, "*"),
    row(2, "gpt-*"),
    row(3, "gpt-4*"),
    row(4, "gpt-4o"),
    row(5, "*", { channelId: 7 }),
    row(6, "gpt-4*", { channelId: 7 }),
    row(7, "gpt-4o-mini", { channelId: 8 }),
  ]);
  const found = (model: string, channelId: number): number | undefined =>
    find(model, at(channelId))?.id;
  assert.deepEqual(
    ["gpt-4o", "gpt-4o-mini", "gpt-4", "gpt-5", "o3"].map((model) => [
      found(model, 1),
      found(model, 7),
      found(model, 8),
    ]),
    [
      [4, 6, 4],
      [3, 6, 7],
      [3, 6, 3],
      [2, 5, 2],
      [1, 5, 1],
    ],
  );
  assert.equal(find("gpt-4o")?.id, 4);
  assert.equal(makeFindPrice([row(1, "a")])("b"), undefined);
});

test("of dated rows the latest that holds; one that is yet to come hides none", () => {
  const find = makeFindPrice([
    row(1, "m"),
    row(2, "m", { effectiveFromMs: 3000 }),
    row(3, "m", { effectiveFromMs: 2000 }),
    row(4, "m", { channelId: 7, effectiveFromMs: 5000 }),
    row(5, "n", { effectiveFromMs: 5000 }),
    row(6, "n*"),
  ]);
  const found = (model: string, channelId: number, atMs: number): number | undefined =>
    find(model, at(channelId, atMs))?.id;
  assert.deepEqual(
    [0, 1999, 2000, 2999, 3000, 9000].map((ms) => found("m", 1, ms)),
    [1, 1, 3, 3, 2, 2],
  );
  assert.deepEqual(
    [4999, 5000].map((ms) => found("m", 7, ms)),
    [2, 4],
  );
  assert.deepEqual(
    [4999, 5000].map((ms) => found("n", 7, ms)),
    [6, 5],
  );
});

test("what callers pay and what the operator pays are books of their own", () => {
  const find = makeFindPrice([row(1, "m"), row(2, "m", { side: "cost", channelId: 7 })]);
  assert.equal(find("m", at(7))?.id, 1);
  assert.equal(find("m", at(7, 1000, "cost"))?.id, 2);
  assert.equal(find("m", at(8, 1000, "cost")), undefined);
});

test("where the table lost its constraint every node takes the lowest id", () => {
  const rows = [row(1, "m"), row(2, "m"), row(3, "x*"), row(4, "x*")];
  const find = makeFindPrice(rows);
  assert.deepEqual([find("m")?.id, find("xy")?.id], [1, 3]);
});

test("the index finds what a scan by the rules does", () => {
  const name = fastCheck.constantFrom("a", "ab", "abc", "b", "*", "a*", "ab*", "abc*");
  const rows = fastCheck.array(
    fastCheck.record({
      model: name,
      channelId: fastCheck.nat(2),
      effectiveFromMs: fastCheck.nat(3),
      side: fastCheck.constantFrom<Price["side"]>("charge", "cost"),
    }),
    { maxLength: 25 },
  );
  const asked = fastCheck.constantFrom("a", "ab", "abc", "abcd", "b", "c", "");
  const property = fastCheck.property(
    rows,
    asked,
    fastCheck.nat(3),
    fastCheck.nat(4),
    (list, model, channelId, atMs) => {
      const prices = list.map((one, index) => row(index + 1, one.model, one));
      const rank = (price: Price): readonly number[] => [
        price.channelId === 0 ? 0 : 1,
        price.model === model ? 1 : 0,
        price.model.length,
        price.effectiveFromMs,
        -price.id,
      ];
      const fits = (price: Price): boolean =>
        price.side === "charge" &&
        price.effectiveFromMs <= atMs &&
        (price.channelId === 0 || price.channelId === channelId) &&
        (price.model.endsWith("*")
          ? model.startsWith(price.model.slice(0, -1))
          : price.model === model);
      const byRank = (one: Price, other: Price): number => {
        const [left, right] = [rank(one), rank(other)];
        const index = left.findIndex((part, place) => part !== right[place]);
        return index === -1 ? 0 : (right[index] ?? 0) - (left[index] ?? 0);
      };
      const [expected] = prices.filter(fits).sort(byRank);
      assert.equal(makeFindPrice(prices)(model, at(channelId, atMs))?.id, expected?.id);
    },
  );
  fastCheck.assert(property, { numRuns: 2000 });
});

test("a book of ten thousand prices answers in microseconds", () => {
  const prices = Array.from({ length: 10_000 }, (_, id) =>
    row(id + 1, `vendor-${id}/model-${id % 2 ? "*" : "x"}`),
  );
  const find = makeFindPrice(prices);
  const startedAt = performance.now();
  for (let round = 0; round < 100_000; round += 1) find("vendor-9999/model-unknown", at(3));
  // A scan of the book at each would compare a thousand million names.
  assert.ok(performance.now() - startedAt < 2000);
});
