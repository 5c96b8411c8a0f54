/**
 * What is set aside for a call before anybody is asked: the most that it is likely to cost.
 * Promises kept here: a price per call is set aside to the nano-dollar; numbers that no call can mean are refused; an
 * amount too large to be kept is the largest that is, which no budget has.
 */
import { GatewayError } from "../core/errors.ts";
import { lookUp } from "../core/look-up.ts";
import type { Millionths, NanoDollars } from "../core/money.ts";
import type { Price, RateChange, TokenRate, TokenRates } from "../sync/price-rates.ts";
import { type Usage, type UsageKinds, noUsage } from "../wire/usage.ts";
import { type ChargeLine, imageRate, makeLines, pricesUnits } from "./charge-lines.ts";
import { sumLines } from "./charge.ts";
import { type HeldRates, applyChanges, findTime } from "./resolve-rates.ts";

export interface Reserving {
  readonly price: Price;
  /** Of the group, the key and the user. */
  readonly ratios: readonly Millionths[];
  /** Bytes of the request's text. */
  readonly inputBytes: number;
  /** Pictures, sounds, documents and films in the request. */
  readonly mediaParts: number;
  /** Answers asked for. */
  readonly answers: number;
  /** Most tokens of output of one answer. */
  readonly outputTokens: number;
  /** Uses of the vendor's own tools that the call allows, and units that the request itself tells (images, seconds, …). */
  readonly tools: UsageKinds;
  /** Instant of the admission, ms UTC. */
  readonly atMs: number;
  /** Tier that it is known to be charged by (`batch`); left out: any that the price has may be stated. */
  readonly tier?: string;
}

/** Two bytes of text for a token: no tokenizer in use needs so many for a text of any length. */
const bytesPerToken = 2;
/** A page of a document or a large picture; longer sounds and films cost more than is set aside. */
export const tokensAMediaPart = 2_000;
/** Taken where the price is by time and nobody knows how long the sound is. */
const usualSeconds = 600;
/** Taken where the price is by page and nobody knows how many there are. */
const usualPages = 100;

/**
 * Nano-dollars. The instant is the one that the charge is computed for, so its time of day is known; the length of the
 * input and the tier that the reply will state (unless `tier` says it) are not: the dearest that may be reached is taken.
 * Throws GatewayError `invalid_request`.
 */
export function estimateReservation(reserving: Reserving): NanoDollars {
  checkCounts(reserving);
  const { price, atMs } = reserving;
  const time = findTime(price, atMs);
  const services =
    reserving.tier === undefined
      ? [undefined, ...Object.values(price.serviceTiers)]
      : [lookUp(price.serviceTiers, reserving.tier)];
  let dearest = 0n;
  for (const tier of reachableTiers(reserving))
    for (const service of services) {
      const amount = estimateAt(reserving, applyChanges(price, [tier, time, service]));
      if (amount > dearest) dearest = amount;
    }
  return dearest;
}

function checkCounts({ inputBytes, mediaParts, answers, outputTokens }: Reserving): void {
  if (!isCount(answers) || answers === 0) throw refused("the number of answers");
  if (!isCount(outputTokens)) throw refused("the limit of output tokens");
  if (!isCount(inputBytes) || !isCount(mediaParts)) throw refused("the size of the request");
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function refused(what: string): GatewayError {
  const detail = `${what} must be a positive whole number that a call can mean`;
  return new GatewayError("invalid_request", detail, { values: { detail } });
}

/** Tiers that the input may reach; parts that are no text, and tools, may bring more than can be told from here. */
function reachableTiers(reserving: Reserving): readonly (RateChange | undefined)[] {
  const { price, mediaParts, tools } = reserving;
  const unbounded = mediaParts > 0 || Object.keys(tools).length > 0;
  const tokens = inputTokensOf(reserving);
  return [undefined, ...price.tiers.filter((tier) => unbounded || tokens > tier.above)];
}

function inputTokensOf({ inputBytes, mediaParts }: Reserving): number {
  return Math.ceil(inputBytes / bytesPerToken) + mediaParts * tokensAMediaPart;
}

function estimateAt(reserving: Reserving, held: HeldRates): NanoDollars {
  const { price, ratios, mediaParts, inputBytes, answers, outputTokens } = reserving;
  const { rates, factors } = held;
  const units = unitLinesOf(reserving, held);
  if (price.mode === "call") return sumLines(units, ratios);
  const line = (what: string, count: number, rate: NanoDollars): ChargeLine => ({
    what,
    units: count,
    rate,
    per: 1_000_000,
    factors,
  });
  const text = dearestOf(rates, textBuckets, 0n);
  const tokens = [
    line("input", Math.ceil(inputBytes / bytesPerToken), text),
    line("media", mediaParts * tokensAMediaPart, dearestOf(rates, mediaBuckets, text)),
    line("output", answers * outputTokens, outputRate(rates)),
  ];
  return sumLines([...tokens, ...units], ratios);
}

const textBuckets = ["input", "cacheRead", "cacheWrite5m", "cacheWrite1h"] as const;
const mediaBuckets = [
  "inputAudio",
  "inputImage",
  "inputVideo",
  "cacheReadAudio",
  "cacheReadImage",
  "cacheReadVideo",
] as const;
const outputBuckets = ["outputAudio", "outputImage", "outputVideo", "reasoning"] as const;

/** The dearest of some buckets, and no less than `least`. */
function dearestOf(
  rates: TokenRates,
  buckets: readonly TokenRate[],
  least: NanoDollars,
): NanoDollars {
  let most = least;
  for (const name of buckets) {
    const rate = rates[name];
    if (rate !== undefined && rate > most) most = rate;
  }
  return most;
}

function outputRate(rates: TokenRates): NanoDollars {
  return dearestOf(rates, outputBuckets, rates.output ?? rates.input ?? 0n);
}

/** What the call may cost beside input and output. */
function unitLinesOf(reserving: Reserving, held: HeldRates): readonly ChargeLine[] {
  const { price } = reserving;
  const rates = unitRatesOf(held.rates);
  if (rates === undefined && !pricesUnits(price)) return [];
  return makeLines(unitsOf(reserving), price, { ...held, rates: rates ?? {} });
}

/** Of the token rates, those that count something beside input and output; undefined: there are none. */
function unitRatesOf(rates: TokenRates): TokenRates | undefined {
  const { characters, imageToolInput, imageToolOutput } = rates;
  if ((characters ?? imageToolInput ?? imageToolOutput) === undefined) return undefined;
  return {
    ...(characters === undefined ? {} : { characters }),
    ...(imageToolInput === undefined ? {} : { imageToolInput }),
    ...(imageToolOutput === undefined ? {} : { imageToolOutput }),
  };
}

/** What the call may use beside tokens: as told, else as much as is usual. */
function unitsOf({ tools, price, answers, inputBytes, mediaParts }: Reserving): Usage {
  const images = tools.images ?? answers;
  const kinds: UsageKinds = {
    characters: inputBytes,
    seconds: usualSeconds,
    pages: Math.max(1, mediaParts) * usualPages,
    searchUnits: 1,
    ...tools,
    images,
    imageSizes: tools.imageSizes ?? { [dearestForm(price)]: images },
  };
  return { ...noUsage, kinds };
}

/** The form of picture that costs most. */
function dearestForm({ perImage }: Price): string {
  if (perImage === null) return "auto/auto";
  return Object.keys(perImage).reduce(
    (dearest, form) => (imageRate(perImage, form) > imageRate(perImage, dearest) ? form : dearest),
    "auto/auto",
  );
}
