/**
 * Where jobs wait for their end, and are charged at it. Promises: an end is charged once, whoever sees it first; nobody
 * reads the results of a job of his before they are charged, as far as the database can be asked.
 */
import type { Budgets } from "../../budget/budgets.ts";
import { type Clock, sleep } from "../../core/clock.ts";
import { messageOf } from "../../core/errors.ts";
import type { RandomBytes } from "../../core/ids.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { NanoDollars } from "../../core/money.ts";
import type { Logger } from "../../core/logger.ts";
import type { SpentShare } from "../../log/call-record.ts";
import { type EndJobParts, endJob } from "../../log/end-job.ts";
import { type JobContent, jobDigest, parseJobContent } from "../../log/job-content.ts";
import type { FoundJob, Job } from "../../store/jobs.ts";
import type { LeaderJob } from "../../sync/leader-jobs.ts";
import type { Snapshot } from "../../sync/entities.ts";
import type { OverSignal } from "../../wire/call.ts";
import { type Standing, followJob } from "./follow-job.ts";
import { recordsOf } from "./job-records.ts";
import type { Pin } from "../ids/pin.ts";
import type { SendingParts } from "../exchange/prepared-attempt.ts";

export interface JobDeskParts extends SendingParts, EndJobParts {
  readonly snapshot: () => Snapshot | undefined;
  readonly budgets: Pick<Budgets, "shareOf" | "spentOn">;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly logger: Logger;
}

/** A thing at a vendor that may be a job's. */
export interface JobThing extends Pin {
  /** The vendor's own id. */
  readonly resource: string;
  /** As the vendor has told it just now; left out: it is asked where it is a job's. */
  readonly document?: JsonObject;
  /** How long its owner waits for the database to tell of it; left out: 10 s. */
  readonly waitMs?: number;
}

export interface JobDesk {
  /**
   * Charges the job of a thing that is over, before its owner hears of it; does nothing for one that runs. Answers how it
   * stands: `over` once it is charged, `unknown` where nobody knows of it as a job. Rejects where that cannot be told now.
   */
  book(thing: JobThing, signal: OverSignal): Promise<Standing["state"] | "unknown">;
  /** The same of one that was begun a moment ago, once it is known; rejects where it does not come to be. */
  bookNew(thing: JobThing, signal: OverSignal): Promise<void>;
  /** Asks vendors for the jobs whose time has come. */
  readonly poll: LeaderJob;
}

const secondMs = 1000;
const dayMs = 24 * 60 * 60 * secondMs;
const pollEveryMs = 5 * secondMs;
/** Jobs asked for in one turn, and at a time. */
const mostAtOnce = 40;
const together = 4;
/** How long a job may stand so. Vendors keep batches for a month; what they have just made they may not find at once. */
const patienceMs = { runs: 40 * dayMs, gone: 10 * 60 * secondMs, unreachable: dayMs } as const;
/** Ended ones are known for so long: as long as anybody may ask their vendor for them. */
const keptMs = 40 * dayMs;
const settlingMs = 10 * secondMs;
const lookAgainMs = 200;

/** The longer it has run, the longer it will: from 5 s to 5 min. */
export function pollAfterMs(ageMs: number): number {
  return Math.min(300 * secondMs, Math.max(5 * secondMs, ageMs / 20));
}

export function openJobDesk(parts: JobDeskParts): JobDesk {
  const firstSeen: FirstSeen = new Map();
  return {
    book: (thing, signal) => book(parts, thing, signal),
    bookNew: (thing, signal) => bookNew(parts, thing, signal),
    poll: {
      name: "follow jobs",
      everyMs: pollEveryMs,
      run: ({ signal }) => pollDue({ ...parts, firstSeen }, signal),
    },
  };
}

async function book(
  parts: JobDeskParts,
  thing: JobThing,
  signal: OverSignal,
): Promise<Standing["state"] | "unknown"> {
  const { document } = thing;
  const found = await find(parts, thing);
  if (found === undefined) return "unknown";
  if (found.state === "over") return "over";
  const { job } = found;
  const standing = await follow(parts, job, { signal, document });
  if (standing.state === "over") await end(parts, job, standing);
  return standing.state;
}

/** Rejects when it takes too long. */
async function find(
  { jobs, clock }: JobDeskParts,
  { waitMs = settlingMs, ...thing }: JobThing,
): Promise<FoundJob | undefined> {
  const looking = jobs.find(jobDigest(thing));
  return await new Promise((resolve, reject) => {
    const late = (): void => reject(new Error(`the database tells nothing within ${waitMs} ms`));
    const cancel = clock.after(waitMs, late);
    void looking.then(resolve, reject).finally(cancel);
  });
}

/** What was begun a moment ago is not settled yet. */
async function bookNew(parts: JobDeskParts, thing: JobThing, signal: OverSignal): Promise<void> {
  const { waitMs = settlingMs } = thing;
  for (let waitedMs = 0; waitedMs < waitMs; waitedMs += lookAgainMs) {
    if ((await book(parts, thing, signal)) !== "unknown") return;
    await sleep(parts.clock, lookAgainMs);
  }
  throw new Error("the call that began the job is not settled yet");
}

/** When jobs were first found to stand as they do, by call id: monotonic ms. */
type FirstSeen = Map<string, { readonly state: Standing["state"]; readonly atMs: number }>;

type PollParts = JobDeskParts & { readonly firstSeen: FirstSeen };

async function pollDue(parts: PollParts, signal: AbortSignal): Promise<void> {
  const due = [...(await parts.jobs.due(mostAtOnce))];
  const work = async (): Promise<void> => {
    for (let job = due.shift(); job !== undefined && !signal.aborted; job = due.shift())
      await pollOne(parts, job, signal);
  };
  await Promise.all(Array.from({ length: together }, work));
  if (!signal.aborted) await parts.jobs.forget(keptMs, mostAtOnce);
}

async function pollOne(parts: PollParts, job: Job, signal: AbortSignal): Promise<void> {
  try {
    const standing = await follow(parts, job, { signal });
    if (standing.state === "over") {
      await end(parts, job, standing);
      return void parts.firstSeen.delete(job.callId);
    }
    if (stoodMs(parts, job, standing.state) > patienceMs[standing.state])
      return await lose(parts, job);
  } catch (thrown) {
    if (signal.aborted) return;
    parts.logger.warn({ callId: job.callId, reason: messageOf(thrown) }, "job not followed");
    // Nobody has it for longer: what cannot be asked for any more holds no money for ever.
    if (job.ageMs > patienceMs.runs) return await lose(parts, job);
  }
  await parts.jobs.again(job.callId, pollAfterMs(job.ageMs));
}

function stoodMs({ firstSeen, clock }: PollParts, job: Job, state: Standing["state"]): number {
  if (state === "runs") return job.ageMs;
  const nowMs = clock.monotonic();
  const seen = firstSeen.get(job.callId);
  if (seen?.state === state) return nowMs - seen.atMs;
  firstSeen.set(job.callId, { state, atMs: nowMs });
  return 0;
}

async function follow(
  parts: JobDeskParts,
  job: Job,
  { signal, document }: { readonly signal: OverSignal; readonly document?: JsonObject | undefined },
): Promise<Standing> {
  const snapshot = parts.snapshot();
  if (snapshot === undefined) return { state: "runs" };
  return await followJob(parseJobContent(job.content), { ...parts, snapshot, signal }, document);
}

type JobOver = Extract<Standing, { state: "over" }>;

async function end(parts: JobDeskParts, job: Job, standing: JobOver): Promise<void> {
  const cost = await charge(parts, job, standing, "ended");
  if (cost === undefined) return;
  const { outcome } = standing;
  parts.logger.info({ callId: job.callId, outcome, nanoDollars: String(cost) }, "job charged");
}

/** Nano-dollars; undefined: another one has ended it. */
async function charge(
  parts: JobDeskParts,
  job: Job,
  { outcome, error, totals }: JobOver,
  state: "ended" | "lost",
): Promise<NanoDollars | undefined> {
  const content = parseJobContent(job.content);
  const records = recordsOf({
    content,
    outcome,
    error,
    totals,
    durationMs: job.ageMs,
    // What was lost cost its channel nothing that anybody knows of.
    channelShare: (channelCost) =>
      state === "lost" ? undefined : shareOfChannel(parts, content, channelCost),
    random: parts.random,
  });
  if (!(await endJob(parts, job, records, state))) return undefined;
  for (const share of records.flatMap(({ shares }) => shares))
    if (share.kind === "channel") parts.budgets.spentOn(share, share.amount);
  return records.reduce((sum, { cost }) => sum + cost, 0n);
}

function shareOfChannel(
  { snapshot, budgets }: JobDeskParts,
  { job, admittedAtMs }: JobContent,
  amount: bigint,
): SpentShare | undefined {
  const rule = snapshot()?.channels.get(job.channelId)?.budget ?? null;
  if (rule === null) return undefined;
  return { ...budgets.shareOf({ kind: "channel", id: job.channelId, rule }, admittedAtMs), amount };
}

/** Nobody can say what it used: it costs nobody anything, and its row says so. */
async function lose(parts: PollParts, job: Job): Promise<void> {
  const lost: JobOver = { state: "over", outcome: "failed", error: "job_lost", totals: [] };
  parts.firstSeen.delete(job.callId);
  if ((await charge(parts, job, lost, "lost")) !== undefined)
    parts.logger.error({ callId: job.callId }, "a job was lost: its vendor does not have it");
}
