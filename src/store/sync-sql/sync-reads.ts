/** Reads inside one transaction: the head, the change log, and rows as they lie in their tables. */
import { sql } from "kysely";
import type { Sql } from "../database.ts";
import { engineOf, nowMs } from "../dialect.ts";
import type { CallerRows, Change, Head, RawRow, SnapshotKind, SyncReads } from "../sync-store.ts";
import { keyColumns, ownerColumns, splitCaller } from "./caller-columns.ts";
import { tableOf } from "./kind-tables.ts";

export function makeSyncReads(db: Sql): SyncReads {
  return {
    head: () => readHead(db),
    commitId: (revision) => findCommitId(db, revision),
    changesAfter: (after, limit) => readChanges(db, after, limit),
    rows: (kind, ids) => readRows(db, kind, ids),
    count: (kind) => countRows(db, kind),
    callers: (hashes) => readCallers(db, hashes),
  };
}

/** Head and clock in one statement. With `lock` the row stays locked until the transaction's end. */
export async function readHead(db: Sql, lock?: "lock"): Promise<Head> {
  const engine = engineOf(db);
  let query = db
    .selectFrom("sync_head")
    .select([
      "epoch",
      "revision",
      "commit_id",
      "min_retained",
      "min_reader",
      "committed_at",
      nowMs(engine).as("now"),
    ])
    .where("id", "=", 1);
  // SQLite has no row locks: there the transaction began with the write lock.
  if (lock !== undefined && engine !== "sqlite") query = query.forUpdate();
  const row = await query.executeTakeFirst();
  if (row === undefined)
    throw new Error("the database has no head row: it was not migrated to its end");
  return {
    epoch: row.epoch,
    revision: Number(row.revision),
    commitId: row.commit_id,
    minRetained: Number(row.min_retained),
    minReader: row.min_reader,
    committedAtMs: Number(row.committed_at),
    nowMs: Number(row.now),
  };
}

async function findCommitId(db: Sql, revision: number): Promise<string | undefined> {
  const row = await db
    .selectFrom("sync_commit")
    .select("commit_id")
    .where("revision", "=", BigInt(revision))
    .executeTakeFirst();
  return row?.commit_id;
}

async function readChanges(db: Sql, after: number, limit: number): Promise<Change[]> {
  const rows = await db
    .selectFrom("sync_change")
    .select(["revision", "kind", "entity_id", "op"])
    .where("revision", ">", BigInt(after))
    .orderBy("revision")
    .orderBy("seq")
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    revision: Number(row.revision),
    kind: row.kind,
    entityId: row.entity_id,
    op: row.op === "d" ? "d" : "u",
  }));
}

// Well below every engine's limit of parameters.
const chunkSize = 500;

export function chunksOf<T>(items: readonly T[], size = chunkSize): readonly (readonly T[])[] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size));
}

async function readRows(
  db: Sql,
  kind: SnapshotKind,
  ids: readonly bigint[] | undefined,
): Promise<readonly RawRow[]> {
  if (ids === undefined) return await readAllRows(db, kind);
  const query = db.selectFrom(tableOf(kind)).selectAll().orderBy("id");
  const found: RawRow[] = [];
  for (const chunk of chunksOf(ids)) {
    const rows = await query.where("id", "in", chunk).execute();
    found.push(...(rows as unknown as RawRow[]));
  }
  return found;
}

/** Rows taken at once; decoding ten thousand in one piece would hold up the event loop for 20 to 40 ms. */
const pageSize = 500;

async function readAllRows(db: Sql, kind: SnapshotKind): Promise<readonly RawRow[]> {
  const query = db.selectFrom(tableOf(kind)).selectAll().orderBy("id").limit(pageSize);
  const found: RawRow[] = [];
  for (let page = query; ;) {
    const rows = (await page.execute()) as unknown as RawRow[];
    for (const row of rows) found.push(row);
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageSize) return found;
    page = query.where("id", ">", last.id);
  }
}

async function countRows(db: Sql, kind: SnapshotKind): Promise<number> {
  const { count } = await db
    .selectFrom(tableOf(kind))
    .select(sql<bigint>`count(*)`.as("count"))
    .executeTakeFirstOrThrow();
  return Number(count);
}

async function readCallers(db: Sql, hashes: readonly string[]): Promise<readonly CallerRows[]> {
  const found: CallerRows[] = [];
  for (const chunk of chunksOf(hashes)) {
    const rows = await db
      .selectFrom("keys")
      .innerJoin("users", "users.id", "keys.owner_id")
      .select([...keyColumns, ...ownerColumns])
      .where("keys.hash", "in", chunk)
      .execute();
    for (const row of rows) {
      const caller = splitCaller(row);
      if (caller !== undefined) found.push(caller);
    }
  }
  return found;
}
