/** The nodes' reports of themselves, stamped by the database's clock. */
import { sql } from "kysely";
import type { Sql } from "../database.ts";
import { engineOf, nowMs } from "../dialect.ts";
import type { NodeReport, NodeRow } from "../sync-store.ts";

export async function writeReport(db: Sql, report: NodeReport): Promise<void> {
  const engine = engineOf(db);
  const values = {
    incarnation: report.incarnation,
    type: report.type,
    version: report.version,
    schema_version: report.schemaVersion,
    started_at: BigInt(Math.round(report.startedAtMs)),
    heartbeat_at: nowMs(engine),
    state: report.state,
    epoch: report.epoch,
    applied_revision: BigInt(report.appliedRevision),
    commit_id: report.commitId,
    digest: report.digest,
    lag_ms: BigInt(Math.round(report.lagMs)),
    staleness_ms: BigInt(Math.round(report.stalenessMs)),
    last_error: report.lastError,
    rejected: report.rejected,
  };
  const insert = db.insertInto("nodes").values({ node_id: report.nodeId, ...values });
  await (
    engine === "mysql"
      ? insert.onDuplicateKeyUpdate(values)
      : insert.onConflict((conflict) => conflict.column("node_id").doUpdateSet(values))
  ).execute();
}

export async function readReports(db: Sql): Promise<readonly NodeRow[]> {
  const rows = await db
    .selectFrom("nodes")
    .selectAll()
    .select(nowMs(engineOf(db)).as("now"))
    .orderBy("node_id")
    .execute();
  return rows.map((row) => ({
    nodeId: row.node_id,
    incarnation: row.incarnation,
    type: row.type === "master" || row.type === "slave" ? row.type : "unset",
    version: row.version,
    schemaVersion: row.schema_version,
    startedAtMs: Number(row.started_at),
    state: row.state,
    epoch: row.epoch,
    appliedRevision: Number(row.applied_revision),
    commitId: row.commit_id,
    digest: row.digest,
    lagMs: Number(row.lag_ms),
    stalenessMs: Number(row.staleness_ms),
    lastError: row.last_error,
    rejected: row.rejected,
    heartbeatAtMs: Number(row.heartbeat_at),
    ageMs: Number(row.now - row.heartbeat_at),
  }));
}

export async function purgeReports(db: Sql, ageMs: number): Promise<void> {
  const oldest = sql<bigint>`${nowMs(engineOf(db))} - ${BigInt(Math.round(ageMs))}`;
  await db.deleteFrom("nodes").where("heartbeat_at", "<", oldest).execute();
}
