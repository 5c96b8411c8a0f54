/** The rows without which nothing works: the cluster's secrets, revision 1, and the group `default`. */
import type { Engine, Sql } from "../database.ts";
import { nowMs } from "../dialect.ts";
import { insertUnlessThere } from "../insert-unless-there.ts";
import { sealSecret } from "../cluster-secrets.ts";
import type { Seed } from "./migration.ts";

export async function insertFirstRows(db: Sql, engine: Engine, seed: Seed): Promise<void> {
  const hex = (length: number): string => Buffer.from(seed.random(length)).toString("hex");
  const now = nowMs(engine);
  const clusterId = hex(8);
  await insertUnlessThere(db, "cluster", {
    id: 1,
    cluster_id: clusterId,
    pepper: sealSecret(seed.secretKey, "pepper", seed.random(32)),
    data_key: sealSecret(seed.secretKey, "data key", seed.random(32)),
    created_at: now,
  });
  await insertUnlessThere(db, "groups", {
    rev: 1n,
    symbol: "default",
    name: "default",
    ratio: 1_000_000n,
    public: 1,
    enabled: 1,
    created_at: now,
    updated_at: now,
  });
  await insertUnlessThere(db, "sync_commit", {
    revision: 1n,
    commit_id: hex(16),
    txn_id: hex(16),
    author: "migration",
    node_id: "",
    summary: "first rows",
    committed_at: now,
  });
  // Read back, not remembered: on MySQL an earlier, killed run may have written the commit.
  const commit = await db
    .selectFrom("sync_commit")
    .select(["commit_id", "committed_at"])
    .where("revision", "=", 1n)
    .executeTakeFirstOrThrow();
  await insertUnlessThere(db, "sync_head", {
    id: 1,
    epoch: hex(16),
    revision: 1n,
    commit_id: commit.commit_id,
    min_retained: 1n,
    min_reader: 1,
    committed_at: commit.committed_at,
  });
}
