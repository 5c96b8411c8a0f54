/** Jobs in pages, newest first, with what budgets hold for them. */
import { sql } from "kysely";
import { callAdmittedAtMs } from "../core/ids.ts";
import type { NanoDollars } from "../core/money.ts";
import type { Sql } from "./database.ts";
import { jobHolder } from "./jobs.ts";
import type { Page, PageOptions } from "./pages.ts";
import { InvalidCursor, toPage } from "./pages.ts";

export interface JobFilters {
  readonly state?: string | undefined;
  readonly kind?: string | undefined;
  readonly keyId?: bigint | undefined;
  readonly userId?: bigint | undefined;
  readonly channelId?: bigint | undefined;
}

export type JobRow = Awaited<ReturnType<ReturnType<typeof selectJobs>["execute"]>>[number];

export interface ListedJob extends JobRow {
  /** Set aside in each budget of its payers; 0 where there is none, and once it is over. */
  readonly held: NanoDollars;
}

function selectJobs(db: Sql) {
  return db.selectFrom("jobs").selectAll();
}

/** Rejects with InvalidCursor. */
export async function listJobs(
  db: Sql,
  { limit, after, filters }: PageOptions & { readonly filters: JobFilters },
): Promise<Page<ListedJob>> {
  let query = selectJobs(db).limit(limit + 1);
  // Ids of calls begin with the time of their admission.
  if (after !== undefined && callAdmittedAtMs(after) === undefined) throw new InvalidCursor();
  if (after !== undefined) query = query.where("call_id", "<", after);
  if (filters.state !== undefined) query = query.where("state", "=", filters.state);
  if (filters.kind !== undefined) query = query.where("kind", "=", filters.kind);
  if (filters.keyId !== undefined) query = query.where("key_id", "=", filters.keyId);
  if (filters.userId !== undefined) query = query.where("user_id", "=", filters.userId);
  if (filters.channelId !== undefined) query = query.where("channel_id", "=", filters.channelId);
  const page = toPage(
    await query.orderBy("call_id", "desc").execute(),
    limit,
    (row) => row.call_id,
  );
  const held = await readHeld(
    db,
    page.rows.map((row) => row.call_id),
  );
  const rows = page.rows.map((row) => ({ ...row, held: held.get(row.call_id) ?? 0n }));
  return { ...page, rows };
}

/** The same stands in each budget of a payer, as far as their caps are the same: the most that stands in one. */
async function readHeld(
  db: Sql,
  callIds: readonly string[],
): Promise<ReadonlyMap<string, NanoDollars>> {
  if (callIds.length === 0) return new Map();
  const names = new Map(callIds.map((callId) => [jobHolder(callId), callId]));
  const rows = await db
    .selectFrom("budget_leases")
    .select(["node_id", sql<bigint>`max(granted)`.as("held")])
    .where("node_id", "in", [...names.keys()])
    .groupBy("node_id")
    .execute();
  return new Map(rows.map((row) => [names.get(row.node_id) ?? "", row.held]));
}
