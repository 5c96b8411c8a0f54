/** What the end of a job is recorded as: one call for each model that its requests were billed by. */
import { type RandomBytes, makeCallId } from "../../core/ids.ts";
import type { CallRecord, SpentShare } from "../../log/call-record.ts";
import type { JobContent } from "../../log/job-content.ts";
import { type Charge, noCharge } from "../../meter/charge.ts";
import type { JobTotal } from "../../meter/job-charges.ts";
import { noUsage } from "../../wire/usage.ts";
import { renderDetails } from "../money/call-details.ts";

export interface JobEnd {
  readonly content: JobContent;
  readonly outcome: CallRecord["outcome"];
  /** What went wrong; null: nothing. */
  readonly error: string | null;
  readonly totals: readonly JobTotal[];
  /** From the admission to the end. */
  readonly durationMs: number;
  /** The channel's budget that a cost counts against; undefined: it has none. */
  readonly channelShare: (channelCost: bigint) => SpentShare | undefined;
  readonly random: RandomBytes;
}

/** Admission and payers are those of the call that began it; one that used nothing is on record all the same. */
export function recordsOf(end: JobEnd): readonly CallRecord[] {
  const totals = end.totals.length === 0 ? [nothing(end.content)] : end.totals;
  return totals.map((total) => recordOf(end, total));
}

function nothing({ modelBilled }: JobContent): JobTotal {
  return {
    model: modelBilled,
    requests: 0,
    usage: noUsage,
    cost: 0n,
    channelCost: 0n,
    lines: [],
    costLines: [],
    priceId: null,
    unpriced: false,
    estimated: false,
  };
}

function recordOf(end: JobEnd, total: JobTotal): CallRecord {
  const { content, outcome, error, durationMs } = end;
  const { job, callId: begunBy, ...begun } = content;
  const { model, usage, cost, channelCost, requests } = total;
  const channel = end.channelShare(channelCost);
  const shares = job.shares.map((share) => ({ ...share, amount: cost }));
  return {
    ...begun,
    callId: makeCallId(content.admittedAtMs, end.random),
    channelId: job.channelId,
    modelAsked: begun.modelAsked === "" ? model : begun.modelAsked,
    modelBilled: model,
    modelReported: null,
    status: 200,
    error,
    outcome,
    attempts: 1,
    usage,
    unpriced: total.unpriced,
    cost,
    priceId: total.priceId,
    firstByteMs: null,
    durationMs: Math.round(durationMs),
    channelCost,
    serviceTier: usage.serviceTier ?? null,
    shares: channel === undefined ? shares : [...shares, channel],
    details: {
      ...renderDetails(chargeOf(total), costOf(total), usage),
      job: { begunBy, kind: job.kind, requests },
    },
  };
}

function chargeOf({ cost, lines, priceId, unpriced }: JobTotal): Charge {
  return { ...noCharge, cost, lines, priceId, unpriced };
}

function costOf({ channelCost, costLines }: JobTotal): Charge {
  return { ...noCharge, cost: channelCost, lines: costLines };
}
