/** Upstream credentials as they lie in their table: sealed. */
import type { Selectable } from "kysely";
import type { Sql } from "./database.ts";
import { chunksOf } from "./sync-sql/sync-reads.ts";
import type { CredentialTable } from "./tables.ts";

export type CredentialRow = Selectable<CredentialTable>;

/** Credentials of the given channels, by channel and position. */
export async function listCredentials(
  db: Sql,
  channelIds: readonly bigint[],
): Promise<readonly CredentialRow[]> {
  const found: CredentialRow[] = [];
  for (const chunk of chunksOf(channelIds)) {
    const query = db.selectFrom("credentials").selectAll().where("channel_id", "in", chunk);
    found.push(...(await query.orderBy("channel_id").orderBy("position").orderBy("id").execute()));
  }
  return found;
}
