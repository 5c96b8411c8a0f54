/** What may go wrong between a job's begin and its end: each put back in, and found. */
import type { Killer, Mutant } from "./planted-tree.ts";

const simulated: readonly Killer[] = [
  {
    file: "test/simulation/budget-breaks.test.ts",
    test: "budgets hold through crashes, cuts and lost answers",
  },
];
/** Some need several things to go wrong in one schedule. */
const env = { SIM_SCHEDULES: "150" };

const ended = (test: string): Killer => ({
  file: "src/log/end-job.test.ts",
  test: `${test}: sqlite`,
  engine: "sqlite",
});
const held: Killer = {
  file: "test/budget/jobs.test.ts",
  test: "what is set aside for a job: sqlite > is held while the job runs, and reclaimed where none ever began",
  engine: "sqlite",
};

export const jobFaults: readonly Mutant[] = [
  {
    name: "the end of a job is charged by everybody who sees it",
    edits: [
      {
        file: "src/store/settlement.ts",
        find: "return numUpdatedRows === 1n;",
        replace: "return numUpdatedRows <= 1n;",
      },
    ],
    killers: [ended("a job is charged once by three who end it at once, and again later")],
  },
  {
    name: "what a job held stays held at its end",
    edits: [
      {
        file: "src/log/end-job.ts",
        find: `({ does: "fold", share, nodeId: holder }) as const`,
        replace: `({ does: "recall", share, nodeId: holder }) as const`,
      },
    ],
    killers: [...simulated, ended("a job that its vendor lost costs nothing and holds nothing")],
    env,
  },
  {
    name: "a job that nobody could ask for is taken for a node that is dead",
    edits: [
      {
        file: "src/store/budget-leases.ts",
        find: "lease.running_job === null ? Number(now - lease.renewed_at) : 0",
        replace: "Number(now - lease.renewed_at)",
      },
    ],
    killers: [held],
  },
  {
    name: "what is set aside is free before what the call cost stands in its place",
    edits: [
      {
        file: "src/budget/set-aside.ts",
        find: "    parts.settled().then(",
        replace: "    Promise.resolve().then(",
      },
    ],
    killers: simulated,
    env,
  },
  {
    name: "what a long call has set aside for its job is reclaimed as if nobody held it",
    edits: [
      {
        file: "src/budget/set-aside.ts",
        find: "      store.renew(holder).catch(nothing);\n",
        replace: "",
      },
    ],
    killers: [
      {
        file: "test/budget/long-calls.test.ts",
        test: "is nobody else's while the call runs, and reclaimed where its job never came to be",
      },
    ],
  },
  {
    name: "what may have been set aside, and nobody knows, is left to itself",
    edits: [
      {
        file: "src/budget/set-aside.ts",
        find: "    if (error instanceof UncertainCommit) free(parts, hold);\n",
        replace: "    if (error instanceof UncertainCommit) throw unavailable(error);\n",
      },
    ],
    killers: [
      {
        file: "test/budget/jobs.test.ts",
        test: "what is set aside for a job while the database breaks > is freed where nobody knows whether it was taken",
        engine: "sqlite",
      },
    ],
  },
  {
    name: "a job begins apart from the row of its call",
    edits: [
      {
        file: "src/store/settlement.ts",
        find: "await insertJobs(trx, batch",
        replace: "await insertJobs(db, batch",
      },
    ],
    killers: [
      {
        file: "src/store/jobs.test.ts",
        test: "a call that cannot be settled leaves no job behind: postgres",
        engine: "postgres",
      },
    ],
  },
];
