/** Which purse the billing paths tell of: the key's own budget where it has one, else what its account pays from. */
import { type BudgetRule, type BudgetShare, budgetLimit } from "../../core/budget-rule.ts";
import type { NanoDollars } from "../../core/money.ts";
import { periodAt, wholeTime } from "../../core/periods.ts";
import { readBalance } from "../../store/balances.ts";
import { sumSpent } from "../../store/budgets.ts";
import type { Sql } from "../../store/database.ts";
import { sumUsage } from "../../store/rollups.ts";
import type { Caller } from "../../wire/caller.ts";

/** Null `rule`: a balance. Null purse: nothing bounds what may be spent. */
interface Purse {
  readonly kind: "key" | "user" | "balance";
  readonly id: number;
  readonly rule: BudgetRule | null;
}

function purseOf({ key, user, keyId, userId }: Caller): Purse | null {
  if (key.budget !== null) return { kind: "key", id: keyId, rule: key.budget };
  if (user.billing === "prepaid") return { kind: "balance", id: userId, rule: null };
  return user.budget === null ? null : { kind: "user", id: userId, rule: user.budget };
}

/** All that there is to spend, what is spent already included; null: it is not bounded. */
export async function readLimit(
  db: Sql,
  caller: Caller,
  nowMs: number,
): Promise<NanoDollars | null> {
  const purse = purseOf(caller);
  if (purse === null) return null;
  if (purse.rule !== null) return budgetLimit(purse.rule, nowMs);
  return (await readBalance(db, BigInt(purse.id))).credited;
}

/** Ms UTC; left out: from the first call on, or until now. */
export interface Span {
  readonly fromMs?: number | undefined;
  /** Exclusive. */
  readonly toMs?: number | undefined;
}

/**
 * What was spent. Without a span: of what {@link readLimit} tells, so that their difference is what is left; with one,
 * what calls cost in it: of the key where it has a budget of its own, else of all keys of the account.
 */
export async function readPaid(
  db: Sql,
  caller: Caller,
  { span, nowMs }: { readonly span: Span; readonly nowMs: number },
): Promise<NanoDollars> {
  const purse = purseOf(caller);
  const isWhole = span.fromMs === undefined && span.toMs === undefined;
  if (isWhole && purse !== null) return await sumSpent(db, shareOf(purse, nowMs));
  const whose =
    purse?.kind === "key" ? { keyId: BigInt(caller.keyId) } : { userId: BigInt(caller.userId) };
  const filters = {
    fromMs: span.fromMs ?? 0,
    toMs: span.toMs ?? Number.MAX_SAFE_INTEGER,
    ...whose,
  };
  const [sums] = await sumUsage(db, { filters, by: [], everyMs: undefined, limit: 1 });
  return sums?.cost ?? 0n;
}

function shareOf({ kind, id, rule }: Purse, nowMs: number): BudgetShare {
  const period = rule === null ? wholeTime : periodAt(rule.period, rule.timeZone, nowMs);
  return { kind, id, period: period.name };
}
