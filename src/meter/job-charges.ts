/**
 * What a job costs at its end, model by model. Promises kept here: each of its requests is charged by itself, so together
 * they cost what they would have cost one by one; however many there are, only sums are held.
 */
import { type NanoDollars, maxNano } from "../core/money.ts";
import { type Usage, noUsage } from "../wire/usage.ts";
import { makeChannelCost } from "./channel-cost.ts";
import { type ChargeLine, makeCharge } from "./charge.ts";
import { addUsage } from "./add-usage.ts";
import type { JobPricing } from "./kept-pricing.ts";

/** All requests of one billed model. */
export interface JobTotal {
  readonly model: string;
  readonly requests: number;
  /** Without the vendor's own objects. */
  readonly usage: Usage;
  readonly cost: NanoDollars;
  readonly channelCost: NanoDollars;
  /** Of all requests: units at the same rate and under the same factors are one line. */
  readonly lines: readonly ChargeLine[];
  readonly costLines: readonly ChargeLine[];
  readonly priceId: number | null;
  /** The model has no price, so nothing was charged. */
  readonly unpriced: boolean;
  /** Some of its usage was counted by us. */
  readonly estimated: boolean;
}

export interface JobMeter {
  /** One request that was answered; `model`: as it is billed. Its tier is the one that its usage states. */
  add(answer: { readonly model: string; readonly usage: Usage }): void;
  /** In the order in which the models were first met. */
  totals(): readonly JobTotal[];
}

/** Names beyond these come out of no request: a vendor tells them, and their answers are counted under no name. */
const maxModels = 1_000;

/** `atMs`: instant of the admission (ms UTC); rates of the hour are those of the beginning. */
export function makeJobMeter(pricing: JobPricing, atMs: number): JobMeter {
  const sums = new Map<string, ModelSum>();
  return {
    add: ({ model, usage }) => {
      const name = sums.has(model) || sums.size < maxModels ? model : "";
      let sum = sums.get(name);
      if (sum === undefined) sums.set(name, (sum = new ModelSum(name, pricing, atMs)));
      sum.add(usage);
    },
    totals: () => [...sums.values()].map((sum) => sum.total()),
  };
}

class ModelSum {
  readonly #model: string;
  readonly #pricing: JobPricing;
  readonly #atMs: number;
  #requests = 0;
  #usage: Usage = noUsage;
  #cost: NanoDollars = 0n;
  #channelCost: NanoDollars = 0n;
  #priceId: number | null = null;
  #unpriced = false;
  readonly #lines = new LineSums();
  readonly #costLines = new LineSums();

  constructor(model: string, pricing: JobPricing, atMs: number) {
    this.#model = model;
    this.#pricing = pricing;
    this.#atMs = atMs;
  }

  add(usage: Usage): void {
    const { models, ratios, costRatio } = this.#pricing;
    const { charge: price, cost: ownPrice } = models.get(this.#model) ?? {};
    const charging = { usage, price, tier: usage.serviceTier ?? null, atMs: this.#atMs };
    const charge = makeCharge({ ...charging, ratios });
    const channel = makeChannelCost({ ...charging, ownPrice, costRatio });
    this.#requests += 1;
    this.#usage = addUsage(this.#usage, usage);
    this.#cost = kept(this.#cost + charge.cost);
    this.#channelCost = kept(this.#channelCost + channel.cost);
    this.#priceId = charge.priceId;
    this.#unpriced = charge.unpriced;
    this.#lines.add(charge.lines);
    this.#costLines.add(channel.lines);
  }

  total(): JobTotal {
    return {
      model: this.#model,
      requests: this.#requests,
      usage: this.#usage,
      cost: this.#cost,
      channelCost: this.#channelCost,
      lines: this.#lines.list(),
      costLines: this.#costLines.list(),
      priceId: this.#priceId,
      unpriced: this.#unpriced,
      estimated: this.#usage.estimated,
    };
  }
}

function kept(amount: NanoDollars): NanoDollars {
  return amount > maxNano ? maxNano : amount;
}

/** Lines above these are no lines of a price, but words of a vendor for its pictures. */
const maxLines = 200;

/** Lines of many charges, those of the same name, rate and factors as one. */
class LineSums {
  readonly #sums = new Map<string, ChargeLine>();

  add(lines: readonly ChargeLine[]): void {
    for (const line of lines) {
      const name = this.#has(line) || this.#sums.size < maxLines ? line.what : "other";
      const held = this.#sums.get(keyOf(line, name));
      const units = toThousandths((held?.units ?? 0) + line.units);
      this.#sums.set(keyOf(line, name), { ...line, what: name, units });
    }
  }

  #has(line: ChargeLine): boolean {
    return this.#sums.has(keyOf(line, line.what));
  }

  list(): readonly ChargeLine[] {
    return [...this.#sums.values()];
  }
}

function keyOf({ rate, per, factors }: ChargeLine, what: string): string {
  return `${what} ${rate} ${per} ${factors.join(" ")}`;
}

/** Seconds are told to the millisecond; a sum of them holds no more digits. */
function toThousandths(units: number): number {
  return Number.isInteger(units) ? units : Math.round(units * 1000) / 1000;
}

/**
 * Which of the models that a job asked for an answer is billed as: the one of the name that the vendor tells, else the
 * longest that this name begins with (`gpt-4o-mini-2024-07-18`: `gpt-4o-mini`), else the one that shares most of its
 * beginning (`claude-3-5-haiku-20241022`: `claude-3-5-haiku-latest`). What was not asked for is no answer's, so that
 * none is free because its vendor has another name for it. Nothing was asked for: the told one.
 */
export function matchModel(reported: string | null, asked: readonly string[]): string {
  const [first] = asked;
  if (reported === null || first === undefined) return first ?? reported ?? "";
  if (asked.includes(reported)) return reported;
  const whole = asked.filter((name) => name !== "" && reported.startsWith(name));
  return (whole.length > 0 ? whole : asked).reduce((best, name) =>
    sharedLength(name, reported) > sharedLength(best, reported) ? name : best,
  );
}

/** How many characters two names begin with alike. */
function sharedLength(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return length;
}
