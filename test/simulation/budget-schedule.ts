/**
 * One schedule: calls on several nodes with everything that goes wrong, and what must hold all the same. The truth is
 * kept beside: what was really spent, what really runs.
 */
import assert from "node:assert/strict";
import type { BudgetParts } from "../../src/budget/budget-parts.ts";
import { reclaimAfterMs } from "../../src/budget/budget-parts.ts";
import type { BudgetClaim, Reservation, ReserveAnswer } from "../../src/budget/budgets.ts";
import { reclaimLeases } from "../../src/budget/reclaim-leases.ts";
import type { BudgetRule, BudgetShare } from "../../src/core/budget-rule.ts";
import { GatewayError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { EndJobParts } from "../../src/log/end-job.ts";
import { shareName } from "../../src/store/budget-leases.ts";
import { isJobHolder } from "../../src/store/jobs.ts";
import type { LeaseRow } from "./budget-database.ts";
import { BudgetDatabase } from "./budget-database.ts";
import type { Journalled, Process } from "./budget-node.ts";
import { SimNode } from "./budget-node.ts";
import { type SetAside, SimJobs } from "./budget-jobs.ts";
import { makeChance, VirtualClock } from "./virtual-clock.ts";

export interface BudgetScheduleOptions {
  readonly seed: number;
  /** Calls may cost more than was reserved for them. */
  readonly excess: boolean;
  /** Crashes, cuts, lost answers, jumps. */
  readonly breaks: boolean;
  readonly steps: number;
  readonly plant?: Planted;
}

/** A planted fault. */
export interface Planted {
  readonly parts?: (parts: BudgetParts) => BudgetParts;
  readonly database?: (database: BudgetDatabase) => void;
  /** What the ends of jobs stand on. */
  readonly ends?: (parts: EndJobParts) => EndJobParts;
}

interface RunningCall {
  readonly node: SimNode;
  readonly process: Process;
  readonly reservation: Reservation;
  readonly amount: bigint;
}

const maxStaleMs = 3000;
/** Longest that a reservation may take: the patience of a call, and the way. */
const longestMs = 5300;
/** Of a process that died: nobody knows of it. */
const latestCommitMs = 1500;

export interface ScheduleCounts {
  admitted: number;
  refused: number;
  unavailable: number;
  folds: number;
  jobs: number;
}

export async function runBudgetSchedule(options: BudgetScheduleOptions): Promise<ScheduleCounts> {
  const schedule = new Schedule(options);
  await schedule.run();
  return schedule.counts;
}

class Schedule {
  readonly counts: ScheduleCounts = { admitted: 0, refused: 0, unavailable: 0, folds: 0, jobs: 0 };
  readonly #options: BudgetScheduleOptions;
  readonly #clock = new VirtualClock();
  readonly #chance;
  readonly #database: BudgetDatabase;
  readonly #nodes: SimNode[] = [];
  readonly #jobs: SimJobs;
  readonly #running = new Set<RunningCall>();
  readonly #pending = new Map<Promise<void>, Process>();
  /** By share: what was spent, and may still reach SQL. */
  readonly #truth = new Map<string, bigint>();
  readonly #shares = new Map<string, BudgetShare>();
  /** By share: what the promise does not cover. */
  readonly #allowed = new Map<string, bigint>();
  #limit: bigint;
  readonly #userLimit: bigint;
  #credited: bigint;
  /** The budget's day ends in the middle of the schedule. */
  readonly #dayOffset: number;
  #failure: unknown;

  constructor(options: BudgetScheduleOptions) {
    this.#options = options;
    this.#chance = makeChance(options.seed);
    const chance = this.#chance;
    this.#limit = BigInt(chance.between(20, 400));
    this.#userLimit = BigInt(chance.between(100, 1500));
    this.#credited = BigInt(chance.between(100, 1500));
    this.#dayOffset = chance.between(0, 1) * (16 * 3_600_000 - chance.between(2000, 9000));
    this.#database = new BudgetDatabase({
      clock: this.#clock,
      chance,
      onFold: (row, by) => this.#noteFold(row, by),
      onSettled: (settlement) => this.#jobs.noteSettled(settlement),
    });
    options.plant?.database?.(this.#database);
    this.#database.budget({ kind: "balance", id: 3, period: "total" }).credited = this.#credited;
    const count = chance.between(1, 4);
    for (let index = 0; index < count; index += 1)
      this.#nodes.push(
        new SimNode({
          nodeId: `node-${index}`,
          clock: this.#clock,
          chance,
          database: this.#database,
          nodes: count,
          maxStaleMs,
          bend: options.plant?.parts ?? ((parts) => parts),
        }),
      );
    const { excess, breaks } = options;
    this.#jobs = new SimJobs({
      clock: this.#clock,
      chance,
      database: this.#database,
      nodes: this.#nodes,
      excess,
      breaks,
      maxStaleMs,
      bend: options.plant?.ends ?? ((parts) => parts),
      spend: (share, amount) => this.#spend(share, amount),
      allow: (share, amount) => add(this.#allowed, share, amount),
      fail: (error) => void (this.#failure ??= error),
    });
  }

  async run(): Promise<void> {
    for (const node of this.#nodes) node.start();
    for (let step = 0; step < this.#options.steps; step += 1) {
      await this.#step();
      this.#check();
    }
    await this.#heal();
    await this.#probe();
    await this.#rest();
  }

  async #step(): Promise<void> {
    const chance = this.#chance;
    const calls = chance.between(0, 6);
    for (let call = 0; call < calls; call += 1) this.#begin(chance.pick(this.#nodes), "call");
    if (chance.happens(0.3)) this.#begin(chance.pick(this.#nodes), "job");
    if (this.#options.breaks && chance.happens(0.35)) await this.#break(chance.pick(this.#nodes));
    if (chance.happens(0.06)) await this.#changeLimits();
    await this.#clock.pass(chance.pick([0, 3, 40, 200, 700, 1500]));
  }

  #begin(node: SimNode, what: "call" | "job"): void {
    const { process } = node;
    if (process === undefined) return;
    const pending = (what === "job" ? this.#job(node, process) : this.#call(node, process)).catch(
      (error: unknown) => {
        this.#failure ??= error;
      },
    );
    this.#pending.set(pending, process);
    void pending.finally(() => this.#pending.delete(pending));
  }

  #claims(amount: bigint): BudgetClaim[] {
    const rule = (limit: bigint, period: BudgetRule["period"]): BudgetRule => ({
      amount: limit,
      period,
      timeZone: "UTC",
      alerts: [50, 100],
      raise: null,
      reserveCap: null,
    });
    const claims: BudgetClaim[] = [{ kind: "key", id: 1, rule: rule(this.#limit, "day"), amount }];
    if (this.#chance.happens(0.6))
      claims.push({ kind: "user", id: 2, rule: rule(this.#userLimit, "total"), amount });
    if (this.#chance.happens(0.5)) claims.push({ kind: "balance", id: 3, rule: null, amount });
    return claims;
  }

  async #call(node: SimNode, process: Process): Promise<void> {
    const chance = this.#chance;
    const amount = BigInt(chance.pick([0, 1, 1, 2, 5, 9, 30]));
    const claims = this.#claims(amount);
    const admittedAtMs = this.#clock.now() + this.#dayOffset;
    const answer = await this.#ask(process, () => process.budgets.reserve(claims, admittedAtMs));
    if (answer === undefined) return;
    const call = { node, process, amount, reservation: answer.reservation };
    this.#running.add(call);
    this.#judge(call, claims);
    this.#clock.after(chance.pick([0, 5, 100, 800, 3000]), () => this.#end(call));
  }

  async #job(node: SimNode, process: Process): Promise<void> {
    const amount = BigInt(this.#chance.pick([0, 1, 5, 20, 60]));
    const claims = this.#claims(amount);
    const admittedAtMs = this.#clock.now() + this.#dayOffset;
    const callId = this.#jobs.makeCallId();
    const answer = await this.#ask(process, () =>
      process.budgets.setAside(callId, claims, admittedAtMs),
    );
    if (answer === undefined) return;
    this.counts.jobs += 1;
    this.#jobs.hold({ callId, node, process, answer, amount }, claims);
    this.#judge({ node, process, amount, reservation: answer.reservation }, claims);
  }

  /** Undefined: not let in, or nobody is there any more to hear of it. */
  async #ask(
    process: Process,
    ask: () => ReserveAnswer | Promise<ReserveAnswer>,
  ): Promise<SetAside | undefined> {
    const began = this.#clock.monotonic();
    try {
      const answer = await ask();
      if (!process.alive) return undefined;
      assert.ok(this.#clock.monotonic() - began <= longestMs, "a call waited too long");
      this.counts[answer.reserved ? "admitted" : "refused"] += 1;
      return answer.reserved ? answer : undefined;
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      assert.equal(error.kind, "temporarily_unavailable");
      assert.ok(this.#options.breaks, "nothing was broken");
      this.counts.unavailable += 1;
      return undefined;
    }
  }

  #end(call: RunningCall): void {
    if (!this.#running.delete(call)) return;
    const { node, process, reservation, amount } = call;
    if (!process.alive) return;
    const chance = this.#chance;
    if (chance.happens(0.15)) return reservation.release();
    const most = this.#options.excess && chance.happens(0.3) ? amount * 10n : amount;
    const cost = BigInt(chance.between(0, Number(most)));
    const spent = reservation.shares.map((share) => ({ share, amount: cost }));
    for (const { share } of spent) {
      this.#spend(share, cost);
      if (cost > amount) add(this.#allowed, share, cost - amount);
    }
    node.append(spent);
    reservation.settle(spent.map((item) => item.amount));
  }

  #spend(share: BudgetShare, amount: bigint): void {
    add(this.#truth, share, amount);
    this.#shares.set(shareName(share), share);
  }

  /** What holds whenever a call is let in. */
  #judge(call: RunningCall, claims: readonly BudgetClaim[]): void {
    const { node, amount, reservation } = call;
    if (amount === 0n) return;
    if (node.cutSince !== undefined)
      assert.ok(
        this.#clock.monotonic() - node.cutSince <= maxStaleMs,
        "a node that was cut off for too long spends budgets",
      );
    for (const [index, share] of reservation.shares.entries()) {
      const amountOf = claims[index]?.rule?.amount ?? this.#credited;
      const taken =
        (this.#truth.get(shareName(share)) ?? 0n) +
        this.#reserved(share) +
        this.#jobs.reserved(share);
      const most = amountOf + (this.#allowed.get(shareName(share)) ?? 0n);
      assert.ok(taken <= most, `${shareName(share)} is overdrawn: ${taken} of ${most}`);
    }
  }

  #reserved(share: BudgetShare, node?: SimNode): bigint {
    let sum = 0n;
    for (const call of this.#running) {
      if (!call.process.alive || (node !== undefined && call.node !== node)) continue;
      const counts = call.reservation.shares.some((other) => shareName(other) === shareName(share));
      if (counts) sum += call.amount;
    }
    return sum;
  }

  #noteFold(row: LeaseRow, by: string): void {
    this.counts.folds += 1;
    if (isJobHolder(row.nodeId)) return this.#jobs.noteFold(row);
    const node = this.#nodes.find(({ nodeId }) => nodeId === row.nodeId);
    if (node === undefined) return;
    // What stands under a job's name is not this lease's to cover.
    const isIts = (holder: string | null): boolean =>
      holder === null || !this.#database.leases.has(`${shareName(row.share)} ${holder}`);
    const owed = node.unsettled(row.share, isIts) + this.#reserved(row.share, node);
    if (by === row.nodeId && this.#clock.now() - row.renewedAt < reclaimAfterMs(maxStaleMs)) {
      if (owed > 0n) this.#failure ??= new Error(`a lease ended that owes ${owed}`);
      return;
    }
    // Taken from a node that was not heard of: what it had spent and not told is spent twice.
    add(this.#allowed, row.share, owed);
  }

  async #break(node: SimNode): Promise<void> {
    const chance = this.#chance;
    const what = chance.between(0, 8);
    if (what <= 1) node.cut(true);
    else if (what <= 3) node.cut(false);
    else if (what === 4) node.line.loses = chance.pick([0, 0.2, 0.6]);
    else if (what === 5) node.line.slowMs = chance.pick([0, 5, 60, 400]);
    else if (what === 6) node.wallOffset += chance.between(-600_000, 600_000);
    else if (what === 7) await this.#stop(node);
    else if (node.process === undefined) node.start();
    else {
      node.crash();
      if (chance.happens(0.1)) this.#lose(node.loseDisk());
      if (chance.happens(0.7)) node.start();
    }
  }

  #lose(lost: readonly Journalled[]): void {
    for (const { share, amount } of lost.flatMap(({ spent }) => spent))
      add(this.#truth, share, -amount);
    this.#jobs.lose(lost);
  }

  /** A stop as operators do it: calls end first. */
  async #stop(node: SimNode): Promise<void> {
    const { process } = node;
    if (process === undefined) return;
    node.process = undefined;
    for (const call of this.#running) if (call.process === process) this.#end(call);
    this.#jobs.finish(process);
    await this.#clock.until(process.budgets.close(), 10_000);
    for (const call of this.#running) if (call.process === process) this.#end(call);
    this.#jobs.finish(process);
    process.alive = false;
    if (this.#chance.happens(0.8)) node.start();
  }

  async #changeLimits(): Promise<void> {
    // Calls that wait were told the old limit.
    while (this.#isWaiting()) await this.#clock.pass(500);
    this.#limit = BigInt(this.#chance.between(20, 500));
    const more = BigInt(this.#chance.between(0, 200));
    this.#credited += more;
    this.#database.budget({ kind: "balance", id: 3, period: "total" }).credited += more;
  }

  /** Calls of dead processes wait for ever. */
  #isWaiting(): boolean {
    return [...this.#pending.values()].some(({ alive }) => alive);
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** All is well again, and no call runs. */
  async #heal(): Promise<void> {
    for (const node of this.#nodes) {
      node.cut(false);
      Object.assign(node.line, { loses: 0, slowMs: 5 });
      if (node.process === undefined && this.#chance.happens(0.7)) node.start();
    }
    if (this.#nodes.every(({ process }) => process === undefined)) this.#nodes[0]?.start();
    while (this.#running.size > 0 || this.#isWaiting()) await this.#clock.pass(500);
    // Those that never came back: their disks are lost, their leases anybody's.
    for (const node of this.#nodes) if (node.process === undefined) this.#lose(node.loseDisk());
    while (this.#nodes.some(({ journal }) => journal.length > 0)) await this.#clock.pass(500);
    this.#jobs.hurry();
    for (let waited = 0; this.#jobs.open > 0; waited += 500) {
      assert.ok(waited < 60_000, "a job never ends");
      await this.#clock.pass(500);
      this.#check();
    }
    // What was set aside for calls that died is reclaimed.
    await this.#clock.pass(
      reclaimAfterMs(maxStaleMs) + (this.#options.breaks ? latestCommitMs : 0),
    );
    this.#check();
  }

  /** What is left can be spent at once, wherever it lies; and not a nano-dollar more. */
  async #probe(): Promise<void> {
    const dead = this.#nodes.some(({ process }) => process === undefined);
    if (dead) await this.#clock.pass(reclaimAfterMs(maxStaleMs));
    const alive = this.#nodes.filter(({ process }) => process !== undefined);
    const node = this.#chance.pick(alive);
    const claim = this.#claims(1n)[0];
    const { process } = node;
    if (claim === undefined || process === undefined) return;
    const admittedAtMs = this.#clock.now() + this.#dayOffset;
    const share = process.budgets.shareOf(claim, admittedAtMs);
    const left = this.#limit - (this.#truth.get(shareName(share)) ?? 0n);
    const asJob = this.#chance.happens(0.3);
    const ask = async (amount: bigint): Promise<boolean> => {
      const claims = [{ ...claim, amount }];
      const asked = asJob
        ? process.budgets.setAside(this.#jobs.makeCallId(), claims, admittedAtMs)
        : process.budgets.reserve(claims, admittedAtMs);
      const answer = await this.#clock.until(Promise.resolve(asked), longestMs);
      if (answer.reserved) answer.reservation.release();
      await this.#clock.pass(asJob ? 1000 : 0);
      return answer.reserved;
    };
    if (left > 0n) assert.ok(await ask(left), `${left} are left and cannot be spent`);
    // What a node told after its slice went to others was promised away twice.
    const beyond = left + (this.#allowed.get(shareName(share)) ?? 0n) + 1n;
    if (beyond > 0n) assert.ok(!(await ask(beyond)), "more can be spent than is left");
  }

  /** Everything comes to rest: no lease is left, and SQL has what was spent, each call once. */
  async #rest(): Promise<void> {
    const [node] = this.#nodes.filter(({ process }) => process !== undefined);
    assert.ok(node !== undefined);
    const job = reclaimLeases({
      store: this.#database.open(node.line, () => true),
      nodeId: node.nodeId,
      maxStaleMs,
      logger: silentLogger,
    });
    for (let turn = 0; turn < 6; turn += 1) {
      await this.#clock.pass(3000);
      await this.#clock.until(job.run(), 1000);
    }
    this.#check();
    for (const [callId, { state }] of this.#database.jobs)
      assert.notEqual(state, "running", `${callId} runs for ever`);
    for (const row of this.#database.leases.values())
      assert.equal(
        row.granted,
        0n,
        `${row.nodeId} keeps ${row.granted} of ${shareName(row.share)}`,
      );
    for (const [name, share] of this.#shares) {
      const rows = this.#database.rowsOf(share);
      const { settled } = this.#database.budget(share);
      const told = rows.reduce((sum, { spent }) => sum + spent, settled);
      assert.equal(told, this.#truth.get(name), `what SQL has of ${name}`);
    }
  }
}

function add(sums: Map<string, bigint>, share: BudgetShare, amount: bigint): void {
  const name = shareName(share);
  sums.set(name, (sums.get(name) ?? 0n) + amount);
}
