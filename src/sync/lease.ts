/**
 * Who leads: one node at a time runs the jobs that must run once. Promise kept: past the local deadline, measured from
 * before the renewal was sent and by whichever clock went further, nothing of this node counts as leading; whatever a
 * paused leader still sends is refused by the fence in the database.
 */
import type { Cancel, Clock } from "../core/clock.ts";
import { sleep } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { LeaseRow, SyncStore } from "../store/sync-store.ts";
import { inTime } from "./in-time.ts";
import type { OutageLog } from "./outage-log.ts";
import { makeOutageLog } from "./outage-log.ts";

export interface LeaseParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: Pick<SyncStore, "takeLease" | "renewLease" | "releaseLease" | "readLease">;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly nodeId: string;
  /** Tells this run of the process from its earlier ones. */
  readonly incarnation: string;
  /** `slave` never leads; `unset` waits a little, so that a master comes first. */
  readonly nodeType: "master" | "slave" | "unset";
}

/** A stretch of leading under one fence; `signal` is aborted when it ends, for whatever reason. */
export interface Term {
  readonly lease: LeaseRow;
  readonly signal: AbortSignal;
}

export const leaseName = "leader";
const ttlMs = 9_000;
/** The last part of the lease is not used: a statement sent within it may arrive after the end. */
const usableMs = ttlMs - 2_000;
const renewMs = 3_000;
const retryMs = 1_000;
const standbyMs = 2_000;
const unsetDelayMs = 2_000;
const releaseMs = 2_000;
const leaderlessMs = 60_000;

interface Instant {
  readonly monotonic: number;
  readonly wall: number;
}

interface OpenTerm {
  lease: LeaseRow;
  /** When the statement that granted it was sent. */
  sent: Instant;
  readonly abort: AbortController;
  cancelEnd: Cancel;
}

export class Leadership {
  readonly #parts: LeaseParts;
  readonly #stopped = new AbortController();
  readonly #outage: OutageLog;
  #term: OpenTerm | undefined;
  #leader: string | null = null;
  #freeSince: number | undefined;
  #leaderless = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(parts: LeaseParts) {
    this.#parts = parts;
    this.#outage = makeOutageLog(parts.logger, "ask who leads");
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** The term while this node may act on it; undefined otherwise. Ask again before each step of a long job. */
  term(): Term | undefined {
    const open = this.#term;
    if (open === undefined || this.#usableLeft(open.sent) <= 0) return undefined;
    return { lease: open.lease, signal: open.abort.signal };
  }

  /** Node id of the leader as last seen, this node included; null when there is none or it cannot be asked. */
  leader(): string | null {
    return this.#leader;
  }

  /** Gives the lease up at once, so that another node takes over without waiting for its end. */
  async close(): Promise<void> {
    this.#stopped.abort();
    await inTime(this.#parts.clock, releaseMs, this.#loop).catch(() => undefined);
    const last = this.#term;
    this.#end("stopping");
    if (last !== undefined) await this.#release(last.lease);
  }

  async #release(lease: LeaseRow): Promise<void> {
    const { clock, store } = this.#parts;
    await inTime(clock, releaseMs, store.releaseLease(lease)).catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#parts;
    while (!this.#stopped.signal.aborted) {
      let waitMs = retryMs;
      try {
        waitMs = await (this.#term === undefined ? this.#stand() : this.#renew(this.#term));
        this.#outage.worked();
      } catch (error) {
        this.#outage.failed(error);
        if (this.#term === undefined) this.#leader = null;
      }
      await sleep(clock, waitMs * (0.9 + 0.1 * random()), this.#stopped.signal);
    }
  }

  /** Answers the time to wait before the next step. */
  async #stand(): Promise<number> {
    const { clock, store, nodeType, nodeId, incarnation } = this.#parts;
    const seen = await inTime(clock, usableMs, store.readLease(leaseName));
    const free = seen === undefined || seen.leftMs <= 0;
    this.#leader = free ? null : (seen.holder.split("/", 1)[0] ?? null);
    this.#freeSince = free ? (this.#freeSince ?? clock.monotonic()) : undefined;
    this.#tellLeaderless();
    if (this.#freeSince === undefined || nodeType === "slave") return standbyMs;
    const left = this.#freeSince + (nodeType === "unset" ? unsetDelayMs : 0) - clock.monotonic();
    if (left > 0) return left;
    const sent = this.#now();
    const taking = store.takeLease(leaseName, `${nodeId}/${incarnation}`, ttlMs);
    const lease = await inTime(clock, usableMs, taking);
    if (lease === undefined) return standbyMs;
    if (this.#stopped.signal.aborted) await this.#release(lease);
    else this.#begin(lease, sent);
    return renewMs;
  }

  /** Serving and following go on without a leader; what it does once for all does not. */
  #tellLeaderless(): void {
    const { clock, logger } = this.#parts;
    const freeMs = this.#freeSince === undefined ? 0 : clock.monotonic() - this.#freeSince;
    const isLeaderless = freeMs >= leaderlessMs;
    if (isLeaderless && !this.#leaderless)
      logger.error({}, "no node leads the cluster: start one whose NODE_TYPE is not slave");
    this.#leaderless = isLeaderless;
  }

  async #renew(open: OpenTerm): Promise<number> {
    const { clock, store } = this.#parts;
    const sent = this.#now();
    const lease = await inTime(clock, usableMs, store.renewLease(open.lease, ttlMs));
    if (lease === undefined) {
      this.#end("the lease is another's or over");
      return 0;
    }
    if (this.#usableLeft(open.sent) <= 0) {
      // Its jobs were told to stop; the lease renewed late begins a term anew.
      this.#end("renewed too late");
      this.#begin(lease, sent);
    } else {
      open.cancelEnd();
      Object.assign(open, { lease, sent, cancelEnd: this.#abortAtEnd(open.abort, sent) });
    }
    return renewMs;
  }

  #begin(lease: LeaseRow, sent: Instant): void {
    const abort = new AbortController();
    this.#term = { lease, sent, abort, cancelEnd: this.#abortAtEnd(abort, sent) };
    this.#leader = this.#parts.nodeId;
    this.#parts.logger.info({ fence: lease.fence }, "this node leads");
  }

  #end(reason: string): void {
    const open = this.#term;
    if (open === undefined) return;
    this.#parts.logger.info({ fence: open.lease.fence, reason }, "this node no longer leads");
    open.cancelEnd();
    open.abort.abort();
    this.#term = undefined;
    this.#leader = null;
    this.#freeSince = undefined;
  }

  #abortAtEnd(abort: AbortController, sent: Instant): Cancel {
    return this.#parts.clock.after(Math.max(0, this.#usableLeft(sent)), () => abort.abort());
  }

  #now(): Instant {
    return { monotonic: this.#parts.clock.monotonic(), wall: this.#parts.clock.now() };
  }

  /** The wall clock counts the sleep of the whole machine, the monotonic one withstands being set back. */
  #usableLeft(sent: Instant): number {
    const { monotonic, wall } = this.#now();
    return usableMs - Math.max(monotonic - sent.monotonic, wall - sent.wall);
  }
}
