/** What a price can name, as charges are computed from it. Amounts are nano-dollars; what is not named is not there. */
import type { Millionths, NanoDollars } from "../core/money.ts";
import type { ZoneClock } from "../core/zone-clock.ts";

/** Per million tokens (`characters`: per million of those), by the bucket of wire/usage.ts that they price. */
export const tokenRates = [
  "input",
  "output",
  "cacheRead",
  "cacheWrite5m",
  "cacheWrite1h",
  "inputAudio",
  "inputImage",
  "inputVideo",
  "cacheReadAudio",
  "cacheReadImage",
  "cacheReadVideo",
  "outputAudio",
  "outputImage",
  "outputVideo",
  "reasoning",
  "citations",
  "imageToolInput",
  "imageToolOutput",
  "characters",
] as const;

/** Per one. */
export const unitRates = [
  "perCall",
  "perSecond",
  "perMinute",
  "perHour",
  "perPage",
  "perSearchUnit",
  "perWebSearch",
  "perWebFetch",
  "perFileSearch",
  "perCodeSession",
  "perMapSearch",
  "perToolCall",
  "perSearchSource",
] as const;

export type TokenRate = (typeof tokenRates)[number];
export type UnitRate = (typeof unitRates)[number];

/** Nano-dollars per million. */
export type TokenRates = { readonly [Name in TokenRate]?: NanoDollars };
/** Nano-dollars per unit. */
export type UnitRates = { readonly [Name in UnitRate]?: NanoDollars };

/** What holds in place of a price's own rates under some condition; `factor` multiplies all but the fees of tools. */
export interface RateChange {
  readonly rates: TokenRates;
  readonly factor: Millionths;
}

/** For calls whose whole input is longer than `above` tokens; counts for all their tokens. */
export interface PriceTier extends RateChange {
  readonly above: number;
}

/** For calls admitted at these times of the zone's day. */
export interface PriceTime extends RateChange {
  readonly zone: string;
  /** Minutes since midnight; where `toMinute` is not the later one, the window ends on the next day. */
  readonly fromMinute: number;
  readonly toMinute: number;
  /** Days on which the window begins, 1: Monday … 7: Sunday; null: all. */
  readonly weekdays: readonly number[] | null;
  readonly clock: ZoneClock;
}

/** What a price may say beside its plain rates. */
export interface PriceConditions {
  /** Nano-dollars of an image by `size/quality`, either of which may be `*`; `*` alone: any. Null: images have no price of their own. */
  readonly perImage: Readonly<Record<string, NanoDollars>> | null;
  /** Ascending. */
  readonly tiers: readonly PriceTier[];
  /** The first that fits counts. */
  readonly times: readonly PriceTime[];
  /** By the tier that the reply states. */
  readonly serviceTiers: Readonly<Record<string, RateChange>>;
}

export const noConditions: PriceConditions = {
  perImage: null,
  tiers: [],
  times: [],
  serviceTiers: {},
};

/** `charge`: what callers pay; `cost`: what the operator pays. */
export const priceSides = ["charge", "cost"] as const;
export type PriceSide = (typeof priceSides)[number];

export interface Price extends TokenRates, UnitRates, PriceConditions {
  readonly id: number;
  readonly rev: number;
  /** Name or `prefix*`. */
  readonly model: string;
  /** `call`: `perCall` and nothing else. */
  readonly mode: "tokens" | "call";
  /** 0: of every channel. */
  readonly channelId: number;
  readonly side: PriceSide;
  /** Ms UTC from which it holds; 0: always. */
  readonly effectiveFromMs: number;
  /** No update of the price book changes it. */
  readonly locked: boolean;
  /** Where it came from; null: an operator wrote it. */
  readonly source: string | null;
}

/** Whose price is asked, and when. */
export interface PriceWhere {
  readonly channelId: number;
  /** Instant of the admission, ms UTC. */
  readonly atMs: number;
  readonly side: PriceSide;
}

/** See Snapshot. */
export type FindPrice = (model: string, where?: PriceWhere) => Price | undefined;
