/** Rows of the price book: what is written is what is read, and what cannot be meant serves nobody. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { priceOf, priceRowOf } from "../../test/fakes/prices.ts";
import type { ColumnValue } from "../store/sync-store.ts";
import { noConditions } from "./price-rates.ts";
import { parsePriceRow } from "./price-row.ts";
import { RowFault } from "./row-columns.ts";

test("rates without a column lie in `rates`, and a plain price has none there", () => {
  const plain = priceRowOf({ input: 1, output: "2.000000001" });
  assert.deepEqual(
    [plain["input"], plain["output"], plain["rates"]],
    [1_000_000_000n, 2_000_000_001n, null],
  );
  const rich = priceRowOf({
    input: 1,
    perHour: 0.04,
    times: [{ from: "16:30", to: "24:00", factor: 0.5 }],
  });
  assert.deepEqual(JSON.parse(String(rich["rates"])), {
    perHour: "0.04",
    times: [{ zone: "UTC", from: "16:30", to: "24:00", weekdays: null, factor: "0.5" }],
  });
});

test("a price that names nothing but amounts shares the parts that say nothing", () => {
  const { tiers, times, serviceTiers, perImage } = priceOf({ input: 1 });
  assert.deepEqual({ perImage, tiers, times, serviceTiers }, noConditions);
  assert.equal(tiers, noConditions.tiers);
});

test("a row from before channels, sides and dates is everybody's price since ever", () => {
  const { id, rev, model, mode, input } = priceRowOf({ input: 1 });
  const price = parsePriceRow({ id, rev, model, mode, input } as never);
  assert.deepEqual(
    [price.channelId, price.side, price.effectiveFromMs, price.locked, price.source],
    [0, "charge", 0, false, null],
  );
});

test("channel, side, date and lock are read as they were written", () => {
  const effectiveFrom = "2026-02-01T00:00:00Z";
  const price = priceOf({ input: 1, channelId: 5, side: "cost", effectiveFrom, locked: true });
  assert.deepEqual(
    [price.channelId, price.side, price.effectiveFromMs, price.locked],
    [5, "cost", Date.parse(effectiveFrom), true],
  );
});

test("rows that a hand spoiled are refused by column and field", () => {
  const cases: readonly (readonly [Record<string, ColumnValue>, string, string])[] = [
    [{ input: null }, "input", "input"],
    [{ mode: "call" }, "per_call", "perCall"],
    [{ mode: "call", per_call: 1n }, "input", "input"],
    [{ rates: "{" }, "rates", "rates"],
    [{ rates: "[]" }, "rates", "rates"],
    [{ rates: '{"perSmell":"1"}' }, "rates", "rates"],
    [{ rates: '{"perHour":"much"}' }, "rates", "rates.perHour"],
    [{ rates: '{"perHour":"1","perMinute":"1"}' }, "rates", "perHour"],
    [{ rates: '{"input":"1"}' }, "rates", "rates"],
    [{ rates: '{"serviceTiers":{"__proto__":{"factor":"2"}}}' }, "rates", "rates"],
    [{ channel_id: -1n }, "channel_id", "channelId"],
    [{ is_cost: 2 }, "is_cost", "isCost"],
    [{ locked: 2 }, "locked", "locked"],
    [{ input: -1n }, "input", "input"],
    [{ input: 9_000_000_000_000_000_001n }, "input", "input"],
  ];
  for (const [values, column, field] of cases)
    assert.throws(
      () => parsePriceRow({ ...priceRowOf({ input: 1 }), ...values }),
      (error) =>
        error instanceof RowFault &&
        error.message.startsWith(`${column}: `) &&
        error.fields[0]?.field === field,
      JSON.stringify(values, (_name, value: unknown) =>
        typeof value === "bigint" ? `${value}` : value,
      ),
    );
});
