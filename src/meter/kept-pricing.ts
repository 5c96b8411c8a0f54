/**
 * What a job is priced by, kept from its beginning to its end as JSON. Promise kept here: what is read again charges any
 * usage, at any instant, to the nano-dollar as what was written: amounts are decimal text, clocks are made anew.
 */
import { GatewayError } from "../core/errors.ts";
import { isObject, type Json, type JsonObject } from "../core/json-value.ts";
import type { Millionths, NanoDollars } from "../core/money.ts";
import { makeZoneClock } from "../core/zone-clock.ts";
import {
  type Price,
  type PriceTime,
  type RateChange,
  tokenRates,
  unitRates,
} from "../sync/price-rates.ts";

/** Prices and ratios as they were when the job began. */
export interface JobPricing {
  /** By billed model. */
  readonly models: ReadonlyMap<string, ModelPricing>;
  /** Of the group, the key and the user. */
  readonly ratios: readonly Millionths[];
  /** The channel's. */
  readonly costRatio: Millionths;
}

export interface ModelPricing {
  /** What callers pay; undefined: the model has no price. */
  readonly charge: Price | undefined;
  /** What the operator pays; undefined: the channel's `costRatio` of what callers do. */
  readonly cost: Price | undefined;
}

export function renderPricing(pricing: JobPricing): JsonObject {
  return {
    models: [...pricing.models].map(([model, { charge, cost }]) => ({
      model,
      ...(charge === undefined ? {} : { charge: renderPrice(charge) }),
      ...(cost === undefined ? {} : { cost: renderPrice(cost) }),
    })),
    ratios: pricing.ratios.map(String),
    costRatio: String(pricing.costRatio),
  };
}

/** Throws GatewayError `internal` for what `renderPricing` did not write. */
export function parsePricing(json: JsonObject): JobPricing {
  const models = listAt(json, "models").map((one): [string, ModelPricing] => [
    textAt(one, "model"),
    { charge: parsePriceAt(one, "charge"), cost: parsePriceAt(one, "cost") },
  ]);
  const ratios = json["ratios"];
  if (!Array.isArray(ratios)) throw notKept("ratios");
  return {
    models: new Map(models),
    ratios: ratios.map((ratio: Json) => parseAmount(ratio, "ratios")),
    costRatio: parseAmount(json["costRatio"], "costRatio"),
  };
}

type Amounts = Readonly<Record<string, NanoDollars>>;

function renderAmounts(amounts: Amounts): JsonObject {
  return Object.fromEntries(Object.entries(amounts).map(([name, value]) => [name, String(value)]));
}

/** Those of a price's rates that are named. */
function ratesOf<Name extends string>(
  from: { readonly [Key in Name]?: NanoDollars },
  names: readonly Name[],
): Amounts {
  const named: Record<string, NanoDollars> = {};
  for (const name of names) {
    const rate = from[name];
    if (rate !== undefined) named[name] = rate;
  }
  return named;
}

function renderChange({ rates, factor }: RateChange): JsonObject {
  return { rates: renderAmounts(ratesOf(rates, tokenRates)), factor: String(factor) };
}

function renderPrice(price: Price): JsonObject {
  const { id, rev, model, mode, channelId, side, effectiveFromMs, locked, source } = price;
  return {
    id,
    rev,
    model,
    mode,
    channelId,
    side,
    effectiveFromMs,
    locked,
    source,
    rates: renderAmounts(ratesOf(price, [...tokenRates, ...unitRates])),
    perImage: price.perImage === null ? null : renderAmounts(price.perImage),
    tiers: price.tiers.map((tier) => ({ above: tier.above, ...renderChange(tier) })),
    times: price.times.map(renderTime),
    serviceTiers: Object.fromEntries(
      Object.entries(price.serviceTiers).map(([name, tier]) => [name, renderChange(tier)]),
    ),
  };
}

function renderTime(time: PriceTime): JsonObject {
  const { zone, fromMinute, toMinute, weekdays } = time;
  return { zone, fromMinute, toMinute, weekdays, ...renderChange(time) };
}

function notKept(what: string): GatewayError {
  return new GatewayError("internal", `a kept price is not readable: ${what}`);
}

function parseAmount(value: Json | undefined, what: string): bigint {
  if (typeof value !== "string" || !/^-?\d{1,40}$/.test(value)) throw notKept(what);
  return BigInt(value);
}

function objectAt(json: JsonObject, name: string): JsonObject {
  const value = json[name];
  if (!isObject(value)) throw notKept(name);
  return value;
}

function listAt(json: JsonObject, name: string): readonly JsonObject[] {
  const value = json[name];
  if (!Array.isArray(value) || !value.every(isObject)) throw notKept(name);
  return value;
}

function textAt(json: JsonObject, name: string): string {
  const value = json[name];
  if (typeof value !== "string") throw notKept(name);
  return value;
}

function numberAt(json: JsonObject, name: string): number {
  const value = json[name];
  if (typeof value !== "number") throw notKept(name);
  return value;
}

function parseAmounts(json: JsonObject, what: string): Amounts {
  return Object.fromEntries(
    Object.entries(json).map(([name, value]) => [name, parseAmount(value, `${what}.${name}`)]),
  );
}

function parseChange(json: JsonObject): RateChange {
  return {
    rates: ratesOf(parseAmounts(objectAt(json, "rates"), "rates"), tokenRates),
    factor: parseAmount(json["factor"], "factor"),
  };
}

function parsePriceAt(json: JsonObject, name: string): Price | undefined {
  return json[name] === undefined ? undefined : parsePrice(objectAt(json, name));
}

function parsePrice(json: JsonObject): Price {
  const { source } = json;
  const serviceTiers = objectAt(json, "serviceTiers");
  return {
    id: numberAt(json, "id"),
    rev: numberAt(json, "rev"),
    model: textAt(json, "model"),
    mode: textAt(json, "mode") === "call" ? "call" : "tokens",
    channelId: numberAt(json, "channelId"),
    side: textAt(json, "side") === "cost" ? "cost" : "charge",
    effectiveFromMs: numberAt(json, "effectiveFromMs"),
    locked: json["locked"] === true,
    source: typeof source === "string" ? source : null,
    ...ratesOf(parseAmounts(objectAt(json, "rates"), "rates"), [...tokenRates, ...unitRates]),
    perImage: json["perImage"] === null ? null : parseAmounts(objectAt(json, "perImage"), "image"),
    tiers: listAt(json, "tiers").map((tier) => ({
      above: numberAt(tier, "above"),
      ...parseChange(tier),
    })),
    times: listAt(json, "times").map(parseTime),
    serviceTiers: Object.fromEntries(
      Object.keys(serviceTiers).map((name) => [name, parseChange(objectAt(serviceTiers, name))]),
    ),
  };
}

function parseTime(json: JsonObject): PriceTime {
  const zone = textAt(json, "zone");
  const { weekdays } = json;
  return {
    zone,
    fromMinute: numberAt(json, "fromMinute"),
    toMinute: numberAt(json, "toMinute"),
    weekdays: Array.isArray(weekdays) ? weekdays.map(Number) : null,
    clock: makeZoneClock(zone),
    ...parseChange(json),
  };
}
