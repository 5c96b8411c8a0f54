/** What a call may cost its payer: the dearest of the channels that may answer. */
import type { Millionths, NanoDollars } from "../../core/money.ts";
import { estimateReservation } from "../../meter/reservation.ts";
import { mapModel } from "../../route/plan.ts";
import { groupsOf } from "../../route/pinned-plan.ts";
import { parseSuffix } from "../../route/suffix.ts";
import type { Channel, Price, Snapshot } from "../../sync/entities.ts";
import type { Caller } from "../../wire/caller.ts";
import type { ExpectedUse } from "./expected-use.ts";

export interface PriceQuestion {
  readonly caller: Caller;
  readonly snapshot: Snapshot;
  readonly atMs: number;
  /** Asked for. */
  readonly model: string;
  readonly use: ExpectedUse;
  /** Most tokens of output to set aside for; null: as many as may come. */
  readonly outputCap: number | null;
  /** Asked of one group alone: what it would take as the one that answers; left out: of all that may. */
  readonly group?: string;
}

/** Output of a model about which nobody says how much it answers at most. */
const usualMaxOutput = 8192;

/** Nano-dollars; undefined: no channel has a price for it. */
export function dearestEstimate(question: PriceQuestion): NanoDollars | undefined {
  const { caller, snapshot } = question;
  let dearest: NanoDollars | undefined;
  const symbols = question.group === undefined ? groupsOf(caller) : [question.group];
  for (const symbol of symbols) {
    const ratio = snapshot.groups.get(symbol)?.ratio;
    for (const price of pricesOf(question, symbol)) {
      const estimate = estimateAt(question, price, { groupRatio: ratio });
      if (dearest === undefined || estimate > dearest) dearest = estimate;
    }
  }
  return dearest;
}

/** Those of all channels that may answer for a group. */
function pricesOf(question: PriceQuestion, symbol: string): ReadonlySet<Price> {
  const prices = new Set<Price>();
  for (const tier of channelsOf(question, symbol))
    for (const channel of tier) {
      const price = priceOf(question, channel);
      if (price !== undefined) prices.add(price);
    }
  return prices;
}

/** By priority. An administrator's chosen one may stand in none of the caller's groups. */
function channelsOf(
  { caller, snapshot, model }: PriceQuestion,
  symbol: string,
): readonly (readonly Channel[])[] {
  const { only } = parseSuffix(caller);
  if (only === null) return snapshot.routes.candidates(symbol, model);
  const channel = snapshot.channels.get(only);
  return channel === undefined ? [] : [[channel]];
}

function priceOf({ snapshot, model, atMs }: PriceQuestion, channel: Channel): Price | undefined {
  const { billedModel } = mapModel(channel, model);
  return snapshot.findPrice(billedModel, { channelId: channel.id, atMs, side: "charge" });
}

/** How a price applies. */
interface Applying {
  readonly groupRatio: Millionths | undefined;
  /** Tier that the reply is known to state; left out: the dearest that it may. */
  readonly tier?: string;
}

/** Nano-dollars at one price, whoever has it. Throws GatewayError `invalid_request`. */
export function estimateAt(
  question: Omit<PriceQuestion, "group">,
  price: Price,
  { groupRatio, tier }: Applying,
): NanoDollars {
  const { caller, snapshot, use, outputCap, atMs, model } = question;
  const { outputLimit } = use;
  const most = outputLimit ?? snapshot.models.get(model)?.maxOutput ?? usualMaxOutput;
  return estimateReservation({
    price,
    ratios: [
      ...(groupRatio === undefined ? [] : [groupRatio]),
      caller.key.ratio,
      caller.user.ratio,
    ],
    inputBytes: use.inputBytes,
    mediaParts: use.mediaParts,
    answers: use.answers,
    outputTokens: outputCap === null ? most : Math.min(most, outputCap),
    tools: use.tools,
    atMs,
    ...(tier === undefined ? {} : { tier }),
  });
}

/** Bytes by which a request grows that names a limit: the longest spelling with its number. */
const limitBytes = 64;

/** Most tokens of output that an amount would pay for, asked again with that limit; 0: not even the question. */
export function outputThatFits(question: PriceQuestion, left: NanoDollars): number {
  const { use } = question;
  const inputBytes = use.inputBytes + limitBytes;
  const costAt = (outputLimit: number): NanoDollars =>
    dearestEstimate({ ...question, use: { ...use, inputBytes, outputLimit } }) ?? 0n;
  let fits = 0;
  let tooMany = 1 << 24;
  if (costAt(1) > left) return 0;
  while (tooMany - fits > 1) {
    const middle = Math.floor((fits + tooMany) / 2);
    if (costAt(middle) <= left) fits = middle;
    else tooMany = middle;
  }
  return fits;
}
