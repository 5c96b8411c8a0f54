/** Callers' keys as they lie in their table: hashed. */
import type { Selectable } from "kysely";
import type { Sql } from "./database.ts";
import type { Page, PageOptions } from "./pages.ts";
import { holdsText, readIdCursor, toIdPage } from "./pages.ts";
import type { KeyTable } from "./tables.ts";

export type KeyRow = Selectable<KeyTable>;

export interface KeyFilters {
  readonly ownerId?: bigint | undefined;
  readonly status?: string | undefined;
  readonly group?: string | undefined;
  /** Part of the name. */
  readonly search?: string | undefined;
}

export async function listKeys(
  db: Sql,
  options: PageOptions & { readonly filters?: KeyFilters },
): Promise<Page<KeyRow>> {
  const { limit, after, filters = {} } = options;
  let query = db
    .selectFrom("keys")
    .selectAll()
    .orderBy("id")
    .limit(limit + 1);
  if (after !== undefined) query = query.where("id", ">", readIdCursor(after));
  if (filters.ownerId !== undefined) query = query.where("owner_id", "=", filters.ownerId);
  if (filters.status !== undefined) query = query.where("status", "=", filters.status);
  if (filters.group !== undefined) query = query.where("group", "=", filters.group);
  if (filters.search !== undefined) query = query.where(holdsText(db, "name", filters.search));
  return toIdPage(await query.execute(), limit);
}

export async function findKey(db: Sql, id: bigint): Promise<KeyRow | undefined> {
  return await db.selectFrom("keys").selectAll().where("id", "=", id).executeTakeFirst();
}
