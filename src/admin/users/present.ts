/** Accounts and their management tokens as they leave: never a token, nor its hash. */
import type { JsonObject } from "../../core/json-value.ts";
import { formatDollars } from "../../core/money.ts";
import type { Balance } from "../../store/balances.ts";
import { leftOf, noBalance, readBalances } from "../../store/balances.ts";
import type { Sql } from "../../store/database.ts";
import { shownRatio } from "../../sync/money-fields.ts";
import type { AdminParts } from "../admin-parts.ts";
import type { AnyRow } from "../config-noun.ts";
import { inviteCodeOf } from "../invitations/invite-code.ts";
import { numberColumn, presentMeta, textColumn, timeColumn } from "../present-value.ts";
import { spendingInputOf } from "../spending-fields.ts";

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
    invitedBy: numberColumn(row["invited_by"], null),
  };
}

/** Accounts with what is in their balances. */
export async function presentUsers(
  parts: Pick<AdminParts, "hashToken">,
  db: Sql,
  rows: readonly AnyRow[],
): Promise<readonly JsonObject[]> {
  const prepaid = rows.filter(isPrepaid).map(({ id }) => BigInt(id ?? 0));
  const balances = await readBalances(db, prepaid);
  return rows.map((row) => ({
    ...presentMeta(row),
    ...userInput(row),
    ...presentBalance(row, balances),
    inviteCode: inviteCodeOf(parts, BigInt(row["id"] ?? 0)),
  }));
}

function isPrepaid(row: AnyRow): boolean {
  return row["billing"] === "prepaid";
}

/** Nothing was put in yet: that is 0. Null of those who pay from no balance. */
export function presentBalance(
  row: AnyRow,
  balances: ReadonlyMap<bigint, Balance>,
): { readonly balance: string | null; readonly reserved: string | null } {
  if (!isPrepaid(row)) return { balance: null, reserved: null };
  const balance = balances.get(BigInt(row["id"] ?? 0)) ?? noBalance;
  return { balance: formatDollars(leftOf(balance)), reserved: formatDollars(balance.reserved) };
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
