/** The port of sync filled with SQL, for all three engines: one text, with the differences in dialect.ts and sessions/. */
import type { Clock } from "../core/clock.ts";
import { sleep, systemClock } from "../core/clock.ts";
import type { Database, Sql } from "./database.ts";
import { readLease, releaseLease, renewLease, takeLease } from "./leases.ts";
import { SessionLost } from "./sessions/session.ts";
import { isRetryable } from "./sql-errors.ts";
import { compact } from "./sync-sql/compact.ts";
import { keyColumns, ownerColumns, splitCaller } from "./sync-sql/caller-columns.ts";
import { purgeReports, readReports, writeReport } from "./sync-sql/registry.ts";
import { makeSyncReads, readHead } from "./sync-sql/sync-reads.ts";
import { makeSyncWrites } from "./sync-sql/sync-writes.ts";
import type { CallerRows, Head, SyncReads, SyncStore, SyncWrites } from "./sync-store.ts";
import { UncertainCommit } from "./sync-store.ts";

export interface SyncStoreOptions {
  readonly clock?: Clock;
  /** Longest time spent on trying a write again. */
  readonly retryForMs?: number;
  /** 0 ≤ x < 1, for the jitter. */
  readonly random?: () => number;
}

export function makeSyncStore(database: Database, options: SyncStoreOptions = {}): SyncStore {
  const clock = options.clock ?? systemClock;
  const retry: Retry = {
    clock,
    forMs: options.retryForMs ?? 15_000,
    random: options.random ?? Math.random,
  };
  // On SQLite only one thread may write; on a server the small writes of sync have connections of their own.
  const marks = database.engine === "sqlite" ? database.writes : database.sync;
  return {
    readHead: (timeoutMs) => within(clock, timeoutMs, readHead(database.poll)),
    read: (work) => readAtOneInstant(database.sync, work),
    write: (work) => retrying(retry, () => writeUnderLock(database.writes, work)),
    findCommit: (txnId) => retrying(retry, () => findCommit(database.writes, txnId)),
    findCaller: (hash) => findCaller(database.lookups, hash),
    writeReport: (report) => writeReport(marks, report),
    readReports: () => readReports(database.sync),
    purgeReports: (ageMs) => purgeReports(marks, ageMs),
    takeLease: (name, holder, ttlMs) => takeLease(marks, name, holder, ttlMs),
    renewLease: (lease, ttlMs) => renewLease(marks, lease, ttlMs),
    releaseLease: (lease) => releaseLease(marks, lease),
    readLease: (name) => readLease(database.sync, name),
    compact: (lease, keep, ageMs) =>
      retrying(retry, () => compact(database.writes, lease, { keep, ageMs })),
  };
}

function within<T>(clock: Clock, timeoutMs: number, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(timeoutMs, () =>
      reject(new Error(`the database did not answer within ${timeoutMs} ms`)),
    );
    answer.then(resolve, reject).finally(cancel);
  });
}

async function readAtOneInstant<T>(db: Sql, work: (tx: SyncReads) => Promise<T>): Promise<T> {
  return await db
    .transaction()
    .setIsolationLevel("repeatable read")
    .setAccessMode("read only")
    .execute((trx) => work(makeSyncReads(trx)));
}

async function writeUnderLock<T>(
  db: Sql,
  work: (tx: SyncWrites, head: Head) => Promise<T>,
): Promise<T> {
  return await db.transaction().execute(async (trx) => {
    const head = await readHead(trx, "lock");
    return await work(makeSyncWrites(trx), head);
  });
}

/** Under the head's lock: a commit still under way holds it, so that after it the answer is final. */
async function findCommit(
  db: Sql,
  txnId: string,
): Promise<{ revision: number; commitId: string } | undefined> {
  return await db.transaction().execute(async (trx) => {
    await readHead(trx, "lock");
    const row = await trx
      .selectFrom("sync_commit")
      .select(["revision", "commit_id"])
      .where("txn_id", "=", txnId)
      .executeTakeFirst();
    return row && { revision: Number(row.revision), commitId: row.commit_id };
  });
}

async function findCaller(
  db: Sql,
  hash: string,
): Promise<{ revision: number; caller: CallerRows | undefined }> {
  const row = await db
    .selectFrom("sync_head")
    .leftJoin("keys", (join) => join.on("keys.hash", "=", hash))
    .leftJoin("users", "users.id", "keys.owner_id")
    .select(["sync_head.revision as head_revision", ...keyColumns, ...ownerColumns])
    .where("sync_head.id", "=", 1)
    .executeTakeFirst();
  if (row === undefined)
    throw new Error("the database has no head row: it was not migrated to its end");
  return { revision: Number(row.head_revision), caller: splitCaller(row) };
}

interface Retry {
  readonly clock: Clock;
  readonly forMs: number;
  readonly random: () => number;
}

async function retrying<T>(retry: Retry, work: () => Promise<T>): Promise<T> {
  const giveUpAt = retry.clock.monotonic() + retry.forMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      // A connection lost before COMMIT took its transaction with it, so the work may run again.
      const again = isRetryable(error) || error instanceof SessionLost;
      if (error instanceof UncertainCommit || !again) throw error;
      if (retry.clock.monotonic() >= giveUpAt) throw error;
      await sleep(retry.clock, retry.random() * Math.min(20 * 2 ** attempt, 500));
    }
  }
}
