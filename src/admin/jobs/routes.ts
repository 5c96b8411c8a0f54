/** Jobs that go on at vendors, and those that did. Members see their own; where they run is the operator's matter. */
import type { Manager } from "../../auth/authenticate-manager.ts";
import type { JsonObject } from "../../core/json-value.ts";
import { formatDollars } from "../../core/money.ts";
import { type ListedJob, listJobs } from "../../store/list-jobs.ts";
import type { AdminParts } from "../admin-parts.ts";
import { askDatabase, pageOptions } from "../ask-database.ts";
import { managerOf } from "../config-reads.ts";
import { jsonColumn, numberColumn, timeColumn } from "../present-value.ts";
import type { ActReply, ActRequest, RouteSpec } from "../route-spec.ts";
import { type JobQuery, jobQuery, jobShown } from "./schema.ts";

export function jobRoutes(parts: AdminParts): readonly RouteSpec[] {
  return [
    {
      method: "GET",
      path: "/api/jobs",
      roles: ["root", "admin", "member"],
      summary: "List batches and background responses, newest first",
      query: jobQuery,
      result: jobShown,
      list: true,
      act: (request) => list(parts, request),
    },
  ];
}

async function list(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const manager = managerOf(request);
  const query = request.query as JobQuery;
  const isMember = manager.role === "member";
  const filters = {
    kind: query.kind,
    state: query.state,
    keyId: query.key,
    userId: isMember ? BigInt(manager.userId) : query.user,
    channelId: isMember ? undefined : query.channel,
  };
  const page = await askDatabase(parts, (db) => listJobs(db, { ...pageOptions(query), filters }));
  return { data: page.rows.map((row) => present(row, manager)), nextCursor: page.nextCursor };
}

/** What the page shows of a job's content (log/job-content.ts). */
interface ShownContent {
  readonly group?: string;
  readonly dialect?: string;
  readonly job?: { readonly pricing?: { readonly billed?: Readonly<Record<string, string>> } };
}

function present(row: ListedJob, manager: Manager): JsonObject {
  const content = (jsonColumn(row.content, null) ?? {}) as ShownContent;
  const billed = Object.values(content.job?.pricing?.billed ?? {});
  return {
    id: row.call_id,
    kind: row.kind,
    state: row.state,
    key: Number(row.key_id),
    user: Number(row.user_id),
    group: content.group ?? "",
    channel: manager.role === "member" ? null : numberColumn(row.channel_id, null),
    dialect: content.dialect ?? "",
    models: [...new Set(billed)],
    held: formatDollars(row.held),
    begunAt: timeColumn(row.begun_at),
    endedAt: timeColumn(row.ended_at),
    nextPollAt: row.state === "running" ? timeColumn(row.poll_at) : null,
    polls: row.polls,
  };
}
