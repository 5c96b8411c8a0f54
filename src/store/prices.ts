/** Prices as they lie in their table. */
import type { Selectable } from "kysely";
import type { Sql } from "./database.ts";
import type { Page, PageOptions } from "./pages.ts";
import { holdsText, readIdCursor, toIdPage } from "./pages.ts";
import type { PriceTable } from "./tables.ts";

export type PriceRow = Selectable<PriceTable>;

export interface PriceFilters {
  readonly model?: string | undefined;
  readonly mode?: string | undefined;
  /** Part of the model's name. */
  readonly search?: string | undefined;
  readonly source?: string | undefined;
  /** 0: those of every channel. */
  readonly channelId?: number | undefined;
  readonly side?: "charge" | "cost" | undefined;
}

export async function listPrices(
  db: Sql,
  options: PageOptions & { readonly filters?: PriceFilters },
): Promise<Page<PriceRow>> {
  const { limit, after, filters = {} } = options;
  let query = db
    .selectFrom("prices")
    .selectAll()
    .orderBy("id")
    .limit(limit + 1);
  if (after !== undefined) query = query.where("id", ">", readIdCursor(after));
  if (filters.model !== undefined) query = query.where("model", "=", filters.model);
  if (filters.mode !== undefined) query = query.where("mode", "=", filters.mode);
  if (filters.source !== undefined) query = query.where("source", "=", filters.source);
  if (filters.channelId !== undefined)
    query = query.where("channel_id", "=", BigInt(filters.channelId));
  if (filters.side !== undefined)
    query = query.where("is_cost", "=", filters.side === "cost" ? 1 : 0);
  if (filters.search !== undefined) query = query.where(holdsText(db, "model", filters.search));
  return toIdPage(await query.execute(), limit);
}

export async function findPrice(db: Sql, id: bigint): Promise<PriceRow | undefined> {
  return await db.selectFrom("prices").selectAll().where("id", "=", id).executeTakeFirst();
}
