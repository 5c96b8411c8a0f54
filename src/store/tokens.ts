/** Management tokens as they lie in their table: hashed. */
import type { Selectable } from "kysely";
import type { Sql } from "./database.ts";
import type { Page, PageOptions } from "./pages.ts";
import { readIdCursor, toIdPage } from "./pages.ts";
import type { TokenTable, UserTable } from "./tables.ts";

export type TokenRow = Selectable<TokenTable>;

export async function listTokens(
  db: Sql,
  options: PageOptions & { readonly filters?: { readonly userId?: bigint | undefined } },
): Promise<Page<TokenRow>> {
  const { limit, after, filters = {} } = options;
  let query = db
    .selectFrom("tokens")
    .selectAll()
    .orderBy("id")
    .limit(limit + 1);
  if (after !== undefined) query = query.where("id", ">", readIdCursor(after));
  if (filters.userId !== undefined) query = query.where("user_id", "=", filters.userId);
  return toIdPage(await query.execute(), limit);
}

export async function findToken(db: Sql, id: bigint): Promise<TokenRow | undefined> {
  return await db.selectFrom("tokens").selectAll().where("id", "=", id).executeTakeFirst();
}

export interface TokenWithUser {
  readonly tokenId: bigint;
  readonly expiresAt: bigint | null;
  readonly user: Selectable<UserTable>;
}

/** The token with this hash and its account; whether it is still good is for the caller to judge. */
export async function findTokenByHash(db: Sql, hash: string): Promise<TokenWithUser | undefined> {
  const row = await db
    .selectFrom("tokens")
    .innerJoin("users", "users.id", "tokens.user_id")
    .selectAll("users")
    .select(["tokens.id as token_id", "tokens.expires_at as token_expires_at"])
    .where("tokens.hash", "=", hash)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { token_id: tokenId, token_expires_at: expiresAt, ...user } = row;
  return { tokenId, expiresAt, user };
}
