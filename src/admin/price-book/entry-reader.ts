/** Reads the amounts of one entry of a list. Promise kept here: an amount that cannot be told leaves its row out, by name. */
import { formatDollars } from "../../core/money.ts";
import type { NanoDollars } from "../../core/money.ts";
import { tokenRates } from "../../sync/price-rates.ts";
import type { Fraction } from "./exact-amount.ts";
import { parseFraction, times, toNano } from "./exact-amount.ts";
import type { RateName, Remark, RemarkEffect } from "./listed-price.ts";
import { numberText } from "./read-document.ts";

/** Longest text of the list that is repeated in a remark. */
const shownLength = 60;

export class EntryReader {
  readonly vendor: string;
  readonly model: string;
  readonly #remarks: Remark[];
  #failed = false;

  constructor(entry: { readonly vendor: string; readonly model: string }, remarks: Remark[]) {
    this.vendor = entry.vendor;
    this.model = entry.model;
    this.#remarks = remarks;
  }

  /** Something was wrong with an amount: no row is to be made of this entry. */
  get failed(): boolean {
    return this.#failed;
  }

  remark(field: string, effect: RemarkEffect, reason: string): void {
    if (effect === "row-left-out") this.#failed = true;
    const [vendor, model] = [shorten(this.vendor), shorten(this.model)];
    this.#remarks.push({ vendor, model, field: shorten(field), effect, reason });
  }

  /** A number of the list; undefined (and a remark) where it is none or negative. */
  fraction(field: string, value: unknown): Fraction | undefined {
    const text = numberText(value);
    const parsed = text === undefined ? { fault: "is not a number" } : parseFraction(text);
    if (!("fault" in parsed)) return parsed;
    this.remark(field, "row-left-out", `${showValue(value)} ${parsed.fault}`);
    return undefined;
  }

  /** Dollars for `per` units as the amount that a rate of this name is kept as. */
  rate(
    field: string,
    value: unknown,
    { name, per }: { readonly name: RateName; readonly per: bigint },
  ): NanoDollars | undefined {
    const dollars = this.fraction(field, value);
    return dollars && this.nano(field, dollars, { units: unitsOf(name), per });
  }

  /** As {@link rate}, of a fraction that was computed. */
  nano(
    field: string,
    dollars: Fraction,
    scale: { readonly units: bigint; readonly per?: bigint },
  ): NanoDollars | undefined {
    const amount = toNano(dollars, scale);
    if ("fault" in amount) {
      this.remark(field, "row-left-out", `the amount ${amount.fault}`);
      return undefined;
    }
    if (!amount.exact)
      this.remark(
        field,
        "rounded",
        `does not come out whole in nano-dollars: ${formatDollars(amount.nano)} is taken`,
      );
    return amount.nano;
  }

  /** A product, rounded as {@link nano}. */
  product(
    field: string,
    factors: readonly [Fraction, Fraction],
    name: RateName,
  ): bigint | undefined {
    return this.nano(field, times(...factors), { units: unitsOf(name) });
  }
}

/** How many units the amount of a rate is for. */
export function unitsOf(name: RateName): bigint {
  return tokenRates.some((rate) => rate === name) ? 1_000_000n : 1n;
}

function showValue(value: unknown): string {
  return shorten(numberText(value) ?? (JSON.stringify(value) as string | undefined) ?? "it");
}

function shorten(text: string): string {
  return text.length > shownLength ? `${text.slice(0, shownLength)}…` : text;
}
