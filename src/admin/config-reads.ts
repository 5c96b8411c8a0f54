/** List and get of a configuration noun: from the database, and only what the manager may see. */
import type { Manager } from "../auth/authenticate-manager.ts";
import { GatewayError } from "../core/errors.ts";
import type { Sql } from "../store/database.ts";
import type { AdminParts } from "./admin-parts.ts";
import { askDatabase, pageOptions } from "./ask-database.ts";
import type { AnyRow, ConfigNoun } from "./config-noun.ts";
import type { ActReply, ActRequest } from "./route-spec.ts";

export async function listRows<Fields>(
  noun: ConfigNoun<Fields>,
  parts: AdminParts,
  request: ActRequest,
): Promise<ActReply> {
  const { limit: _limit, cursor: _cursor, ...asked } = request.query;
  const manager = managerOf(request);
  // The manager's own bounds come last, so that no filter widens what may be seen.
  const filters = { ...asked, ...noun.onlyFilters?.(manager) };
  return await askDatabase(parts, async (db) => {
    const page = await noun.list(db, { ...pageOptions(request.query), filters: filters as never });
    // Checked again row by row: a filter that were to go missing must not show what is another's.
    const rows = page.rows.filter((row) => isVisible(noun, row, manager));
    return { data: [...(await noun.present(db, rows))], nextCursor: page.nextCursor };
  });
}

export async function getRow<Fields>(
  noun: ConfigNoun<Fields>,
  parts: AdminParts,
  request: ActRequest,
): Promise<ActReply> {
  return await askDatabase(parts, async (db) => {
    const id = await findRowId(noun, db, request);
    const row = await noun.find(db, id);
    if (row === undefined || !isVisible(noun, row, managerOf(request)))
      throw unknownRow(noun.singular, request);
    const [data] = await noun.present(db, [row]);
    return { data: data ?? {}, rev: Number(row["rev"]) };
  });
}

/** What a manager may not see is not there. */
export function isVisible<Fields>(
  noun: ConfigNoun<Fields>,
  row: AnyRow,
  manager: Manager,
): boolean {
  return noun.isVisible?.(manager, row) ?? true;
}

/** The manager of a route that is not open to anyone. */
export function managerOf(request: ActRequest): Manager {
  if (request.manager === undefined)
    throw new GatewayError("unauthorized", "Send a management token");
  return request.manager;
}

/** The row that the path means: by its id, or by the name that the noun also goes by. Throws `not_found`. */
export async function findRowId<Fields>(
  noun: Pick<ConfigNoun<Fields>, "singular" | "findId">,
  db: Sql,
  request: ActRequest,
): Promise<bigint> {
  const text = request.params["id"] ?? "";
  if (noun.findId === undefined || idPattern.test(text)) return rowId(noun.singular, request);
  const id = await noun.findId(db, text);
  if (id === undefined) throw unknownRow(noun.singular, request);
  return id;
}

const idPattern = /^[1-9]\d{0,15}$/;

/** The `:id` of the path; what is no id is simply not found. */
export function rowId(singular: string, request: ActRequest): bigint {
  const text = request.params["id"] ?? "";
  if (idPattern.test(text)) return BigInt(text);
  throw unknownRow(singular, request);
}

export function unknownRow(singular: string, request: ActRequest): GatewayError {
  return new GatewayError("not_found", `There is no ${singular} ${request.params["id"] ?? ""}`);
}
