/**
 * Rows of one revision made from the rows of an older one. Promises: a bad row harms no other; a row that is equal
 * keeps its identity; a change that no revision tells of is noted, never served.
 */
import type { FieldFault } from "../core/errors.ts";
import { messageOf } from "../core/errors.ts";
import type { SealKey } from "../core/seal.ts";
import type { RawRow, SnapshotKind } from "../store/sync-store.ts";
import { snapshotKinds } from "../store/sync-store.ts";
import { addTerm, digestTerm, removeTerm } from "./digest.ts";
import type { HeldRow, ParsedRows, Position, RowSet } from "./edition.ts";
import { rowParsers } from "./parse-row.ts";
import { RowFault } from "./row-columns.ts";
import type { Slices } from "./time-slice.ts";

export interface RowTools {
  readonly dataKey: SealKey;
  readonly slices: Slices;
}

/** Whether a revision tells of what was read of this row (absent: of its deletion). */
export type IsLogged = (kind: SnapshotKind, id: bigint, row: RawRow | undefined) => boolean;

/** One row as read now; `row` undefined: not there. */
export interface ReadRow {
  readonly kind: SnapshotKind;
  readonly id: bigint;
  readonly row: RawRow | undefined;
}

export interface RowsToApply {
  readonly read: Iterable<ReadRow>;
  readonly isLogged: IsLogged;
  /** Whether the rows read descend from the held ones; if not, held content never stands in for a row changed by hand. */
  readonly sameTimeline: boolean;
}

type MutableRows = { [K in SnapshotKind]: Map<bigint, HeldRow<K>> };

/** Ids whose held row is another than before, by kind. */
export type Touched = Readonly<Record<SnapshotKind, ReadonlySet<bigint>>>;

export function emptyRowSet(position: Position): RowSet {
  return {
    position,
    rows: {
      group: new Map(),
      channel: new Map(),
      credential: new Map(),
      price: new Map(),
      model: new Map(),
      setting: new Map(),
    },
    odd: new Map(),
    seenCounts: { group: 0, channel: 0, credential: 0, price: 0, model: 0, setting: 0 },
    digest: 0n,
  };
}

/** `base` with the rows read now in it, as of `position`. Copies only the kinds that change. */
export async function changeRowSet(
  base: RowSet,
  position: Position,
  input: RowsToApply,
  tools: RowTools,
): Promise<{ rowSet: RowSet; touched: Touched }> {
  const draft = makeDraft(base);
  for (const { kind, id, row } of input.read) {
    const held = base.rows[kind].get(id) as HeldRow | undefined;
    const next = input.isLogged(kind, id, row)
      ? acceptRow(kind, row, held, tools.dataKey)
      : withholdRow(kind, row, input.sameTimeline ? held : undefined, tools.dataKey);
    if (next !== held) draft.put(kind, id, next);
    const pause = tools.slices.breathe();
    if (pause !== undefined) await pause;
  }
  return { rowSet: draft.finish(position), touched: draft.touched };
}

/** Whether two rows hold the same; one engine may give an integer as number once and as BigInt another time. */
export function sameRow(a: RawRow | undefined, b: RawRow | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => a[name] === b[name] || sameInteger(a[name], b[name]));
}

function sameInteger(a: unknown, b: unknown): boolean {
  if (typeof a === "bigint")
    return typeof b === "number" && a === BigInt(Math.trunc(b)) && Number.isInteger(b);
  return typeof b === "bigint" && sameInteger(b, a);
}

/** What a row that a revision tells of makes of the held one; undefined: deleted. */
function acceptRow<K extends SnapshotKind>(
  kind: K,
  row: RawRow | undefined,
  held: HeldRow<K> | undefined,
  dataKey: SealKey,
): HeldRow<K> | undefined {
  if (row === undefined) return undefined;
  const { id } = row;
  if (held?.status === "good" && sameRow(held.served, row)) return held;
  const result = tryParse(kind, row, dataKey);
  if (result.parsed !== undefined)
    return {
      kind,
      id,
      seen: row,
      served: row,
      parsed: result.parsed,
      status: "good",
      fault: undefined,
      fields: undefined,
      isQuarantined: false,
      term: digestTerm(kind, id, row.rev, false),
    };
  if (held?.status === "quarantined" && sameRow(held.seen, row)) return held;
  return {
    kind,
    id,
    seen: row,
    served: held?.served,
    parsed: held?.parsed,
    status: "quarantined",
    fault: result.fault,
    fields: result.fields,
    isQuarantined: true,
    term: digestTerm(kind, id, held?.served?.rev ?? 0n, true),
  };
}

/** What a row that was changed by hand makes of the held one: what served goes on, the change is noted. */
function withholdRow<K extends SnapshotKind>(
  kind: K,
  row: RawRow | undefined,
  held: HeldRow<K> | undefined,
  dataKey: SealKey,
): HeldRow<K> | undefined {
  if (held === undefined && row === undefined) return undefined;
  if (held !== undefined && sameRow(held.seen, row)) return held;
  // Inserted by hand and removed by hand: nothing ever served.
  if (row === undefined && held?.status === "unlogged" && held.served === undefined)
    return undefined;
  // Changed by hand and put back by hand.
  if (row !== undefined && held?.served !== undefined && sameRow(held.served, row))
    return acceptRow(kind, row, held, dataKey);
  const result = row === undefined ? undefined : tryParse(kind, row, dataKey);
  return {
    kind,
    id: row?.id ?? (held?.id as bigint),
    seen: row,
    served: held?.served,
    parsed: held?.parsed,
    status: "unlogged",
    fault: result?.fault,
    fields: result?.fields,
    isQuarantined: held?.isQuarantined ?? false,
    term: held?.term ?? 0n,
  };
}

/** A held row from the copy of an edition. What another version wrote and this one cannot parse is kept out, alone. */
export function reviveRow<K extends SnapshotKind>(
  source: Pick<HeldRow<K>, "kind" | "status" | "isQuarantined">,
  served: RawRow | undefined,
  seen: RawRow | undefined,
  dataKey: SealKey,
): HeldRow<K> {
  const { kind } = source;
  const id = (served ?? seen)?.id;
  if (id === undefined) throw new Error("a row of the copy is empty");
  const good = served === undefined ? undefined : tryParse(kind, served, dataKey);
  const kept = good?.parsed === undefined ? undefined : served;
  const isBroken = source.status === "good" && kept === undefined;
  const status = isBroken ? "quarantined" : source.status;
  const odd = status === "good" || seen === undefined ? undefined : tryParse(kind, seen, dataKey);
  const isQuarantined = isBroken || source.isQuarantined;
  const isCounted = status !== "unlogged" || kept !== undefined || isQuarantined;
  return {
    kind,
    id,
    seen,
    served: kept,
    parsed: good?.parsed,
    status,
    fault: odd?.fault,
    fields: odd?.fields,
    isQuarantined,
    term: isCounted ? digestTerm(kind, id, kept?.rev ?? 0n, isQuarantined) : 0n,
  };
}

/** `base` with the given rows put in. */
export function placeHeldRows(
  base: RowSet,
  held: Iterable<HeldRow>,
): { rowSet: RowSet; touched: Touched } {
  const draft = makeDraft(base);
  for (const row of held) draft.put(row.kind, row.id, row);
  return { rowSet: draft.finish(base.position), touched: draft.touched };
}

interface ParseResult<K extends SnapshotKind> {
  readonly parsed: ParsedRows[K] | undefined;
  readonly fault: string | undefined;
  readonly fields: readonly FieldFault[] | undefined;
}

function tryParse<K extends SnapshotKind>(kind: K, row: RawRow, dataKey: SealKey): ParseResult<K> {
  try {
    return { parsed: rowParsers[kind](row, dataKey), fault: undefined, fields: undefined };
  } catch (error) {
    // Whatever a row can make a parser throw: it must never stop the load of all others.
    const fields = error instanceof RowFault ? error.fields : undefined;
    return { parsed: undefined, fault: messageOf(error), fields };
  }
}

interface Draft {
  readonly touched: Touched;
  put(kind: SnapshotKind, id: bigint, next: HeldRow | undefined): void;
  finish(position: Position): RowSet;
}

function makeDraft(base: RowSet): Draft {
  const rows: MutableRows = { ...base.rows } as MutableRows;
  const touched = Object.fromEntries(
    snapshotKinds.map((kind) => [kind, new Set<bigint>()]),
  ) as unknown as Record<SnapshotKind, Set<bigint>>;
  const odd = new Map(base.odd);
  const seenCounts = { ...base.seenCounts };
  let digest = base.digest;
  const put = (kind: SnapshotKind, id: bigint, next: HeldRow | undefined): void => {
    if (touched[kind].size === 0)
      Object.assign(rows, { [kind]: new Map<bigint, HeldRow>(rows[kind]) });
    touched[kind].add(id);
    const target = rows[kind] as Map<bigint, HeldRow>;
    const before = target.get(id);
    const name = `${kind}:${id}`;
    if (before !== undefined) digest = removeTerm(digest, before.term);
    if (next !== undefined) digest = addTerm(digest, next.term);
    seenCounts[kind] += Number(next?.seen !== undefined) - Number(before?.seen !== undefined);
    if (next === undefined) target.delete(id);
    else target.set(id, next);
    if (next === undefined || next.status === "good") odd.delete(name);
    else odd.set(name, next);
  };
  return { touched, put, finish: (position) => ({ position, rows, odd, seenCounts, digest }) };
}
