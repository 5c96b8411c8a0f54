/**
 * The lines of a charge: what was used, bucket by bucket, each with the rate that prices it.
 * Promise kept here: no token stands in two lines, and none is negative, whatever an upstream told.
 */
import { lookUp } from "../core/look-up.ts";
import type { Millionths, NanoDollars } from "../core/money.ts";
import type { Price, TokenRate, TokenRates, UnitRate } from "../sync/price-rates.ts";
import type { Usage, UsageKinds } from "../wire/usage.ts";
import type { HeldRates } from "./resolve-rates.ts";

export interface ChargeLine {
  /** Bucket of wire/usage.ts, or the rate's name; an image's with its size and quality (`image 1024x1024/high`). */
  readonly what: string;
  /** Seconds may have decimals. */
  readonly units: number;
  /** Nano-dollars per `per` units. */
  readonly rate: NanoDollars;
  readonly per: 1 | 60 | 3_600 | 1_000_000;
  /** Factors of the price's own conditions; none: nothing is multiplied. */
  readonly factors: readonly Millionths[];
}

/** Counts above this are no counts of one call. */
const maxCount = 1e12;

/** A count as it is charged: one that cannot be (negative, NaN) is none, and none is larger than 10^12. */
export function countOf(told: number | undefined): number {
  return told === undefined || !(told > 0) ? 0 : Math.min(told, maxCount);
}

/** The lines of a call. Buckets that nothing was counted in have none, nor have units that the price does not name. */
export function makeLines(usage: Usage, price: Price, held: HeldRates): readonly ChargeLine[] {
  const call = callLine(price, held);
  if (price.mode === "call") return call;
  const { kinds } = usage;
  const tokens = tokenLines(usage, held);
  if (kinds === undefined) return call.length === 0 ? tokens : [...tokens, ...call];
  return [
    ...tokens,
    ...secondLines(kinds, price, held),
    ...imageLines(kinds, price, held),
    ...unitLines(kinds, price, held),
    ...call,
  ];
}

/** What a call costs whatever it used. */
function callLine(price: Price, { factors }: HeldRates): readonly ChargeLine[] {
  return price.perCall === undefined
    ? []
    : [{ what: "call", units: 1, rate: price.perCall, per: 1, factors }];
}

/** A part of a bucket: how much of it, and the rate of its own that it may have. */
type Part = readonly [what: TokenRate, told: number | undefined, rate: NanoDollars | undefined];

/** All token buckets; what has no rate of its own is counted with the bucket that it is part of. */
function tokenLines(usage: Usage, { rates, factors }: HeldRates): readonly ChargeLine[] {
  const { kinds } = usage;
  const lines: ChargeLine[] = [];
  const add = (what: string, units: number, rate: NanoDollars): void => {
    if (units > 0) lines.push({ what, units, rate, per: 1_000_000, factors });
  };
  const addBucket = (whole: Part, parts: readonly Part[]): void => {
    let left = countOf(whole[1]);
    for (const [what, told, rate] of parts) {
      if (rate === undefined) continue;
      const units = Math.min(left, countOf(told));
      left -= units;
      add(what, units, rate);
    }
    add(whole[0], left, whole[2] ?? 0n);
  };
  const input = rates.input ?? 0n;
  const write5m = rates.cacheWrite5m ?? input;
  addBucket(["input", usage.input, input], inputParts(kinds, rates));
  addBucket(["cacheRead", usage.cacheRead, rates.cacheRead ?? input], cachedParts(kinds, rates));
  addBucket(["cacheWrite5m", usage.cacheWrite5m, write5m], noParts);
  addBucket(["cacheWrite1h", usage.cacheWrite1h, rates.cacheWrite1h ?? write5m], noParts);
  addBucket(["output", usage.output, rates.output ?? input], outputParts(usage, rates));
  if (kinds === undefined) return lines;
  for (const what of besideTokens)
    if (rates[what] !== undefined) add(what, countOf(kinds[what]), rates[what]);
  return lines;
}

/** Counted beside input and output: without a rate they are free. */
const besideTokens = ["citations", "imageToolInput", "imageToolOutput", "characters"] as const;

const noParts: readonly Part[] = [];

function inputParts(kinds: UsageKinds | undefined, rates: TokenRates): readonly Part[] {
  if (kinds === undefined) return noParts;
  return [
    ["inputAudio", kinds.inputAudio, rates.inputAudio],
    ["inputImage", kinds.inputImage, rates.inputImage],
    ["inputVideo", kinds.inputVideo, rates.inputVideo],
  ];
}

/** Cached sound where no cache has a rate is sound. */
function cachedParts(kinds: UsageKinds | undefined, rates: TokenRates): readonly Part[] {
  if (kinds === undefined) return noParts;
  const { cacheRead, inputAudio, inputImage, inputVideo } = rates;
  const fallback = (rate: NanoDollars | undefined): NanoDollars | undefined =>
    cacheRead === undefined ? rate : undefined;
  return [
    ["cacheReadAudio", kinds.cacheReadAudio, rates.cacheReadAudio ?? fallback(inputAudio)],
    ["cacheReadImage", kinds.cacheReadImage, rates.cacheReadImage ?? fallback(inputImage)],
    ["cacheReadVideo", kinds.cacheReadVideo, rates.cacheReadVideo ?? fallback(inputVideo)],
  ];
}

function outputParts(usage: Usage, rates: TokenRates): readonly Part[] {
  const { kinds } = usage;
  const reasoning: Part = ["reasoning", usage.reasoning, rates.reasoning];
  if (kinds === undefined) return rates.reasoning === undefined ? noParts : [reasoning];
  return [
    ["outputAudio", kinds.outputAudio, rates.outputAudio],
    ["outputImage", kinds.outputImage, rates.outputImage],
    ["outputVideo", kinds.outputVideo, rates.outputVideo],
    reasoning,
  ];
}

const secondRates = [
  ["perSecond", 1],
  ["perMinute", 60],
  ["perHour", 3_600],
] as const satisfies readonly (readonly [UnitRate, ChargeLine["per"]])[];

function secondLines(kinds: UsageKinds, price: Price, held: HeldRates): readonly ChargeLine[] {
  const units = countOf(kinds.seconds);
  const { factors } = held;
  return secondRates.flatMap(([name, per]) => {
    const rate = price[name];
    return units === 0 || rate === undefined
      ? []
      : [{ what: "seconds", units, rate, per, factors }];
  });
}

function imageLines(kinds: UsageKinds, price: Price, held: HeldRates): readonly ChargeLine[] {
  const { perImage } = price;
  if (perImage === null) return [];
  const { factors } = held;
  const lines: ChargeLine[] = [];
  const add = (form: string, units: number): void => {
    const rate = imageRate(perImage, form);
    if (units > 0) lines.push({ what: `image ${form}`, units, rate, per: 1, factors });
  };
  let left = countOf(kinds.images);
  for (const [form, told] of Object.entries(kinds.imageSizes ?? {})) {
    const units = Math.min(left, countOf(told));
    left -= units;
    add(form, units);
  }
  add("auto/auto", left);
  return lines;
}

/** Size and quality, then the size at any quality, then the quality at any size, then any. */
export function imageRate(
  perImage: Readonly<Record<string, NanoDollars>>,
  form: string,
): NanoDollars {
  const [size = "", quality = ""] = form.split("/");
  return (
    lookUp(perImage, form) ??
    lookUp(perImage, `${size}/*`) ??
    lookUp(perImage, `*/${quality}`) ??
    lookUp(perImage, "*") ??
    0n
  );
}

/** Units and what prices them; the fees of tools are the same in every tier and at any hour. */
const unitsPriced = [
  ["pages", "perPage", "whole"],
  ["searchUnits", "perSearchUnit", "whole"],
  ["webSearches", "perWebSearch", "tool"],
  ["webFetches", "perWebFetch", "tool"],
  ["fileSearches", "perFileSearch", "tool"],
  ["codeSessions", "perCodeSession", "tool"],
  ["mapSearches", "perMapSearch", "tool"],
  ["toolCalls", "perToolCall", "tool"],
  ["searchSources", "perSearchSource", "tool"],
] as const satisfies readonly (readonly [keyof UsageKinds, UnitRate, "whole" | "tool"])[];

/** Whether a price names anything beside tokens; few do. */
export function pricesUnits(price: Price): boolean {
  if (price.mode === "call" || price.perCall !== undefined || price.perImage !== null) return true;
  return (
    secondRates.some(([name]) => price[name] !== undefined) ||
    unitsPriced.some(([, name]) => price[name] !== undefined)
  );
}

function unitLines(kinds: UsageKinds, price: Price, held: HeldRates): readonly ChargeLine[] {
  const lines: ChargeLine[] = [];
  for (const [what, name, kind] of unitsPriced) {
    const rate = price[name];
    const units = rate === undefined ? 0 : countOf(kinds[what]);
    if (rate === undefined || units === 0) continue;
    lines.push({ what, units, rate, per: 1, factors: kind === "tool" ? [] : held.factors });
  }
  return lines;
}
