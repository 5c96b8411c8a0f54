/**
 * Jobs of a schedule: what is set aside for them, the nodes that end them, two at once and again after every break. The
 * truth of each is kept beside: whether its caller was answered, and what it was charged.
 */
import assert from "node:assert/strict";
import type { BudgetClaim, ReserveAnswer } from "../../src/budget/budgets.ts";
import { reclaimAfterMs } from "../../src/budget/budget-parts.ts";
import { reclaimLeases } from "../../src/budget/reclaim-leases.ts";
import type { BudgetShare } from "../../src/core/budget-rule.ts";
import { makeCallId } from "../../src/core/ids.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { endJob, type EndJobParts } from "../../src/log/end-job.ts";
import { newJob, parseJobContent } from "../../src/log/job-content.ts";
import type { Job, NewJob } from "../../src/store/jobs.ts";
import { jobHolder } from "../../src/store/jobs.ts";
import type { Settlement } from "../../src/store/settlement.ts";
import { makeEndRecord, makeJobRecord } from "../log/job-records.ts";
import type { BudgetDatabase, LeaseRow } from "./budget-database.ts";
import type { Journalled, Process, SimNode } from "./budget-node.ts";
import type { Chance, VirtualClock } from "./virtual-clock.ts";

/** From a look under locks to its commit. */
const longestCommitMs = 2000;

export interface SimJobsParts {
  readonly clock: VirtualClock;
  readonly chance: Chance;
  readonly database: BudgetDatabase;
  readonly nodes: readonly SimNode[];
  readonly excess: boolean;
  readonly breaks: boolean;
  readonly maxStaleMs: number;
  /** A planted fault. */
  readonly bend: (parts: EndJobParts) => EndJobParts;
  /** It was really spent. */
  readonly spend: (share: BudgetShare, amount: bigint) => void;
  /** The promise does not cover it. */
  readonly allow: (share: BudgetShare, amount: bigint) => void;
  readonly fail: (error: unknown) => void;
}

export type SetAside = Extract<ReserveAnswer, { readonly reserved: true }>;

interface TrueJob {
  readonly callId: string;
  readonly node: SimNode;
  readonly process: Process;
  readonly answer: SetAside;
  readonly amount: bigint;
  /** `held`: its call runs; `running`: its caller was answered; `over`: charged, or it never was one. */
  state: "held" | "running" | "over";
  /** What its vendor will tell. */
  readonly cost: bigint;
  readonly endsAt: number;
  /** How many were told that they ended it. */
  ended: number;
}

export class SimJobs {
  readonly #parts: SimJobsParts;
  readonly #jobs = new Map<string, TrueJob>();
  #hurried = false;

  constructor(parts: SimJobsParts) {
    this.#parts = parts;
    this.#pollSoon();
  }

  makeCallId(): string {
    const { clock, chance } = this.#parts;
    return makeCallId(clock.now(), (length) =>
      Uint8Array.from({ length }, () => chance.between(0, 255)),
    );
  }

  /** What is held for jobs that run, whoever began them. */
  reserved(share: BudgetShare): bigint {
    let sum = 0n;
    for (const job of this.#jobs.values()) {
      if (job.state === "over" || (job.state === "held" && !job.process.alive)) continue;
      if (job.answer.reservation.shares.some((other) => isSame(other, share))) sum += job.amount;
    }
    return sum;
  }

  get open(): number {
    return [...this.#jobs.values()].filter(({ state }) => state !== "over").length;
  }

  /** All its budgets gave what it wants; its call goes on. */
  hold(
    call: Pick<TrueJob, "callId" | "node" | "process" | "answer" | "amount">,
    claims: readonly BudgetClaim[],
  ): void {
    const { clock, chance, excess } = this.#parts;
    const { amount } = call;
    assert.equal(claims.length, call.answer.reservation.shares.length);
    const most = excess && chance.happens(0.3) ? amount * 10n : amount;
    const job: TrueJob = {
      ...call,
      state: "held",
      cost: chance.happens(0.15) ? 0n : BigInt(chance.between(0, Number(most))),
      endsAt: clock.now() + chance.pick([0, 300, 1500, 1500, 9000]),
      ended: 0,
    };
    this.#jobs.set(job.callId, job);
    clock.after(chance.pick([0, 5, 100, 800]), () => this.#answer(job));
  }

  /** The process is stopped as operators do it. */
  finish(process: Process): void {
    for (const job of this.#jobs.values()) if (job.process === process) this.#answer(job);
  }

  /** The call that would begin it is over: refused by its vendor, done at once, or a job from now on. */
  #answer(job: TrueJob): void {
    if (job.state !== "held") return;
    job.state = "over";
    if (!job.process.alive) return;
    const { chance } = this.#parts;
    const { reservation } = job.answer;
    if (chance.happens(0.2)) {
      reservation.release();
      this.#expectFree(job);
      return;
    }
    if (chance.happens(0.15)) {
      const spent = reservation.shares.map((share) => ({ share, amount: job.cost }));
      for (const { share } of spent) this.#charge(job, share, job.cost);
      job.node.append(spent, { holder: jobHolder(job.callId) });
      return reservation.settle(spent.map(({ amount }) => amount));
    }
    job.state = "running";
    job.node.append([], { job: this.#newJob(job) });
  }

  #newJob({ callId, answer }: TrueJob): NewJob | null {
    const admittedAtMs = this.#parts.clock.now();
    const { shares } = answer.reservation;
    return newJob(makeJobRecord(1, { callId, admittedAtMs, shares }));
  }

  #charge(job: TrueJob, share: BudgetShare, cost: bigint): void {
    this.#parts.spend(share, cost);
    if (cost > job.amount) this.#parts.allow(share, cost - job.amount);
  }

  /** While all is well nobody waits for what no job holds any more. */
  #expectFree({ callId }: TrueJob): void {
    const { clock, breaks, fail } = this.#parts;
    if (breaks) return;
    clock.after(2000, () => {
      if (this.#heldBy(callId) > 0n) fail(new Error("what was released is held"));
    });
  }

  #heldBy(callId: string): bigint {
    return [...this.#parts.database.leases.values()]
      .filter(({ nodeId }) => nodeId === jobHolder(callId))
      .reduce((sum, { granted }) => sum + granted, 0n);
  }

  /** All vendors are done. */
  hurry(): void {
    this.#hurried = true;
  }

  /** Their node lost them with its disk: nobody knows of these jobs any more. */
  lose(lost: readonly Journalled[]): void {
    for (const { job } of lost) {
      const known = job === null ? undefined : this.#jobs.get(job.callId);
      if (known !== undefined) known.state = "over";
    }
  }

  /** The end of a job stands in SQL. */
  noteSettled({ nodeId, calls }: Settlement): void {
    const job = this.#find(nodeId);
    if (job === undefined || job.state !== "running")
      return this.#parts.fail(new Error(`the end of ${nodeId} is charged twice, or of no job`));
    job.state = "over";
    for (const { amount, ...share } of calls.flatMap(({ shares }) => shares))
      if (share.kind === "channel") this.#parts.spend(share, amount);
      else this.#charge(job, share, amount);
  }

  /** A lease of a job ends, whoever folds it. */
  noteFold(row: LeaseRow): void {
    const job = this.#find(row.nodeId);
    if (job === undefined || (job.state === "held" && !job.process.alive)) return;
    const { clock, database, maxStaleMs, allow, fail } = this.#parts;
    const runs = job.state === "over" ? 0n : job.amount;
    const owed = runs + job.node.unsettled(row.share, (holder) => holder === row.nodeId);
    // Whoever took it may have looked before the job was known, or its node heard of again.
    const lookedAt = clock.now() - longestCommitMs;
    const begunAt = database.jobs.get(job.callId)?.begunAt ?? Infinity;
    const isKnown = runs > 0n && begunAt < lookedAt;
    const heardAt = row.renewedAt > lookedAt ? (row.heardBefore ?? row.renewedAt) : row.renewedAt;
    const isOld = clock.now() - heardAt >= reclaimAfterMs(maxStaleMs);
    if (owed > 0n && (isKnown || !isOld))
      return fail(new Error(`the lease of ${row.nodeId} ended that owes ${owed}`));
    // Its node was not heard of for too long: whatever it costs is spent twice.
    allow(row.share, owed);
  }

  #find(holder: string): TrueJob | undefined {
    return [...this.#jobs.values()].find(({ callId }) => jobHolder(callId) === holder);
  }

  /** Leaders come and go, and now and then two take themselves for it. */
  #pollSoon(): void {
    const { clock, chance, nodes } = this.#parts;
    clock.after(chance.between(100, 1200), () => {
      const alive = nodes.filter(({ process }) => process !== undefined);
      if (alive.length > 0)
        for (let leader = chance.happens(0.3) ? 2 : 1; leader > 0; leader -= 1) {
          const node = chance.pick(alive);
          if (node.process !== undefined) void this.#poll(node, node.process);
        }
      this.#pollSoon();
    });
  }

  async #poll(node: SimNode, process: Process): Promise<void> {
    const { chance, database, breaks, fail, maxStaleMs, bend } = this.#parts;
    const alive = (): boolean => process.alive;
    const leases = database.open(node.line, alive);
    const parts = bend({ ...database.openJobs(node.line, alive), leases });
    try {
      for (const job of await parts.jobs.due(3)) await this.#look(parts, job);
      if (!chance.happens(0.2)) return;
      // Under another name: what it takes is taken, also from this node, and not ended by it.
      const nodeId = `${node.nodeId} as leader`;
      await reclaimLeases({ store: leases, nodeId, maxStaleMs, logger: silentLogger }).run();
    } catch (error) {
      // The next look is as good.
      if (!breaks || error instanceof assert.AssertionError) fail(error);
    }
  }

  async #look(parts: EndJobParts, job: Job): Promise<void> {
    const { clock, chance } = this.#parts;
    const truth = this.#jobs.get(job.callId);
    assert.ok(truth !== undefined, "a job that nobody began");
    if (clock.now() < truth.endsAt && !this.#hurried)
      return await parts.jobs.again(job.callId, chance.between(200, 900));
    const { cost } = truth;
    const random = (length: number): Uint8Array =>
      Uint8Array.from({ length }, () => chance.between(0, 255));
    const content = parseJobContent(job.content);
    const records = cost === 0n ? [] : [makeEndRecord(content, cost, random)];
    if (!(await endJob(parts, job, records, cost === 0n ? "lost" : "ended"))) return;
    truth.ended += 1;
    assert.equal(truth.ended, 1, "a job ended twice");
    assert.equal(truth.state, "over", "a job ended that was not charged");
    assert.equal(this.#heldBy(job.callId), 0n, "a job ended, and what it held is not free");
  }
}

function isSame(one: BudgetShare, other: BudgetShare): boolean {
  return one.kind === other.kind && one.id === other.id && one.period === other.period;
}
