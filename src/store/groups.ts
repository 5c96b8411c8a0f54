/** Groups as they lie in their table. */
import type { Selectable } from "kysely";
import type { Sql } from "./database.ts";
import type { Page, PageOptions } from "./pages.ts";
import { holdsText, readIdCursor, toIdPage } from "./pages.ts";
import type { GroupTable } from "./tables.ts";

export type GroupRow = Selectable<GroupTable>;

export interface GroupFilters {
  readonly enabled?: boolean | undefined;
  /** Part of the name. */
  readonly search?: string | undefined;
}

export async function listGroups(
  db: Sql,
  options: PageOptions & { readonly filters?: GroupFilters },
): Promise<Page<GroupRow>> {
  const { limit, after, filters = {} } = options;
  let query = db
    .selectFrom("groups")
    .selectAll()
    .orderBy("id")
    .limit(limit + 1);
  if (after !== undefined) query = query.where("id", ">", readIdCursor(after));
  if (filters.enabled !== undefined) query = query.where("enabled", "=", filters.enabled ? 1 : 0);
  if (filters.search !== undefined) query = query.where(holdsText(db, "name", filters.search));
  return toIdPage(await query.execute(), limit);
}

export async function findGroup(db: Sql, id: bigint): Promise<GroupRow | undefined> {
  return await db.selectFrom("groups").selectAll().where("id", "=", id).executeTakeFirst();
}

export async function findGroupBySymbol(db: Sql, symbol: string): Promise<GroupRow | undefined> {
  return await db.selectFrom("groups").selectAll().where("symbol", "=", symbol).executeTakeFirst();
}
