/** What a job's end is priced by. Promise kept here: prices and ratios are those of its beginning, whatever is configured since. */
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import { ratioOne } from "../../core/money.ts";
import {
  type JobPricing,
  type ModelPricing,
  parsePricing,
  renderPricing,
} from "../../meter/kept-pricing.ts";
import type { Channel, Group, Snapshot } from "../../sync/entities.ts";
import type { Caller } from "../../wire/caller.ts";

export interface PricingParts {
  readonly snapshot: Snapshot;
  readonly caller: Caller;
  readonly channel: Channel;
  readonly group: Group | undefined;
  /** Business time of the admission, ms UTC. */
  readonly atMs: number;
}

/** Different models of one job: all of their prices are kept with it. */
export const maxModels = 100;

/** The models of one job with their prices, as its requests name them. */
export class JobModels {
  readonly #parts: PricingParts;
  readonly #models = new Map<string, ModelPricing>();
  /** Billed name by the one that is sent. */
  readonly #billed = new Map<string, string>();

  constructor(parts: PricingParts) {
    this.#parts = parts;
  }

  /** The price of a model that is sent. Throws `invalid_request` for a job of too many. */
  add(sent: string, billed: string): ModelPricing {
    const known = this.#models.get(billed);
    if (!this.#billed.has(sent)) this.#billed.set(sent, billed);
    if (known !== undefined) return known;
    if (this.#models.size === maxModels) throw tooMany();
    const { snapshot, channel, atMs } = this.#parts;
    const where = { channelId: channel.id, atMs };
    const pricing = {
      charge: snapshot.findPrice(billed, { ...where, side: "charge" }),
      cost: snapshot.findPrice(sent, { ...where, side: "cost" }),
    };
    this.#models.set(billed, pricing);
    return pricing;
  }

  /** Models that are sent, in the order of their coming. */
  get sent(): readonly string[] {
    return [...this.#billed.keys()];
  }

  render(): JsonObject {
    const { caller, group, channel } = this.#parts;
    const ratios = [group?.ratio ?? ratioOne, caller.key.ratio, caller.user.ratio];
    const { costRatio } = channel;
    const prices = renderPricing({ models: this.#models, ratios, costRatio });
    return { prices, billed: Object.fromEntries(this.#billed) };
  }
}

function tooMany(): GatewayError {
  const detail = `a job may name ${maxModels} different models at most`;
  return new GatewayError("invalid_request", detail, { values: { detail } });
}

/** What {@link JobModels.render} wrote. */
export function parseJobPricing(json: JsonObject): {
  readonly pricing: JobPricing;
  readonly billed: ReadonlyMap<string, string>;
} {
  const { prices, billed } = json as { readonly prices: JsonObject; readonly billed: JsonObject };
  return {
    pricing: parsePricing(prices),
    billed: new Map(Object.entries(billed) as [string, string][]),
  };
}
