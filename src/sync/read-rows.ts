/**
 * What a node reads of the database inside one transaction: the changes since its own revision, or everything.
 * Promise: what is returned is complete as of one instant, or nothing is returned; whoever lost the database's timeline
 * finds out here and reads everything.
 */
import type {
  CallerRows,
  Change,
  Head,
  RawRow,
  SnapshotKind,
  SyncReads,
} from "../store/sync-store.ts";
import { snapshotKinds } from "../store/sync-store.ts";
import type { Edition } from "./edition.ts";
import type { CallerChanges, CallerUpdate } from "./follower.ts";

/** Why everything is read. */
export type FullReason =
  | "boot"
  | "epoch"
  | "fork"
  | "regression"
  | "compacted"
  | "many-changes"
  | "count"
  | "reconcile";

export interface ReadRequest {
  /** What is held; undefined: nothing. */
  readonly base: Edition | undefined;
  /** Look at every row even where the log tells of no change. */
  readonly reconcile: boolean;
  /** The head was confirmed to have gone back: follow it. */
  readonly acceptRegression: boolean;
  readonly schemaVersion: number;
  /** Cached key hashes that the changes may touch. */
  readonly affected: (changes: CallerChanges) => readonly string[];
}

export interface RowsRead {
  readonly outcome: "read";
  readonly head: Head;
  /** Undefined: only the changed rows were read. */
  readonly fullReason: FullReason | undefined;
  /** Whether the base is an ancestor of what was read. */
  readonly sameTimeline: boolean;
  /** Changes since the base; undefined where the log does not tell them. */
  readonly changes: readonly Change[] | undefined;
  readonly rows: ReadonlyMap<SnapshotKind, readonly RawRow[]>;
  readonly callers: CallerUpdate;
}

export type ReadOutcome =
  | RowsRead
  /** `current`: nothing to do · `behind`: the head is older than the base · `unsupported`: it demands a newer reader. */
  | { readonly outcome: "current" | "behind" | "unsupported"; readonly head: Head };

/** More changes than this are not worth reading one by one. */
export const changeLimit = 2000;
const callersPerRead = 500;

/** A load whose parts do not fit together; the node keeps what it has and tries again. */
class IncompleteLoad extends Error {
  constructor(message: string) {
    super(message);
    this.name = "IncompleteLoad";
  }
}

export async function readRows(tx: SyncReads, request: ReadRequest): Promise<ReadOutcome> {
  const head = await tx.head();
  if (head.minReader > request.schemaVersion) return { outcome: "unsupported", head };
  const at = request.base?.rowSet.position;
  if (at === undefined) return readAll(tx, request, { head, reason: "boot" });
  if (head.epoch !== at.epoch) return readAll(tx, request, { head, reason: "epoch" });
  if (head.revision < at.revision) {
    if (!request.acceptRegression) return { outcome: "behind", head };
    return readAll(tx, request, { head, reason: "regression" });
  }
  if (head.revision > at.revision) return readNewer(tx, request, head);
  if (head.commitId !== at.commitId) return readAll(tx, request, { head, reason: "fork" });
  if (!request.reconcile) return { outcome: "current", head };
  return readAll(tx, request, { head, reason: "reconcile", sameTimeline: true, changes: [] });
}

/** The head is above the base: the changes between, if the base's own commit is still in the log. */
async function readNewer(tx: SyncReads, request: ReadRequest, head: Head): Promise<RowsRead> {
  const base = request.base as Edition;
  const { revision, commitId } = base.rowSet.position;
  const logged = await tx.commitId(revision);
  if (logged !== commitId)
    return readAll(tx, request, { head, reason: logged === undefined ? "compacted" : "fork" });
  if (head.minRetained > revision)
    return readAll(tx, request, { head, reason: "compacted", sameTimeline: true });
  const changes = await tx.changesAfter(revision, changeLimit + 1);
  if (changes.length > changeLimit)
    return readAll(tx, request, { head, reason: "many-changes", sameTimeline: true });
  if (request.reconcile)
    return readAll(tx, request, { head, reason: "reconcile", sameTimeline: true, changes });
  const rows = await readChanged(tx, changedIds(changes));
  if (!(await isComplete(tx, base, changedIds(changes), rows)))
    return readAll(tx, request, { head, reason: "count", sameTimeline: true, changes });
  const callers = await readCallers(tx, request, head, callerChanges(changes));
  return {
    outcome: "read",
    head,
    fullReason: undefined,
    sameTimeline: true,
    changes,
    rows,
    callers,
  };
}

interface FullRead {
  readonly head: Head;
  readonly reason: FullReason;
  readonly sameTimeline?: boolean;
  readonly changes?: readonly Change[];
}

async function readAll(tx: SyncReads, request: ReadRequest, full: FullRead): Promise<RowsRead> {
  const rows = new Map<SnapshotKind, readonly RawRow[]>();
  for (const kind of snapshotKinds) {
    const read = await tx.rows(kind);
    const count = await tx.count(kind);
    // An empty or short answer is believed only when the database counts the same.
    if (read.length !== count)
      throw new IncompleteLoad(`read ${read.length} ${kind} rows where the table has ${count}`);
    rows.set(kind, read);
  }
  const changes =
    full.changes === undefined
      ? allCallers()
      : { ...callerChanges(full.changes), recheck: full.reason === "reconcile" };
  return {
    outcome: "read",
    head: full.head,
    fullReason: full.reason,
    sameTimeline: full.sameTimeline ?? false,
    changes: full.changes,
    rows,
    callers: await readCallers(tx, request, full.head, changes),
  };
}

/** Changed ids by snapshot kind; kinds this version does not know are passed over. */
export function changedIds(changes: readonly Change[]): ReadonlyMap<SnapshotKind, Set<bigint>> {
  const ids = new Map<SnapshotKind, Set<bigint>>();
  for (const { kind, entityId } of changes) {
    const known = snapshotKinds.find((name) => name === kind);
    if (known === undefined || !/^\d{1,19}$/.test(entityId)) continue;
    const set = ids.get(known) ?? new Set<bigint>();
    ids.set(known, set.add(BigInt(entityId)));
  }
  return ids;
}

async function readChanged(
  tx: SyncReads,
  ids: ReadonlyMap<SnapshotKind, ReadonlySet<bigint>>,
): Promise<ReadonlyMap<SnapshotKind, readonly RawRow[]>> {
  const rows = new Map<SnapshotKind, readonly RawRow[]>();
  for (const [kind, set] of ids) rows.set(kind, await tx.rows(kind, [...set]));
  return rows;
}

/** Whether base and changed rows together are as many rows as the database has, kind by kind. */
async function isComplete(
  tx: SyncReads,
  base: Edition,
  ids: ReadonlyMap<SnapshotKind, ReadonlySet<bigint>>,
  rows: ReadonlyMap<SnapshotKind, readonly RawRow[]>,
): Promise<boolean> {
  for (const kind of snapshotKinds) {
    let expected = base.rowSet.seenCounts[kind] + (rows.get(kind)?.length ?? 0);
    for (const id of ids.get(kind) ?? [])
      if (base.rowSet.rows[kind].get(id)?.seen !== undefined) expected -= 1;
    if ((await tx.count(kind)) !== expected) return false;
  }
  return true;
}

function allCallers(): CallerChanges {
  return { all: true, userIds: new Set(), keyHashes: new Set(), tokenIds: new Set() };
}

function callerChanges(changes: readonly Change[]): CallerChanges {
  const idsOf = (kind: string): ReadonlySet<string> =>
    new Set(changes.filter((change) => change.kind === kind).map((change) => change.entityId));
  return {
    all: false,
    userIds: idsOf("user"),
    keyHashes: idsOf("key"),
    tokenIds: idsOf("token"),
  };
}

async function readCallers(
  tx: SyncReads,
  request: ReadRequest,
  head: Head,
  changes: CallerChanges,
): Promise<CallerUpdate> {
  const asked = request.affected(changes);
  const fresh: CallerRows[] = [];
  for (let start = 0; start < asked.length; start += callersPerRead)
    fresh.push(...(await tx.callers(asked.slice(start, start + callersPerRead))));
  return { revision: head.revision, changes, asked, fresh };
}
