// One random schedule of the shipped journal and settlement: nodes that take calls, are killed, lose power, come back,
// have their disks copied, on disks that refuse and a server that breaks; then peace, and every view must agree.
import assert from "node:assert/strict";
import type { RandomBytes } from "../../src/core/ids.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { openCallLog } from "../../src/log/call-log.ts";
import type { CallLog, CallRecord } from "../../src/log/call-record.ts";
import { segmentsAmong } from "../../src/log/segments.ts";
import { makeSettlementStore, sealedPosition } from "../../src/store/settlement.ts";
import type { SettlementStore } from "../../src/store/settlement.ts";
import { makeRecord, openOf } from "../log/call-records.ts";
import { makeJobRecord } from "../log/job-records.ts";
import { SimDisk } from "./ledger-disk.ts";
import type { SimServer } from "./ledger-database.ts";
import type { Chance } from "./virtual-clock.ts";
import { makeChance, VirtualClock } from "./virtual-clock.ts";

/** What must be found of a call in the end. */
interface Told {
  readonly record: CallRecord;
  readonly openedAtMs: number;
  /** Its caller has the last byte, and the disk had the call. */
  promisedAtMs: number | undefined;
  /** The process knew that it was over. */
  closed: boolean;
  /** When its process was killed. */
  cutAtMs: number;
  /** Nobody can know any more: the machine lost its power, or its disk refused. */
  excused: boolean;
}

interface Process {
  alive: boolean;
  readonly log: CallLog;
  readonly running: Set<Told>;
}

interface Machine {
  readonly nodeId: string;
  readonly disk: SimDisk;
  process: Process | undefined;
}

const folder = "/calls";
/** Power takes what was answered in the last 50 ms, and while the disk was being forced. */
const unforcedMs = 150;
/** A begun call is on the disk within 100 ms, and a write of ours takes up to 60. */
const openMs = 200;

export interface Outcome {
  readonly calls: number;
  readonly promised: number;
  readonly kills: number;
}

/** Throws with what was violated. */
export async function runLedgerSchedule(
  server: SimServer,
  seed: number,
  steps = 40,
): Promise<Outcome> {
  const world = new World(server, seed);
  for (let step = 0; step < steps; step += 1) await world.act();
  await world.makePeace();
  world.check();
  return world.outcome;
}

class World {
  readonly outcome = { calls: 0, promised: 0, kills: 0 };
  readonly #clock = new VirtualClock();
  readonly #chance: Chance;
  readonly #server: SimServer;
  readonly #machines: Machine[] = [];
  readonly #told: Told[] = [];
  readonly #random: RandomBytes;
  readonly #settledUntil = new Map<string, number>();
  readonly #failures: string[] = [];
  /** When disks began to refuse. */
  readonly #refusals: number[] = [];

  constructor(server: SimServer, seed: number) {
    const chance = makeChance(seed);
    this.#chance = chance;
    this.#server = server;
    this.#random = (length) => Uint8Array.from({ length }, () => chance.between(0, 255));
    server.reset(this.#clock, makeChance(seed ^ 0x5bd1e995));
    for (let index = chance.between(1, 3); index > 0; index -= 1) {
      const disk = new SimDisk(this.#clock, makeChance(seed ^ (index * 7919)));
      this.#machines.push({ nodeId: `n${index}`, disk, process: undefined });
    }
    for (const machine of this.#machines) this.#boot(machine);
  }

  #boot(machine: Machine): void {
    const life = { alive: true };
    const isAlive = (): boolean => life.alive;
    const log = openCallLog({
      folder,
      nodeId: machine.nodeId,
      store: this.#watched(makeSettlementStore(this.#server.connect(isAlive))),
      clock: {
        now: () => this.#clock.now(),
        monotonic: () => this.#clock.monotonic(),
        after: (ms, action) => this.#clock.after(ms, () => (life.alive ? action() : undefined)),
      },
      logger: silentLogger,
      onDropped: () => this.#failures.push("a call was dropped"),
      disk: machine.disk.view(isAlive),
      random: this.#random,
      segmentBytes: this.#chance.pick([1500, 4000, 100_000]),
      heldCalls: this.#chance.pick([3, 20, 5000]),
      forceEach: this.#chance.happens(0.2),
    });
    machine.process = Object.assign(life, { log, running: new Set<Told>() });
  }

  /** What was told to be settled until then is never followed by a call from before. */
  #watched(store: SettlementStore): SettlementStore {
    return {
      ...store,
      settle: async (settlement) => {
        const { nodeId, incarnation, settledUntilMs, calls } = settlement;
        const name = `${nodeId} ${incarnation}`;
        const known = this.#server.rows("select call_id from calls");
        const before = new Set(known.map((row) => row["call_id"]));
        const done = await store.settle(settlement);
        if (!done) return false;
        const until = this.#settledUntil.get(name) ?? 0;
        for (const { row } of calls) {
          // What was settled from memory may be told as cut by a later process: its row stands already.
          const isNew = !before.has(row.call_id);
          if (isNew && Number(row.admitted_at) < until)
            this.#failures.push(
              `${name} settled a call of ${String(row.admitted_at)} (${row.outcome}), told settled until ${until}`,
            );
        }
        if (settledUntilMs > 0) this.#settledUntil.set(name, settledUntilMs);
        return true;
      },
    };
  }

  async act(): Promise<void> {
    const chance = this.#chance;
    const machine = chance.pick(this.#machines);
    const turn = chance.next();
    if (turn < 0.55)
      for (let count = chance.between(1, 8); count > 0; count -= 1) this.#call(machine);
    else if (turn < 0.65) this.#kill(machine);
    else if (turn < 0.69) this.#losePower(machine);
    else if (turn < 0.77) this.#refuse(machine);
    else if (turn < 0.85) this.#server.faults = chance.pick(["none", "flaky", "flaky", "down"]);
    else if (turn < 0.88) await this.#stop(machine);
    else if (turn < 0.9) this.#copy(machine);
    if (machine.process === undefined && chance.happens(0.7)) this.#boot(machine);
    await this.#clock.pass(
      chance.happens(0.3) ? chance.between(500, 3000) : chance.between(0, 120),
    );
  }

  #call({ process, disk }: Machine): void {
    if (process === undefined) return;
    const nowMs = Math.floor(this.#clock.now());
    const index = this.#told.length;
    const { job } = makeJobRecord(index);
    const begins = job !== undefined && index % 4 === 0 ? { job } : {};
    const record = makeRecord(index, { admittedAtMs: nowMs, random: this.#random, ...begins });
    const told: Told = {
      record,
      openedAtMs: nowMs,
      promisedAtMs: undefined,
      closed: false,
      cutAtMs: 0,
      excused: disk.refuses,
    };
    this.#told.push(told);
    this.outcome.calls += 1;
    process.running.add(told);
    process.log.open(openOf(record));
    const lasts = this.#chance.happens(0.2)
      ? this.#chance.between(100, 4000)
      : this.#chance.between(0, 60);
    this.#clock.after(lasts, () => {
      if (process.alive) void this.#close(process, told);
    });
  }

  async #close(process: Process, told: Told): Promise<void> {
    told.closed = true;
    process.running.delete(told);
    await process.log.record(told.record);
    if (!process.alive || !process.log.writable) return;
    told.promisedAtMs = this.#clock.now();
    this.outcome.promised += 1;
  }

  #kill(machine: Machine, losesPower = false): void {
    if (machine.process === undefined) return;
    machine.process.alive = false;
    for (const told of machine.process.running) told.cutAtMs = this.#clock.now();
    machine.process = undefined;
    // A power cut that follows a kill within seconds may take more; it is not played here.
    if (!losesPower) machine.disk.writeBack();
    this.outcome.kills += 1;
  }

  #losePower(machine: Machine): void {
    const now = this.#clock.now();
    for (const told of this.#told) {
      told.excused ||= told.promisedAtMs === undefined;
      // Nor did a disk keep what it had when it began to refuse: it was asked to in vain.
      for (const atMs of [now, ...this.#refusals])
        if (told.promisedAtMs !== undefined && Math.abs(atMs - told.promisedAtMs) < unforcedMs)
          told.promisedAtMs = undefined;
    }
    this.#kill(machine, true);
    machine.disk.losePower();
  }

  #refuse(machine: Machine): void {
    machine.disk.refuses = !machine.disk.refuses;
    if (machine.disk.refuses) this.#refusals.push(this.#clock.now());
    // What runs meanwhile may never be told to the disk.
    for (const told of machine.process?.running ?? []) told.excused = true;
  }

  async #stop(machine: Machine): Promise<void> {
    const { process } = machine;
    if (process === undefined || process.running.size > 0) return;
    machine.process = undefined;
    await this.#clock.until(process.log.close(), 60_000);
    process.alive = false;
  }

  /** Another machine begins with the same journals under the same name. */
  #copy(machine: Machine): void {
    if (this.#machines.length > 4) return;
    // A call that still runs on the one is known as begun on the other.
    for (const told of this.#told) told.excused ||= !told.closed;
    this.#kill(machine);
    const copy = { nodeId: machine.nodeId, disk: machine.disk.copy(), process: undefined };
    this.#machines.push(copy);
  }

  async makePeace(): Promise<void> {
    this.#server.faults = "none";
    for (const machine of this.#machines) {
      machine.disk.refuses = false;
      if (machine.process === undefined) this.#boot(machine);
    }
    await this.#clock.pass(30_000);
    // Nobody needs to be started again for that.
    this.#checkPromised();
    for (const machine of this.#machines) await this.#stop(machine);
    // Each begins once more, and has nothing left to do.
    for (const machine of this.#machines) this.#boot(machine);
    await this.#clock.pass(20_000);
    for (const machine of this.#machines) await this.#stop(machine);
  }

  #checkPromised(): void {
    const rows = this.#server.rows("select call_id from calls where outcome = 'complete'");
    const known = new Set(rows.map((row) => row["call_id"]));
    for (const { record, promisedAtMs } of this.#told)
      if (promisedAtMs !== undefined)
        assert.ok(
          known.has(record.callId),
          `the call of ${record.admittedAtMs} is settled in time`,
        );
  }

  check(): void {
    assert.deepEqual(this.#failures, []);
    const rows = this.#server.rows("select call_id, outcome, cost, admitted_at from calls");
    const byId = new Map(rows.map((row) => [row["call_id"], row]));
    assert.equal(byId.size, rows.length);
    for (const told of this.#told) this.#checkCall(told, byId.get(told.record.callId));
    assert.ok(rows.length <= this.#told.length);
    assert.deepEqual(this.#unlisted(new Set(byId.keys())), [], "calls that were cut are listed");
    this.#checkViews(rows);
    this.#checkJobs(rows);
    for (const cursor of this.#server.rows("select * from journal_cursors"))
      assert.ok(
        cursor["position"] === sealedPosition || cursor["settled_until"] === sealedPosition,
        "no day waits for a journal that is over",
      );
    for (const { disk } of this.#machines)
      assert.deepEqual(
        segmentsAmong([...disk.files.keys()].map((path) => path.slice(folder.length + 1))),
        [],
      );
  }

  #checkCall(told: Told, row: Record<string, unknown> | undefined): void {
    const { record, promisedAtMs } = told;
    const name = `the call of ${record.admittedAtMs}`;
    if (promisedAtMs !== undefined)
      assert.equal(row?.["outcome"], "complete", `${name} was answered`);
    if (row === undefined) return;
    if (row["outcome"] === "complete")
      assert.equal(row["cost"], record.cost, `${name} is not repriced`);
    else assert.deepEqual([row["outcome"], row["cost"]], ["interrupted", 0n]);
  }

  /** Each began with the row of its call, and none without. */
  #checkJobs(rows: readonly Record<string, unknown>[]): void {
    const complete = rows.filter((row) => row["outcome"] === "complete");
    const settled = new Set(complete.map((row) => row["call_id"]));
    const begun = this.#told
      .filter(({ record }) => record.job !== undefined && settled.has(record.callId))
      .map(({ record }) => record.callId);
    const jobs = this.#server.rows("select call_id from jobs where state = 'running'");
    assert.deepEqual(jobs.map((row) => row["call_id"]).sort(), begun.sort(), "jobs that began");
  }

  #checkViews(rows: readonly Record<string, unknown>[]): void {
    const cost = rows.reduce((sum, row) => sum + (row["cost"] as bigint), 0n);
    const [rolled] = this.#server.rows(
      "select sum(calls) as calls, sum(cost) as cost from usage_rollups",
    );
    assert.equal(rolled?.["cost"] ?? 0n, cost, "roll-ups say what rows say");
    assert.equal(rolled?.["calls"] ?? 0n, BigInt(rows.length));
    const leases = this.#server.rows(
      "select kind, sum(spent) as spent from budget_leases group by kind",
    );
    for (const { kind, spent } of leases)
      if (kind !== "channel")
        assert.equal(spent, cost, `the budget of the ${kind} says what rows say`);
  }

  /** Calls that began, were told to the disk in time and never ended. */
  #unlisted(known: ReadonlySet<unknown>): readonly Told[] {
    return this.#told.filter(
      ({ closed, excused, record, cutAtMs, openedAtMs }) =>
        !closed && !excused && cutAtMs - openedAtMs > openMs && !known.has(record.callId),
    );
  }
}
