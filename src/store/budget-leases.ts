/**
 * Slices of budgets that nodes hold, in SQL. Promise: whoever changes what a node may spend has locked the budget's row
 * first and decides by what stands there, so that what is granted and spent never exceeds what there is.
 */
import { sql } from "kysely";
import type { BudgetKind, BudgetShare } from "../core/budget-rule.ts";
import type { NanoDollars } from "../core/money.ts";
import type { Sql } from "./database.ts";
import { engineOf, nowMs } from "./dialect.ts";
import { insertUnlessThere } from "./insert-unless-there.ts";
import { heldCallId, renewJobLeases } from "./jobs.ts";
import { budgetKey, insertAlert, isAmong, sumSpent } from "./budgets.ts";
import { retried } from "./transaction.ts";

/** What one node holds of a budget in a period. */
export interface BudgetLease {
  readonly nodeId: string;
  /** Another one for each new lease; 0: none was ever granted in this row. */
  readonly fence: bigint;
  readonly granted: NanoDollars;
  readonly spent: NanoDollars;
  readonly recalled: boolean;
  /** Since the holder was last heard of, by the database's clock; 0 of a job that runs. */
  readonly ageMs: number;
}

/** A budget in a period, with its row locked. */
export interface LockedBudget {
  readonly share: BudgetShare;
  readonly credited: NanoDollars;
  readonly settled: NanoDollars;
  readonly leases: readonly BudgetLease[];
}

export type LeaseChange =
  /** This node may have spent so much in all under its lease. */
  | {
      readonly does: "grant";
      readonly share: BudgetShare;
      readonly fence: bigint;
      readonly granted: NanoDollars;
      /** Others still wait for what it does not use. */
      readonly recalled: boolean;
    }
  /** Asks another node to hand back what it does not use. */
  | { readonly does: "recall"; readonly share: BudgetShare; readonly nodeId: string }
  /** Ends a node's lease: what it has spent is settled, the rest is free. */
  | { readonly does: "fold"; readonly share: BudgetShare; readonly nodeId: string };

/** Decides by what stands in SQL. May run several times for one transaction: it changes nothing itself. */
export type DecideLeases = (
  budgets: readonly LockedBudget[],
  nowMs: number,
) => readonly LeaseChange[];

/** One of this node's own leases, as the poll reads it. */
export interface OwnLease {
  readonly share: BudgetShare;
  readonly fence: bigint;
  readonly granted: NanoDollars;
  readonly recalled: boolean;
}

/** Leases as the budgets use them; simulations put another database behind it. */
export interface LeaseStore {
  /** One transaction; rejects with UncertainCommit where it is not known whether it took place. */
  change(nodeId: string, shares: readonly BudgetShare[], decide: DecideLeases): Promise<void>;
  /** Leases of a node that grant something. */
  own(nodeId: string): Promise<readonly OwnLease[]>;
  /** Says that the node lives. */
  renew(nodeId: string): Promise<void>;
  /**
   * Budgets in which some node was not heard of for so long. What running jobs hold is renewed first: nobody but the
   * database speaks for them.
   */
  stale(ageMs: number, limit: number): Promise<readonly BudgetShare[]>;
  /** What was spent of a budget, as far as it was handed in; undefined: nobody ever spent. */
  spent(share: BudgetShare): Promise<NanoDollars>;
  /** True for the one node that tells operators of it. */
  tellAlert(share: BudgetShare, percent: number): Promise<boolean>;
}

export function makeLeaseStore(db: Sql): LeaseStore {
  return {
    change: (nodeId, shares, decide) => retried(() => changeLeases(db, nodeId, shares, decide)),
    own: (nodeId) => listOwnLeases(db, nodeId),
    renew: (nodeId) => retried(() => renewLeases(db, nodeId)),
    stale: async (ageMs, limit) => {
      await retried(() => renewJobLeases(db, ageMs));
      return await listStale(db, ageMs, limit);
    },
    spent: (share) => sumSpent(db, share),
    tellAlert: (share, percent) => insertAlert(db, share, percent),
  };
}

/** Ascending, as rows are locked: two transactions never wait for each other in a ring. */
export function inLockOrder(shares: readonly BudgetShare[]): readonly BudgetShare[] {
  const compare = (left: string, right: string): number =>
    left < right ? -1 : left > right ? 1 : 0;
  return shares.toSorted(
    (left, right) =>
      compare(left.kind, right.kind) || left.id - right.id || compare(left.period, right.period),
  );
}

async function changeLeases(
  db: Sql,
  nodeId: string,
  unordered: readonly BudgetShare[],
  decide: DecideLeases,
): Promise<void> {
  const shares = inLockOrder(unordered);
  if (shares.length === 0) return;
  await db
    .transaction()
    .setIsolationLevel("read committed")
    .execute(async (trx) => {
      const { budgets, now } = await lockBudgets(trx, shares);
      // Budget by budget in the order of the locks.
      for (const change of decide(budgets, Number(now))) await applyChange(trx, nodeId, change);
    });
}

interface Locked {
  readonly budgets: readonly LockedBudget[];
  readonly now: bigint;
}

async function lockBudgets(trx: Sql, shares: readonly BudgetShare[]): Promise<Locked> {
  let rows = await readBudgets(trx, shares);
  if (rows.length < shares.length) {
    await insertUnlessThere(
      trx,
      "budgets",
      shares.map(({ kind, id, period }) => ({ kind, entity_id: BigInt(id), period })),
    );
    rows = await readBudgets(trx, shares);
  }
  const { leases, now } = await readLeases(trx, shares);
  const found = new Map(rows.map((row) => [nameOf(row), row]));
  const byBudget = Map.groupBy(leases, nameOf);
  const budgets = shares.map((share): LockedBudget => {
    const name = shareName(share);
    const row = found.get(name);
    if (row === undefined) throw new Error(`the budget ${name} has no row`);
    const held = (byBudget.get(name) ?? []).map((lease): BudgetLease => ({
      nodeId: lease.node_id,
      fence: lease.fence,
      granted: lease.granted,
      spent: lease.spent,
      recalled: lease.recalled === 1,
      ageMs: lease.running_job === null ? Number(now - lease.renewed_at) : 0,
    }));
    return { share, credited: row.credited, settled: row.settled, leases: held };
  });
  return { budgets, now };
}

function readBudgets(trx: Sql, shares: readonly BudgetShare[]) {
  const query = trx
    .selectFrom("budgets")
    .selectAll()
    .where((where) => where.or(shares.map((share) => where.and(budgetKey(share)))))
    .orderBy("kind")
    .orderBy("entity_id")
    .orderBy("period");
  return (engineOf(trx) === "sqlite" ? query : query.forUpdate()).execute();
}

async function readLeases(trx: Sql, shares: readonly BudgetShare[]) {
  const now = nowMs(engineOf(trx));
  const leases = await trx
    .selectFrom("budget_leases")
    .leftJoin("jobs", (join) =>
      join.on("jobs.call_id", "=", heldCallId).on("jobs.state", "=", "running"),
    )
    .selectAll("budget_leases")
    .select(["jobs.call_id as running_job", now.as("now")])
    .where(isAmong("budget_leases", shares))
    .orderBy("node_id")
    .execute();
  const [first] = leases;
  if (first !== undefined) return { leases, now: first.now };
  const told = await trx.selectNoFrom(now.as("now")).executeTakeFirstOrThrow();
  return { leases, now: told.now };
}

function nameOf(row: { kind: string; entity_id: bigint; period: string }): string {
  return `${row.kind} ${row.entity_id} ${row.period}`;
}

/** A share as one text. */
export function shareName({ kind, id, period }: BudgetShare): string {
  return `${kind} ${id} ${period}`;
}

async function applyChange(trx: Sql, nodeId: string, change: LeaseChange): Promise<void> {
  const { share } = change;
  if (change.does === "grant") return await saveGrant(trx, nodeId, change);
  if (change.does === "fold") return await foldLease(trx, share, change.nodeId);
  await trx
    .updateTable("budget_leases")
    .set({ recalled: 1 })
    .where((where) => where.and({ ...budgetKey(share), node_id: change.nodeId }))
    .execute();
}

/** Settlement may make the row at the same time, hence the upsert; what it added to `spent` stays. */
async function saveGrant(
  trx: Sql,
  nodeId: string,
  { share, fence, granted, recalled }: LeaseChange & { readonly does: "grant" },
): Promise<void> {
  const engine = engineOf(trx);
  const set = { fence, granted, recalled: Number(recalled), renewed_at: nowMs(engine) };
  const insert = trx
    .insertInto("budget_leases")
    .values({ ...budgetKey(share), node_id: nodeId, spent: 0n, ...set });
  await (
    engine === "mysql"
      ? insert.onDuplicateKeyUpdate(set)
      : insert.onConflict((conflict) =>
          conflict.columns(["kind", "entity_id", "period", "node_id"]).doUpdateSet(set),
        )
  ).execute();
}

/** The row is locked before it is read: what its node settles meanwhile waits, and begins a new one. */
async function foldLease(trx: Sql, share: BudgetShare, nodeId: string): Promise<void> {
  const key = { ...budgetKey(share), node_id: nodeId };
  const query = trx
    .selectFrom("budget_leases")
    .select("spent")
    .where((where) => where.and(key));
  const row = await (engineOf(trx) === "sqlite" ? query : query.forUpdate()).executeTakeFirst();
  if (row === undefined) return;
  await trx
    .updateTable("budgets")
    .set({ settled: sql<bigint>`settled + ${row.spent}` })
    .where((where) => where.and(budgetKey(share)))
    .execute();
  await trx
    .deleteFrom("budget_leases")
    .where((where) => where.and(key))
    .execute();
}

async function listOwnLeases(db: Sql, nodeId: string): Promise<readonly OwnLease[]> {
  const rows = await db
    .selectFrom("budget_leases")
    .select(["kind", "entity_id", "period", "fence", "granted", "recalled"])
    .where("node_id", "=", nodeId)
    .where("granted", ">", 0n)
    .execute();
  return rows.map((row) => ({
    share: shareOf(row),
    fence: row.fence,
    granted: row.granted,
    recalled: row.recalled === 1,
  }));
}

function shareOf(row: { kind: string; entity_id: bigint; period: string }): BudgetShare {
  return { kind: row.kind as BudgetKind, id: Number(row.entity_id), period: row.period };
}

async function renewLeases(db: Sql, nodeId: string): Promise<void> {
  await db
    .updateTable("budget_leases")
    .set({ renewed_at: nowMs(engineOf(db)) })
    .where("node_id", "=", nodeId)
    .where("granted", ">", 0n)
    .execute();
}

async function listStale(db: Sql, ageMs: number, limit: number): Promise<readonly BudgetShare[]> {
  const rows = await db
    .selectFrom("budget_leases")
    .select(["kind", "entity_id", "period"])
    .distinct()
    .where("renewed_at", "<=", sql<bigint>`${nowMs(engineOf(db))} - ${BigInt(ageMs)}`)
    .limit(limit)
    .execute();
  return rows.map(shareOf);
}
