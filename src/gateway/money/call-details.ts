/** What of a call is kept for a few days: the lines of its charge, and usage as the vendor told it. */
import type { JsonObject } from "../../core/json-value.ts";
import type { Charge, ChargeLine } from "../../meter/charge.ts";
import type { Usage } from "../../wire/usage.ts";

/** Null where nothing was charged and nothing told. */
export function renderDetails(
  charge: Charge,
  channelCost: Charge,
  usage: Usage,
): JsonObject | null {
  if (charge.lines.length === 0 && channelCost.lines.length === 0 && usage.raw === undefined)
    return null;
  return {
    ...(charge.lines.length === 0
      ? {}
      : {
          lines: charge.lines.map(renderLine),
          price: { id: charge.priceId, rev: charge.priceRev },
        }),
    ...(channelCost.lines.length === 0
      ? {}
      : { costLines: channelCost.lines.map(renderLine), costPrice: { id: channelCost.priceId } }),
    ...(usage.raw === undefined ? {} : { usage: usage.raw }),
  };
}

/** Amounts as text: they are too exact for JSON's numbers. */
function renderLine({ what, units, rate, per, factors }: ChargeLine): JsonObject {
  const line = { what, units, rate: String(rate), per };
  return factors.length === 0 ? line : { ...line, factors: factors.map(String) };
}
