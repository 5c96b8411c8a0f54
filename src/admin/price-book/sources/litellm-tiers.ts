/**
 * What holds in place of an entry's own rates: by length of the input, by the tier that a reply states, by hours. Promise
 * kept here: where a tier's prices are one multiple of all that the entry prices, it is a factor, so that it also holds
 * for long inputs; a combination that cannot be said leaves its field out by name.
 */
import { ratioOne } from "../../../core/money.ts";
import type { EntryReader } from "../entry-reader.ts";
import { unitsOf } from "../entry-reader.ts";
import type { Fraction } from "../exact-amount.ts";
import { exactRatio } from "../exact-amount.ts";
import type { ListedChange, ListedRates, ListedTier, RateName } from "../listed-price.ts";
import type { RateField } from "./litellm-fields.ts";

/** An amount of the entry with what its member's name says. */
export interface EntryAmount extends RateField {
  readonly field: string;
  /** Dollars for one unit. */
  readonly dollars: Fraction;
}

/** Tiers by length, from the members that no service tier is said of. */
export function tiersOf(
  reader: EntryReader,
  amounts: readonly EntryAmount[],
): readonly ListedTier[] {
  const long = amounts.filter((one) => one.above !== undefined && one.serviceTier === undefined);
  const starts = [...new Set(long.map((one) => one.above ?? 0))].sort((a, b) => a - b);
  return starts.map((above) => {
    const held = long
      .filter((one) => (one.above ?? 0) <= above)
      .sort((left, right) => (left.above ?? 0) - (right.above ?? 0));
    return { above, factor: null, rates: ratesOf(reader, held) };
  });
}

/** By the tier that a reply states. */
export function serviceTiersOf(
  reader: EntryReader,
  amounts: readonly EntryAmount[],
): Readonly<Record<string, ListedChange>> {
  const names = new Set(amounts.flatMap((one) => one.serviceTier ?? []));
  return Object.fromEntries(
    [...names].flatMap((name) => {
      const own = amounts.filter((one) => one.serviceTier === name);
      const change = changeOf(reader, own, amounts);
      return change === undefined ? [] : [[name, change] as const];
    }),
  );
}

function changeOf(
  reader: EntryReader,
  own: readonly EntryAmount[],
  all: readonly EntryAmount[],
): ListedChange | undefined {
  const factor = commonFactor(own, all);
  if (factor !== undefined) return factor === ratioOne ? undefined : { rates: {}, factor };
  for (const { field, above } of own)
    if (above !== undefined)
      reader.remark(field, "field-left-out", "a tier's own price for long inputs is no one factor");
  const plain = own.filter((one) => one.above === undefined);
  return plain.length === 0 ? undefined : { rates: ratesOf(reader, plain), factor: null };
}

/** What each amount of the tier is of the one it stands for, when that is the same of all. */
function commonFactor(
  own: readonly EntryAmount[],
  all: readonly EntryAmount[],
): bigint | undefined {
  const factors = own.flatMap((one): (bigint | undefined)[] => {
    const standard = all.find(
      (other) =>
        other.serviceTier === undefined && other.name === one.name && other.above === one.above,
    );
    if (standard === undefined) return [undefined];
    // Nothing, of nothing: any factor.
    const isFree = standard.dollars.top === 0n && one.dollars.top === 0n;
    return isFree ? [] : [exactRatio(one.dollars, standard.dollars)];
  });
  const [first] = factors;
  return factors.every((factor) => factor === first) ? first : undefined;
}

function ratesOf(reader: EntryReader, amounts: readonly EntryAmount[]): ListedRates {
  const rates: { [Name in RateName]?: bigint } = {};
  for (const { field, name, dollars } of amounts) {
    if (unitsOf(name) === 1n) {
      reader.remark(field, "row-left-out", "only prices of tokens can differ so");
      continue;
    }
    const nano = reader.nano(field, dollars, { units: unitsOf(name) });
    if (nano !== undefined) rates[name] = nano;
  }
  return rates;
}
