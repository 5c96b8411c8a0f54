/** Finished calls, newest first. Members see their own; which channel answered is the operator's matter. */
import type { Manager } from "../../auth/authenticate-manager.ts";
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { CallRow } from "../../store/calls.ts";
import { findCall, listCalls } from "../../store/calls.ts";
import { findCallDetails } from "../../store/call-details.ts";
import type { AdminParts } from "../admin-parts.ts";
import { askDatabase, pageOptions } from "../ask-database.ts";
import { managerOf } from "../config-reads.ts";
import {
  dollarsColumn,
  flagColumn,
  jsonColumn,
  numberColumn,
  timeColumn,
} from "../present-value.ts";
import type { ActReply, ActRequest, RouteSpec } from "../route-spec.ts";
import type { CallQuery } from "./schema.ts";
import { callQuery, callShown } from "./schema.ts";

const everybody = ["root", "admin", "member"] as const;

export function callRoutes(parts: AdminParts): readonly RouteSpec[] {
  return [
    {
      method: "GET",
      path: "/api/calls",
      roles: everybody,
      summary: "List finished calls, newest first",
      query: callQuery,
      result: callShown,
      list: true,
      act: (request) => list(parts, request),
    },
    {
      method: "GET",
      path: "/api/calls/:id",
      roles: everybody,
      summary: "Read a finished call",
      result: callShown,
      act: (request) => get(parts, request),
    },
  ];
}

async function list(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const manager = managerOf(request);
  const query = request.query as CallQuery;
  const { model, group, status, outcome } = query;
  const filters = {
    keyId: query.key,
    channelId: manager.role === "member" ? undefined : query.channel,
    userId: manager.role === "member" ? BigInt(manager.userId) : query.user,
    model,
    group,
    status,
    outcome,
    fromMs: query.from,
    toMs: query.to,
  };
  const page = await askDatabase(parts, (db) => listCalls(db, { ...pageOptions(query), filters }));
  return { data: page.rows.map((row) => present(row, manager)), nextCursor: page.nextCursor };
}

async function get(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const manager = managerOf(request);
  const id = request.params["id"] ?? "";
  const row = await askDatabase(parts, (db) => findCall(db, id));
  if (row === undefined || (manager.role === "member" && Number(row.user_id) !== manager.userId))
    throw new GatewayError("not_found", `There is no call ${id}`);
  const shown = present(row, manager);
  // Attempts name channels.
  if (manager.role === "member") return { data: shown };
  const content = await askDatabase(parts, (db) => findCallDetails(db, row));
  return { data: { ...shown, details: jsonColumn(content, null) } };
}

function present(row: CallRow, manager: Manager): JsonObject {
  const inner = manager.role !== "member";
  return {
    id: row.call_id,
    admittedAt: timeColumn(row.admitted_at),
    node: inner ? row.node_id : "",
    key: Number(row.key_id),
    user: Number(row.user_id),
    group: row.group,
    channel: inner ? numberColumn(row.channel_id, null) : null,
    dialect: row.dialect,
    operation: row.operation,
    model: row.model_asked,
    modelBilled: row.model_billed,
    modelSent: inner ? row.model_sent : null,
    modelReported: inner ? row.model_reported : null,
    status: row.status,
    error: row.error,
    outcome: row.outcome,
    stream: flagColumn(row.stream),
    attempts: row.attempts,
    usage: presentUsage(row),
    unpriced: flagColumn(row.unpriced),
    cost: dollarsColumn(row.cost) ?? "0",
    channelCost: inner ? dollarsColumn(row.channel_cost) : null,
    serviceTier: row.service_tier,
    recovered: flagColumn(row.recovered),
    price: numberColumn(row.price_id, null),
    revision: Number(row.revision),
    firstByteMs: row.first_byte_ms,
    durationMs: row.duration_ms,
    endUser: row.end_user,
    address: row.address,
  };
}

function presentUsage(row: CallRow): JsonObject {
  return {
    input: Number(row.input_tokens),
    cacheRead: Number(row.cache_read_tokens),
    cacheWrite: Number(row.cache_write_tokens),
    output: Number(row.output_tokens),
    reasoning: Number(row.reasoning_tokens),
    estimated: flagColumn(row.estimated),
  };
}
