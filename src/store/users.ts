/** Accounts as they lie in their table. */
import type { Selectable } from "kysely";
import type { Sql } from "./database.ts";
import type { Page, PageOptions } from "./pages.ts";
import { holdsText, readIdCursor, toIdPage } from "./pages.ts";
import type { UserTable } from "./tables.ts";

export type UserRow = Selectable<UserTable>;

export interface UserFilters {
  readonly role?: string | undefined;
  readonly status?: string | undefined;
  readonly group?: string | undefined;
  /** Part of the name. */
  readonly search?: string | undefined;
}

export async function listUsers(
  db: Sql,
  options: PageOptions & { readonly filters?: UserFilters },
): Promise<Page<UserRow>> {
  const { limit, after, filters = {} } = options;
  let query = db
    .selectFrom("users")
    .selectAll()
    .orderBy("id")
    .limit(limit + 1);
  if (after !== undefined) query = query.where("id", ">", readIdCursor(after));
  if (filters.role !== undefined) query = query.where("role", "=", filters.role);
  if (filters.status !== undefined) query = query.where("status", "=", filters.status);
  if (filters.group !== undefined) query = query.where("group", "=", filters.group);
  if (filters.search !== undefined) query = query.where(holdsText(db, "username", filters.search));
  return toIdPage(await query.execute(), limit);
}

export async function findUser(db: Sql, id: bigint): Promise<UserRow | undefined> {
  return await db.selectFrom("users").selectAll().where("id", "=", id).executeTakeFirst();
}

export async function findUserByName(db: Sql, username: string): Promise<UserRow | undefined> {
  return await db
    .selectFrom("users")
    .selectAll()
    .where("username", "=", username)
    .executeTakeFirst();
}

/** Whether any account exists: before the first one the installation is sealed. */
export async function hasUsers(db: Sql): Promise<boolean> {
  return (await db.selectFrom("users").select("id").limit(1).executeTakeFirst()) !== undefined;
}
