/** Which rates of a price hold for one call: by the length of its input, the instant of its admission, the tier stated. */
import { lookUp } from "../core/look-up.ts";
import { type Millionths, ratioOne } from "../core/money.ts";
import type { Price, PriceTier, PriceTime, RateChange, TokenRates } from "../sync/price-rates.ts";

/** The rates that hold, all conditions applied. */
export interface HeldRates {
  readonly rates: TokenRates;
  /** Each multiplies all but the fees of tools. */
  readonly factors: readonly Millionths[];
}

export interface RateQuery {
  /** All input tokens, cached ones included. */
  readonly inputTokens: number;
  /** Ms UTC. */
  readonly atMs: number;
  /** As the reply states it; null: it states none. */
  readonly tier: string | null;
}

/** The rates of a price for one call. A later condition's rates stand in the place of an earlier one's; factors multiply. */
export function resolveRates(price: Price, query: RateQuery): HeldRates {
  return applyChanges(price, [
    findTier(price, query.inputTokens),
    findTime(price, query.atMs),
    lookUp(price.serviceTiers, query.tier),
  ]);
}

/** The price's own rates with these changes put upon them in turn. */
export function applyChanges(
  price: Price,
  changes: readonly (RateChange | undefined)[],
): HeldRates {
  let rates: TokenRates = price;
  const factors: Millionths[] = [];
  for (const change of changes) {
    if (change === undefined) continue;
    rates = { ...rates, ...change.rates };
    if (change.factor !== ratioOne) factors.push(change.factor);
  }
  return { rates, factors };
}

/** The tier with the highest threshold that the input exceeds. */
function findTier(price: Price, inputTokens: number): PriceTier | undefined {
  return price.tiers.findLast((tier) => inputTokens > tier.above);
}

/** The first window that an instant lies in. */
export function findTime(price: Price, atMs: number): PriceTime | undefined {
  return price.times.find((time) => isWithin(time, atMs));
}

function isWithin(time: PriceTime, atMs: number): boolean {
  const { weekday, minute } = time.clock(atMs);
  const { fromMinute, toMinute, weekdays } = time;
  const begins = (day: number): boolean => weekdays === null || weekdays.includes(day);
  if (fromMinute < toMinute) return minute >= fromMinute && minute < toMinute && begins(weekday);
  // Over midnight: the window belongs to the day on which it began.
  if (minute >= fromMinute) return begins(weekday);
  return minute < toMinute && begins(weekday === 1 ? 7 : weekday - 1);
}
