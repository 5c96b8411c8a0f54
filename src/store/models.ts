/** What is told of models, as it lies in its table. */
import type { Selectable } from "kysely";
import type { Sql } from "./database.ts";
import type { Page, PageOptions } from "./pages.ts";
import { holdsText, readIdCursor, toIdPage } from "./pages.ts";
import type { ModelTable } from "./tables.ts";

export type ModelRow = Selectable<ModelTable>;

export interface ModelFilters {
  readonly model?: string | undefined;
  readonly owner?: string | undefined;
  /** Part of the model's name. */
  readonly search?: string | undefined;
}

export async function listModels(
  db: Sql,
  options: PageOptions & { readonly filters?: ModelFilters },
): Promise<Page<ModelRow>> {
  const { limit, after, filters = {} } = options;
  let query = db
    .selectFrom("models")
    .selectAll()
    .orderBy("id")
    .limit(limit + 1);
  if (after !== undefined) query = query.where("id", ">", readIdCursor(after));
  if (filters.model !== undefined) query = query.where("model", "=", filters.model);
  if (filters.owner !== undefined) query = query.where("owner", "=", filters.owner);
  if (filters.search !== undefined) query = query.where(holdsText(db, "model", filters.search));
  return toIdPage(await query.execute(), limit);
}

export async function findModel(db: Sql, id: bigint): Promise<ModelRow | undefined> {
  return await db.selectFrom("models").selectAll().where("id", "=", id).executeTakeFirst();
}
