/** What a call costs the operator, beside what it costs its caller. */
import type { Millionths } from "../core/money.ts";
import type { Price } from "../sync/price-rates.ts";
import { type Charge, type Charging, makeCharge } from "./charge.ts";

export interface ChannelCharging extends Omit<Charging, "ratios"> {
  /** What the operator pays; undefined: `costRatio` of what callers do (`price`). */
  readonly ownPrice: Price | undefined;
  /** The channel's. */
  readonly costRatio: Millionths;
}

/** By a price of the operator's own, else a share of what callers pay before the ratios of group, key and user. */
export function makeChannelCost(charging: ChannelCharging): Charge {
  const { ownPrice, costRatio, ...rest } = charging;
  if (ownPrice !== undefined) return makeCharge({ ...rest, price: ownPrice, ratios: [] });
  return makeCharge({ ...rest, ratios: [costRatio] });
}
