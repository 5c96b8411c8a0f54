/** A row of `users` as the caller's owner, checked by the rules of caller-fields.ts. */
import { z } from "zod";
import type { RawRow } from "../store/sync-store.ts";
import { userFields } from "./caller-fields.ts";
import type { UserRecord } from "./entities.ts";
import { ratioColumn, ratioRule, spendingColumns, spendingFields } from "./money-fields.ts";
import { entityId, parseColumns, plain } from "./row-columns.ts";

const schema = z.object({ ...userFields, ...spendingFields, ratio: ratioColumn });
const columns = {
  username: plain("username"),
  role: plain("role"),
  group: plain("group"),
  billing: plain("billing"),
  status: plain("status"),
  ...spendingColumns,
  ratio: ratioRule,
};

/** Throws RowFault. */
export function parseUserRow(row: RawRow): UserRecord {
  const id = entityId(row);
  const { status, ...values } = parseColumns(row, schema, columns);
  return Object.freeze({
    ...values,
    id,
    rev: Number(row.rev),
    enabled: status === "enabled",
  });
}
