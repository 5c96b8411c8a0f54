/** Prices of genai-prices as rates of ours: which of its units is which rate, and what a tier or an hour puts in their place. */
import { isObject } from "../../../core/json-value.ts";
import { lookUp } from "../../../core/look-up.ts";
import { type EntryReader, unitsOf } from "../entry-reader.ts";
import type { ListedRates, ListedTier, RateName } from "../listed-price.ts";
import { isAbsent, memberOf, membersOf, numberText } from "../read-document.ts";

interface Unit {
  readonly name: RateName;
  /** Units that the list's price is for, for a rate of a million (or of one). */
  readonly per: bigint;
}

const million = 1_000_000n;
const token = (name: RateName): Unit => ({ name, per: million });
const thousand = (name: RateName): Unit => ({ name, per: 1000n });
const one = (name: RateName): Unit => ({ name, per: 1n });

/** Names and sizes of its units: the package's own table of them. */
const units: Readonly<Record<string, Unit>> = {
  input_mtok: token("input"),
  output_mtok: token("output"),
  cache_read_mtok: token("cacheRead"),
  cache_write_mtok: token("cacheWrite5m"),
  cache_write_5m_mtok: token("cacheWrite5m"),
  cache_write_1h_mtok: token("cacheWrite1h"),
  input_audio_mtok: token("inputAudio"),
  input_image_mtok: token("inputImage"),
  input_video_mtok: token("inputVideo"),
  cache_audio_read_mtok: token("cacheReadAudio"),
  cache_image_read_mtok: token("cacheReadImage"),
  cache_video_read_mtok: token("cacheReadVideo"),
  output_audio_mtok: token("outputAudio"),
  output_image_mtok: token("outputImage"),
  output_video_mtok: token("outputVideo"),
  output_reasoning_mtok: token("reasoning"),
  output_citation_mtok: token("citations"),
  input_mchars: token("characters"),
  requests_kcount: thousand("perCall"),
  web_searches_kcount: thousand("perWebSearch"),
  social_searches_kcount: thousand("perWebSearch"),
  storage_searches_kcount: thousand("perFileSearch"),
  code_executions_kcount: thousand("perCodeSession"),
  rerank_searches_kcount: thousand("perSearchUnit"),
  input_document_kpages: thousand("perPage"),
  audio_hours: one("perHour"),
  input_audio_hours: one("perHour"),
  output_audio_hours: one("perHour"),
};

/** Rates of one set of prices, with its tiers by length of the input. */
export interface ReadRates {
  readonly rates: ListedRates;
  readonly tiers: readonly ListedTier[];
}

/** Reads a set of prices; the reader is told of what is not known and of what is no amount. */
export function readRates(reader: EntryReader, prices: unknown): ReadRates {
  if (!isObject(prices)) {
    reader.remark("prices", "row-left-out", "must be an object");
    return { rates: {}, tiers: [] };
  }
  const rates: Record<string, bigint> = {};
  const steps: Step[] = [];
  for (const [field, value] of membersOf(prices)) {
    const unit = lookUp(units, field);
    if (isAbsent(value)) continue;
    if (unit === undefined) {
      reader.remark(field, "field-left-out", "is no unit that is charged for here");
      continue;
    }
    const base = numberText(value) === undefined ? memberOf(value, "base") : value;
    const amount = reader.rate(field, base, unit);
    if (amount === undefined) continue;
    const { name } = unit;
    if (rates[name] !== undefined && rates[name] !== amount)
      reader.remark(field, "row-left-out", `differs from another price of ${name}`);
    rates[name] = amount;
    const further = readSteps(reader, { field, unit, value });
    if (further.length > 0 && unitsOf(name) === 1n)
      reader.remark(field, "row-left-out", "has tiers, which only tokens can have");
    steps.push(...further);
  }
  return { rates, tiers: tiersOf(steps) };
}

/** From this length on a rate has another amount. */
interface Step {
  readonly name: RateName;
  readonly above: number;
  readonly amount: bigint;
}

function readSteps(
  reader: EntryReader,
  { field, unit, value }: { readonly field: string; readonly unit: Unit; readonly value: unknown },
): readonly Step[] {
  if (numberText(value) !== undefined) return [];
  const tiers = memberOf(value, "tiers");
  if (!Array.isArray(tiers)) {
    reader.remark(field, "row-left-out", "has no list of tiers");
    return [];
  }
  return tiers.flatMap((tier: unknown): Step[] => {
    const above = Number(numberText(memberOf(tier, "start")));
    const amount = reader.rate(field, memberOf(tier, "price"), unit);
    if (Number.isSafeInteger(above) && above > 0)
      return amount === undefined ? [] : [{ name: unit.name, above, amount }];
    reader.remark(field, "row-left-out", "has a tier that begins at no number of tokens");
    return [];
  });
}

/** Each tier with all that holds in it: what a lower one changed goes on. */
function tiersOf(steps: readonly Step[]): readonly ListedTier[] {
  const starts = [...new Set(steps.map((step) => step.above))].sort((left, right) => left - right);
  return starts.map((above) => ({
    above,
    factor: null,
    rates: Object.fromEntries(
      steps
        .filter((step) => step.above <= above)
        .sort((left, right) => left.above - right.above)
        .map((step) => [step.name, step.amount]),
    ),
  }));
}

const insteadOf: Readonly<Partial<Record<RateName, readonly RateName[]>>> = {
  cacheRead: ["input"],
  cacheWrite5m: ["input"],
  cacheWrite1h: ["cacheWrite5m", "input"],
  inputAudio: ["input"],
  inputImage: ["input"],
  inputVideo: ["input"],
  cacheReadAudio: ["cacheRead", "input"],
  cacheReadImage: ["cacheRead", "input"],
  cacheReadVideo: ["cacheRead", "input"],
  outputAudio: ["output"],
  outputImage: ["output"],
  outputVideo: ["output"],
  reasoning: ["output"],
};

/** What holds at certain hours, whole: what the base prices apart and the hours do not costs as the nearest that they have. */
export function ratesInstead(base: ListedRates, hours: ListedRates): ListedRates {
  const filled = Object.keys(base).flatMap((name) => {
    const rate = name as RateName;
    if (hours[rate] !== undefined) return [];
    const nearest = insteadOf[rate]?.find((other) => hours[other] !== undefined);
    return nearest === undefined ? [] : [[rate, hours[nearest]]];
  });
  return { ...Object.fromEntries(filled), ...hours };
}
