/** Redemption codes as they lie in their table: hashed. Promise: a code is money once, whoever asks at the same time. */
import type { Insertable, Selectable } from "kysely";
import { postToBalance } from "./balances.ts";
import type { Sql } from "./database.ts";
import { engineOf, nowMs } from "./dialect.ts";
import { insertUnlessThere } from "./insert-unless-there.ts";
import type { Page, PageOptions } from "./pages.ts";
import { holdsText, readIdCursor, toIdPage } from "./pages.ts";
import { chunksOf } from "./sync-sql/sync-reads.ts";
import type { RedemptionCodeTable } from "./tables.ts";

export type CodeRow = Selectable<RedemptionCodeTable>;
export type NewCode = Omit<Insertable<RedemptionCodeTable>, "created_at" | "id">;

export interface CodeFilters {
  readonly batch?: string | undefined;
  readonly status?: string | undefined;
  readonly redeemed?: boolean | undefined;
  readonly redeemedBy?: bigint | undefined;
  /** Part of the name. */
  readonly search?: string | undefined;
}

export async function listCodes(
  db: Sql,
  options: PageOptions & { readonly filters?: CodeFilters },
): Promise<Page<CodeRow>> {
  const { limit, after, filters = {} } = options;
  const { batch, status, redeemed, redeemedBy, search } = filters;
  let query = db.selectFrom("redemption_codes").selectAll();
  if (after !== undefined) query = query.where("id", "<", readIdCursor(after));
  if (batch !== undefined) query = query.where("batch", "=", batch);
  if (status !== undefined) query = query.where("status", "=", status);
  if (redeemed !== undefined) query = query.where("redeemed_at", redeemed ? "is not" : "is", null);
  if (redeemedBy !== undefined) query = query.where("redeemed_by", "=", redeemedBy);
  if (search !== undefined) query = query.where(holdsText(db, "name", search));
  const rows = await query
    .orderBy("id", "desc")
    .limit(limit + 1)
    .execute();
  return toIdPage(rows, limit);
}

export async function findCode(db: Sql, id: bigint): Promise<CodeRow | undefined> {
  return await db
    .selectFrom("redemption_codes")
    .selectAll()
    .where("id", "=", id)
    .executeTakeFirst();
}

/** Inserts a batch and answers its rows in the order of their ids. Part of a transaction. */
export async function addCodes(
  trx: Sql,
  batch: string,
  codes: readonly NewCode[],
): Promise<readonly CodeRow[]> {
  const now = nowMs(engineOf(trx));
  for (const chunk of chunksOf(codes, 200))
    await trx
      .insertInto("redemption_codes")
      .values(chunk.map((code) => ({ ...code, batch, created_at: now })))
      .execute();
  return await trx
    .selectFrom("redemption_codes")
    .selectAll()
    .where("batch", "=", batch)
    .orderBy("id")
    .execute();
}

/** Which codes to change: one, or those of a batch. */
export type CodeChoice = { readonly id: bigint } | { readonly batch: string };

/** Enables or disables codes that nobody has redeemed; answers how many those are. */
export async function setCodeStatus(
  trx: Sql,
  choice: CodeChoice,
  status: "enabled" | "disabled",
): Promise<number> {
  const query = trx
    .updateTable("redemption_codes")
    .set({ status })
    .where("redeemed_at", "is", null);
  const { numUpdatedRows } = await (
    "id" in choice ? query.where("id", "=", choice.id) : query.where("batch", "=", choice.batch)
  ).executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
}

export type RedeemAnswer =
  | { readonly redeemed: true; readonly code: CodeRow }
  | { readonly redeemed: false; readonly why: "unknown" }
  | {
      readonly redeemed: false;
      readonly why: "redeemed" | "disabled" | "expired";
      readonly code: CodeRow;
    };

/**
 * Turns a code into money of an account, inside a transaction. Throws BalanceRefusal.
 * The one update decides: of those at the same time all but one find the row changed.
 */
export async function redeemCode(
  trx: Sql,
  { hash, userId }: { readonly hash: string; readonly userId: bigint },
): Promise<RedeemAnswer> {
  const now = nowMs(engineOf(trx));
  const { numUpdatedRows } = await trx
    .updateTable("redemption_codes")
    .set({ redeemed_by: userId, redeemed_at: now })
    .where("hash", "=", hash)
    .where("status", "=", "enabled")
    .where("redeemed_at", "is", null)
    .where((eb) => eb.or([eb("expires_at", "is", null), eb("expires_at", ">", now)]))
    .executeTakeFirstOrThrow();
  const code = await trx
    .selectFrom("redemption_codes")
    .selectAll()
    .where("hash", "=", hash)
    .executeTakeFirst();
  if (code === undefined) return { redeemed: false, why: "unknown" };
  if (numUpdatedRows === 0n) return { redeemed: false, why: refusalOf(code), code };
  const isNew = await postToBalance(trx, {
    kind: "redemption",
    userId,
    amount: code.amount,
    reference: `redemption:${code.id}`,
    remark: code.name,
    actorId: Number(userId),
  });
  if (!isNew) throw new Error(`code ${code.id} was free, but its entry stands in the ledger`);
  return { redeemed: true, code };
}

function refusalOf(code: CodeRow): "redeemed" | "disabled" | "expired" {
  if (code.redeemed_at !== null) return "redeemed";
  return code.status === "enabled" ? "expired" : "disabled";
}

/** Counts one attempt of a subject in a minute; false when it has had `limit` of them already. */
export async function takeAttempt(
  db: Sql,
  subject: string,
  { minute, limit }: { readonly minute: bigint; readonly limit: number },
): Promise<boolean> {
  await insertUnlessThere(db, "redeem_attempts", { subject, minute, attempts: 0 });
  const { numUpdatedRows } = await db
    .updateTable("redeem_attempts")
    // In this order: MySQL reads what was assigned before.
    .set((eb) => ({
      attempts: eb
        .case()
        .when("minute", "=", minute)
        .then(eb("attempts", "+", 1))
        .else(1)
        .end(),
      minute,
    }))
    .where("subject", "=", subject)
    .where((eb) => eb.or([eb("minute", "<>", minute), eb("attempts", "<", limit)]))
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** An attempt that was none after all. */
export async function returnAttempt(db: Sql, subject: string, minute: bigint): Promise<void> {
  await db
    .updateTable("redeem_attempts")
    .set((eb) => ({ attempts: eb("attempts", "-", 1) }))
    .where("subject", "=", subject)
    .where("minute", "=", minute)
    .where("attempts", ">", 0)
    .execute();
}

/** Forgets attempts of minutes before. */
export async function dropAttempts(db: Sql, beforeMinute: bigint): Promise<void> {
  await db.deleteFrom("redeem_attempts").where("minute", "<", beforeMinute).execute();
}
