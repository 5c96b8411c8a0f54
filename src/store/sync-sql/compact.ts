/** Shortens the change log. Fenced, since a node that lost its lease must not cut what its successor still counts on. */
import type { Sql } from "../database.ts";
import { engineOf, nowMs } from "../dialect.ts";
import { withFence } from "../leases.ts";
import type { LeaseRow } from "../sync-store.ts";
import { sql } from "kysely";
import { readHead } from "./sync-reads.ts";

export interface CompactLimits {
  readonly keep: number;
  readonly ageMs: number;
}

// Per transaction, because the head is locked meanwhile and every config write waits for it.
const revisionsAtOnce = 2000;

/** Drops revisions that are both old and not among the newest; answers how many. */
export async function compact(db: Sql, lease: LeaseRow, limits: CompactLimits): Promise<number> {
  let dropped = 0;
  for (;;) {
    const count = await withFence(db, lease, (trx) => compactSome(trx, limits));
    dropped += count;
    if (count < revisionsAtOnce) return dropped;
  }
}

async function compactSome(trx: Sql, limits: CompactLimits): Promise<number> {
  const head = await readHead(trx, "lock");
  const old = await trx
    .selectFrom("sync_commit")
    .select(sql<bigint | null>`max(revision)`.as("revision"))
    .where("committed_at", "<", sql<bigint>`${nowMs(engineOf(trx))} - ${BigInt(limits.ageMs)}`)
    .where("revision", "<=", BigInt(head.revision - limits.keep))
    .where("revision", "<=", BigInt(head.minRetained + revisionsAtOnce))
    .executeTakeFirst();
  const cut = old?.revision ?? null;
  if (cut === null || cut <= BigInt(head.minRetained)) return 0;
  await trx.deleteFrom("sync_change").where("revision", "<=", cut).execute();
  // The commit at the cut stays: a node standing exactly there can still prove its timeline and load the rest.
  await trx.deleteFrom("sync_commit").where("revision", "<", cut).execute();
  await trx.updateTable("sync_head").set({ min_retained: cut }).where("id", "=", 1).execute();
  return Number(cut) - head.minRetained;
}
