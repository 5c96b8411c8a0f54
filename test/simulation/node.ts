/** One node of the simulation: the shipped follower, door, reconciler and caller cache over the simulated database. */
import type { Clock } from "../../src/core/clock.ts";
import type { FieldFault } from "../../src/core/errors.ts";
import type { Logger } from "../../src/core/logger.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { SyncMeters } from "../../src/metrics/meters.ts";
import type { CallerCache } from "../../src/sync/caller-cache.ts";
import { makeCallerCache } from "../../src/sync/caller-cache.ts";
import { makeDoor } from "../../src/sync/door.ts";
import { parseEdition, renderEdition } from "../../src/sync/edition-text.ts";
import type { Edition } from "../../src/sync/edition.ts";
import type { Snapshot } from "../../src/sync/entities.ts";
import { makeFollower } from "../../src/sync/follow.ts";
import type { Follower } from "../../src/sync/follower.ts";
import { parseCallerRows } from "../../src/sync/key-row.ts";
import type { Reconciler } from "../../src/sync/reconcile.ts";
import { makeReconciler } from "../../src/sync/reconcile.ts";
import { makeSlices } from "../../src/sync/time-slice.ts";
import type { Door } from "../../src/sync/write-door.ts";
import type { SyncStore } from "../../src/store/sync-store.ts";
import type { Link, MemoryDatabase } from "./memory-store.ts";
import { makeLink } from "./memory-store.ts";
import type { Chance, VirtualClock } from "./virtual-clock.ts";

export const dataKey = Buffer.alloc(32, 7);
export const syncFrequencyMs = 20_000;

export const noMeters: SyncMeters = {
  applied: () => undefined,
  head: () => undefined,
  error: () => undefined,
  fullResync: () => undefined,
  bell: () => undefined,
  pushMissed: () => undefined,
  regression: () => undefined,
  unloggedChanges: () => undefined,
  rejectedRows: () => undefined,
  state: () => undefined,
  diskCopy: () => undefined,
};

export interface NodeParts {
  readonly name: string;
  readonly clock: VirtualClock;
  readonly chance: Chance;
  readonly database: MemoryDatabase;
  readonly store?: (store: SyncStore) => SyncStore;
  readonly ringOthers?: (from: string, revision: number) => void;
  readonly validateConfig?: (next: Snapshot, base: Snapshot) => readonly FieldFault[];
  readonly logger?: Logger;
  readonly meters?: Partial<SyncMeters>;
  readonly schemaVersion?: number;
  readonly liveNodes?: () => number;
}

export interface SimNode {
  readonly name: string;
  readonly link: Link;
  readonly clock: Clock;
  readonly follower: Follower;
  readonly door: Door;
  readonly reconciler: Reconciler;
  readonly callers: CallerCache;
  /** Milliseconds by which this node's wall clock is wrong. */
  wallOffset: number;
  start(): void;
  /** kill -9: nothing it awaits ever comes back. */
  kill(): void;
}

/** Random bytes of the schedule, so that a seed gives the same ids again. */
export function seededBytes(chance: Chance): (length: number) => Uint8Array {
  return (length) => Uint8Array.from({ length }, () => chance.between(0, 255));
}

export function makeNode(parts: NodeParts): SimNode {
  const { clock: time, chance, database, name } = parts;
  const link = makeLink();
  const raw = database.connect(link);
  const store = parts.store?.(raw) ?? raw;
  const skew = { ms: 0 };
  const whole = time.view(() => skew.ms);
  const clock: Clock = {
    ...whole,
    after: (delayMs, action) => whole.after(delayMs, () => (link.dead ? undefined : action())),
  };
  const logger = parts.logger ?? silentLogger;
  const meters = { ...noMeters, ...parts.meters };
  const random = (): number => chance.next();
  const yieldSlice = (): Promise<void> => new Promise((resolve) => clock.after(0, resolve));
  const key = (): Promise<Buffer> => Promise.resolve(dataKey);
  const liveNodes = parts.liveNodes ?? ((): number => 3);
  const callers = makeCallerCache({ clock, store, parse: parseCallerRows, logger, enabled: true });
  const schemaVersion = parts.schemaVersion ?? 1;
  const follower = makeFollower({
    store,
    clock,
    random,
    logger,
    meters,
    dataKey: key,
    yieldSlice,
    liveNodes,
    bellUp: () => false,
    callers,
    schemaVersion,
  });
  const door = makeDoor({
    store,
    follower,
    clock,
    randomBytes: seededBytes(chance),
    random,
    logger,
    nodeId: name,
    dataKey: key,
    yieldSlice,
    schemaVersion,
    validateConfig: parts.validateConfig ?? (() => []),
    ringBells: ({ revision }) => parts.ringOthers?.(name, revision),
  });
  const reconciler = makeReconciler({
    follower,
    door,
    clock,
    random,
    logger,
    meters,
    everyMs: syncFrequencyMs,
    liveNodes,
  });
  return {
    name,
    link,
    clock,
    follower,
    door,
    reconciler,
    callers,
    get wallOffset() {
      return skew.ms;
    },
    set wallOffset(ms: number) {
      skew.ms = ms;
    },
    start: () => {
      follower.start();
      reconciler.start();
    },
    kill: () => database.kill(link),
  };
}

/** What lies on a node's disk after a save. */
export function saveCopy(edition: Edition): readonly string[] {
  return [...renderEdition(edition)];
}

export function loadCopy(lines: readonly string[], clock: Clock): Promise<Edition> {
  return parseEdition(lines, { dataKey, slices: makeSlices(clock, () => Promise.resolve()) });
}
