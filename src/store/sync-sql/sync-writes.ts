/** Writes inside the door's transaction: rows stamped with their revision, the log, the head, the audit. */
import type { InsertObject, UpdateObject } from "kysely";
import { sql } from "kysely";
import { addAudit } from "../audit.ts";
import type { Sql } from "../database.ts";
import { engineOf, nowMs, uniqueColumn } from "../dialect.ts";
import { violatedUnique } from "../sql-errors.ts";
import type { CommitEntry, ConfigKind, RawRow, RowValues, SyncWrites } from "../sync-store.ts";
import { DuplicateRow } from "../sync-store.ts";
import type { Tables } from "../tables.ts";
import { kindTables, tableOf } from "./kind-tables.ts";
import { notifyChannel } from "./notify-channel.ts";
import { chunksOf, makeSyncReads } from "./sync-reads.ts";

export function makeSyncWrites(db: Sql): SyncWrites {
  return {
    ...makeSyncReads(db),
    find: (kind, id) => findRow(db, kind, id),
    insert: (kind, rev, values) => naming(kind, () => insertRow(db, kind, rev, values)),
    update: (kind, rev, id, values) =>
      naming(kind, () => updateRow(db, kind, id, { ...values, rev: BigInt(rev) })),
    remove: async (kind, id) => {
      await db.deleteFrom(tableOf(kind)).where("id", "=", id).execute();
    },
    nowMs: () => readClock(db),
    audit: (entry) => addAudit(db, entry),
    commit: (entry) => insertCommit(db, entry),
  };
}

/** Kinds that several columns name together, and the one that is told. */
const takenTogether: Readonly<
  Partial<Record<ConfigKind, { readonly column: string; readonly what: string }>>
> = { price: { column: "model", what: "model, channel, side and effectiveFrom" } };

/** Turns a violated unique index into the error that names the column. */
async function naming<T>(kind: ConfigKind, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const violated = violatedUnique(error);
    if (violated === undefined) throw error;
    const together = takenTogether[kind];
    if (together !== undefined) throw new DuplicateRow(kind, together.column, error, together.what);
    throw new DuplicateRow(kind, uniqueColumn(kindTables[kind], violated), error);
  }
}

async function findRow(db: Sql, kind: ConfigKind, id: bigint): Promise<RawRow | undefined> {
  const row = await db
    .selectFrom(tableOf(kind))
    .selectAll()
    .where("id", "=", id)
    .executeTakeFirst();
  return row as unknown as RawRow | undefined;
}

async function insertRow(
  db: Sql,
  kind: ConfigKind,
  rev: number,
  values: RowValues,
): Promise<bigint> {
  const row = { ...values, rev: BigInt(rev) } as unknown as InsertObject<Tables, "settings">;
  const insert = db.insertInto(tableOf(kind)).values(row);
  if (engineOf(db) !== "mysql") return (await insert.returning("id").executeTakeFirstOrThrow()).id;
  const { insertId } = await insert.executeTakeFirstOrThrow();
  if (insertId === undefined) throw new Error("the database gave no id to an inserted row");
  return insertId;
}

async function updateRow(db: Sql, kind: ConfigKind, id: bigint, values: RowValues): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable(tableOf(kind))
    .set(values as unknown as UpdateObject<Tables, "settings">)
    .where("id", "=", id)
    .executeTakeFirstOrThrow();
  // Answering success for a change that was not made would be worse than an error.
  if (numUpdatedRows === 0n) throw new Error(`there is no ${kind} with id ${id} to update`);
}

async function readClock(db: Sql): Promise<number> {
  const { rows } = await sql<{ now: bigint }>`select ${nowMs(engineOf(db))} as now`.execute(db);
  return Number(rows[0]?.now);
}

async function insertCommit(db: Sql, entry: CommitEntry): Promise<void> {
  const engine = engineOf(db);
  const revision = BigInt(entry.revision);
  const now = BigInt(await readClock(db));
  await db
    .insertInto("sync_commit")
    .values({
      revision,
      commit_id: entry.commitId,
      txn_id: entry.txnId,
      author: entry.author,
      node_id: entry.nodeId,
      summary: entry.summary,
      committed_at: now,
    })
    .execute();
  const lines = entry.changes.map((change, seq) => ({
    revision,
    seq,
    kind: change.kind,
    entity_id: change.entityId,
    op: change.op,
  }));
  for (const chunk of chunksOf(lines)) await db.insertInto("sync_change").values(chunk).execute();
  const { numUpdatedRows } = await db
    .updateTable("sync_head")
    .set({ revision, commit_id: entry.commitId, committed_at: now })
    .where("id", "=", 1)
    .where("revision", "=", revision - 1n)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows !== 1n)
    throw new Error(`revision ${entry.revision} does not follow the head: the lock was not held`);
  // Inside the transaction: it is heard when, and only if, the commit happens.
  if (engine === "postgres")
    await sql`select pg_notify(${notifyChannel}, ${String(entry.revision)})`.execute(db);
}
