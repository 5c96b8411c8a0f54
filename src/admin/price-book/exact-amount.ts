/**
 * Amounts of other people's price lists as nano-dollars. Promise kept here: decimals are read digit by digit, no float
 * touches them; what does not come out whole is rounded to the nearest and says so, never silently.
 */
import { divideHalfUp, maxNano, ratioOne } from "../../core/money.ts";
import type { Millionths, NanoDollars } from "../../core/money.ts";

/** A number that is a fraction of two whole ones; `bottom` > 0. */
export interface Fraction {
  readonly top: bigint;
  readonly bottom: bigint;
}

export interface Amount {
  readonly nano: NanoDollars;
  /** False: rounded to the nearest nano-dollar. */
  readonly exact: boolean;
}

/** What a list's number was refused for. */
export interface AmountFault {
  readonly fault: string;
}

/** More digits or a larger exponent than any price has; they would only make large numbers. */
const maxDigits = 100;
const maxExponent = 60;

const pattern = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,6}))?$/;

/** A decimal such as `0.0000015`, `1.5e-06` or `3`, not negative. */
export function parseFraction(text: string): Fraction | AmountFault {
  const match = pattern.exec(text);
  if (match === null) return { fault: "is not a number" };
  const [, sign = "", whole = "", part = "", exponent = "0"] = match;
  const digits = whole + part;
  const power = Number(exponent) - part.length;
  if (/^0*$/.test(digits)) return { top: 0n, bottom: 1n };
  if (sign === "-") return { fault: "is negative" };
  if (digits.length > maxDigits || Math.abs(power) > maxExponent + maxDigits)
    return { fault: "is out of range" };
  return power >= 0
    ? { top: BigInt(digits) * 10n ** BigInt(power), bottom: 1n }
    : { top: BigInt(digits), bottom: 10n ** BigInt(-power) };
}

/**
 * Dollars for one unit (or for `per` units) as nano-dollars for `units` units. More than is kept, or so little that it
 * would become free, is a fault.
 */
export function toNano(
  dollars: Fraction,
  { units, per = 1n }: { readonly units: bigint; readonly per?: bigint },
): Amount | AmountFault {
  const top = dollars.top * 1_000_000_000n * units;
  const bottom = dollars.bottom * per;
  const nano = divideHalfUp(top, bottom);
  if (nano > maxNano) return { fault: "is out of range" };
  if (nano === 0n && top > 0n) return { fault: "is less than a nano-dollar can tell" };
  return { nano, exact: nano * bottom === top };
}

/** One amount as a multiple of another in millionths; undefined where that is not exact, or nothing is divided by. */
export function exactRatio(amount: Fraction, base: Fraction): Millionths | undefined {
  const top = amount.top * base.bottom * ratioOne;
  const bottom = amount.bottom * base.top;
  return bottom === 0n || top % bottom !== 0n ? undefined : top / bottom;
}

/** Product of two fractions. */
export function times(left: Fraction, right: Fraction): Fraction {
  return { top: left.top * right.top, bottom: left.bottom * right.bottom };
}
