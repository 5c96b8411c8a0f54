/**
 * Leases for jobs that one node runs at a time, on the database's clock. Promise: what a former holder does in SQL
 * never commits, because {@link withFence} looks last, under a lock.
 */
import type { RawBuilder } from "kysely";
import { sql } from "kysely";
import type { Sql } from "./database.ts";
import { engineOf, nowMs } from "./dialect.ts";
import { insertUnlessThere } from "./insert-unless-there.ts";
import type { LeaseRow } from "./sync-store.ts";

/** The lease ended or went to another holder: nothing of the transaction was written. */
export class LeaseLost extends Error {
  constructor(name: string) {
    super(`the lease ${name} is no longer held by this node`);
    this.name = "LeaseLost";
  }
}

/**
 * Runs a job's SQL in one transaction that commits only if the lease is still held at its end; throws
 * {@link LeaseLost} otherwise.
 */
export async function withFence<T>(
  db: Sql,
  lease: LeaseRow,
  work: (trx: Sql) => Promise<T>,
): Promise<T> {
  return await db.transaction().execute(async (trx) => {
    const result = await work(trx);
    let query = trx
      .selectFrom("leases")
      .select("fence")
      .where("name", "=", lease.name)
      .where("holder", "=", lease.holder)
      .where("fence", "=", BigInt(lease.fence))
      .where("expires_at", ">", nowMs(engineOf(trx)));
    if (engineOf(trx) !== "sqlite") query = query.forUpdate();
    if ((await query.executeTakeFirst()) === undefined) throw new LeaseLost(lease.name);
    return result;
  });
}

export async function takeLease(
  db: Sql,
  name: string,
  holder: string,
  ttlMs: number,
): Promise<LeaseRow | undefined> {
  const engine = engineOf(db);
  const now = nowMs(engine);
  await insertUnlessThere(db, "leases", {
    name,
    holder: "",
    fence: 0n,
    expires_at: 0n,
    renewed_at: 0n,
  });
  const { numUpdatedRows } = await db
    .updateTable("leases")
    .set({ holder, fence: sql<bigint>`fence + 1`, expires_at: later(now, ttlMs), renewed_at: now })
    .where("name", "=", name)
    // A holder whose answer was lost may take it again: the fence rises all the same.
    .where((where) => where.or([where("expires_at", "<=", now), where("holder", "=", holder)]))
    .executeTakeFirstOrThrow();
  if (numUpdatedRows === 0n) return undefined;
  const lease = await readLease(db, name);
  return lease?.holder === holder ? lease : undefined;
}

export async function renewLease(
  db: Sql,
  lease: LeaseRow,
  ttlMs: number,
): Promise<LeaseRow | undefined> {
  const now = nowMs(engineOf(db));
  const { numUpdatedRows } = await db
    .updateTable("leases")
    .set({ expires_at: later(now, ttlMs), renewed_at: now })
    .where("name", "=", lease.name)
    .where("holder", "=", lease.holder)
    .where("fence", "=", BigInt(lease.fence))
    .where("expires_at", ">", now)
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 0n ? undefined : { ...lease, leftMs: ttlMs };
}

export async function releaseLease(db: Sql, lease: LeaseRow): Promise<void> {
  await db
    .updateTable("leases")
    .set({ expires_at: nowMs(engineOf(db)) })
    .where("name", "=", lease.name)
    .where("holder", "=", lease.holder)
    .where("fence", "=", BigInt(lease.fence))
    .execute();
}

export async function readLease(db: Sql, name: string): Promise<LeaseRow | undefined> {
  const row = await db
    .selectFrom("leases")
    .select(["holder", "fence", "expires_at", nowMs(engineOf(db)).as("now")])
    .where("name", "=", name)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { holder, fence, expires_at: expiresAt, now } = row;
  return { name, holder, fence: Number(fence), leftMs: Number(expiresAt - now) };
}

function later(now: RawBuilder<bigint>, ttlMs: number): RawBuilder<bigint> {
  return sql<bigint>`${now} + ${BigInt(Math.round(ttlMs))}`;
}
