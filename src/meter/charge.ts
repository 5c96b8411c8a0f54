/**
 * What a call costs: usage × price × group ratio in nano-dollars.
 * Promise kept here: the lines are summed exactly, divided and rounded half-up once.
 */
import { type NanoDollars, divideHalfUp, ratioOne, type Millionths } from "../core/money.ts";
import type { Price } from "../sync/entities.ts";
import type { Usage } from "../wire/usage.ts";

export interface Charge {
  readonly cost: NanoDollars;
  readonly priceId: number | null;
  /** No price was found, so nothing is charged. */
  readonly unpriced: boolean;
}

const tokensPerPrice = 1_000_000n;

/**
 * A bucket without a price of its own is charged at the nearest one: cache reads and 5-minute writes at `input`,
 * 1-hour writes as 5-minute ones, output at `input`; without `input` such a bucket is free.
 */
function nanoMillionths(usage: Usage, price: Price): bigint {
  const input = price.input ?? 0n;
  const write5m = price.cacheWrite5m ?? input;
  return (
    BigInt(usage.input) * input +
    BigInt(usage.cacheRead) * (price.cacheRead ?? input) +
    BigInt(usage.cacheWrite5m) * write5m +
    BigInt(usage.cacheWrite1h) * (price.cacheWrite1h ?? write5m) +
    BigInt(usage.output) * (price.output ?? input)
  );
}

/** The charge of a call that delivered something. */
export function makeCharge(usage: Usage, price: Price | undefined, ratio: Millionths): Charge {
  if (price === undefined) return { cost: 0n, priceId: null, unpriced: true };
  const cost =
    price.mode === "call"
      ? divideHalfUp((price.perCall ?? 0n) * ratio, ratioOne)
      : divideHalfUp(nanoMillionths(usage, price) * ratio, tokensPerPrice * ratioOne);
  return { cost, priceId: price.id, unpriced: false };
}

/** The charge of a call that delivered nothing. */
export const noCharge: Charge = { cost: 0n, priceId: null, unpriced: false };
