/** What `openSync` is made of and what it gives beyond the `Sync` that other rooms see. */
import type { Clock } from "../core/clock.ts";
import type { FieldFault } from "../core/errors.ts";
import type { RandomBytes } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import type { TokenPurpose } from "../core/seal.ts";
import type { Config } from "../config/config.ts";
import type { SyncMeters } from "../metrics/meters.ts";
import type { Bell } from "../store/bell.ts";
import type { SyncStore } from "../store/sync-store.ts";
import type { ClusterSecrets } from "./copy-content.ts";
import type { Disk } from "./disk.ts";
import type { Rejected, Snapshot } from "./entities.ts";
import type { AppliedEvent } from "./follower.ts";
import type { LeaderJob } from "./leader-jobs.ts";
import type { Term } from "./lease.ts";
import type { SharedPlace } from "./shared-copy.ts";
import type { Sync } from "./sync.ts";

export type SyncSettings = Pick<
  Config,
  | "nodeType"
  | "syncFrequencyMs"
  | "memoryCacheEnabled"
  | "dataDir"
  | "snapshotDir"
  | "syncBell"
  | "authMaxStaleMs"
  | "lkgMaxAgeMs"
>;

export interface SyncParts {
  readonly config: SyncSettings;
  /** The root secret, made already where it was not set. */
  readonly secretKey: string;
  readonly store: SyncStore;
  /**
   * The cluster's id and secrets from the database (store/cluster.ts openCluster); rejects while it cannot be asked or
   * is not set up yet, and with WrongSecret.
   */
  readonly openCluster: () => Promise<ClusterSecrets>;
  /** The root secret is not the cluster's: called once; the process should say so and exit with 2. */
  readonly onRefused: (error: Error) => void;
  /** Bells to listen to and to ring, made once the cluster's id is known. Not asked with `SYNC_BELL=none`. */
  readonly openBells: (cluster: ClusterSecrets) => readonly Bell[];
  /** Further places for the cluster-wide copy (Redis). `keyId` names the copy's key: it is part of the blob's name. */
  readonly openPlaces?: (keyId: string) => readonly SharedPlace[];
  /** Rules between entities: faults of `next` that were not faults of `base` already. */
  readonly validateConfig: (next: Snapshot, base: Snapshot) => readonly FieldFault[];
  readonly logger: Logger;
  readonly meters: SyncMeters;
  /** Of this program, shown in the registry and in copies. */
  readonly version: string;
  /** Replaced in simulations; else the machine's own. */
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly randomBytes?: RandomBytes;
  readonly disk?: Disk;
}

export interface OpenedSync extends Sync {
  readonly nodeId: string;
  /** The stored form of a caller's key; undefined until the cluster's secrets are known (answer 503 then). */
  hashKey(key: string): string | undefined;
  /** The stored form of a token; undefined as above. */
  hashToken(purpose: TokenPurpose, token: string): string | undefined;
  /** For sealing credentials before they are written; undefined as above. */
  secrets(): ClusterSecrets | undefined;
  /** Resolves true once a snapshot serves, false after `timeoutMs`. */
  whenServing(timeoutMs: number): Promise<boolean>;
  /** Rows kept out or kept back, and why. */
  rejected(): readonly Rejected[];
  /** Called after every swap; returns the way to stop. */
  onApplied(listener: (event: AppliedEvent) => void): () => void;
  /** Runs a job on whichever node leads. */
  lead(job: LeaderJob): void;
  /** Nodes of the cluster that live, this one included, as the registry was last read. */
  liveNodes(): number;
  /** This node's term while it leads. */
  term(): Term | undefined;
}
