/**
 * What is kept of a call that began a job, until the job's end is charged. Promise: all that its end is recorded and
 * priced by is as it was at the admission, whatever was configured since.
 */
import { createHash } from "node:crypto";
import type { NewJob } from "../store/jobs.ts";
import type { CallRecord, JobBegun } from "./call-record.ts";

/** Of the call's record, what its end repeats, and the job. */
export interface JobContent extends Pick<
  CallRecord,
  | "callId"
  | "admittedAtMs"
  | "keyId"
  | "userId"
  | "group"
  | "dialect"
  | "operation"
  | "modelAsked"
  | "modelBilled"
  | "modelSent"
  | "endUser"
  | "address"
  | "revision"
  | "stream"
> {
  readonly job: JobBegun;
}

/** JSON. Throws where the call began no job. */
export function renderJobContent(record: CallRecord): string {
  if (record.job === undefined) throw new Error(`the call ${record.callId} began no job`);
  const content: JobContent = {
    callId: record.callId,
    admittedAtMs: record.admittedAtMs,
    keyId: record.keyId,
    userId: record.userId,
    group: record.group,
    dialect: record.dialect,
    operation: record.operation,
    modelAsked: record.modelAsked,
    modelBilled: record.modelBilled,
    modelSent: record.modelSent,
    endUser: record.endUser,
    address: record.address,
    revision: record.revision,
    stream: record.stream,
    job: record.job,
  };
  return JSON.stringify(content);
}

/** What {@link renderJobContent} wrote. */
export function parseJobContent(text: string): JobContent {
  return JSON.parse(text) as JobContent;
}

/** Names a vendor's thing: its id within the account that made it. SHA-256 in hex. */
export function jobDigest({
  channelId,
  credentialId,
  resource,
}: Pick<JobBegun, "channelId" | "credentialId" | "resource">): string {
  return createHash("sha256").update(`${channelId} ${credentialId} ${resource}`).digest("hex");
}

/** The job that a call began, as it is settled; null: none. */
export function newJob(record: CallRecord): NewJob | null {
  const { callId, job } = record;
  if (job === undefined) return null;
  return {
    callId,
    kind: job.kind,
    channelId: BigInt(job.channelId),
    digest: jobDigest(job),
    content: renderJobContent(record),
    isOver: job.isOver === true,
  };
}
