/**
 * What a call costs: usage × price × ratios, in nano-dollars.
 * Promise kept here: the lines are summed exactly, multiplied, and rounded half-up once; never negative, never wrapped.
 */
import {
  type Millionths,
  type NanoDollars,
  divideHalfUp,
  maxNano,
  ratioOne,
} from "../core/money.ts";
import type { Price } from "../sync/price-rates.ts";
import type { Usage } from "../wire/usage.ts";
import { type ChargeLine, countOf, makeLines } from "./charge-lines.ts";
import { resolveRates } from "./resolve-rates.ts";

export type { ChargeLine } from "./charge-lines.ts";

/** What a call is charged by. */
export interface Charging {
  readonly usage: Usage;
  /** Undefined: the model has no price. */
  readonly price: Price | undefined;
  /** Of the group, the key and the user. */
  readonly ratios: readonly Millionths[];
  /** Service tier that the reply states; null: none. */
  readonly tier: string | null;
  /** Instant of the admission, ms UTC. */
  readonly atMs: number;
}

export interface Charge {
  readonly cost: NanoDollars;
  /** Before the ratios. */
  readonly lines: readonly ChargeLine[];
  readonly priceId: number | null;
  readonly priceRev: number | null;
  /** No price was found, so nothing is charged. */
  readonly unpriced: boolean;
}

/** The charge of a call that delivered nothing. */
export const noCharge: Charge = {
  cost: 0n,
  lines: [],
  priceId: null,
  priceRev: null,
  unpriced: false,
};

/** The charge of a call that delivered something. Never throws. */
export function makeCharge(charging: Charging): Charge {
  const { usage, price, ratios, tier, atMs } = charging;
  if (price === undefined) return { ...noCharge, unpriced: true };
  const held = resolveRates(price, { inputTokens: inputTokensOf(usage), atMs, tier });
  const lines = makeLines(usage, price, held);
  const cost = sumLines(lines, ratios);
  return { cost, lines, priceId: price.id, priceRev: price.rev, unpriced: false };
}

/** All tokens that went in, however they were read: what tiers are told by. */
function inputTokensOf(usage: Usage): number {
  const { input, cacheRead, cacheWrite5m, cacheWrite1h } = usage;
  return countOf(input) + countOf(cacheRead) + countOf(cacheWrite5m) + countOf(cacheWrite1h);
}

const millionth = 1_000_000n;
/** Divisible by all that a rate may be per. */
const commonPer = 9_000_000n;

/** Lines × ratios, rounded once. An amount beyond what is kept is the largest that is. */
export function sumLines(lines: readonly ChargeLine[], ratios: readonly Millionths[]): NanoDollars {
  let { sum, divisor } = lines.every(isPlain) ? sumPlain(lines) : sumExact(lines);
  for (const ratio of ratios) {
    if (ratio === ratioOne) continue;
    sum *= ratio;
    divisor *= ratioOne;
  }
  const cost = divideHalfUp(sum, divisor);
  return cost < 0n ? 0n : cost > maxNano ? maxNano : cost;
}

/** A sum is exact: `sum` / `divisor`. */
interface ExactSum {
  readonly sum: bigint;
  readonly divisor: bigint;
}

/** Whole tokens at a rate per million, as nearly all lines are. */
function isPlain({ units, per, factors }: ChargeLine): boolean {
  return per === 1_000_000 && factors.length === 0 && Number.isInteger(units);
}

function sumPlain(lines: readonly ChargeLine[]): ExactSum {
  let sum = 0n;
  for (const { units, rate } of lines) sum += BigInt(units) * rate;
  return { sum, divisor: millionth };
}

function sumExact(lines: readonly ChargeLine[]): ExactSum {
  const depth = Math.max(...lines.map((line) => line.factors.length));
  let sum = 0n;
  for (const { units, rate, per, factors } of lines) {
    let amount = microUnits(units) * rate * (commonPer / BigInt(per));
    for (let index = 0; index < depth; index += 1) amount *= factors[index] ?? ratioOne;
    sum += amount;
  }
  return { sum, divisor: commonPer * millionth * ratioOne ** BigInt(depth) };
}

/** Millionths of a unit: seconds have decimals. */
function microUnits(units: number): bigint {
  return Number.isInteger(units)
    ? BigInt(units) * millionth
    : BigInt(Math.round(units * Number(millionth)));
}
