/**
 * Exact money. Prices are BigInt nano-dollars per million units, ratios BigInt millionths;
 * a charge is summed exactly, divided and rounded half-up once.
 */

/** Nano-dollars: 1 dollar is 1,000,000,000. */
export type NanoDollars = bigint;
/** Millionths: a ratio of 1 is 1,000,000. */
export type Millionths = bigint;

export const ratioOne: Millionths = 1_000_000n;

/** The largest amount kept: BIGINT's range with room for sums. */
export const maxNano = 9_000_000_000_000_000_000n;

const decimalPattern = /^(-?)(\d{1,12})(?:\.(\d+))?$/;

/** Reads a decimal with at most `places` decimals as an integer of 10^-places; undefined when it is none or would lose digits. */
function parseDecimal(input: number | string, places: number): bigint | undefined {
  const text = typeof input === "number" ? numberText(input) : input.trim();
  const match = text === undefined ? null : decimalPattern.exec(text);
  if (match === null) return undefined;
  const [, sign = "", whole = "0", fraction = ""] = match;
  const digits = fraction.replace(/0+$/, "");
  if (digits.length > places) return undefined;
  const value = BigInt(whole) * 10n ** BigInt(places) + BigInt(digits.padEnd(places, "0") || "0");
  return sign === "-" ? -value : value;
}

function numberText(value: number): string | undefined {
  if (!Number.isFinite(value)) return undefined;
  const text = String(value);
  // 1e-7 and 1e21 print with an exponent; toFixed keeps at most the digits a dollar amount may have.
  return text.includes("e")
    ? Math.abs(value) < 1
      ? value.toFixed(20).replace(/0+$/, "")
      : undefined
    : text;
}

/** Dollars (number or decimal text, at most 9 decimals) as nano-dollars; undefined when not a valid amount. */
export function parseDollars(input: number | string): NanoDollars | undefined {
  return parseDecimal(input, 9);
}

/** A ratio (number or decimal text, at most 6 decimals) as millionths; undefined when not valid. */
export function parseRatio(input: number | string): Millionths | undefined {
  return parseDecimal(input, 6);
}

function formatDecimal(value: bigint, places: number): string {
  const sign = value < 0n ? "-" : "";
  const digits = (value < 0n ? -value : value).toString().padStart(places + 1, "0");
  const fraction = digits.slice(-places).replace(/0+$/, "");
  return `${sign}${digits.slice(0, -places)}${fraction === "" ? "" : `.${fraction}`}`;
}

/** Nano-dollars as a decimal string of dollars without trailing zeros. */
export function formatDollars(nano: NanoDollars): string {
  return formatDecimal(nano, 9);
}

/** Millionths as a decimal string. */
export function formatRatio(ratio: Millionths): string {
  return formatDecimal(ratio, 6);
}

/** Division rounded half-up (away from zero at the half); `divisor` > 0. */
export function divideHalfUp(value: bigint, divisor: bigint): bigint {
  const half = divisor / 2n;
  return value >= 0n ? (value + half) / divisor : -((-value + half) / divisor);
}
