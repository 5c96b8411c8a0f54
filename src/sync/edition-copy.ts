/**
 * An edition as rows for a copy, and back. Promise kept: what is restored serves and digests as what was copied,
 * quarantined rows and changes by hand included, so that a node that starts from a copy agrees with the others.
 */
import type { SealKey } from "../core/seal.ts";
import type { RawRow, SnapshotKind } from "../store/sync-store.ts";
import { snapshotKinds } from "../store/sync-store.ts";
import type { CopyContent, OddRow } from "./copy-content.ts";
import type { Edition, RowSet } from "./edition.ts";
import type { ReadRow, Touched } from "./row-set.ts";
import { changeRowSet, emptyRowSet } from "./row-set.ts";
import { buildEdition } from "./snapshot.ts";
import type { Slices } from "./time-slice.ts";

export type EditionRows = Pick<CopyContent, "position" | "served" | "odd">;

export function copyEdition(edition: Edition): EditionRows {
  const { rowSet } = edition;
  const served = new Map<SnapshotKind, readonly RawRow[]>();
  for (const kind of snapshotKinds) served.set(kind, servedRows(rowSet, kind));
  const odd: OddRow[] = [];
  for (const { kind, id, status, seen } of rowSet.odd.values())
    if (status !== "good") odd.push({ kind, id, status, seen });
  return { position: rowSet.position, served, odd };
}

function servedRows(rowSet: RowSet, kind: SnapshotKind): RawRow[] {
  const rows: RawRow[] = [];
  for (const held of rowSet.rows[kind].values())
    if (held.served !== undefined) rows.push(held.served);
  return rows;
}

/** Rejects when the rows do not make a configuration. */
export async function restoreEdition(
  copied: EditionRows,
  dataKey: SealKey,
  slices: Slices,
): Promise<Edition> {
  const tools = { dataKey, slices };
  const { position } = copied;
  const base = await changeRowSet(
    emptyRowSet(position),
    position,
    { read: readServed(copied), isLogged: () => true, sameTimeline: true },
    tools,
  );
  const unlogged = new Set(
    copied.odd.filter((odd) => odd.status === "unlogged").map((odd) => `${odd.kind}:${odd.id}`),
  );
  const whole = await changeRowSet(
    base.rowSet,
    position,
    {
      read: copied.odd.map(({ kind, id, seen }): ReadRow => ({ kind, id, row: seen })),
      isLogged: (kind, id) => !unlogged.has(`${kind}:${id}`),
      sameTimeline: true,
    },
    tools,
  );
  return buildEdition(undefined, whole.rowSet, union(base.touched, whole.touched), slices);
}

function union(a: Touched, b: Touched): Touched {
  const pairs = snapshotKinds.map((kind) => [kind, new Set([...a[kind], ...b[kind]])]);
  return Object.fromEntries(pairs) as Touched;
}

function* readServed(copied: EditionRows): Iterable<ReadRow> {
  for (const [kind, rows] of copied.served) for (const row of rows) yield { kind, id: row.id, row };
}
