/** A node of the simulation: the shipped budgets, a journal that outlives its processes, and a way to the database. */
import type { BudgetParts } from "../../src/budget/budget-parts.ts";
import type { Budgets } from "../../src/budget/budgets.ts";
import { openBudgets } from "../../src/budget/open-budgets.ts";
import type { BudgetShare } from "../../src/core/budget-rule.ts";
import type { Clock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { shareName } from "../../src/store/budget-leases.ts";
import type { NewJob } from "../../src/store/jobs.ts";
import type { BudgetDatabase, Line } from "./budget-database.ts";
import type { Chance, VirtualClock } from "./virtual-clock.ts";

export interface Spent {
  readonly share: BudgetShare;
  readonly amount: bigint;
}

/** A call that is over, as its node's disk has it. */
export interface Journalled {
  readonly spent: readonly Spent[];
  /** What it began. */
  readonly job: NewJob | null;
  /** Under whose name what it cost was set aside, where that is not the node's. */
  readonly holder: string | null;
}

export interface Process {
  alive: boolean;
  readonly budgets: Budgets;
}

export interface SimNodeParts {
  readonly nodeId: string;
  readonly clock: VirtualClock;
  readonly chance: Chance;
  readonly database: BudgetDatabase;
  readonly nodes: number;
  readonly maxStaleMs: number;
  /** A planted fault. */
  readonly bend: (parts: BudgetParts) => BudgetParts;
}

export class SimNode {
  readonly nodeId: string;
  readonly line: Line = { cut: false, loses: 0, slowMs: 5 };
  /** Undefined: on the way. */
  cutSince: number | undefined;
  wallOffset = 0;
  process: Process | undefined;
  /** Calls that are over and not in SQL yet, on the disk. */
  journal: Journalled[] = [];
  #appended = 0;
  #settledCount = 0;
  #barriers: { readonly count: number; readonly resolve: () => void }[] = [];
  #kept: string | undefined;
  readonly #parts: SimNodeParts;

  constructor(parts: SimNodeParts) {
    this.#parts = parts;
    this.nodeId = parts.nodeId;
    this.#settleSoon();
  }

  start(): void {
    const { clock, database, nodes, maxStaleMs, bend } = this.#parts;
    const state = { alive: true };
    const alive = (): boolean => state.alive;
    const budgets = openBudgets(
      bend({
        store: database.open(this.line, alive),
        clock: mortalClock(
          clock.view(() => this.wallOffset),
          alive,
        ),
        nodeId: this.nodeId,
        liveNodes: () => nodes,
        settled: () => this.#settled(),
        logger: silentLogger,
        meters: { asked: () => undefined, refused: () => undefined, alerted: () => undefined },
        maxStaleMs,
        kept: {
          take: () => {
            const text = this.#kept;
            this.#kept = undefined;
            return text;
          },
          save: (text) => {
            this.#kept = text;
          },
        },
      }),
    );
    this.process = Object.assign(state, { budgets });
  }

  crash(): void {
    if (this.process !== undefined) this.process.alive = false;
    this.process = undefined;
  }

  /** What it held is lost with the disk. */
  loseDisk(): readonly Journalled[] {
    const lost = this.journal;
    this.#settledCount += this.journal.length;
    this.journal = [];
    this.#kept = undefined;
    return lost;
  }

  cut(isCut: boolean): void {
    this.line.cut = isCut;
    this.cutSince = isCut ? (this.cutSince ?? this.#parts.clock.monotonic()) : undefined;
  }

  append(spent: readonly Spent[], { job = null, holder = null }: Partial<Journalled> = {}): void {
    this.journal.push({ spent, job, holder });
    this.#appended += 1;
  }

  /** What has been spent of a budget and is not in SQL yet; `owed`: which of it. */
  unsettled(share: BudgetShare, owed: (holder: string | null) => boolean): bigint {
    const name = shareName(share);
    return this.journal
      .filter(({ holder }) => owed(holder))
      .flatMap(({ spent }) => spent)
      .filter((item) => shareName(item.share) === name)
      .reduce((sum, { amount }) => sum + amount, 0n);
  }

  #settled(): Promise<void> {
    const count = this.#appended;
    if (this.#settledCount >= count) return Promise.resolve();
    return new Promise((resolve) => this.#barriers.push({ count, resolve }));
  }

  /** The log room's part: a node without a process settles nothing. */
  #settleSoon(): void {
    const { clock, chance, database } = this.#parts;
    clock.after(chance.between(50, 900), () => {
      if (this.process !== undefined && !this.line.cut) {
        const most = chance.between(1, 6);
        for (const { spent, job } of this.journal.splice(0, most)) {
          if (job !== null) database.begin(job);
          for (const { share, amount } of spent)
            if (amount !== 0n) database.settle(this.nodeId, share, amount);
          this.#settledCount += 1;
        }
        const done = this.#barriers.filter(({ count }) => count <= this.#settledCount);
        this.#barriers = this.#barriers.filter(({ count }) => count > this.#settledCount);
        for (const { resolve } of done) resolve();
      }
      this.#settleSoon();
    });
  }
}

/** Timers of a dead process never fire. */
function mortalClock(clock: Clock, alive: () => boolean): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (delayMs, action) => clock.after(delayMs, () => alive() && action()),
  };
}
