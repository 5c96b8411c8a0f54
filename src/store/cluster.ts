/**
 * The row that makes these tables one cluster: its id, its secrets, and its one setup link.
 * Promise: a node with the wrong root secret is refused before it can write what others cannot read.
 */
import { sql } from "kysely";
import type { Sql } from "./database.ts";
import { openSecret } from "./cluster-secrets.ts";
import { engineOf, nowMs } from "./dialect.ts";

export interface Cluster {
  /** Random; part of every Redis name. */
  readonly clusterId: string;
  /** For core/seal.ts hashApiKey and hashToken. */
  readonly pepper: Buffer;
  /** Seals credentials and the disk snapshot. */
  readonly dataKey: Buffer;
}

export class WrongSecret extends Error {
  constructor() {
    super(
      "SECRET_KEY is not the one this database was set up with. Every node of a cluster needs the same SECRET_KEY; " +
        "nothing was written.",
    );
    this.name = "WrongSecret";
  }
}

/** Opens the cluster's secrets; throws {@link WrongSecret}. */
export async function openCluster(db: Sql, secretKey: string): Promise<Cluster> {
  const row = await db
    .selectFrom("cluster")
    .select(["cluster_id", "pepper", "data_key"])
    .where("id", "=", 1)
    .executeTakeFirst();
  if (row === undefined)
    throw new Error("the database has no cluster row: it was not migrated to its end");
  try {
    return {
      clusterId: row.cluster_id,
      pepper: openSecret(secretKey, "pepper", row.pepper),
      dataKey: openSecret(secretKey, "data key", row.data_key),
    };
  } catch {
    throw new WrongSecret();
  }
}

/**
 * Stores the hash of a setup token for `ttlMs` unless a valid one is stored already; answers whether it did.
 * Of several nodes that start at once exactly one prints a link that works.
 */
export async function offerSetupToken(db: Sql, hash: string, ttlMs: number): Promise<boolean> {
  const now = nowMs(engineOf(db));
  const result = await db
    .updateTable("cluster")
    .set({ setup_token_hash: hash, setup_expires_at: sql<bigint>`${now} + ${BigInt(ttlMs)}` })
    .where("id", "=", 1)
    .where((where) =>
      where.or([where("setup_token_hash", "is", null), where("setup_expires_at", "<=", now)]),
    )
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Stores the hash of a new setup token over any earlier one, which ends with that. */
export async function replaceSetupToken(db: Sql, hash: string, ttlMs: number): Promise<void> {
  const now = nowMs(engineOf(db));
  await db
    .updateTable("cluster")
    .set({ setup_token_hash: hash, setup_expires_at: sql<bigint>`${now} + ${BigInt(ttlMs)}` })
    .where("id", "=", 1)
    .execute();
}

/** Whether a setup token with this hash would be taken now. */
export async function isSetupToken(db: Sql, hash: string): Promise<boolean> {
  const row = await db
    .selectFrom("cluster")
    .select("id")
    .where("id", "=", 1)
    .where("setup_token_hash", "=", hash)
    .where("setup_expires_at", ">", nowMs(engineOf(db)))
    .executeTakeFirst();
  return row !== undefined;
}

/** Uses a setup token up: true for exactly one caller, and only before it expires. */
export async function takeSetupToken(db: Sql, hash: string): Promise<boolean> {
  const result = await db
    .updateTable("cluster")
    .set({ setup_token_hash: null, setup_expires_at: null })
    .where("id", "=", 1)
    .where("setup_token_hash", "=", hash)
    .where("setup_expires_at", ">", nowMs(engineOf(db)))
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}
