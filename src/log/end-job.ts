/**
 * The end of a job: what it cost into SQL, what was set aside for it free. Promises: charged once, whoever tries and how
 * often; each step may be repeated after a crash at any point; what was set aside is free only when the cost stands in
 * its place.
 */
import type { BudgetShare } from "../core/budget-rule.ts";
import type { LeaseStore } from "../store/budget-leases.ts";
import { shareName } from "../store/budget-leases.ts";
import type { Job, JobStore } from "../store/jobs.ts";
import { jobHolder, jobIncarnation } from "../store/jobs.ts";
import type { SettlementStore } from "../store/settlement.ts";
import { sealedPosition } from "../store/settlement.ts";
import type { CallRecord } from "./call-record.ts";
import { settledCall } from "./call-row.ts";
import { parseJobContent } from "./job-content.ts";

export interface EndJobParts {
  readonly settlement: SettlementStore;
  readonly leases: LeaseStore;
  readonly jobs: JobStore;
}

/**
 * Charges a job with its records, none where it cost nothing. Each bears a call id of its own, and the admission and the
 * shares of the call that began it: the budgets of that time pay. Of several who try, the first one's records count.
 * True for the one who ended it. Rejects where SQL cannot be asked: to be tried again.
 */
export async function endJob(
  parts: EndJobParts,
  job: Job,
  records: readonly CallRecord[],
  state: "ended" | "lost",
): Promise<boolean> {
  const { settlement, leases, jobs } = parts;
  const holder = jobHolder(job.callId);
  if ((await settlement.openCursor(holder, jobIncarnation)) < sealedPosition)
    await settlement.settle({
      nodeId: holder,
      incarnation: jobIncarnation,
      from: 0n,
      to: sealedPosition,
      settledUntilMs: Number(sealedPosition),
      calls: records.map((record) => settledCall(record, holder, false)),
    });
  await leases.change(holder, sharesOf(job, records), (budgets) =>
    budgets.map(({ share }) => ({ does: "fold", share, nodeId: holder }) as const),
  );
  return await jobs.end(job.callId, state);
}

/** All budgets in which something may stand under the job's name. */
function sharesOf(job: Job, records: readonly CallRecord[]): readonly BudgetShare[] {
  const shares = [
    ...parseJobContent(job.content).job.shares,
    ...records.flatMap((record) => record.shares),
  ].map(({ kind, id, period }): BudgetShare => ({ kind, id, period }));
  return [...new Map(shares.map((share) => [shareName(share), share])).values()];
}
