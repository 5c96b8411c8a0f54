/** Who changed what, newest first. */
import type { JsonObject } from "../../core/json-value.ts";
import type { AuditFilters, AuditRow } from "../../store/audit.ts";
import { listAudit } from "../../store/audit.ts";
import type { AdminParts } from "../admin-parts.ts";
import { askDatabase, pageOptions } from "../ask-database.ts";
import { jsonColumn, numberColumn, timeColumn } from "../present-value.ts";
import type { ActReply, ActRequest, RouteSpec } from "../route-spec.ts";
import { auditQuery, auditShown } from "./schema.ts";

export function auditRoutes(parts: AdminParts): readonly RouteSpec[] {
  return [
    {
      method: "GET",
      path: "/api/audit",
      roles: ["root", "admin"],
      summary: "List changes, newest first",
      query: auditQuery,
      result: auditShown,
      list: true,
      act: (request) => list(parts, request),
    },
  ];
}

async function list(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const { limit: _limit, cursor: _cursor, entity, ...same } = request.query;
  const filters: AuditFilters = {
    ...same,
    ...(typeof entity === "string" && { entityId: entity }),
  };
  const page = await askDatabase(parts, (db) =>
    listAudit(db, { ...pageOptions(request.query), filters }),
  );
  return { data: page.rows.map(present), nextCursor: page.nextCursor };
}

function present(row: AuditRow): JsonObject {
  return {
    id: Number(row.id),
    at: timeColumn(row.at),
    actorId: numberColumn(row.actor_id, null),
    actor: row.actor,
    action: row.action,
    kind: row.kind,
    entity: row.entity_id,
    revision: Number(row.revision),
    detail: jsonColumn(row.detail, null),
    address: row.address,
    requestId: row.request_id,
  };
}
