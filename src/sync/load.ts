/**
 * One load: reads in one transaction, then makes the next edition. Promise: a load that fails in any way, or takes too
 * long, rejects and leaves nothing behind; it never answers with less than the database has.
 */
import type { Clock } from "../core/clock.ts";
import type { SealKey } from "../core/seal.ts";
import type { Head, RawRow, SnapshotKind, SyncReads, SyncStore } from "../store/sync-store.ts";
import { snapshotKinds } from "../store/sync-store.ts";
import type { Edition, Position } from "./edition.ts";
import type { CallerUpdate } from "./follower.ts";
import type { FullReason, ReadOutcome, ReadRequest, RowsRead } from "./read-rows.ts";
import { changedIds, readRows } from "./read-rows.ts";
import type { IsLogged, ReadRow, RowTools } from "./row-set.ts";
import { changeRowSet, emptyRowSet } from "./row-set.ts";
import { buildEdition } from "./snapshot.ts";
import { makeSlices } from "./time-slice.ts";

export interface LoadParts {
  readonly store: Pick<SyncStore, "read">;
  readonly clock: Clock;
  readonly dataKey: () => Promise<SealKey>;
  readonly yieldSlice: () => Promise<void>;
}

export interface Loaded {
  readonly outcome: "loaded";
  readonly edition: Edition;
  readonly head: Head;
  readonly fullReason: FullReason | undefined;
  readonly callers: CallerUpdate;
}

/** A statement that did not answer in time. */
export class StepTimeout extends Error {
  constructor(step: string, ms: number) {
    super(`${step} took longer than ${ms} ms`);
    this.name = "StepTimeout";
  }
}

export type LoadOutcome = Loaded | Exclude<ReadOutcome, RowsRead>;

/** Loads what `request.base` lacks. Rejects when one statement takes longer than `stepMs`. */
export async function load(
  parts: LoadParts,
  request: ReadRequest,
  stepMs: number,
): Promise<LoadOutcome> {
  const dataKey = await parts.dataKey();
  const read = await readWithin(parts, request, stepMs);
  if (read.outcome !== "read") return read;
  const slices = makeSlices(parts.clock, parts.yieldSlice);
  const edition = await makeEdition(request.base, read, { dataKey, slices });
  const { head, fullReason, callers } = read;
  return { outcome: "loaded", edition, head, fullReason, callers };
}

/** The transaction, given up as soon as one step of it hangs: a dead connection may never answer its ROLLBACK either. */
function readWithin(parts: LoadParts, request: ReadRequest, stepMs: number): Promise<ReadOutcome> {
  return new Promise((resolve, reject) => {
    const step = <T>(name: string, start: () => Promise<T>): Promise<T> =>
      new Promise((resolveStep, rejectStep) => {
        const cancel = parts.clock.after(stepMs, () => {
          const error = new StepTimeout(name, stepMs);
          reject(error);
          rejectStep(error);
        });
        void start().then(resolveStep, rejectStep).finally(cancel);
      });
    let begun: () => void = () => undefined;
    const begin = step("BEGIN", () => new Promise<void>((done) => (begun = done)));
    begin.catch(() => undefined);
    parts.store
      .read(async (tx) => {
        begun();
        return readRows(guardReads(tx, step), request);
      })
      .then(resolve, reject)
      .finally(() => begun());
  });
}

function guardReads(
  tx: SyncReads,
  step: <T>(name: string, start: () => Promise<T>) => Promise<T>,
): SyncReads {
  return {
    head: () => step("reading the head", () => tx.head()),
    commitId: (revision) => step("reading the log", () => tx.commitId(revision)),
    changesAfter: (after, limit) => step("reading the log", () => tx.changesAfter(after, limit)),
    rows: (kind, ids) => step(`reading ${kind} rows`, () => tx.rows(kind, ids)),
    count: (kind) => step(`counting ${kind} rows`, () => tx.count(kind)),
    callers: (hashes) => step("reading callers", () => tx.callers(hashes)),
  };
}

function positionOf(head: Head): Position {
  const { epoch, revision, commitId, committedAtMs } = head;
  return { epoch, revision, commitId, committedAtMs };
}

/** The edition that the rows read make of the base. */
export async function makeEdition(
  base: Edition | undefined,
  read: RowsRead,
  tools: RowTools,
): Promise<Edition> {
  const position = positionOf(read.head);
  const full = read.fullReason !== undefined;
  const { rowSet, touched } = await changeRowSet(
    base?.rowSet ?? emptyRowSet(position),
    position,
    {
      read: full ? allRows(base, read) : changedRows(read),
      isLogged: full ? loggedInFull(base, read) : loggedInDelta(base, read),
      sameTimeline: read.sameTimeline,
    },
    tools,
  );
  const isSame =
    base?.rowSet.position.commitId === position.commitId &&
    snapshotKinds.every((kind) => touched[kind].size === 0);
  // Nothing differs: the very same edition goes on, so that nobody takes a reconciliation for a change.
  if (isSame && base !== undefined) return base;
  return buildEdition(base, rowSet, touched, tools.slices);
}

function byId(rows: readonly RawRow[] | undefined): ReadonlyMap<bigint, RawRow> {
  const map = new Map<bigint, RawRow>();
  for (const row of rows ?? []) map.set(row.id, row);
  return map;
}

function* changedRows(read: RowsRead): Iterable<ReadRow> {
  for (const [kind, ids] of changedIds(read.changes ?? [])) {
    const rows = byId(read.rows.get(kind));
    for (const id of ids) yield { kind, id, row: rows.get(id) };
  }
}

function* allRows(base: Edition | undefined, read: RowsRead): Iterable<ReadRow> {
  for (const kind of snapshotKinds) {
    const rows = byId(read.rows.get(kind));
    for (const [id, row] of rows) yield { kind, id, row };
    for (const id of base?.rowSet.rows[kind].keys() ?? [])
      if (!rows.has(id)) yield { kind, id, row: undefined };
  }
}

function writtenIn(row: RawRow, after: number, upTo: number): boolean {
  return row.rev > BigInt(after) && row.rev <= BigInt(upTo);
}

function loggedInDelta(base: Edition | undefined, read: RowsRead): IsLogged {
  const after = base?.rowSet.position.revision ?? 0;
  return (_kind, _id, row) => row === undefined || writtenIn(row, after, read.head.revision);
}

/**
 * In a full load the log decides where it is complete; where it is not (too many changes), the revision in the row does.
 * Off the base's timeline nothing held can be compared, and only a revision that cannot be is taken for a hand's work.
 */
function loggedInFull(base: Edition | undefined, read: RowsRead): IsLogged {
  const upTo = read.head.revision;
  if (base === undefined || !read.sameTimeline)
    return (_kind, _id, row) => row === undefined || writtenIn(row, 0, upTo);
  const after = base.rowSet.position.revision;
  if (read.changes === undefined)
    return (_kind, _id, row) => row === undefined || writtenIn(row, after, upTo);
  const ids = changedIds(read.changes);
  const isChanged = (kind: SnapshotKind, id: bigint): boolean => ids.get(kind)?.has(id) === true;
  return (kind, id, row) =>
    isChanged(kind, id) && (row === undefined || writtenIn(row, after, upTo));
}
