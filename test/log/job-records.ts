// Calls that begin jobs, and the records of their ends, for tests of what keeps and charges them.
import type { BudgetShare } from "../../src/core/budget-rule.ts";
import { makeCallId } from "../../src/core/ids.ts";
import type { RandomBytes } from "../../src/core/ids.ts";
import type { CallRecord } from "../../src/log/call-record.ts";
import type { JobContent } from "../../src/log/job-content.ts";
import { noUsage } from "../../src/wire/usage.ts";
import { makeRecord, type RecordOptions } from "./call-records.ts";

export const jobShares: readonly BudgetShare[] = [
  { kind: "key", id: 1, period: "total" },
  { kind: "user", id: 2, period: "day:2027-01-15@UTC" },
];

/** A call that costs nothing itself and leaves a batch behind at its vendor. */
export function makeJobRecord(
  index: number,
  {
    shares = jobShares,
    ...options
  }: Omit<RecordOptions, "shares"> & {
    readonly shares?: readonly BudgetShare[];
  } = {},
): CallRecord {
  return makeRecord(index, {
    cost: 0n,
    channelCost: 0n,
    usage: noUsage,
    shares: [],
    job: {
      kind: "batch",
      resource: `batch_${index}`,
      channelId: 7,
      credentialId: 0,
      shares,
      pricing: { ratio: "1.5" },
    },
    ...options,
  });
}

/** What is recorded at the end of a job, under an id of its own and the admission of the call that began it. */
export function makeEndRecord(
  { admittedAtMs, keyId, userId, group, job }: JobContent,
  cost: bigint,
  random?: RandomBytes,
): CallRecord {
  return makeRecord(0, {
    callId: makeCallId(admittedAtMs, random),
    admittedAtMs,
    keyId,
    userId,
    group,
    channelId: job.channelId,
    cost,
    channelCost: cost,
    shares: [
      ...job.shares.map((share) => ({ ...share, amount: cost })),
      { kind: "channel" as const, id: job.channelId, period: "total", amount: cost },
    ],
  });
}
