/** Prices of the oracle (@pydantic/genai-prices) as ours, written here by hand: no code of the gateway's importer is used. */
import type { calcPrice } from "@pydantic/genai-prices";
import { parseDollars, ratioOne } from "../../src/core/money.ts";
import {
  noConditions,
  type Price,
  type PriceTier,
  type TokenRate,
  type UnitRate,
} from "../../src/sync/price-rates.ts";

export type ModelPrice = NonNullable<ReturnType<typeof calcPrice>>["model_price"];
type Amount = NonNullable<ModelPrice[string]>;

/** The oracle's names of rates for a million tokens. */
const tokenNames: Readonly<Record<string, TokenRate>> = {
  input_mtok: "input",
  output_mtok: "output",
  cache_read_mtok: "cacheRead",
  cache_write_mtok: "cacheWrite5m",
  cache_write_5m_mtok: "cacheWrite5m",
  cache_write_1h_mtok: "cacheWrite1h",
  input_audio_mtok: "inputAudio",
  input_image_mtok: "inputImage",
  input_video_mtok: "inputVideo",
  cache_audio_read_mtok: "cacheReadAudio",
  cache_image_read_mtok: "cacheReadImage",
  cache_video_read_mtok: "cacheReadVideo",
  output_audio_mtok: "outputAudio",
  output_image_mtok: "outputImage",
  output_video_mtok: "outputVideo",
  output_reasoning_mtok: "reasoning",
};

/** The oracle's names of rates for a thousand of something. */
const unitNames: Readonly<Record<string, UnitRate>> = {
  web_searches_kcount: "perWebSearch",
  storage_searches_kcount: "perFileSearch",
  requests_kcount: "perCall",
};

/** Rates that no recording is charged by: the oracle's reader of usage does not count what they price. */
export const unread: readonly string[] = [
  "code_executions_kcount",
  "social_searches_kcount",
  "rerank_searches_kcount",
];

function nanoOf(dollars: number): bigint {
  // A few rates are written by their millionth or 1024th part, with more decimals than a nano-dollar has.
  return parseDollars(dollars) ?? BigInt(Math.round(dollars * 1e9));
}

const baseOf = (amount: Amount): number => (typeof amount === "number" ? amount : amount.base);

function tiersOf(price: ModelPrice): PriceTier[] {
  const starts = new Set<number>();
  for (const amount of Object.values(price))
    if (amount !== undefined && typeof amount !== "number")
      for (const { start } of amount.tiers) starts.add(start);
  return [...starts]
    .toSorted((left, right) => left - right)
    .map((above) => {
      const rates: Partial<Record<TokenRate, bigint>> = {};
      for (const [name, amount] of Object.entries(price)) {
        const rate = tokenNames[name];
        if (rate === undefined || amount === undefined || typeof amount === "number") continue;
        const held = amount.tiers.findLast(({ start }) => start <= above);
        rates[rate] = nanoOf(held?.price ?? amount.base);
      }
      return { above, rates, factor: ratioOne };
    });
}

/** The same price in our terms; names that it has no place for are thrown, so that none is left out unseen. */
export function priceOfOracle(model: string, price: ModelPrice): Price {
  const rates: Partial<Record<TokenRate | UnitRate, bigint>> = {};
  for (const [name, amount] of Object.entries(price)) {
    if (amount === undefined || unread.includes(name)) continue;
    const token = tokenNames[name];
    const unit = unitNames[name];
    if (token !== undefined) rates[token] = nanoOf(baseOf(amount));
    else if (unit !== undefined) rates[unit] = nanoOf(baseOf(amount) / 1000);
    else throw new Error(`${model} is priced by ${name}`);
  }
  return {
    ...noConditions,
    ...rates,
    id: 1,
    rev: 1,
    model,
    mode: "tokens",
    channelId: 0,
    side: "charge",
    effectiveFromMs: 0,
    locked: false,
    source: null,
    tiers: tiersOf(price),
  };
}
