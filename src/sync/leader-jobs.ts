/**
 * The jobs that run once in the cluster. Promise kept: a job runs on the leader alone, never twice at a time, and is
 * told to stop when the term ends; a job that fails is tried again at its next turn and stops no other.
 */
import type { Cancel, Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { SyncStore } from "../store/sync-store.ts";
import type { Leadership, Term } from "./lease.ts";

export interface LeaderJob {
  /** Shown in logs. */
  readonly name: string;
  /** Time between the end of one run and the begin of the next; the first begins soon after this node came to lead. */
  readonly everyMs: number;
  /** Effects in SQL end with the lease's fence; longer work looks at `signal` between its steps. */
  run(term: Term): Promise<void>;
}

export interface LeaderJobs {
  add(job: LeaderJob): void;
  /** No job begins any more; resolves when none runs. */
  close(): Promise<void>;
}

export interface LeaderJobParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly leadership: Pick<Leadership, "term">;
}

/** How often an idle job looks whether this node leads. */
const lookMs = 1_000;

export function makeLeaderJobs(parts: LeaderJobParts): LeaderJobs {
  const { clock, logger, leadership } = parts;
  const timers = new Set<{ cancel: Cancel }>();
  const running = new Set<Promise<void>>();
  let closed = false;

  const turn = async (job: LeaderJob): Promise<number> => {
    const term = leadership.term();
    if (term === undefined) return lookMs;
    try {
      await job.run(term);
    } catch (error) {
      if (!term.signal.aborted)
        logger.error({ job: job.name, error: messageOf(error) }, "job failed");
    }
    return job.everyMs;
  };

  const plan = (job: LeaderJob, delayMs: number): void => {
    const timer = { cancel: (): void => undefined };
    timers.add(timer);
    timer.cancel = clock.after(delayMs, () => {
      timers.delete(timer);
      const run = turn(job).then((nextMs) => {
        running.delete(run);
        if (!closed) plan(job, nextMs);
      });
      running.add(run);
    });
  };

  return {
    add: (job) => {
      if (!closed) plan(job, lookMs);
    },
    close: async () => {
      closed = true;
      for (const timer of timers) timer.cancel();
      timers.clear();
      await Promise.all(running);
    },
  };
}

const keptRevisions = 10_000;
const dayMs = 24 * 60 * 60 * 1000;

/** What sync itself has to be done once: forgetting nodes that are gone, and the tail of the change log. */
export function syncJobs(
  store: Pick<SyncStore, "purgeReports" | "compact">,
  logger: Logger,
): readonly LeaderJob[] {
  return [
    {
      name: "purge nodes",
      everyMs: 10 * 60 * 1000,
      run: () => store.purgeReports(dayMs),
    },
    {
      name: "compact change log",
      everyMs: 10 * 60 * 1000,
      run: async ({ lease }) => {
        const dropped = await store.compact(lease, keptRevisions, dayMs);
        if (dropped > 0) logger.info({ dropped }, "change log compacted");
      },
    },
  ];
}
