/** Accounts that come into a group by what was credited to them. Promise: nobody is brought into a group twice. */
import { sql } from "kysely";
import type { NanoDollars } from "../core/money.ts";
import { addAccountEntries } from "./account-entries.ts";
import type { Sql } from "./database.ts";

/** A group that accounts come into by themselves. */
export interface Rung {
  readonly id: bigint;
  readonly symbol: string;
  /** Credited in all. */
  readonly at: NanoDollars;
}

/** The enabled groups that promote, highest first. */
export async function listRungs(db: Sql): Promise<readonly Rung[]> {
  const rows = await db
    .selectFrom("groups")
    .select(["id", "symbol", "promote_at"])
    .where("promote_at", "is not", null)
    .where("enabled", "=", 1)
    .orderBy("promote_at", "desc")
    .orderBy("id")
    .execute();
  return rows.map(({ id, symbol, promote_at: at }) => ({ id, symbol, at: at ?? 0n }));
}

/** Accounts that were credited enough for a group and not looked at since; of one account, or of all. */
export async function listReached(
  db: Sql,
  rung: Rung,
  { limit, userId }: { readonly limit: number; readonly userId?: bigint },
): Promise<readonly bigint[]> {
  const { after, before } = { before: sql.lit("promotion:"), after: sql.lit(`:${rung.id}`) };
  const reference = sql<string>`concat(${before}, users.id, ${after})`;
  let query = db
    .selectFrom("budgets")
    .innerJoin("users", "users.id", "budgets.entity_id")
    .leftJoin("account_entries", (join) => join.on("account_entries.reference", "=", reference))
    .select("users.id as id")
    .where("budgets.kind", "=", "balance")
    .where("budgets.period", "=", "total")
    .where("budgets.credited", ">=", rung.at)
    .where("account_entries.id", "is", null)
    .limit(limit);
  if (userId !== undefined) query = query.where("users.id", "=", userId);
  return (await query.execute()).map(({ id }) => id);
}

/** Notes that an account has reached these groups: it is never brought into them again. */
export async function noteReached(trx: Sql, userId: bigint, rungs: readonly Rung[]): Promise<void> {
  const entries = rungs.map(({ id, symbol }) => ({
    kind: "promotion" as const,
    accountKind: "user" as const,
    accountId: userId,
    amount: 0n,
    day: null,
    reference: `promotion:${userId}:${id}`,
    remark: `reached the group ${symbol}`,
    actorId: null,
  }));
  await addAccountEntries(trx, entries);
}
