/**
 * What the loop that follows the database needs and gives: its contract with open-sync, the door, the disk copy,
 * the caller cache and the registry. `follow.ts` makes one.
 */
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { SealKey } from "../core/seal.ts";
import type { SyncMeters } from "../metrics/meters.ts";
import type { CallerRows, SyncStore } from "../store/sync-store.ts";
import type { Edition } from "./edition.ts";
import type { Rejected, Snapshot } from "./entities.ts";
import type { SyncState } from "./sync.ts";

/** Which callers a load found changed. */
export interface CallerChanges {
  /** The log cannot tell (gap, lost timeline): all are suspect, and what is not read again is to be forgotten. */
  readonly all: boolean;
  /**
   * A reconciliation: rows may have been changed by hand without a revision, so the callers in use are to be read again
   * beside the changed ones. Nothing is forgotten, or each reconciliation would be a storm of look-ups.
   */
  readonly recheck?: boolean;
  readonly userIds: ReadonlySet<string>;
  readonly keyHashes: ReadonlySet<string>;
  readonly tokenIds: ReadonlySet<string>;
}

/** What the load's own transaction tells of callers; handed over in the same step in which the snapshot is swapped. */
export interface CallerUpdate {
  readonly revision: number;
  readonly changes: CallerChanges;
  /** The hashes that were asked for, as {@link CallerFollower.affected} gave them. */
  readonly asked: readonly string[];
  /** What was found of them; a hash that was asked for and is missing here is deleted. */
  readonly fresh: readonly CallerRows[];
}

/** The caller cache, as the follower sees it. */
export interface CallerFollower {
  /** Cached hashes that the changes may touch: they are read again inside the load's transaction. */
  affected(changes: CallerChanges): readonly string[];
  /** Called synchronously with the swap, also when no caller changed (it moves the cache's revision on). Must not throw. */
  apply(update: CallerUpdate): void;
}

export type EditionSource = "database" | "disk" | "shared-copy";

export interface FollowerParts {
  readonly store: Pick<SyncStore, "readHead" | "read">;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  readonly meters: SyncMeters;
  /** Opens credentials. Asked before each load; a rejection is a failed load (kept last good, tried again). */
  readonly dataKey: () => Promise<SealKey>;
  /** Lets the event loop breathe between two slices of ≤ 4 ms (setImmediate). */
  readonly yieldSlice: () => Promise<void>;
  /** Live nodes of the cluster as last known; at least 1. */
  readonly liveNodes: () => number;
  /** Whether any push channel is proven alive: only for counting what it missed. */
  readonly bellUp: () => boolean;
  readonly callers: CallerFollower;
  /** Snapshot schema this program reads; a head that demands more makes the node `unsupported`. */
  readonly schemaVersion: number;
}

export interface FollowerStatus {
  readonly state: SyncState;
  readonly source: EditionSource | null;
  readonly headRevision: number | null;
  /** Ms since the head was last confirmed equal to what is applied (since the start when never). */
  readonly stalenessMs: number;
  /** Age of the oldest known change that is not applied; 0 at the head. */
  readonly lagMs: number;
  readonly lastError: string | null;
  /** Business time of it. */
  readonly lastErrorAtMs: number | null;
}

export interface AppliedEvent {
  readonly edition: Edition;
  readonly previous: Edition | undefined;
  readonly mode: "delta" | "full";
  readonly source: EditionSource;
}

export interface Follower {
  /** Begins with the first tick at once. */
  start(): void;
  current(): Snapshot | undefined;
  edition(): Edition | undefined;
  /**
   * Hands in a last-known-good copy. Taken only while nothing from the database serves and, among copies, only when newer.
   * Returns whether it serves now.
   */
  offer(edition: Edition, source: "disk" | "shared-copy"): boolean;
  /** A bell: look at the head soon. `revision` (when known) lets repeats be ignored; it never moves the cursor. */
  ring(revision?: number): void;
  /** Asks for a full load that looks at every row (reconciliation); resolves once one was applied or confirmed. */
  reconcile(): Promise<void>;
  /** Resolves true once `revision` is applied, false after `timeoutMs`. */
  waitApplied(revision: number, timeoutMs: number): Promise<boolean>;
  /** Called after every swap, in order; returns the way to stop. */
  onApplied(listener: (event: AppliedEvent) => void): () => void;
  /** Called after every tick that reached the database. */
  onConfirmed(listener: () => void): () => void;
  status(): FollowerStatus;
  /** Rows kept out or kept back, with those a reconciliation refused to adopt. */
  rejected(): readonly Rejected[];
  /** Rows whose adoption was refused, as reconcile found them last. */
  noteRefused(refused: readonly Rejected[]): void;
  /** Business time: last database time + monotonic elapsed; the wall clock before the first reading. */
  businessNowMs(): number;
  /** Stops the loop; resolves when no load is under way. */
  close(): Promise<void>;
}
