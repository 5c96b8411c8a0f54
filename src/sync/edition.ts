/**
 * What a node holds for one revision: the rows as read and the snapshot built from them.
 * Promise: nothing here is ever changed after it was made; a newer edition is a new object that shares what is equal.
 */
import type { FieldFault } from "../core/errors.ts";
import type { SnapshotKind, RawRow } from "../store/sync-store.ts";
import type { Channel, Credential, Group, ModelInfo, Price, Snapshot } from "./entities.ts";
import type { SettingRow } from "./setting-row.ts";
import type { RouteTable } from "./route-index.ts";

/** What the parser of each kind makes of a row. A channel's credentials are joined when the snapshot is built. */
export interface ParsedRows {
  readonly group: Group;
  readonly channel: Channel;
  readonly credential: Credential;
  readonly price: Price;
  readonly model: ModelInfo;
  readonly setting: SettingRow;
}

/**
 * - `good`: what the database holds is what serves.
 * - `quarantined`: a revision wrote this row, but it does not parse: its previous good content serves, or none.
 * - `unlogged`: changed by hand without a revision: what the last revision told serves until the change is adopted.
 */
export type RowStatus = "good" | "quarantined" | "unlogged";

export interface HeldRow<K extends SnapshotKind = SnapshotKind> {
  readonly kind: K;
  readonly id: bigint;
  /** The row as last seen in the database; undefined: found missing although no revision deleted it. */
  readonly seen: RawRow | undefined;
  /** The row whose content serves; undefined: none yet. */
  readonly served: RawRow | undefined;
  /** `served`, parsed. */
  readonly parsed: ParsedRows[K] | undefined;
  readonly status: RowStatus;
  /** Why `seen` cannot be served, naming the column. */
  readonly fault: string | undefined;
  /** The same by fields of the management API. */
  readonly fields: readonly FieldFault[] | undefined;
  /** Whether the last revision of this row does not parse; stays so while an unlogged change lies over it. */
  readonly isQuarantined: boolean;
  /** This row's share of the digest: what the revisions tell, so that noticing a hand's change does not alter it. */
  readonly term: bigint;
}

/** The revision an edition stands for: what tells one committed state from all others. */
export interface Position {
  readonly epoch: string;
  readonly revision: number;
  readonly commitId: string;
  /** Database's clock, ms UTC. */
  readonly committedAtMs: number;
}

export interface RowSet {
  readonly position: Position;
  readonly rows: { readonly [K in SnapshotKind]: ReadonlyMap<bigint, HeldRow<K>> };
  /** Rows that are not `good`, by `kind:id`. */
  readonly odd: ReadonlyMap<string, HeldRow>;
  /** Rows per kind that the database is believed to hold: the completeness proof of a delta. */
  readonly seenCounts: Readonly<Record<SnapshotKind, number>>;
  readonly digest: bigint;
}

export interface Edition {
  readonly rowSet: RowSet;
  readonly snapshot: Snapshot;
  /** Ids of the credential rows of each channel. */
  readonly credentialIds: ReadonlyMap<bigint, readonly bigint[]>;
  readonly routeTable: RouteTable;
}
