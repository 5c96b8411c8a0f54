/**
 * Jobs at vendors whose end is charged. Promises: a job is known from the moment that its call is settled, in the same
 * transaction; one that runs keeps what was set aside for it, however long nobody could ask for it.
 */

/** Under whose name budgets hold what was set aside for the job that a call began, and its end is settled. */
export function jobHolder(callId: string): string {
  return `job:${callId}`;
}

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

/** What settlement writes of a call that began one. */
export interface NewJob {
  readonly callId: string;
  readonly digest: string;
  readonly content: string;
}

export interface JobStore {
  /** Running ones whose time has come, those first that wait longest. */
  due(limit: number): Promise<readonly Job[]>;
  /** The running one of a vendor's thing. */
  find(digest: string): Promise<Job | undefined>;
  /** Its vendor is asked again after so long. */
  again(callId: string, afterMs: number): Promise<void>;
  /** It runs no more; false: it did not any more. */
  end(callId: string, state: "ended" | "lost"): Promise<boolean>;
  /** Removes ended ones with what guarded them, so many at once; answers how many. */
  forget(olderThanMs: number, limit: number): Promise<number>;
}
