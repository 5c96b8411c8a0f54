/** Channels as they lie in their table. */
import type { Selectable } from "kysely";
import type { Sql } from "./database.ts";
import type { Page, PageOptions } from "./pages.ts";
import { holdsItem, holdsText, readIdCursor, toIdPage } from "./pages.ts";
import type { ChannelTable } from "./tables.ts";

export type ChannelRow = Selectable<ChannelTable>;

export interface ChannelFilters {
  readonly status?: string | undefined;
  readonly provider?: string | undefined;
  readonly tag?: string | undefined;
  /** Symbol of a group that the channel serves. */
  readonly group?: string | undefined;
  /** A model named by the channel, word for word. */
  readonly model?: string | undefined;
  /** Part of the name. */
  readonly search?: string | undefined;
}

export async function listChannels(
  db: Sql,
  options: PageOptions & { readonly filters?: ChannelFilters },
): Promise<Page<ChannelRow>> {
  const { limit, after, filters = {} } = options;
  let query = db
    .selectFrom("channels")
    .selectAll()
    .orderBy("id")
    .limit(limit + 1);
  if (after !== undefined) query = query.where("id", ">", readIdCursor(after));
  if (filters.status !== undefined) query = query.where("status", "=", filters.status);
  if (filters.provider !== undefined) query = query.where("provider", "=", filters.provider);
  if (filters.tag !== undefined) query = query.where("tag", "=", filters.tag);
  if (filters.group !== undefined) query = query.where(holdsItem(db, "groups", filters.group));
  if (filters.model !== undefined) query = query.where(holdsItem(db, "models", filters.model));
  if (filters.search !== undefined) query = query.where(holdsText(db, "name", filters.search));
  return toIdPage(await query.execute(), limit);
}

export async function findChannel(db: Sql, id: bigint): Promise<ChannelRow | undefined> {
  return await db.selectFrom("channels").selectAll().where("id", "=", id).executeTakeFirst();
}
