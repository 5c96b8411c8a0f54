/**
 * Whether what budgets and balances say agrees with rows of calls and entries. Exact for as long as the rows of a
 * budget's period are there; of budgets that never end, closing entries stand for rows that went.
 */
import { sql } from "kysely";
import type { BudgetKind } from "../core/budget-rule.ts";
import type { NanoDollars } from "../core/money.ts";
import { periodAt } from "../core/periods.ts";
import { selectBudgetTotals, spentOf } from "./budgets.ts";
import { groupIds } from "./closing-entries.ts";
import { periodKind } from "./counted-budgets.ts";
import type { Sql } from "./database.ts";
import { sumCounted, totalAccounts } from "./ledger-accounts.ts";
import type { Discrepancy } from "./ledger-checks.ts";
import { currentDay, dayLengthMs, oldestDay, readClosedDay } from "./ledger-days.ts";

interface CountedBudget {
  readonly kind: BudgetKind;
  readonly id: bigint;
  readonly period: string;
  /** Settled and in leases. */
  readonly spent: NanoDollars;
}

async function readBudgets(db: Sql): Promise<readonly CountedBudget[]> {
  const rows = await selectBudgetTotals(db).execute();
  return rows.map((row) => ({
    kind: row.kind as BudgetKind,
    id: row.entity_id,
    period: row.period,
    spent: spentOf(row),
  }));
}

/** What budgets say was spent, against the rows that count against them. */
export async function checkBudgets(db: Sql): Promise<readonly Discrepancy[]> {
  const budgets = await readBudgets(db);
  const groups = new Map([...(await groupIds(db))].map(([symbol, id]) => [id, symbol]));
  const expected = await makeExpectations(db);
  const faults: Discrepancy[] = [];
  for (const [, some] of Map.groupBy(budgets, ({ kind, period }) => `${kind} ${period}`)) {
    const [first] = some;
    const sumsById = first && (await expected(first.kind, first.period));
    if (sumsById === undefined) continue;
    for (const { kind, id, period, spent } of some) {
      // What a group's calls cost cannot be told any more once nobody knows its symbol.
      const name = kind === "group" ? groups.get(id) : String(id);
      const sum = name === undefined ? spent : (sumsById.get(name) ?? 0n);
      if (sum === spent) continue;
      const account = `${kind} ${id} ${period}`;
      faults.push({
        check: "budget",
        day: null,
        account,
        of: "spent",
        expected: sum,
        found: spent,
      });
    }
  }
  return faults;
}

type Expectations = (
  kind: BudgetKind,
  period: string,
) => Promise<ReadonlyMap<string, bigint> | undefined>;

/** Undefined of a period whose rows are not all there any more. */
async function makeExpectations(db: Sql): Promise<Expectations> {
  const dropped = await readDroppedDays(db);
  const today = await currentDay(db);
  const first = (await oldestDay(db)) ?? today;
  // A day in the far future: of clocks that are ahead.
  const all = { firstDay: Math.min(first, today), lastDay: 1_000_000 };
  return async (kind, period) => {
    if (period === "total") {
      const rows = await sumCounted(db, kind, "total", { ...all, exceptDays: dropped.dropping });
      return addClosed(rows, await sumTotalEntries(db, kind, dropped.all));
    }
    const bounds = boundsOf(period);
    if (bounds === undefined) return undefined;
    const firstDay = Math.floor(bounds.startMs / dayLengthMs);
    const lastDay = Math.floor((bounds.endMs - 1) / dayLengthMs);
    if (dropped.all.some((day) => day >= firstDay && day <= lastDay)) return undefined;
    const span = { firstDay, lastDay, fromMs: bounds.startMs, toMs: bounds.endMs };
    return await sumCounted(db, kind, periodKind(period), span);
  };
}

function addClosed(
  rows: ReadonlyMap<string, bigint>,
  closed: ReadonlyMap<string, bigint>,
): ReadonlyMap<string, bigint> {
  const both = new Map(rows);
  for (const [name, amount] of closed) both.set(name, (both.get(name) ?? 0n) + amount);
  return both;
}

interface DroppedDays {
  readonly all: readonly number[];
  /** Of these, those whose rows are going. */
  readonly dropping: readonly number[];
}

async function readDroppedDays(db: Sql): Promise<DroppedDays> {
  const rows = await db
    .selectFrom("account_entries")
    .select(["day", "remark"])
    .where("account_kind", "=", "day")
    .where("kind", "=", "dropped")
    .orderBy("id")
    .execute();
  const states = new Map(rows.map((row) => [row.day ?? 0, row.remark]));
  const days = [...states.keys()];
  return { all: days, dropping: days.filter((day) => states.get(day) === "dropping") };
}

/** What closing entries of days without rows say of budgets that never end. */
async function sumTotalEntries(
  db: Sql,
  kind: BudgetKind,
  days: readonly number[],
): Promise<ReadonlyMap<string, bigint>> {
  const totals = new Map<string, bigint>();
  const account = totalAccounts[kind];
  for (const day of days) {
    const closed = await readClosedDay(db, day);
    for (const [name, amount] of closed.allSums) {
      if (!name.startsWith(`${account} `)) continue;
      const id = name.slice(account.length + 1);
      // What was closed since the rows went stands in rows again.
      const late = closed.state === "dropped" ? 0n : lateOf(closed, name);
      totals.set(id, (totals.get(id) ?? 0n) + amount - late);
    }
  }
  return totals;
}

function lateOf(closed: Awaited<ReturnType<typeof readClosedDay>>, name: string): bigint {
  return closed.state === "closed" ? (closed.sums.get(name) ?? 0n) : 0n;
}

/** The begin and the end of a period by its name: `day:2026-11-23@Asia/Kathmandu`. */
function boundsOf(name: string): { readonly startMs: number; readonly endMs: number } | undefined {
  const [, date = "", zone = ""] = /^\w+:(\d{4}-\d{2}-\d{2})@(.+)$/.exec(name) ?? [];
  const noon = Date.parse(`${date}T12:00:00Z`);
  if (Number.isNaN(noon)) return undefined;
  // Somewhere within a day of noon UTC the date begins in every zone.
  for (const hours of [0, -24, 24, -12, 12]) {
    const period = periodAt(periodKind(name), zone, noon + hours * 3_600_000);
    if (period.name === name) return period;
  }
  return undefined;
}

/** What balances say was put in, against the entries that say so. */
export async function checkBalances(db: Sql): Promise<readonly Discrepancy[]> {
  const credited = await db
    .selectFrom("budgets")
    .select(["entity_id as id", "credited as amount"])
    .where("kind", "=", "balance")
    .where("period", "=", "total")
    .execute();
  const entries = await db
    .selectFrom("account_entries")
    .select(["account_id as id", sql<bigint>`sum(amount)`.as("amount")])
    .where("account_kind", "=", "user")
    .where("kind", "not in", ["closing", "dropped"])
    .groupBy("account_id")
    .execute();
  const expected = new Map(entries.map(({ id, amount }) => [id, amount]));
  const found = new Map(credited.map(({ id, amount }) => [id, amount]));
  return [...new Set([...expected.keys(), ...found.keys()])].flatMap((id): Discrepancy[] => {
    const sum = expected.get(id) ?? 0n;
    const amount = found.get(id) ?? 0n;
    if (sum === amount) return [];
    const account = `user ${id}`;
    return [{ check: "balance", day: null, account, of: "credited", expected: sum, found: amount }];
  });
}
