/**
 * From a stated route to a mounted one: session → allow → parse → act → present.
 * Promise kept here: a route without a named role is closed, and whatever is thrown becomes problem details.
 */
import { z } from "zod";
import type { AuthenticateManager, Manager } from "../auth/authenticate-manager.ts";
import { parseDuration } from "../config/env-parsers.ts";
import { GatewayError, messageOf, toGatewayError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { Author, Sync } from "../sync/sync.ts";
import { checkText, invalid, parseBody, parseFields } from "./parse-fields.ts";
import { renderProblem } from "./problem.ts";
import type { AdminReply, AdminRequest, AdminRoute } from "./admin-route.ts";
import type { ActReply, ActRequest, RouteSpec } from "./route-spec.ts";

export interface ServeParts {
  readonly authenticateManager: AuthenticateManager;
  readonly sync: Pick<Sync, "convergence">;
  readonly logger: Logger;
}

/** Longest that a write waits for the other nodes. */
const longestWaitMs = 60_000;

/** What every write accepts beside its own query. */
export const waitQuery = {
  wait: z.literal("converged").exactOptional(),
  timeout: z.string().exactOptional(),
};

/** Mounts a stated route. */
export function serveRoute(spec: RouteSpec, parts: ServeParts): AdminRoute {
  const write = spec.method !== "GET";
  const querySchema = z.strictObject({ ...spec.query?.shape, ...(write ? waitQuery : {}) });
  return {
    method: spec.method,
    path: spec.path,
    roles: spec.roles,
    handle: async (request) => {
      try {
        const manager = await admit(spec, parts, request);
        checkText({ ...request.query, ...request.params });
        const query = parseFields(querySchema, request.query);
        const waitMs = parseWait(query);
        const reply = await spec.act(actRequest({ request, manager, query, write }));
        return render(reply, await convergence(reply, waitMs, parts));
      } catch (error) {
        logFault(error, request, parts.logger);
        return renderProblem(error, request.requestId);
      }
    },
  };
}

async function admit(
  spec: RouteSpec,
  parts: ServeParts,
  request: AdminRequest,
): Promise<Manager | undefined> {
  if (spec.roles.includes("anyone")) return undefined;
  const token = /^bearer\s+(.+)$/i.exec(request.headers["authorization"] ?? "")?.[1]?.trim();
  const manager = await parts.authenticateManager(token);
  if (spec.roles.includes(manager.role)) return manager;
  throw new GatewayError("forbidden", `This needs the role ${spec.roles.join(" or ")}`);
}

interface Admitted {
  readonly request: AdminRequest;
  readonly manager: Manager | undefined;
  readonly query: Readonly<Record<string, unknown>>;
  readonly write: boolean;
}

function actRequest({ request, manager, query, write }: Admitted): ActRequest {
  const author: Author = {
    name: manager === undefined ? "setup" : `user:${manager.username}`,
    userId: manager?.userId ?? null,
    address: request.address,
    requestId: request.requestId,
  };
  return {
    params: request.params,
    query,
    body: write ? parseBody(request.body) : {},
    manager,
    author,
    ifMatch: request.headers["if-match"],
    idempotencyKey: request.headers["idempotency-key"],
  };
}

/** Ms to wait for convergence; undefined: not at all. */
function parseWait(query: Readonly<Record<string, unknown>>): number | undefined {
  const { wait, timeout } = query;
  if (wait === undefined) return undefined;
  const parsed = parseDuration(typeof timeout === "string" ? timeout : "5s");
  if ("fault" in parsed) throw invalid([{ field: "timeout", message: parsed.fault }]);
  return Math.min(parsed.value, longestWaitMs);
}

async function convergence(
  reply: ActReply,
  waitMs: number | undefined,
  parts: ServeParts,
): Promise<object> {
  if (waitMs === undefined || reply.revision === undefined) return {};
  try {
    const { converged, pending } = await parts.sync.convergence(reply.revision, waitMs);
    return { converged, pending };
  } catch (error) {
    // The write has happened: not knowing who has it is no failure of the write.
    parts.logger.warn({ err: error }, "convergence could not be asked");
    return { converged: false, pending: [] };
  }
}

function render(reply: ActReply, convergent: object): AdminReply {
  const { data, nextCursor, revision, rev } = reply;
  const body = {
    data,
    ...(nextCursor !== undefined && { nextCursor }),
    ...(revision !== undefined && { revision }),
    ...convergent,
  };
  return {
    status: reply.status ?? 200,
    headers: {
      "content-type": "application/json; charset=utf-8",
      ...(rev !== undefined && { etag: `"${rev}"` }),
    },
    body: `${JSON.stringify(body)}\n`,
  };
}

function logFault(thrown: unknown, request: AdminRequest, logger: Logger): void {
  const error = toGatewayError(thrown);
  const { kind } = error;
  const { requestId } = request;
  // Waiting for the database is told by whoever follows it; a stack for each request would bury that.
  if (kind === "internal")
    logger.error({ requestId, kind, err: error.cause ?? error }, "management request failed");
  else if (error.status >= 500)
    logger.warn(
      { requestId, kind, reason: messageOf(error.cause ?? error) },
      "management request failed",
    );
}
