/** Operating settings as they lie in their table: those that were set, with their JSON value. */
import type { Selectable } from "kysely";
import type { Sql } from "./database.ts";
import type { SettingTable } from "./tables.ts";

export type SettingRow = Selectable<SettingTable>;

/** All of them: settings are one document, read whole. */
export async function listSettings(db: Sql): Promise<readonly SettingRow[]> {
  return await db.selectFrom("settings").selectAll().orderBy("name").execute();
}
