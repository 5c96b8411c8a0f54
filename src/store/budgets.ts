/** What budgets have spent, and who was told of it. */
import type { RawBuilder } from "kysely";
import { sql } from "kysely";
import type { BudgetKind, BudgetShare } from "../core/budget-rule.ts";
import type { NanoDollars } from "../core/money.ts";
import type { Sql } from "./database.ts";
import { engineOf, nowMs } from "./dialect.ts";
import { violatedUnique } from "./sql-errors.ts";

/** The columns that name a budget's row. */
export function budgetKey({ kind, id, period }: BudgetShare) {
  return { kind, entity_id: BigInt(id), period };
}

/** That a row of a query over several tables is one of these budgets'. */
export function isAmong(
  table: "budgets" | "budget_leases",
  shares: readonly BudgetShare[],
): RawBuilder<boolean> {
  const is = (column: string, value: string | bigint) =>
    sql`${sql.ref(`${table}.${column}`)} = ${value}`;
  const each = shares.map(
    ({ kind, id, period }) =>
      sql`(${is("kind", kind)} and ${is("entity_id", BigInt(id))} and ${is("period", period)})`,
  );
  return sql<boolean>`(${sql.join(each, sql` or `)})`;
}

const heldSum = sql<bigint | null>`sum(case
  when budget_leases.granted > budget_leases.spent then budget_leases.granted - budget_leases.spent
  else 0 end)`;

/**
 * Every budget with what its leases sum up to; a row for each. One statement: a lease that is folded between two reads
 * would be counted twice or not at all.
 */
export function selectBudgetTotals(db: Sql) {
  return db
    .selectFrom("budgets")
    .leftJoin("budget_leases", (join) =>
      join
        .onRef("budget_leases.kind", "=", "budgets.kind")
        .onRef("budget_leases.entity_id", "=", "budgets.entity_id")
        .onRef("budget_leases.period", "=", "budgets.period"),
    )
    .select(["budgets.kind", "budgets.entity_id", "budgets.period"])
    .select(["budgets.credited", "budgets.settled"])
    .select([sql<bigint | null>`sum(budget_leases.spent)`.as("leased"), heldSum.as("held")])
    .groupBy(["budgets.kind", "budgets.entity_id", "budgets.period"])
    .groupBy(["budgets.credited", "budgets.settled"]);
}

/** What was spent of it, as far as it was handed in. */
export function spentOf(row: {
  readonly settled: NanoDollars;
  readonly leased: NanoDollars | null;
}): NanoDollars {
  return row.settled + (row.leased ?? 0n);
}

/** What was spent of one budget, as far as it was handed in. */
export async function sumSpent(db: Sql, share: BudgetShare): Promise<NanoDollars> {
  const row = await selectBudgetTotals(db)
    .where(isAmong("budgets", [share]))
    .executeTakeFirst();
  return row === undefined ? 0n : spentOf(row);
}

/** True for the one who tells operators. */
export async function insertAlert(db: Sql, share: BudgetShare, percent: number): Promise<boolean> {
  try {
    await db
      .insertInto("budget_alerts")
      .values({ ...budgetKey(share), percent, told_at: nowMs(engineOf(db)) })
      .execute();
    return true;
  } catch (error) {
    if (violatedUnique(error) === undefined) throw error;
    return false;
  }
}

/** Something that has a budget. */
export interface BudgetOwner {
  readonly id: bigint;
  /** What operators call it. */
  readonly name: string;
  /** JSON of the rule; null of a balance. */
  readonly budget: string | null;
}

export interface BudgetOwnerFilter {
  readonly kind: BudgetKind;
  readonly after: bigint;
  readonly limit: number;
  /** Only this one. */
  readonly id?: bigint | undefined;
  /** Only what belongs to this account. */
  readonly userId?: bigint | undefined;
}

/** Those that have a budget of a kind, by id. */
export async function listBudgetOwners(
  db: Sql,
  { kind, after, limit, id, userId }: BudgetOwnerFilter,
): Promise<readonly BudgetOwner[]> {
  const source = ownerTables[kind];
  const text = sql.ref(`${source.table}.${source.name}`);
  let query = db
    .selectFrom(source.table)
    .select(["id", sql<string>`${text}`.as("name"), "budget"])
    .where("id", ">", after)
    .orderBy("id")
    .limit(limit);
  query =
    kind === "balance"
      ? query.where(sql.ref<string>("billing"), "=", "prepaid")
      : query.where("budget", "is not", null);
  if (id !== undefined) query = query.where("id", "=", id);
  if (userId !== undefined)
    query = query.where(sql.ref<bigint>(source.owner ?? "id"), "=", source.owner ? userId : 0n);
  const rows = await query.execute();
  return rows.map((row) => ({ ...row, budget: kind === "balance" ? null : row.budget }));
}

/** `owner`: the column that says whose it is; null: the operator's alone. */
const ownerTables = {
  key: { table: "keys", name: "name", owner: "owner_id" },
  user: { table: "users", name: "username", owner: "id" },
  balance: { table: "users", name: "username", owner: "id" },
  group: { table: "groups", name: "symbol", owner: null },
  channel: { table: "channels", name: "name", owner: null },
} as const satisfies Readonly<Record<BudgetKind, object>>;

/** One budget in one period, as it stands. */
export interface BudgetSums {
  readonly share: BudgetShare;
  readonly credited: NanoDollars;
  /** As far as it was handed in. */
  readonly spent: NanoDollars;
  /** What nodes hold beyond that: reserved by running calls, not handed in yet, or unused. */
  readonly held: NanoDollars;
  readonly alerts: readonly { readonly percent: number; readonly toldAtMs: number }[];
}

/** Sums of budgets, in the order asked for; zeros where nothing was ever spent. */
export async function readBudgetSums(
  db: Sql,
  shares: readonly BudgetShare[],
): Promise<readonly BudgetSums[]> {
  if (shares.length === 0) return [];
  const keys = shares.map(budgetKey);
  const totals = await selectBudgetTotals(db).where(isAmong("budgets", shares)).execute();
  const alerts = await db
    .selectFrom("budget_alerts")
    .selectAll()
    .where((where) => where.or(keys.map((key) => where.and(key))))
    .orderBy("percent")
    .execute();
  return shares.map((share) => {
    const isIts = (row: { kind: string; entity_id: bigint; period: string }): boolean =>
      row.kind === share.kind && Number(row.entity_id) === share.id && row.period === share.period;
    const budget = totals.find(isIts);
    return {
      share,
      credited: budget?.credited ?? 0n,
      spent: budget === undefined ? 0n : spentOf(budget),
      held: budget?.held ?? 0n,
      alerts: alerts
        .filter(isIts)
        .map(({ percent, told_at: toldAt }) => ({ percent, toldAtMs: Number(toldAt) })),
    };
  });
}

/** Names of the periods in which something was spent of a budget. */
export async function listBudgetPeriods(
  db: Sql,
  { kind, id }: Omit<BudgetShare, "period">,
  limit: number,
): Promise<readonly string[]> {
  const rows = await db
    .selectFrom("budgets")
    .select("period")
    .where((where) => where.and({ kind, entity_id: BigInt(id) }))
    .orderBy("period", "desc")
    .limit(limit)
    .execute();
  return rows.map(({ period }) => period);
}
