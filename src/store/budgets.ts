/** What budgets have spent, and who was told of it. */
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

/** What was spent of a budget, as far as it was handed in. */
export async function sumSpent(db: Sql, share: BudgetShare): Promise<NanoDollars> {
  // One statement: a lease that is folded between two reads would be counted twice or not at all.
  const { settled } = await db
    .selectNoFrom((select) => [
      select
        .selectFrom("budgets")
        .select("settled")
        .where((where) => where.and(budgetKey(share)))
        .as("settled"),
      select
        .selectFrom("budget_leases")
        .select(sql<bigint | null>`sum(spent)`.as("spent"))
        .where((where) => where.and(budgetKey(share)))
        .as("leased"),
    ])
    .executeTakeFirstOrThrow()
    .then((row) => ({ settled: (row.settled ?? 0n) + (row.leased ?? 0n) }));
  return settled;
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
  // One transaction: a lease that ends between two reads would be counted twice or not at all.
  const [budgets, leases, alerts] = await db
    .transaction()
    .setAccessMode("read only")
    .setIsolationLevel("repeatable read")
    .execute(async (trx) => {
      const keys = shares.map(budgetKey);
      return [
        await trx
          .selectFrom("budgets")
          .selectAll()
          .where((where) => where.or(keys.map((key) => where.and(key))))
          .execute(),
        await trx
          .selectFrom("budget_leases")
          .selectAll()
          .where((where) => where.or(keys.map((key) => where.and(key))))
          .execute(),
        await trx
          .selectFrom("budget_alerts")
          .selectAll()
          .where((where) => where.or(keys.map((key) => where.and(key))))
          .orderBy("percent")
          .execute(),
      ] as const;
    });
  return shares.map((share) => {
    const isIts = (row: { kind: string; entity_id: bigint; period: string }): boolean =>
      row.kind === share.kind && Number(row.entity_id) === share.id && row.period === share.period;
    const budget = budgets.find(isIts);
    const own = leases.filter(isIts);
    return {
      share,
      credited: budget?.credited ?? 0n,
      spent: own.reduce((sum, { spent }) => sum + spent, budget?.settled ?? 0n),
      held: own.reduce(
        (sum, { granted, spent }) => (granted > spent ? sum + granted - spent : sum),
        0n,
      ),
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
