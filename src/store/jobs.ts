/**
 * Jobs at vendors whose end is charged. Promises: a job is known from the moment that its call is settled, in the same
 * transaction; one that runs keeps what was set aside for it, however long nobody could ask for it.
 */

import { sql } from "kysely";
import type { Sql } from "./database.ts";
import { engineOf, nowMs } from "./dialect.ts";
import { insertUnlessThere } from "./insert-unless-there.ts";
import { retried } from "./transaction.ts";

const holderPrefix = "job:";

/** Under whose name budgets hold what was set aside for the job that a call began, and its end is settled. */
export function jobHolder(callId: string): string {
  return `${holderPrefix}${callId}`;
}

/** Whether a lease is a job's, and not a node's: nobody can hand back what it does not use. */
export function isJobHolder(nodeId: string): boolean {
  return nodeId.startsWith(holderPrefix);
}

/** The call whose job a lease is held for, as SQL. */
export const heldCallId = sql<string>`substr(budget_leases.node_id, ${sql.lit(holderPrefix.length + 1)})`;

/** The incarnation of the one journal that a job has: its end. */
export const jobIncarnation = "job";

/** A job that runs. */
export interface Job {
  readonly callId: string;
  readonly digest: string;
  /** JSON (log/job-content.ts). */
  readonly content: string;
  readonly polls: number;
  /** Since it began, by the database's clock. */
  readonly ageMs: number;
}

export type FoundJob =
  | { readonly state: "running"; readonly job: Job }
  | { readonly state: "over" };

/** What settlement writes of a call that began one. */
export interface NewJob {
  readonly callId: string;
  /** `batch` or `response`. */
  readonly kind: string;
  readonly channelId: bigint;
  readonly digest: string;
  readonly content: string;
  /** Its call is charged for all of it: nobody has to ask for its end. */
  readonly isOver?: boolean;
}

export interface JobStore {
  /** Running ones whose time has come, those first that wait longest. */
  due(limit: number): Promise<readonly Job[]>;
  /** That of a vendor's thing, told by one look: between two it may begin. Undefined: nobody knows of it as a job. */
  find(digest: string): Promise<FoundJob | undefined>;
  /** Its vendor is asked again after so long. */
  again(callId: string, afterMs: number): Promise<void>;
  /** It runs no more; false: it did not any more. */
  end(callId: string, state: "ended" | "lost"): Promise<boolean>;
  /** Removes ended ones with what guarded them, so many at once; answers how many. */
  forget(olderThanMs: number, limit: number): Promise<number>;
}

export function makeJobStore(db: Sql): JobStore {
  return {
    due: (limit) => listDue(db, limit),
    find: (digest) => findOne(db, digest),
    again: (callId, afterMs) => retried(() => askAgain(db, callId, afterMs)),
    end: (callId, state) => retried(() => endOne(db, callId, state)),
    forget: (olderThanMs, limit) => retried(() => forgetEnded(db, olderThanMs, limit)),
  };
}

/** Rows of one statement: contents may be long. */
const atOnce = 50;

/** In the transaction that settles their calls. */
export async function insertJobs(trx: Sql, jobs: readonly StartedJob[]): Promise<void> {
  const now = nowMs(engineOf(trx));
  const rows = jobs.map((job) => ({
    call_id: job.callId,
    digest: job.digest,
    kind: job.kind,
    key_id: job.keyId,
    user_id: job.userId,
    channel_id: job.channelId,
    state: job.isOver === true ? "ended" : "running",
    content: job.content,
    poll_at: now,
    begun_at: job.begunAt,
    ended_at: job.isOver === true ? now : null,
  }));
  for (let at = 0; at < rows.length; at += atOnce)
    await insertUnlessThere(trx, "jobs", rows.slice(at, at + atOnce));
}

export interface StartedJob extends NewJob {
  readonly keyId: bigint;
  readonly userId: bigint;
  /** Ms UTC of the admission of its call. */
  readonly begunAt: bigint;
}

function selectJobs(db: Sql) {
  const now = nowMs(engineOf(db));
  return db
    .selectFrom("jobs")
    .select(["call_id", "digest", "content", "polls", "state"])
    .select(sql<bigint>`${now} - begun_at`.as("age"));
}

type JobRow = Awaited<ReturnType<ReturnType<typeof selectJobs>["execute"]>>[number];

function jobOf({ call_id: callId, digest, content, polls, age }: JobRow): Job {
  return { callId, digest, content, polls, ageMs: Number(age) };
}

async function listDue(db: Sql, limit: number): Promise<readonly Job[]> {
  const rows = await selectJobs(db)
    .where("state", "=", "running")
    .where("poll_at", "<=", nowMs(engineOf(db)))
    .orderBy("poll_at")
    .orderBy("call_id")
    .limit(limit)
    .execute();
  return rows.map(jobOf);
}

async function findOne(db: Sql, digest: string): Promise<FoundJob | undefined> {
  const rows = await selectJobs(db).where("digest", "=", digest).orderBy("call_id").execute();
  const row = rows.find(({ state }) => state === "running");
  if (row !== undefined) return { state: "running", job: jobOf(row) };
  return rows.length > 0 ? { state: "over" } : undefined;
}

async function askAgain(db: Sql, callId: string, afterMs: number): Promise<void> {
  await db
    .updateTable("jobs")
    .set((eb) => ({
      poll_at: sql<bigint>`${nowMs(engineOf(db))} + ${BigInt(Math.ceil(afterMs))}`,
      polls: eb("polls", "+", 1),
    }))
    .where("call_id", "=", callId)
    .where("state", "=", "running")
    .execute();
}

async function endOne(db: Sql, callId: string, state: "ended" | "lost"): Promise<boolean> {
  const now = nowMs(engineOf(db));
  const { numUpdatedRows } = await db
    .updateTable("jobs")
    // Nobody asks any more: by the index of that column old ones are found.
    .set({ state, ended_at: now, poll_at: now })
    .where("call_id", "=", callId)
    .where("state", "=", "running")
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}

async function forgetEnded(db: Sql, olderThanMs: number, limit: number): Promise<number> {
  const ended = await db
    .selectFrom("jobs")
    .select("call_id")
    .where("state", "in", ["ended", "lost"])
    .where("poll_at", "<=", sql<bigint>`${nowMs(engineOf(db))} - ${BigInt(olderThanMs)}`)
    .limit(limit)
    .execute();
  if (ended.length === 0) return 0;
  const ids = ended.map(({ call_id: callId }) => callId);
  return await db
    .transaction()
    .setIsolationLevel("read committed")
    .execute(async (trx) => {
      await trx
        .deleteFrom("journal_cursors")
        .where("node_id", "in", ids.map(jobHolder))
        .where("incarnation", "=", jobIncarnation)
        .execute();
      const { numDeletedRows } = await trx
        .deleteFrom("jobs")
        .where("call_id", "in", ids)
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    });
}

/**
 * What running jobs hold is theirs: renewed in good time before anybody may take it. Looked for first, since an update
 * by range would hold up new ones.
 */
export async function renewJobLeases(db: Sql, ageMs: number): Promise<void> {
  const now = nowMs(engineOf(db));
  const aged = await db
    .selectFrom("budget_leases")
    .innerJoin("jobs", (join) =>
      join.on("jobs.call_id", "=", heldCallId).on("jobs.state", "=", "running"),
    )
    .select("budget_leases.node_id")
    .distinct()
    .where("budget_leases.node_id", "like", `${holderPrefix}%`)
    .where("renewed_at", "<=", sql<bigint>`${now} - ${BigInt(Math.floor(ageMs / 2))}`)
    .execute();
  const holders = aged.map((row) => row.node_id);
  for (let at = 0; at < holders.length; at += 200)
    await db
      .updateTable("budget_leases")
      .set({ renewed_at: now })
      .where("node_id", "in", holders.slice(at, at + 200))
      .execute();
}
