/** Field rules of a price, and a row of `prices` parsed by them. */
import { z } from "zod";
import { maxNano, parseDollars } from "../core/money.ts";
import type { RawRow } from "../store/sync-store.ts";
import type { Price } from "./entities.ts";
import { modelPattern } from "./name-fields.ts";
import { bigInteger, entityId, parseColumns, plain } from "./row-columns.ts";

const nano = z
  .bigint()
  .min(0n, "must not be negative")
  .max(maxNano, "must be at most 9000000000 dollars");
const dollars = z
  .union([z.number(), z.string()])
  .transform((value, context) => {
    const amount = parseDollars(value);
    if (amount !== undefined) return amount;
    context.addIssue("must be a decimal amount of dollars with at most 9 decimals");
    return z.NEVER;
  })
  .pipe(nano);

/** Dollars per million tokens, by bucket; null: not priced apart. Nano-dollars after parsing. */
export const priceFields = {
  model: modelPattern,
  mode: z.enum(["tokens", "call"]),
  input: dollars.nullable(),
  output: dollars.nullable(),
  cacheRead: dollars.nullable(),
  cacheWrite5m: dollars.nullable(),
  cacheWrite1h: dollars.nullable(),
  perCall: dollars.nullable(),
};

const schema = z.object({
  model: modelPattern,
  mode: priceFields.mode,
  input: nano.nullable(),
  output: nano.nullable(),
  cacheRead: nano.nullable(),
  cacheWrite5m: nano.nullable(),
  cacheWrite1h: nano.nullable(),
  perCall: nano.nullable(),
});
const columns = {
  model: plain("model"),
  mode: plain("mode"),
  input: bigInteger("input"),
  output: bigInteger("output"),
  cacheRead: bigInteger("cache_read"),
  cacheWrite5m: bigInteger("cache_write_5m"),
  cacheWrite1h: bigInteger("cache_write_1h"),
  perCall: bigInteger("per_call"),
};

/** Throws RowFault. */
export function parsePriceRow(row: RawRow): Price {
  const id = entityId(row);
  const { model, mode, ...amounts } = parseColumns(row, schema, columns);
  return Object.freeze({
    id,
    rev: Number(row.rev),
    model,
    mode,
    ...(amounts.input === null ? {} : { input: amounts.input }),
    ...(amounts.output === null ? {} : { output: amounts.output }),
    ...(amounts.cacheRead === null ? {} : { cacheRead: amounts.cacheRead }),
    ...(amounts.cacheWrite5m === null ? {} : { cacheWrite5m: amounts.cacheWrite5m }),
    ...(amounts.cacheWrite1h === null ? {} : { cacheWrite1h: amounts.cacheWrite1h }),
    ...(amounts.perCall === null ? {} : { perCall: amounts.perCall }),
  });
}
