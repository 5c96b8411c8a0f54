/**
 * The loop that follows the database, on every node, from its first moment. Promises: nothing turns it off; an error
 * never touches what serves; a bell only makes it look; what was read is applied only onto what it was read for.
 */
import { messageOf } from "../core/errors.ts";
import type { Head } from "../store/sync-store.ts";
import { AppliedWaiters } from "./applied-waiters.ts";
import type { Edition } from "./edition.ts";
import type { Rejected, Snapshot } from "./entities.ts";
import type {
  AppliedEvent,
  EditionSource,
  Follower,
  FollowerParts,
  FollowerStatus,
} from "./follower.ts";
import { FollowLog } from "./follow-log.ts";
import type { Freshness, Instant } from "./freshness.ts";
import { makeFreshness } from "./freshness.ts";
import type { Loaded } from "./load.ts";
import { load, StepTimeout } from "./load.ts";
import { errorDelay, pollDelay } from "./pacing.ts";
import { ReconcileRequests } from "./reconcile-requests.ts";
import { RegressionWatch } from "./regression-watch.ts";
import type { SyncState } from "./sync.ts";
import { TickLoop } from "./tick-loop.ts";

/** With the longest backoff and one poll still under three seconds. */
const headTimeoutMs = 1500;
const shortestStepMs = 2000;
const longestStepMs = 30_000;
/** Without a confirmation for so long a node no longer calls itself live, whatever the loop is doing. */
const liveForMs = 3000;

export function makeFollower(parts: FollowerParts): Follower {
  return new DatabaseFollower(parts);
}

class DatabaseFollower implements Follower {
  readonly #parts: FollowerParts;
  readonly #log: FollowLog;
  readonly #loop: TickLoop;
  readonly #freshness: Freshness;
  readonly #watch: RegressionWatch;
  readonly #waiters: AppliedWaiters;
  readonly #requests = new ReconcileRequests();
  readonly #appliedListeners = new Set<(event: AppliedEvent) => void>();
  readonly #confirmedListeners = new Set<() => void>();
  #edition: Edition | undefined;
  #source: EditionSource | null = null;
  #refused: readonly Rejected[] = [];
  #unsupported = false;
  #errorsInARow = 0;
  #lastError: { readonly message: string; readonly atMs: number } | undefined;
  #stepMs = shortestStepMs;
  #headRevision: number | null = null;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
    this.#log = new FollowLog(parts.logger, parts.meters);
    this.#freshness = makeFreshness(parts.clock);
    this.#watch = new RegressionWatch(parts.clock);
    this.#waiters = new AppliedWaiters(parts.clock);
    this.#loop = new TickLoop({
      clock: parts.clock,
      tick: () => this.#tickSafely(),
      nextDelayMs: () => this.#nextDelayMs(),
    });
  }

  start(): void {
    this.#loop.start();
  }

  current(): Snapshot | undefined {
    return this.#edition?.snapshot;
  }

  edition(): Edition | undefined {
    return this.#edition;
  }

  offer(edition: Edition, source: "disk" | "shared-copy"): boolean {
    if (this.#loop.closed || this.#source === "database") return false;
    const held = this.#edition?.rowSet.position;
    if (held !== undefined && held.committedAtMs >= edition.rowSet.position.committedAtMs)
      return false;
    this.#swap(edition, source, "full");
    return true;
  }

  ring(revision?: number): void {
    const applied = this.#edition?.rowSet.position.revision;
    if (revision === undefined || applied === undefined || revision > applied) this.#loop.ring();
  }

  reconcile(): Promise<void> {
    const met = this.#requests.make();
    this.#loop.ring();
    return met;
  }

  waitApplied(revision: number, timeoutMs: number): Promise<boolean> {
    if ((this.current()?.revision ?? -1) >= revision) return Promise.resolve(true);
    return this.#waiters.wait(revision, timeoutMs);
  }

  onApplied(listener: (event: AppliedEvent) => void): () => void {
    this.#appliedListeners.add(listener);
    return () => this.#appliedListeners.delete(listener);
  }

  onConfirmed(listener: () => void): () => void {
    this.#confirmedListeners.add(listener);
    return () => this.#confirmedListeners.delete(listener);
  }

  status(): FollowerStatus {
    return {
      state: this.#state(),
      source: this.#source,
      headRevision: this.#headRevision,
      stalenessMs: Math.round(this.#freshness.stalenessMs()),
      lagMs: Math.round(this.#freshness.lagMs()),
      lastError: this.#lastError?.message ?? null,
      lastErrorAtMs: this.#lastError?.atMs ?? null,
    };
  }

  rejected(): readonly Rejected[] {
    return [...(this.current()?.rejected ?? []), ...this.#refused];
  }

  noteRefused(refused: readonly Rejected[]): void {
    this.#refused = refused;
  }

  businessNowMs(): number {
    return this.#freshness.businessNowMs();
  }

  async close(): Promise<void> {
    const closed = this.#loop.close();
    this.#waiters.close();
    this.#requests.close();
    await closed;
  }

  #state(): SyncState {
    if (this.#unsupported) return "unsupported";
    if (this.#edition === undefined) return "boot";
    if (this.#source !== "database") return "stale";
    const failing = this.#errorsInARow > 1 || this.#watch.suspects();
    return failing || this.#freshness.stalenessMs() > liveForMs ? "degraded" : "live";
  }

  #nextDelayMs(): number {
    const { random, liveNodes, meters } = this.#parts;
    const { state, lagMs, stalenessMs } = this.status();
    meters.state(state, lagMs / 1000, stalenessMs / 1000);
    if (this.#errorsInARow > 0) return errorDelay(this.#errorsInARow, random);
    return pollDelay(liveNodes(), random);
  }

  async #tickSafely(): Promise<void> {
    try {
      await this.#tick();
      if (this.#errorsInARow > 0) this.#log.recovered(this.#errorsInARow);
      this.#errorsInARow = 0;
      this.#stepMs = shortestStepMs;
    } catch (error) {
      this.#errorsInARow += 1;
      this.#lastError = { message: messageOf(error), atMs: this.businessNowMs() };
      if (error instanceof StepTimeout) this.#stepMs = Math.min(this.#stepMs * 2, longestStepMs);
      this.#log.failed(error, this.#errorsInARow, this.current()?.revision ?? null);
    }
  }

  async #tick(): Promise<void> {
    const base = this.#edition;
    const asked = this.#freshness.now();
    const head = await this.#parts.store.readHead(headTimeoutMs);
    this.#freshness.sawDatabase(head.nowMs, asked);
    this.#noteHead(head);
    if (this.#unsupported) return;
    const at = base?.rowSet.position;
    const isBehind = at?.epoch === head.epoch && head.revision < at.revision;
    const acceptRegression = this.#watch.see(isBehind);
    if (isBehind && !acceptRegression) return;
    const isCurrent =
      at?.epoch === head.epoch && at.revision === head.revision && at.commitId === head.commitId;
    if (isCurrent && this.#requests.open() === undefined) return this.#confirm(asked);
    if (!isCurrent) this.#freshness.behind(head, asked);
    await this.#load(base, acceptRegression);
  }

  #noteHead(head: Head): void {
    this.#headRevision = head.revision;
    this.#parts.meters.head(head.revision);
    const unsupported = head.minReader > this.#parts.schemaVersion;
    if (unsupported && !this.#unsupported)
      this.#log.unsupported(head.minReader, this.#parts.schemaVersion);
    this.#unsupported = unsupported;
  }

  async #load(base: Edition | undefined, acceptRegression: boolean): Promise<void> {
    const { clock, callers, schemaVersion } = this.#parts;
    const request = this.#requests.open();
    if (request !== undefined) this.#log.readingAll();
    const asked = this.#freshness.now();
    const affected: typeof callers.affected = (changes) => callers.affected(changes);
    const reconcile = request !== undefined;
    const outcome = await load(
      this.#parts,
      { base, reconcile, acceptRegression, schemaVersion, affected },
      this.#stepMs,
    );
    if (this.#loop.closed) return;
    // What was read is the successor of `base` alone: put onto anything else it could lose or resurrect changes.
    if (this.#edition !== base) return this.#loop.ring();
    if (outcome.outcome === "loaded") {
      this.#apply(outcome, asked, (clock.monotonic() - asked.monotonic) / 1000);
      if (outcome.fullReason !== undefined && request !== undefined) this.#requests.meet(request);
    } else if (outcome.outcome === "current") this.#confirm(asked);
    else this.#noteHead(outcome.head);
  }

  #apply(loaded: Loaded, asked: Instant, seconds: number): void {
    const { edition, fullReason, callers, head } = loaded;
    const first = this.#source !== "database";
    const mode = fullReason === undefined ? "delta" : "full";
    const previous = this.#edition;
    this.#parts.callers.apply(callers);
    this.#headRevision = head.revision;
    this.#watch.see(false);
    this.#source = "database";
    if (edition !== previous) this.#swap(edition, "database", mode);
    if (fullReason !== undefined) this.#log.readAll(fullReason, edition, previous);
    if (edition !== previous) {
      const age = Math.max(0, this.businessNowMs() - edition.snapshot.committedAtMs) / 1000;
      const missed = !first && mode === "delta" && !this.#loop.rung && this.#parts.bellUp();
      this.#log.applied({ edition, mode, seconds, propagation: first ? null : age, missed });
    }
    this.#confirm(asked);
  }

  #swap(edition: Edition, source: EditionSource, mode: "delta" | "full"): void {
    const previous = this.#edition;
    this.#edition = edition;
    this.#source = source;
    this.#waiters.applied(edition.snapshot.revision);
    for (const listener of this.#appliedListeners)
      this.#log.guard(() => listener({ edition, previous, mode, source }));
  }

  #confirm(asked: Instant): void {
    this.#freshness.confirmed(asked);
    for (const listener of this.#confirmedListeners) this.#log.guard(listener);
  }
}
