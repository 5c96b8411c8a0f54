/**
 * Looks at the configuration that a transaction would commit, before it does. Promise: nothing is committed that this
 * version could not serve whole; a fault names the field to mend.
 */
import type { FieldFault } from "../core/errors.ts";
import { GatewayError } from "../core/errors.ts";
import type { RawRow, SnapshotKind } from "../store/sync-store.ts";
import { snapshotKinds } from "../store/sync-store.ts";
import type { DoorTransaction, WrittenRow } from "./door-writes.ts";
import type { Edition } from "./edition.ts";
import { callerRowChecks } from "./parse-row.ts";
import { RowFault } from "./row-columns.ts";
import type { ReadRow } from "./row-set.ts";
import { changeRowSet } from "./row-set.ts";
import { buildEdition } from "./snapshot.ts";
import { makeSlices } from "./time-slice.ts";
import type { DoorLimits, DoorParts } from "./write-door.ts";

const defaultLimits: DoorLimits = { rowsPerKind: 50_000, changesPerWrite: 5000 };

export interface WritesToCheck {
  readonly writes: DoorTransaction;
  readonly base: Edition;
  readonly commitId: string;
}

/** Throws `validation_failed` with the fields at fault. */
export async function checkWrites(parts: DoorParts, input: WritesToCheck): Promise<void> {
  const { writes, base } = input;
  const limits = parts.limits ?? defaultLimits;
  const changes = writes.changes();
  if (changes.length > limits.changesPerWrite)
    refuse([{ field: "", message: `more than ${limits.changesPerWrite} changes at once` }]);
  await checkCallerRows(writes);
  const next = await nextEdition(parts, input);
  refuse(rowFaults(next, writes.written()));
  for (const kind of snapshotKinds)
    if (next.rowSet.seenCounts[kind] > Math.max(limits.rowsPerKind, base.rowSet.seenCounts[kind]))
      refuse([{ field: "", message: `more than ${limits.rowsPerKind} ${kind} rows` }]);
  refuse(parts.validateConfig(next.snapshot, base.snapshot));
}

function refuse(fields: readonly FieldFault[]): void {
  if (fields.length === 0) return;
  const message = fields.map((fault) => `${fault.field}: ${fault.message}`.replace(/^: /, ""));
  throw new GatewayError("validation_failed", message.join("; "), { fields });
}

/** Rows that live in no snapshot are checked alone, as they now lie in the table. */
async function checkCallerRows(writes: DoorTransaction): Promise<void> {
  for (const { kind, id } of writes.written()) {
    if (kind !== "key" && kind !== "user" && kind !== "token") continue;
    const row = await writes.find(kind, Number(id));
    if (row === undefined) continue;
    try {
      callerRowChecks[kind](row);
    } catch (error) {
      if (!(error instanceof RowFault)) throw error;
      refuse(error.fields);
    }
  }
}

/** The base with the rows of this transaction, read back: what the database made of them is what all nodes will read. */
async function nextEdition(parts: DoorParts, input: WritesToCheck): Promise<Edition> {
  const { writes, base, commitId } = input;
  const slices = makeSlices(parts.clock, parts.yieldSlice);
  const { rowSet, touched } = await changeRowSet(
    base.rowSet,
    { ...base.rowSet.position, revision: writes.revision, commitId, committedAtMs: writes.nowMs },
    { read: await readBack(writes), isLogged: () => true, sameTimeline: true },
    { dataKey: await parts.dataKey(), slices },
  );
  return buildEdition(base, rowSet, touched, slices);
}

async function readBack(writes: DoorTransaction): Promise<readonly ReadRow[]> {
  const read: ReadRow[] = [];
  for (const kind of snapshotKinds) {
    const ids = writes
      .changes()
      .flatMap((change) => (change.kind === kind ? [BigInt(change.entityId)] : []));
    if (ids.length === 0) continue;
    const rows = new Map(
      (await writes.rows(kind, ids)).map((row): [bigint, RawRow] => [row.id, row]),
    );
    for (const id of ids) read.push({ kind, id, row: rows.get(id) });
  }
  return read;
}

/** Quarantine is for what others wrote: a transaction's own rows have to parse. */
function rowFaults(next: Edition, written: readonly WrittenRow[]): readonly FieldFault[] {
  const several = written.filter(isSnapshotRow).length > 1;
  return written.filter(isSnapshotRow).flatMap(({ kind, id }) => {
    const held = next.rowSet.rows[kind].get(id);
    if (held?.status !== "quarantined") return [];
    const fields = held.fields ?? [{ field: "", message: held.fault ?? "is invalid" }];
    const where = several ? ` (${kind} ${id})` : "";
    return fields.map(({ field, message }) => ({ field, message: `${message}${where}` }));
  });
}

function isSnapshotRow(row: WrittenRow): row is WrittenRow & { kind: SnapshotKind } {
  return snapshotKinds.some((kind) => kind === row.kind);
}
