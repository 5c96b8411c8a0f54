/** This node's sync, and who has which revision. */
import { parseDuration } from "../../config/env-parsers.ts";
import { GatewayError } from "../../core/errors.ts";
import type { AdminParts } from "../admin-parts.ts";
import { invalid } from "../parse-fields.ts";
import { timeColumn } from "../present-value.ts";
import type { ActReply, ActRequest, RouteSpec } from "../route-spec.ts";
import { convergenceQuery, convergenceShown, syncQuery, syncShown } from "./schema.ts";

const managers = ["root", "admin"] as const;
const longestWaitMs = 60_000;

export function syncRoutes(parts: AdminParts): readonly RouteSpec[] {
  return [
    {
      method: "GET",
      path: "/api/sync",
      roles: managers,
      summary: "State of this node's sync; with `reached`, once it serves that revision",
      query: syncQuery,
      result: syncShown,
      act: (request) => state(parts, request),
    },
    {
      method: "GET",
      path: "/api/sync/convergence",
      roles: managers,
      summary: "Which live nodes have a revision",
      query: convergenceQuery,
      result: convergenceShown,
      act: (request) => convergence(parts, request),
    },
  ];
}

/** From memory: it must answer while the database is down. */
async function state(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const { reached, timeout } = request.query;
  if (typeof reached === "number") {
    const waitMs = parseTimeout(typeof timeout === "string" ? timeout : "5s");
    if (!(await parts.sync.reached(reached, waitMs)))
      throw new GatewayError("conflict", `This node has not reached revision ${reached} yet`);
  }
  const { lastErrorAtMs, bells, ...status } = parts.sync.status();
  return {
    data: {
      ...status,
      bells: { ...bells },
      lastErrorAt: lastErrorAtMs === null ? null : timeColumn(BigInt(Math.round(lastErrorAtMs))),
    },
  };
}

async function convergence(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const { revision, timeout } = request.query;
  const asked = typeof revision === "number" ? revision : parts.sync.status().headRevision;
  if (asked === null)
    throw new GatewayError("temporarily_unavailable", "No revision is known yet", {
      retryAfterS: 1,
    });
  const waitMs = typeof timeout === "string" ? parseTimeout(timeout) : undefined;
  try {
    const { converged, pending } = await parts.sync.convergence(asked, waitMs);
    return { data: { revision: asked, converged, pending: [...pending] } };
  } catch (cause) {
    throw new GatewayError(
      "temporarily_unavailable",
      "The database cannot be asked at the moment",
      { cause, retryAfterS: 2 },
    );
  }
}

function parseTimeout(text: string): number {
  const parsed = parseDuration(text);
  if ("fault" in parsed) throw invalid([{ field: "timeout", message: parsed.fault }]);
  return Math.min(parsed.value, longestWaitMs);
}
