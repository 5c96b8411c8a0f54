/** What a call may cost its payer: the dearest of the channels that may answer. */
import type { NanoDollars } from "../core/money.ts";
import { estimateReservation } from "../meter/reservation.ts";
import { mapModel } from "../route/plan.ts";
import { groupsOf } from "../route/pinned-plan.ts";
import type { Channel, Price, Snapshot } from "../sync/entities.ts";
import type { Caller } from "../wire/caller.ts";
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
}

/** Output of a model about which nobody says how much it answers at most. */
const usualMaxOutput = 8192;

/** Nano-dollars; undefined: no channel has a price for it. */
export function dearestEstimate(question: PriceQuestion): NanoDollars | undefined {
  const { caller, snapshot, model } = question;
  let dearest: NanoDollars | undefined;
  for (const symbol of groupsOf(caller)) {
    const ratio = snapshot.groups.get(symbol)?.ratio;
    const seen = new Set<Price>();
    for (const channel of snapshot.routes.candidates(symbol, model).flat()) {
      const price = priceOf(question, channel);
      if (price === undefined || seen.has(price)) continue;
      seen.add(price);
      const estimate = estimateAt(question, price, ratio);
      if (dearest === undefined || estimate > dearest) dearest = estimate;
    }
  }
  return dearest;
}

function priceOf({ snapshot, model, atMs }: PriceQuestion, channel: Channel): Price | undefined {
  const { billedModel } = mapModel(channel, model);
  return snapshot.findPrice(billedModel, { channelId: channel.id, atMs, side: "charge" });
}

function estimateAt(
  question: PriceQuestion,
  price: Price,
  groupRatio: bigint | undefined,
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
  });
}

/** Most tokens of output that an amount would pay for; 0: not even the question. */
export function outputThatFits(question: PriceQuestion, left: NanoDollars): number {
  const costAt = (tokens: number): NanoDollars =>
    dearestEstimate({ ...question, use: { ...question.use, outputLimit: tokens } }) ?? 0n;
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
