/**
 * An edition as lines of text and back, for the copies on disk and in the cluster. Lines, so that neither writing nor
 * reading holds up the event loop. Promise: what is read back serves exactly what was written, or reading throws.
 */
import type { SealKey } from "../core/seal.ts";
import type { ColumnValue, RawRow, SnapshotKind } from "../store/sync-store.ts";
import { snapshotKinds } from "../store/sync-store.ts";
import type { Edition, HeldRow, Position, RowStatus } from "./edition.ts";
import { emptyRowSet, placeHeldRows, reviveRow } from "./row-set.ts";
import { buildEdition } from "./snapshot.ts";
import type { Slices } from "./time-slice.ts";

const format = 1;
const statuses: readonly RowStatus[] = ["good", "quarantined", "unlogged"];

/** The edition, one line (without its line break) at a time. Holds credentials sealed as they lie in the database. */
export function* renderEdition(edition: Edition): Generator<string> {
  const { position, rows } = edition.rowSet;
  const counts = Object.fromEntries(snapshotKinds.map((kind) => [kind, rows[kind].size]));
  yield JSON.stringify({ format, ...position, counts });
  for (const kind of snapshotKinds)
    for (const held of rows[kind].values() as Iterable<HeldRow>) yield renderHeld(held);
}

function renderHeld(held: HeldRow): string {
  const served = encodeRow(held.served);
  // A good row is written once.
  const seen = held.status === "good" ? undefined : encodeRow(held.seen);
  const { kind, status, isQuarantined } = held;
  return JSON.stringify([
    kind,
    statuses.indexOf(status),
    served ?? null,
    seen ?? null,
    isQuarantined ? 1 : 0,
  ]);
}

type EncodedRow = Record<string, string | number | null>;

/** Texts begin with `s`, BigInts with `b`: JSON has no BigInt. */
function encodeRow(row: RawRow | undefined): EncodedRow | undefined {
  if (row === undefined) return undefined;
  const encoded: EncodedRow = {};
  for (const [name, value] of Object.entries(row) as [string, ColumnValue][])
    encoded[name] =
      typeof value === "string" ? `s${value}` : typeof value === "bigint" ? `b${value}` : value;
  return encoded;
}

function decodeRow(encoded: EncodedRow | null): RawRow | undefined {
  if (encoded === null) return undefined;
  const row: Record<string, ColumnValue> = {};
  for (const [name, value] of Object.entries(encoded))
    row[name] =
      typeof value !== "string"
        ? value
        : value[0] === "b"
          ? BigInt(value.slice(1))
          : value.slice(1);
  if (typeof row["id"] !== "bigint" || typeof row["rev"] !== "bigint")
    throw new Error("a row of the copy has no id");
  return row as RawRow;
}

interface Header extends Position {
  readonly format: number;
  readonly counts: Readonly<Record<string, number>>;
}

/** Reads what {@link renderEdition} wrote; throws for any other text, also for one cut short. */
export async function parseEdition(
  lines: Iterable<string>,
  tools: { readonly dataKey: SealKey; readonly slices: Slices },
): Promise<Edition> {
  let header: Header | undefined;
  const held: HeldRow[] = [];
  for (const line of lines) {
    if (line === "") continue;
    if (header === undefined) header = parseHeader(line);
    else held.push(parseHeld(line, tools.dataKey));
    const pause = tools.slices.breathe();
    if (pause !== undefined) await pause;
  }
  if (header === undefined) throw new Error("the copy is empty");
  const { epoch, revision, commitId, committedAtMs } = header;
  const empty = emptyRowSet({ epoch, revision, commitId, committedAtMs });
  const { rowSet, touched } = placeHeldRows(empty, held);
  for (const kind of snapshotKinds)
    if (rowSet.rows[kind].size !== header.counts[kind])
      throw new Error(
        `the copy has ${rowSet.rows[kind].size} ${kind} rows of ${header.counts[kind]}`,
      );
  return buildEdition(undefined, rowSet, touched, tools.slices);
}

function parseHeader(line: string): Header {
  const header = JSON.parse(line) as Header;
  if (header.format !== format) throw new Error(`the copy has format ${String(header.format)}`);
  return header;
}

function parseHeld(line: string, dataKey: SealKey): HeldRow {
  const [kind, status, served, seen, quarantined] = JSON.parse(line) as [
    SnapshotKind,
    number,
    EncodedRow | null,
    EncodedRow | null,
    number,
  ];
  const name = statuses[status];
  if (name === undefined || !snapshotKinds.includes(kind))
    throw new Error("a line of the copy is unknown");
  const servedRow = decodeRow(served);
  const seenRow = name === "good" ? servedRow : decodeRow(seen);
  const isQuarantined = quarantined === 1;
  return reviveRow({ kind, status: name, isQuarantined }, servedRow, seenRow, dataKey);
}
