/**
 * What every source of prices comes to: rows in our own terms, and remarks on all that could not be taken as it stood.
 * Promise kept here: whatever a list says of money is either in a row or in a remark.
 */
import type { Millionths, NanoDollars } from "../../core/money.ts";
import type { PriceSide, TokenRate, UnitRate } from "../../sync/price-rates.ts";

export type RateName = TokenRate | UnitRate;

/** Nano-dollars: per million of tokens and characters, per one of all else. */
export type ListedRates = { readonly [Name in RateName]?: NanoDollars };

/** In place of a price's own rates; `factor` multiplies all but the fees of tools. */
export interface ListedChange {
  /** Of tokens and characters only. */
  readonly rates: ListedRates;
  readonly factor: Millionths | null;
}

export interface ListedTier extends ListedChange {
  /** For calls whose input is longer than this, in tokens. */
  readonly above: number;
}

export interface ListedTime extends ListedChange {
  /** Minutes since midnight, UTC. */
  readonly fromMinute: number;
  readonly toMinute: number;
}

/** What a list says that a call costs. */
export interface ListedTerms {
  readonly mode: "tokens" | "call";
  readonly rates: ListedRates;
  /** Nano-dollars by `size/quality`. */
  readonly perImage: Readonly<Record<string, NanoDollars>> | null;
  readonly tiers: readonly ListedTier[];
  readonly times: readonly ListedTime[];
  readonly serviceTiers: Readonly<Record<string, ListedChange>>;
}

/** One row of a price list. */
export interface ListedPrice extends ListedTerms {
  /** As the list names the one who sells at this price. */
  readonly vendor: string;
  /** Whether that vendor makes the model. */
  readonly isMaker: boolean;
  /** Name or `prefix*`. */
  readonly model: string;
  /** 0: of every channel. */
  readonly channelId: number;
  readonly side: PriceSide;
  /** Ms UTC; 0: always. */
  readonly effectiveFromMs: number;
  readonly locked: boolean;
}

/** What became of something that could not be taken as it stood. */
export type RemarkEffect = "row-left-out" | "field-left-out" | "approximated" | "rounded";

export interface Remark {
  readonly vendor: string;
  /** As the list names it. */
  readonly model: string;
  /** Member of the list that it is about; empty: the whole entry. */
  readonly field: string;
  readonly effect: RemarkEffect;
  readonly reason: string;
}

/** A list as it was understood. */
export interface ParsedList {
  readonly prices: readonly ListedPrice[];
  readonly remarks: readonly Remark[];
  /** How many entries were left alone because their vendor only sells what others make, by vendor. */
  readonly passedOver: Readonly<Record<string, number>>;
}

/** A list being read, entry by entry: whoever reads it may do other things between two of them. */
export type ListReading = Generator<undefined, ParsedList>;

/** Reads a list to its end at once. */
export function readAtOnce(reading: ListReading): ParsedList {
  for (;;) {
    const step = reading.next();
    if (step.done === true) return step.value;
  }
}

/** Terms that say nothing. */
export const noTerms: ListedTerms = {
  mode: "tokens",
  rates: {},
  perImage: null,
  tiers: [],
  times: [],
  serviceTiers: {},
};

/** Of a row that holds for all, always. */
export const everywhere = {
  channelId: 0,
  side: "charge",
  effectiveFromMs: 0,
  locked: false,
} as const satisfies Partial<ListedPrice>;

/** A price per call and nothing else is a price of its own mode. */
export function modeOf(terms: Pick<ListedTerms, "rates" | "perImage">): "tokens" | "call" {
  const named = Object.keys(terms.rates);
  return named.length === 1 && named[0] === "perCall" && terms.perImage === null
    ? "call"
    : "tokens";
}

/** Of which vendors all entries are wanted; of the others those of models that they make. */
export type VendorWishes = (vendor: string) => "all" | "made";

/** Whether a row is wanted. */
export function isWished(
  row: Pick<ListedPrice, "vendor" | "isMaker">,
  wishes: VendorWishes,
): boolean {
  return row.isMaker || wishes(row.vendor) === "all";
}
