/**
 * An edition as lines of text for a copy, and back. Promise kept: what is restored serves and digests as what was
 * copied, quarantined rows and changes by hand included, so that a node that starts from a copy agrees with the others.
 */
import type { SealKey } from "../core/seal.ts";
import type { RawRow, SnapshotKind } from "../store/sync-store.ts";
import { snapshotKinds } from "../store/sync-store.ts";
import type { Edition, HeldRow, Position, RowStatus } from "./edition.ts";
import type { ReadRow, RowTools, Touched } from "./row-set.ts";
import { changeRowSet, emptyRowSet } from "./row-set.ts";
import type { Cells } from "./row-text.ts";
import { parseRow, renderRow } from "./row-text.ts";
import { buildEdition } from "./snapshot.ts";
import type { Slices } from "./time-slice.ts";

interface FirstLine {
  readonly position: Position;
  /** Rows held, by kind: proves that no line is missing. */
  readonly counts: Readonly<Record<SnapshotKind, number>>;
}

/** Kind, id, status, the row that serves, the row as it lies in the database where that is another. */
type RowLine = readonly [SnapshotKind, string, RowStatus, Cells | null, Cells | null];

/** One line (without its line break) at a time; credentials are sealed as they lie in the database. */
export function* renderEdition({ rowSet }: Edition): Generator<string> {
  const counts = Object.fromEntries(snapshotKinds.map((kind) => [kind, rowSet.rows[kind].size]));
  yield JSON.stringify({ position: rowSet.position, counts });
  for (const kind of snapshotKinds)
    for (const held of rowSet.rows[kind].values() as Iterable<HeldRow>) {
      const served = held.served === undefined ? null : renderRow(held.served);
      const isOdd = held.status !== "good" && held.seen !== undefined;
      const seen = isOdd ? renderRow(held.seen) : null;
      const line: RowLine = [kind, String(held.id), held.status, served, seen];
      yield JSON.stringify(line);
    }
}

/** Reads what {@link renderEdition} wrote; rejects for any other text, also for one cut short. */
export async function parseEdition(
  lines: Iterator<string>,
  dataKey: SealKey,
  slices: Slices,
): Promise<Edition> {
  const first = lines.next();
  if (first.done === true) throw new Error("it has no edition");
  const { position, counts } = JSON.parse(first.value) as FirstLine;
  const served: ReadRow[] = [];
  const odd: OddRow[] = [];
  for (let line = lines.next(); line.done !== true; line = lines.next()) {
    parseLine(line.value, served, odd);
    const pause = slices.breathe();
    if (pause !== undefined) await pause;
  }
  const edition = await restore({ position, served, odd }, { dataKey, slices });
  for (const kind of snapshotKinds)
    if (edition.rowSet.rows[kind].size !== counts[kind])
      throw new Error(`it has ${edition.rowSet.rows[kind].size} ${kind} rows of ${counts[kind]}`);
  return edition;
}

interface OddRow extends ReadRow {
  readonly isLogged: boolean;
}

function parseLine(text: string, served: ReadRow[], odd: OddRow[]): void {
  const [kind, idText, status, servedCells, seenCells] = JSON.parse(text) as RowLine;
  if (!snapshotKinds.includes(kind)) throw new Error(`it has rows of an unknown kind ${kind}`);
  const id = BigInt(idText);
  const rowOf = (cells: Cells | null): RawRow | undefined =>
    cells === null ? undefined : parseRow(cells);
  if (servedCells !== null) served.push({ kind, id, row: rowOf(servedCells) });
  if (status !== "good")
    odd.push({ kind, id, row: rowOf(seenCells), isLogged: status === "quarantined" });
}

/** First what served, as if every row were good; then what lay in the database instead, as the node had met it. */
async function restore(
  rows: { position: Position; served: readonly ReadRow[]; odd: readonly OddRow[] },
  tools: RowTools,
): Promise<Edition> {
  const { position, served, odd } = rows;
  const sameTimeline = true;
  const empty = emptyRowSet(position);
  const good = await changeRowSet(
    empty,
    position,
    { read: served, isLogged: () => true, sameTimeline },
    tools,
  );
  const logged = new Set(odd.filter((row) => row.isLogged).map(({ kind, id }) => `${kind}:${id}`));
  const whole = await changeRowSet(
    good.rowSet,
    position,
    { read: odd, isLogged: (kind, id) => logged.has(`${kind}:${id}`), sameTimeline },
    tools,
  );
  const touched = union(good.touched, whole.touched);
  return buildEdition(undefined, whole.rowSet, touched, tools.slices);
}

function union(a: Touched, b: Touched): Touched {
  const pairs = snapshotKinds.map((kind) => [kind, new Set([...a[kind], ...b[kind]])]);
  return Object.fromEntries(pairs) as Touched;
}
