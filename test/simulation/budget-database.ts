/**
 * The tables of budgets and jobs in memory, with what makes databases hard: rows locked while time passes, commits whose
 * answer is lost and that take place later all the same, nodes that cannot reach it.
 */
import type { BudgetShare } from "../../src/core/budget-rule.ts";
import type {
  BudgetLease,
  DecideLeases,
  LeaseChange,
  LeaseStore,
  OwnLease,
} from "../../src/store/budget-leases.ts";
import { inLockOrder, shareName } from "../../src/store/budget-leases.ts";
import type { JobStore, NewJob } from "../../src/store/jobs.ts";
import { jobHolder } from "../../src/store/jobs.ts";
import type { Settlement, SettlementStore } from "../../src/store/settlement.ts";
import { UncertainCommit } from "../../src/store/sync-store.ts";
import type { Chance, VirtualClock } from "./virtual-clock.ts";

export interface LeaseRow {
  readonly share: BudgetShare;
  readonly nodeId: string;
  fence: bigint;
  granted: bigint;
  spent: bigint;
  recalled: boolean;
  renewedAt: number;
  /** When its holder was heard of before that. */
  heardBefore?: number;
}

export interface BudgetRow {
  readonly share: BudgetShare;
  credited: bigint;
  settled: bigint;
}

export interface JobRow {
  readonly job: NewJob;
  readonly begunAt: number;
  state: "running" | "ended" | "lost";
  pollAt: number;
  polls: number;
}

/** How the way of one node to the database is. */
export interface Line {
  /** Cut: nothing arrives. */
  cut: boolean;
  /** Chance that an answer to a commit is lost. */
  loses: number;
  /** Most that one step takes. */
  slowMs: number;
}

export interface BudgetDatabaseParts {
  readonly clock: VirtualClock;
  readonly chance: Chance;
  /** A lease ends: by whom, and how. */
  readonly onFold: (row: LeaseRow, by: string) => void;
  /** The end of a job is committed. */
  readonly onSettled: (settlement: Settlement) => void;
}

interface Transaction<T> {
  readonly locks: readonly string[];
  readonly line: Line;
  readonly travel: () => Promise<void>;
  /** While all is locked; undefined: nothing is to be written. */
  readonly look: () => { readonly answer: T; readonly commit?: () => void };
}

export interface JobStores {
  readonly settlement: SettlementStore;
  readonly jobs: JobStore;
}

export class BudgetDatabase {
  readonly budgets = new Map<string, BudgetRow>();
  readonly leases = new Map<string, LeaseRow>();
  readonly alerts = new Set<string>();
  readonly jobs = new Map<string, JobRow>();
  readonly cursors = new Map<string, bigint>();
  readonly #parts: BudgetDatabaseParts;
  readonly #locks = new Map<string, Promise<void>>();
  /** What a commit goes through: planted faults bend it. */
  bend: (change: LeaseChange) => LeaseChange | undefined = (change) => change;
  /** Planted: leases of running jobs age as others do. */
  jobsAge = false;
  /** Planted: nobody compares where a cursor stands. */
  cursorsIgnored = false;

  constructor(parts: BudgetDatabaseParts) {
    this.#parts = parts;
  }

  budget(share: BudgetShare): BudgetRow {
    const name = shareName(share);
    let row = this.budgets.get(name);
    if (row === undefined) {
      row = { share, credited: 0n, settled: 0n };
      this.budgets.set(name, row);
    }
    return row;
  }

  /** As settlement does it: on the node's own row, whoever holds the budget's lock. */
  settle(nodeId: string, share: BudgetShare, amount: bigint): void {
    this.budget(share);
    const row = this.#row(share, nodeId);
    row.spent += amount;
  }

  /** With the row of its call. */
  begin(job: NewJob): void {
    if (this.jobs.has(job.callId)) return;
    const now = this.#parts.clock.now();
    this.jobs.set(job.callId, { job, begunAt: now, state: "running", pollAt: now, polls: 0 });
  }

  #row(share: BudgetShare, nodeId: string): LeaseRow {
    const name = `${shareName(share)} ${nodeId}`;
    let row = this.leases.get(name);
    if (row === undefined) {
      const renewedAt = this.#parts.clock.now();
      row = { share, nodeId, fence: 0n, granted: 0n, spent: 0n, recalled: false, renewedAt };
      this.leases.set(name, row);
    }
    return row;
  }

  rowsOf(share: BudgetShare): LeaseRow[] {
    const name = shareName(share);
    return [...this.leases.values()].filter((row) => shareName(row.share) === name);
  }

  /** What one process sees of it. `alive` is false once the process is dead: then nothing comes back. */
  open(line: Line, alive: () => boolean): LeaseStore {
    const { clock } = this.#parts;
    const travel = this.#way(line, alive);
    const read = <T>(look: () => T): Promise<T> => this.#read(travel, look);
    return {
      change: (nodeId, shares, decide) =>
        orNever(() => this.#change({ nodeId, shares, decide, line }, travel)),
      own: (nodeId) => read(() => this.#own(nodeId)),
      renew: (nodeId) =>
        read(() => {
          for (const row of this.leases.values())
            if (row.nodeId === nodeId && row.granted > 0n) {
              row.heardBefore = row.renewedAt;
              row.renewedAt = clock.now();
            }
        }),
      stale: (ageMs, limit) =>
        read(() => {
          this.#renewJobs(ageMs);
          const found = [...this.leases.values()].filter(
            (row) => clock.now() - row.renewedAt >= ageMs,
          );
          const shares = new Map(found.map((row) => [shareName(row.share), row.share]));
          return [...shares.values()].slice(0, limit);
        }),
      spent: (share) =>
        read(
          () =>
            this.budget(share).settled +
            this.rowsOf(share).reduce((sum, row) => sum + row.spent, 0n),
        ),
      tellAlert: (share, percent) =>
        read(() => {
          const name = `${shareName(share)} ${percent}`;
          if (this.alerts.has(name)) return false;
          this.alerts.add(name);
          return true;
        }),
    };
  }

  /** What those who end jobs see of it. */
  openJobs(line: Line, alive: () => boolean): JobStores {
    const { clock } = this.#parts;
    const travel = this.#way(line, alive);
    const read = <T>(look: () => T): Promise<T> => this.#read(travel, look);
    const find = (callId: string): JobRow | undefined => {
      const row = this.jobs.get(callId);
      return row?.state === "running" ? row : undefined;
    };
    const jobOf = ({ job, polls, begunAt }: JobRow) => ({
      ...job,
      polls,
      ageMs: clock.now() - begunAt,
    });
    return {
      settlement: {
        openCursor: (nodeId, incarnation) =>
          read(() => this.cursors.get(`${nodeId} ${incarnation}`) ?? 0n),
        settle: (settlement) => orNever(() => this.#settle(settlement, line, travel)),
        forgoOthers: () => Promise.reject(new Error("jobs have no journals on disks")),
      },
      jobs: {
        due: (limit) =>
          read(() =>
            [...this.jobs.values()]
              .filter((row) => row.state === "running" && row.pollAt <= clock.now())
              .sort((one, other) => one.pollAt - other.pollAt)
              .slice(0, limit)
              .map(jobOf),
          ),
        find: () => Promise.reject(new Error("nobody finds")),
        again: (callId, afterMs) =>
          read(() => {
            const row = find(callId);
            if (row !== undefined) row.pollAt = clock.now() + afterMs;
          }),
        end: (callId, state) =>
          orNever(() =>
            this.#transact({
              locks: [jobHolder(callId)],
              line,
              travel,
              look: () => {
                const row = find(callId);
                if (row === undefined) return { answer: false };
                return { answer: true, commit: () => void (row.state = state) };
              },
            }),
          ),
        forget: () => Promise.reject(new Error("nobody forgets")),
      },
    };
  }

  #settle(settlement: Settlement, line: Line, travel: () => Promise<void>): Promise<boolean> {
    const { nodeId, incarnation, from, to, calls } = settlement;
    const name = `${nodeId} ${incarnation}`;
    return this.#transact({
      locks: [name],
      line,
      travel,
      look: () => {
        const isThere = (this.cursors.get(name) ?? 0n) === from;
        if (!isThere && !this.cursorsIgnored) return { answer: false };
        const commit = (): void => {
          this.cursors.set(name, to);
          for (const { share, amount } of calls.flatMap(({ shares }) =>
            shares.map(({ amount: cost, ...rest }) => ({ share: rest, amount: cost })),
          ))
            this.settle(nodeId, share, amount);
          this.#parts.onSettled(settlement);
        };
        return { answer: true, commit };
      },
    });
  }

  #isRunning(holder: string): boolean {
    if (this.jobsAge) return false;
    for (const { job, state } of this.jobs.values())
      if (jobHolder(job.callId) === holder) return state === "running";
    return false;
  }

  #renewJobs(ageMs: number): void {
    const now = this.#parts.clock.now();
    for (const row of this.leases.values())
      if (now - row.renewedAt >= ageMs / 2 && this.#isRunning(row.nodeId)) row.renewedAt = now;
  }

  #way(line: Line, alive: () => boolean): () => Promise<void> {
    const { clock, chance } = this.#parts;
    return async () => {
      if (line.slowMs > 0) await clock.sleep(chance.between(0, line.slowMs));
      if (!alive()) throw new Died();
      if (line.cut) throw new Error("the database cannot be reached");
    };
  }

  #read<T>(travel: () => Promise<void>, look: () => T): Promise<T> {
    return orNever(async () => {
      await travel();
      const seen = look();
      await travel();
      return seen;
    });
  }

  #own(nodeId: string): OwnLease[] {
    return [...this.leases.values()]
      .filter((row) => row.nodeId === nodeId && row.granted > 0n)
      .map(({ share, fence, granted, recalled }) => ({ share, fence, granted, recalled }));
  }

  async #change(
    work: {
      readonly nodeId: string;
      readonly shares: readonly BudgetShare[];
      readonly decide: DecideLeases;
      readonly line: Line;
    },
    travel: () => Promise<void>,
  ): Promise<void> {
    const { clock } = this.#parts;
    const shares = inLockOrder(work.shares);
    await this.#transact({
      locks: shares.map(shareName),
      line: work.line,
      travel,
      look: () => {
        const nowMs = clock.now();
        const changes = work.decide(
          shares.map((share) => ({ share, ...this.#look(share, nowMs) })),
          nowMs,
        );
        return { answer: undefined, commit: () => this.#commit(work.nodeId, changes) };
      },
    });
  }

  async #transact<T>({ locks, line, travel, look }: Transaction<T>): Promise<T> {
    const { clock, chance } = this.#parts;
    await travel();
    const releases: (() => void)[] = [];
    const release = (): void => {
      for (const free of releases) free();
    };
    for (const name of locks) releases.push(await this.#lock(name));
    let later = false;
    try {
      const { answer, commit } = look();
      await travel();
      if (commit === undefined) return answer;
      const isLost = chance.happens(line.loses);
      if (isLost && chance.happens(0.5)) {
        // The commit is on its way still: it holds its locks, and nobody waits for it any more.
        later = true;
        clock.after(chance.between(1, 1500), () => {
          if (chance.happens(0.7)) commit();
          release();
        });
        throw new UncertainCommit(new Error("lost"));
      }
      if (!isLost || chance.happens(0.7)) commit();
      if (isLost) throw new UncertainCommit(new Error("lost"));
      return answer;
    } finally {
      if (!later) release();
    }
  }

  async #lock(name: string): Promise<() => void> {
    const before = this.#locks.get(name);
    let free = (): void => undefined;
    this.#locks.set(
      name,
      new Promise((resolve) => {
        free = resolve;
      }),
    );
    await before;
    return free;
  }

  #look(
    share: BudgetShare,
    nowMs: number,
  ): { credited: bigint; settled: bigint; leases: readonly BudgetLease[] } {
    const { credited, settled } = this.budget(share);
    const leases = this.rowsOf(share).map(
      ({ nodeId, fence, granted, spent, recalled, renewedAt }) => ({
        nodeId,
        fence,
        granted,
        spent,
        recalled,
        ageMs: this.#isRunning(nodeId) ? 0 : nowMs - renewedAt,
      }),
    );
    return { credited, settled, leases };
  }

  #commit(nodeId: string, changes: readonly LeaseChange[]): void {
    for (const asked of changes) {
      const change = this.bend(asked);
      if (change !== undefined) this.#apply(nodeId, change);
    }
  }

  #apply(nodeId: string, change: LeaseChange): void {
    const { share } = change;
    if (change.does === "grant") {
      const row = this.#row(share, nodeId);
      Object.assign(row, {
        fence: change.fence,
        granted: change.granted,
        recalled: change.recalled,
        renewedAt: this.#parts.clock.now(),
      });
      return;
    }
    const name = `${shareName(share)} ${change.nodeId}`;
    const row = this.leases.get(name);
    if (row === undefined) return;
    if (change.does === "recall") {
      row.recalled = true;
      return;
    }
    this.budget(share).settled += row.spent;
    this.leases.delete(name);
    this.#parts.onFold(row, nodeId);
  }
}

/** The process is no more: its transaction is rolled back, and nobody hears of it. */
class Died extends Error {}

async function orNever<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Died) return await new Promise<never>(() => undefined);
    throw error;
  }
}
