/** What the rows of calls add up to for each account: one reading for closing a day, for late calls and for checking both. */
import { sql } from "kysely";
import type { BudgetKind } from "../core/budget-rule.ts";
import type { NanoDollars } from "../core/money.ts";
import type { AccountKind } from "./account-entries.ts";
import type { NewCallRow } from "./calls.ts";
import { countedCode } from "./counted-budgets.ts";
import type { Sql } from "./database.ts";

export interface AccountSum {
  readonly kind: AccountKind;
  /** Id, or a group's symbol; the day's number for `day`. */
  readonly name: string;
  readonly amount: NanoDollars;
  readonly calls: bigint;
}

/** What names the budgets that never end, whose spending outlives the rows of calls. */
export const totalAccounts: Readonly<Record<BudgetKind, AccountKind>> = {
  key: "key_total",
  user: "user_total",
  balance: "balance",
  group: "group_total",
  channel: "channel_total",
};

const budgetColumns: Readonly<Record<BudgetKind, "key_id" | "user_id" | "group" | "channel_id">> = {
  key: "key_id",
  user: "user_id",
  balance: "user_id",
  group: "group",
  channel: "channel_id",
};

/** Every account's sum of a day's rows; channels by what the operator pays. */
export async function sumDay(db: Sql, day: number): Promise<readonly AccountSum[]> {
  const whole = await db
    .selectFrom("calls")
    .select([sql<bigint>`count(*)`.as("calls"), sql<bigint | null>`sum(cost)`.as("amount")])
    .where("day", "=", day)
    .executeTakeFirstOrThrow();
  const sums: AccountSum[] = [
    { kind: "day", name: String(day), amount: whole.amount ?? 0n, calls: whole.calls },
  ];
  if (whole.calls === 0n) return sums;
  for (const kind of ["key", "user", "group", "channel"] as const)
    sums.push(...(await sumBy(db, day, kind)));
  for (const kind of ["key", "user", "balance", "group", "channel"] as const)
    sums.push(...(await sumTotals(db, day, kind)));
  return sums;
}

/** The same of rows of one day that are at hand; none may be missing. */
export function sumRows(rows: readonly NewCallRow[]): readonly AccountSum[] {
  const sums = new Map<string, { -readonly [N in keyof AccountSum]: AccountSum[N] }>();
  const add = (kind: AccountKind, name: string, amount: NanoDollars): void => {
    const key = `${kind} ${name}`;
    const sum = sums.get(key) ?? { kind, name, amount: 0n, calls: 0n };
    sums.set(key, { ...sum, amount: sum.amount + amount, calls: sum.calls + 1n });
  };
  for (const row of rows) {
    add("day", String(row.day), BigInt(row.cost));
    for (const kind of ["key", "user", "balance", "group", "channel"] as const) {
      const name = row[budgetColumns[kind]];
      if (name == null) continue;
      const amount = BigInt(row[costColumn(kind)] ?? 0n);
      if (kind !== "balance") add(kind, String(name), amount);
      const { mask, code } = countedCode(kind, "total");
      const counts = ((row.counted ?? 0) & mask) === code;
      if (counts) add(totalAccounts[kind], String(name), amount);
    }
  }
  return [...sums.values()];
}

async function sumBy(
  db: Sql,
  day: number,
  kind: "key" | "user" | "group" | "channel",
): Promise<AccountSum[]> {
  const column = budgetColumns[kind];
  const rows = await db
    .selectFrom("calls")
    .select([
      sql.ref<bigint | string | null>(column).as("name"),
      sql<bigint>`count(*)`.as("calls"),
      sql<bigint>`sum(${sql.ref(costColumn(kind))})`.as("amount"),
    ])
    .where("day", "=", day)
    .groupBy(column)
    .execute();
  return rows.flatMap(({ name, ...sum }) =>
    name === null ? [] : [{ kind, name: String(name), ...sum }],
  );
}

async function sumTotals(db: Sql, day: number, budget: BudgetKind): Promise<AccountSum[]> {
  const rows = await sumCounted(db, budget, "total", { firstDay: day, lastDay: day });
  return [...rows].map(([name, amount]) => ({
    kind: totalAccounts[budget],
    name,
    amount,
    calls: 0n,
  }));
}

function costColumn(kind: string): "cost" | "channel_cost" {
  return kind === "channel" ? "channel_cost" : "cost";
}

/** What calls of some days took of budgets of a kind, by id (a group's: symbol). */
export async function sumCounted(
  db: Sql,
  budget: BudgetKind,
  period: Parameters<typeof countedCode>[1],
  among: {
    readonly firstDay: number;
    readonly lastDay: number;
    /** Ms UTC of the admission: from, inclusive, and to, exclusive. */
    readonly fromMs?: number;
    readonly toMs?: number;
    readonly exceptDays?: readonly number[];
  },
): Promise<ReadonlyMap<string, NanoDollars>> {
  const column = budgetColumns[budget];
  const { mask, code } = countedCode(budget, period);
  const amount = sql.ref<bigint>(costColumn(budget));
  let query = db
    .selectFrom("calls")
    .select([
      sql.ref<bigint | string | null>(column).as("name"),
      sql<bigint>`sum(${amount})`.as("amount"),
    ])
    .where("day", ">=", among.firstDay)
    .where("day", "<=", among.lastDay)
    .where(sql<boolean>`(counted & ${sql.raw(String(mask))}) = ${sql.raw(String(code))}`)
    .groupBy(column);
  if (among.fromMs !== undefined) query = query.where("admitted_at", ">=", BigInt(among.fromMs));
  if (among.toMs !== undefined) query = query.where("admitted_at", "<", BigInt(among.toMs));
  if (among.exceptDays !== undefined && among.exceptDays.length > 0)
    query = query.where("day", "not in", [...among.exceptDays]);
  const rows = await query.execute();
  return new Map(rows.map((row) => [String(row.name), row.amount]));
}
