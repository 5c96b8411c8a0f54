/** What of a call is kept for a few days only. */
import type { Sql } from "./database.ts";

/** JSON; undefined once its days are over. */
export async function findCallDetails(
  db: Sql,
  call: { readonly day: number; readonly call_id: string },
): Promise<string | undefined> {
  const row = await db
    .selectFrom("call_details")
    .select("content")
    .where("day", "=", call.day)
    .where("call_id", "=", call.call_id)
    .executeTakeFirst();
  return row?.content;
}
