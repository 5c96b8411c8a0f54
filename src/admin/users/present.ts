/** Accounts and their management tokens as they leave: never a token, nor its hash. */
import type { JsonObject } from "../../core/json-value.ts";
import { shownRatio } from "../../sync/money-fields.ts";
import type { AnyRow } from "../config-noun.ts";
import { spendingInputOf } from "../spending-fields.ts";
import { presentMeta, textColumn, timeColumn } from "../present-value.ts";

/** The fields that can be edited, as the schema takes them. */
export function userInput(row: AnyRow): JsonObject {
  return {
    username: textColumn(row["username"]),
    role: textColumn(row["role"]),
    group: textColumn(row["group"]),
    billing: textColumn(row["billing"]),
    status: textColumn(row["status"]),
    ...spendingInputOf(row),
    ratio: shownRatio(row["ratio"]),
  };
}

export function presentUser(row: AnyRow): JsonObject {
  return { ...presentMeta(row), ...userInput(row) };
}

export function presentToken(row: AnyRow): JsonObject {
  return {
    id: Number(row["id"]),
    name: textColumn(row["name"]),
    user: Number(row["user_id"]),
    expiresAt: timeColumn(row["expires_at"]),
    createdAt: timeColumn(row["created_at"]),
  };
}
