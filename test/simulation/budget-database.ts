/**
 * The two tables of budgets in memory, with what makes databases hard: rows locked while time passes, commits whose
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
}

export interface BudgetRow {
  readonly share: BudgetShare;
  credited: bigint;
  settled: bigint;
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
}

export class BudgetDatabase {
  readonly budgets = new Map<string, BudgetRow>();
  readonly leases = new Map<string, LeaseRow>();
  readonly alerts = new Set<string>();
  readonly #parts: BudgetDatabaseParts;
  readonly #locks = new Map<string, Promise<void>>();
  /** What a commit goes through: planted faults bend it. */
  bend: (change: LeaseChange) => LeaseChange | undefined = (change) => change;

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
    const { clock, chance } = this.#parts;
    const travel = async (): Promise<void> => {
      if (line.slowMs > 0) await clock.sleep(chance.between(0, line.slowMs));
      if (!alive()) throw new Died();
      if (line.cut) throw new Error("the database cannot be reached");
    };
    const read = <T>(look: () => T): Promise<T> =>
      orNever(async () => {
        await travel();
        const seen = look();
        await travel();
        return seen;
      });
    return {
      change: (nodeId, shares, decide) =>
        orNever(() => this.#change({ nodeId, shares, decide, line }, travel)),
      own: (nodeId) => read(() => this.#own(nodeId)),
      renew: (nodeId) =>
        read(() => {
          for (const row of this.leases.values())
            if (row.nodeId === nodeId && row.granted > 0n) row.renewedAt = clock.now();
        }),
      stale: (ageMs, limit) =>
        read(() => {
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
    const { clock, chance } = this.#parts;
    await travel();
    const shares = inLockOrder(work.shares);
    const releases: (() => void)[] = [];
    const release = (): void => {
      for (const free of releases) free();
    };
    for (const share of shares) releases.push(await this.#lock(shareName(share)));
    let later = false;
    try {
      const nowMs = clock.now();
      const changes = work.decide(
        shares.map((share) => ({ share, ...this.#look(share, nowMs) })),
        nowMs,
      );
      await travel();
      const isLost = chance.happens(work.line.loses);
      if (isLost && chance.happens(0.5)) {
        // The commit is on its way still: it holds its locks, and nobody waits for it any more.
        later = true;
        clock.after(chance.between(1, 1500), () => {
          if (chance.happens(0.7)) this.#commit(work.nodeId, changes);
          release();
        });
        throw new UncertainCommit(new Error("lost"));
      }
      if (!isLost || chance.happens(0.7)) this.#commit(work.nodeId, changes);
      if (isLost) throw new UncertainCommit(new Error("lost"));
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
        ageMs: nowMs - renewedAt,
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
