/** The contract of the one write door; `door.ts` makes it, `reconcile.ts` uses its raw side. */
import type { Clock } from "../core/clock.ts";
import type { FieldFault } from "../core/errors.ts";
import type { RandomBytes } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import type { SealKey } from "../core/seal.ts";
import type { RawRow, SnapshotKind, SyncStore } from "../store/sync-store.ts";
import type { Edition } from "./edition.ts";
import type { Snapshot } from "./entities.ts";
import type { Follower } from "./follower.ts";
import type { Author, ConfigWrites, Written } from "./sync.ts";

export interface DoorLimits {
  /** Rows of one kind that the cluster may hold. */
  readonly rowsPerKind: number;
  /** Changes in one transaction. */
  readonly changesPerWrite: number;
}

export interface DoorParts {
  readonly store: Pick<SyncStore, "write" | "findCommit">;
  readonly follower: Pick<Follower, "edition" | "ring" | "waitApplied">;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  readonly nodeId: string;
  readonly dataKey: () => Promise<SealKey>;
  readonly yieldSlice: () => Promise<void>;
  readonly schemaVersion: number;
  /** Rules between entities: faults of `next` that were not faults of `base` already. */
  readonly validateConfig: (next: Snapshot, base: Snapshot) => readonly FieldFault[];
  /** Tells the other nodes that a revision was committed; must not throw. This node's follower is rung by the door. */
  readonly ringBells: (position: { epoch: string; revision: number }) => void;
  readonly limits?: DoorLimits;
}

/** The door's transaction as reconciliation sees it: with the rows behind the base snapshot. */
export interface RawWrites extends ConfigWrites {
  readonly baseEdition: Edition;
  /** Rows as they lie in the tables now, under the head's lock. */
  rows(kind: SnapshotKind, ids: readonly bigint[]): Promise<readonly RawRow[]>;
}

export interface Door {
  write<T>(author: Author, work: (tx: ConfigWrites) => Promise<T>): Promise<Written<T>>;
  /** As `write`, for reconcile.ts alone. */
  writeRaw<T>(author: Author, work: (tx: RawWrites) => Promise<T>): Promise<Written<T>>;
}
