/** The nodes of the cluster, and what each of them serves: the evidence that a change is everywhere. */
import type { Json, JsonObject } from "../../core/json-value.ts";
import { GatewayError } from "../../core/errors.ts";
import type { NodeRow } from "../../store/sync-store.ts";
import type { AdminParts } from "../admin-parts.ts";
import { jsonColumn, timeColumn } from "../present-value.ts";
import type { ActReply, RouteSpec } from "../route-spec.ts";
import { nodeShown } from "./schema.ts";

/** A node that has not reported for so long is not counted as live (sync.md §5.11). */
const liveMs = 30_000;

export function nodeRoutes(parts: AdminParts): readonly RouteSpec[] {
  return [
    {
      method: "GET",
      path: "/api/nodes",
      roles: ["root", "admin"],
      summary: "List nodes and what each serves",
      result: nodeShown,
      list: true,
      act: () => listNodes(parts),
    },
  ];
}

async function listNodes(parts: AdminParts): Promise<ActReply> {
  const { headRevision, leader } = parts.sync.status();
  try {
    const rows = await parts.sync.nodes();
    return { data: rows.map((row) => presentNode(row, headRevision, leader)), nextCursor: null };
  } catch (cause) {
    throw new GatewayError(
      "temporarily_unavailable",
      "The database cannot be asked at the moment",
      { cause, retryAfterS: 2 },
    );
  }
}

function presentNode(row: NodeRow, headRevision: number | null, leader: string | null): JsonObject {
  const rejected: Json = jsonColumn(row.rejected, []);
  return {
    id: row.nodeId,
    type: row.type,
    version: row.version,
    startedAt: timeColumn(BigInt(row.startedAtMs)),
    heartbeatAt: timeColumn(BigInt(row.heartbeatAtMs)),
    live: row.ageMs < liveMs,
    state: row.state,
    epoch: row.epoch,
    appliedRevision: row.appliedRevision,
    headRevision,
    commitId: row.commitId,
    lagMs: row.lagMs,
    stalenessMs: row.stalenessMs,
    digest: row.digest,
    lastError: row.lastError,
    rejected,
    leader: leader === row.nodeId,
  };
}
