/** Sums of usage by time and by what one wants to tell apart. Members see their own. */
import { z } from "zod";
import type { JsonObject } from "../../core/json-value.ts";
import { formatDollars } from "../../core/money.ts";
import type { UsageDimension, UsageRow } from "../../store/rollups.ts";
import { usageDimensions } from "../../store/rollups.ts";
import { listUsage, longestUsageCursor } from "../../store/usage-pages.ts";
import type { AdminParts } from "../admin-parts.ts";
import { askDatabase, idQuery, pageOptions, pageQuery } from "../ask-database.ts";
import { instantQuery } from "../calls/schema.ts";
import { managerOf } from "../config-reads.ts";
import { invalid } from "../parse-fields.ts";
import type { ActReply, ActRequest, RouteSpec } from "../route-spec.ts";

const hourMs = 3_600_000;
const steps = { quarter: hourMs / 4, hour: hourMs, day: 24 * hourMs } as const;
const dimensionNames = Object.keys(usageDimensions) as UsageDimension[];

const usageQuery = z.strictObject({
  ...pageQuery,
  /** Tells the time of the first page too. */
  cursor: z.string().max(longestUsageCursor).exactOptional(),
  /** Begin of the first bucket; 30 days ago when left out. */
  from: instantQuery.exactOptional(),
  /** Exclusive. */
  to: instantQuery.exactOptional(),
  /** Of UTC; left out: one sum. */
  every: z.enum(["quarter", "hour", "day"]).exactOptional(),
  /** What is told apart, separated by commas. */
  by: z
    .string()
    .transform((text) => [...new Set(text.split(",").map((word) => word.trim()))])
    .pipe(z.array(z.enum(dimensionNames)))
    .exactOptional(),
  key: idQuery.exactOptional(),
  user: idQuery.exactOptional(),
  channel: idQuery.exactOptional(),
  group: z.string().exactOptional(),
  model: z.string().exactOptional(),
});

type UsageQuery = z.output<typeof usageQuery>;

const usageShown = z.object({
  /** Null where all time is one sum. */
  from: z.string().nullable(),
  key: z.int().exactOptional(),
  user: z.int().exactOptional(),
  group: z.string().exactOptional(),
  model: z.string().exactOptional(),
  channel: z.int().nullable().exactOptional(),
  calls: z.int(),
  failed: z.int(),
  input: z.int(),
  cacheRead: z.int(),
  cacheWrite: z.int(),
  output: z.int(),
  reasoning: z.int(),
  /** Dollars that callers pay. */
  cost: z.string(),
  /** Dollars that the operator pays; members are not told. */
  channelCost: z.string().exactOptional(),
});

export function usageRoutes(parts: AdminParts): readonly RouteSpec[] {
  return [
    {
      method: "GET",
      path: "/api/usage",
      roles: ["root", "admin", "member"],
      summary: "Sum calls, tokens and money by time and by key, user, group, model or channel",
      query: usageQuery,
      result: usageShown,
      list: true,
      act: (request) => usage(parts, request),
    },
  ];
}

async function usage(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const manager = managerOf(request);
  const query = request.query as UsageQuery;
  const isMember = manager.role === "member";
  if (isMember && (query.channel !== undefined || query.by?.includes("channel") === true))
    throw invalid([{ field: "by", message: "channels are the operator's matter" }]);
  const nowMs = parts.sync.businessNowMs();
  const filters = {
    fromMs: query.from ?? nowMs - 30 * steps.day,
    toMs: query.to ?? nowMs + steps.day,
    keyId: query.key,
    userId: isMember ? BigInt(manager.userId) : query.user,
    channelId: query.channel,
    group: query.group,
    model: query.model,
  };
  const everyMs = query.every === undefined ? undefined : steps[query.every];
  const ask = { ...pageOptions(query), filters, by: query.by ?? [], everyMs };
  const { rows, nextCursor } = await askDatabase(parts, (db) => listUsage(db, ask));
  const data = rows.map((row) => present(row, everyMs !== undefined, !isMember));
  return { data, nextCursor };
}

function present(row: UsageRow, isTimed: boolean, inner: boolean): JsonObject {
  return {
    from: isTimed ? new Date(Number(row.bucket)).toISOString() : null,
    ...(row.key_id !== undefined && { key: Number(row.key_id) }),
    ...(row.user_id !== undefined && { user: Number(row.user_id) }),
    ...(row.group !== undefined && { group: row.group }),
    ...(row.model !== undefined && { model: row.model }),
    ...(row.channel_id !== undefined && {
      channel: row.channel_id === 0n ? null : Number(row.channel_id),
    }),
    calls: Number(row.calls),
    failed: Number(row.failed),
    input: Number(row.input_tokens),
    cacheRead: Number(row.cache_read_tokens),
    cacheWrite: Number(row.cache_write_tokens),
    output: Number(row.output_tokens),
    reasoning: Number(row.reasoning_tokens),
    cost: formatDollars(row.cost),
    ...(inner && { channelCost: formatDollars(row.channel_cost) }),
  };
}
