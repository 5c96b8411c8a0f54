/**
 * Finished calls into SQL: rows, what they take of budgets, roll-ups, and the jobs that they began, in one transaction
 * each. Promises: a stretch
 * of a journal is settled once, however often it is tried and whatever answer was lost (the cursor is compared and set
 * in the same transaction); a call id is charged once; only rows of this node are touched, so that nodes never wait for
 * each other, but for calls of a day that is long over.
 */
import type { Sql } from "./database.ts";
import { engineOf, nowMs } from "./dialect.ts";
import type { BulkRow } from "./bulk-insert.ts";
import { bulkInsert } from "./bulk-insert.ts";
import { callColumns } from "./calls.ts";
import { insertUnlessThere } from "./insert-unless-there.ts";
import { insertJobs } from "./jobs.ts";
import { bookLateCalls } from "./late-calls.ts";
import type { StartedJob } from "./jobs.ts";
import { violatedUnique } from "./sql-errors.ts";
import { retried } from "./transaction.ts";
import { addRollupRows, rollupSpan } from "./rollups.ts";
import { fitCall, foldBatch } from "./settlement-batch.ts";
import type { FoldedBatch, RollupSums, SettledCall, SettledShare } from "./settlement-batch.ts";

/** A stretch of one journal. */
export interface Settlement {
  readonly nodeId: string;
  readonly incarnation: string;
  /** Where the cursor must stand. */
  readonly from: bigint;
  /** Where it stands afterwards. */
  readonly to: bigint;
  /** Ms UTC: what this process admitted before is settled with it; 0: not known. */
  readonly settledUntilMs: number;
  readonly calls: readonly SettledCall[];
}

/** Where the cursor of a journal stands that is settled to its end and gone. */
export const sealedPosition = 2n ** 62n;

/** Settlement as the log uses it; simulations put another database behind it. */
export interface SettlementStore {
  /** Where the journal's cursor stands; it begins at 0. */
  openCursor(nodeId: string, incarnation: string): Promise<bigint>;
  /** False: the cursor was not at `from`, and nothing was written. Rejects where nothing is known. */
  settle(settlement: Settlement): Promise<boolean>;
  /** No day waits any longer for journals of this node that are gone from its disk. */
  forgoOthers(nodeId: string, present: readonly string[]): Promise<void>;
}

export function makeSettlementStore(db: Sql): SettlementStore {
  const budgets = new Set<string>();
  return {
    openCursor: (nodeId, incarnation) => openCursor(db, nodeId, incarnation),
    settle: (settlement) => retried(() => settle(db, settlement, budgets)),
    forgoOthers: (nodeId, present) => forgoOthers(db, nodeId, present),
  };
}

async function openCursor(db: Sql, nodeId: string, incarnation: string): Promise<bigint> {
  const find = (): Promise<{ position: bigint } | undefined> =>
    db
      .selectFrom("journal_cursors")
      .select("position")
      .where("node_id", "=", nodeId)
      .where("incarnation", "=", incarnation)
      .executeTakeFirst();
  const found = await find();
  if (found !== undefined) return found.position;
  const cursor = { node_id: nodeId, incarnation, updated_at: nowMs(engineOf(db)) };
  await insertUnlessThere(db, "journal_cursors", cursor);
  return (await find())?.position ?? 0n;
}

async function forgoOthers(db: Sql, nodeId: string, present: readonly string[]): Promise<void> {
  await db
    .updateTable("journal_cursors")
    // Not sealed: a copied disk may have given a living process the same name, and its calls must still be settled.
    .set({ settled_until: sealedPosition })
    .where("node_id", "=", nodeId)
    .where("position", "<", sealedPosition)
    .where("incarnation", "not in", ["", ...present])
    .execute();
}

async function settle(db: Sql, settlement: Settlement, budgets: Set<string>): Promise<boolean> {
  const calls = settlement.calls.map(fitCall);
  const batch = foldBatch(calls);
  await ensureBudgets(db, batch.shares, budgets);
  try {
    return await apply(db, settlement, () => Promise.resolve(batch));
  } catch (error) {
    if (violatedUnique(error) === undefined) throw error;
    // A copy of a journal, or lines that were written twice: what is charged already is left out.
    return await apply(db, settlement, async (trx) => foldBatch(await unknownCalls(trx, calls)));
  }
}

/** Spending of a period has a place: made before, on its own, since all nodes share that row. */
async function ensureBudgets(
  db: Sql,
  shares: readonly SettledShare[],
  known: Set<string>,
): Promise<void> {
  const name = ({ kind, id, period }: SettledShare): string => `${kind} ${id} ${period}`;
  const missing = shares.filter((share) => !known.has(name(share)));
  if (missing.length === 0) return;
  const rows = missing.map(({ kind, id, period }) => ({ kind, entity_id: BigInt(id), period }));
  for (let at = 0; at < rows.length; at += 200)
    await insertUnlessThere(db, "budgets", rows.slice(at, at + 200));
  if (known.size > mostKnown) known.clear();
  for (const share of missing) known.add(name(share));
}

const mostKnown = 100_000;

async function apply(
  db: Sql,
  settlement: Settlement,
  makeBatch: (trx: Sql) => Promise<FoldedBatch>,
): Promise<boolean> {
  const { nodeId } = settlement;
  return await db
    .transaction()
    .setIsolationLevel("read committed")
    .execute(async (trx) => {
      if (!(await moveCursor(trx, settlement))) return false;
      const batch = await makeBatch(trx);
      const rows = batch.calls.map(({ row }) => row);
      await bookLateCalls(trx, rows);
      await bulkInsert(trx, { table: "calls", columns: callColumns }, batch.calls.map(rowOf));
      await insertDetails(trx, batch.calls);
      await insertJobs(trx, batch.calls.flatMap(startedJob));
      await addShares(trx, nodeId, batch.shares);
      await addRollups(trx, nodeId, batch.rollups);
      return true;
    });
}

async function moveCursor(trx: Sql, settlement: Settlement): Promise<boolean> {
  const { nodeId, incarnation, from, to, settledUntilMs } = settlement;
  const { numUpdatedRows } = await trx
    .updateTable("journal_cursors")
    .set({
      position: to,
      updated_at: nowMs(engineOf(trx)),
      ...(settledUntilMs > 0 && { settled_until: BigInt(Math.floor(settledUntilMs)) }),
    })
    .where("node_id", "=", nodeId)
    .where("incarnation", "=", incarnation)
    .where("position", "=", from)
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}

async function unknownCalls(
  trx: Sql,
  calls: readonly SettledCall[],
): Promise<readonly SettledCall[]> {
  const known = new Set<string>();
  for (const day of new Set(calls.map(({ row }) => row.day))) {
    const ids = calls.filter(({ row }) => row.day === day).map(({ row }) => row.call_id);
    for (let at = 0; at < ids.length; at += 500) {
      const rows = await trx
        .selectFrom("calls")
        .select("call_id")
        .where("day", "=", day)
        .where("call_id", "in", ids.slice(at, at + 500))
        .execute();
      for (const row of rows) known.add(row.call_id);
    }
  }
  return calls.filter(({ row }) => !known.has(row.call_id));
}

function rowOf({ row }: SettledCall): BulkRow {
  const values = row as unknown as Readonly<Record<string, BulkRow[number] | undefined>>;
  return callColumns.map((column) => values[column] ?? null);
}

function startedJob({ row, job }: SettledCall): readonly StartedJob[] {
  if (job === null) return [];
  const { admitted_at: begunAt, key_id: keyId, user_id: userId } = row;
  return [{ ...job, keyId: BigInt(keyId), userId: BigInt(userId), begunAt: BigInt(begunAt) }];
}

async function insertDetails(trx: Sql, calls: readonly SettledCall[]): Promise<void> {
  const rows = calls.flatMap(({ row, details }) =>
    details === null ? [] : [[row.day, row.call_id, details] as const],
  );
  // Of an earlier row that was dropped apart from its call, the new one is as good.
  const onConflict = { key: ["day", "call_id"], add: [], replace: ["content"] };
  const insert = {
    table: "call_details",
    columns: ["day", "call_id", "content"],
    onConflict,
  } as const;
  await bulkInsert(trx, insert, rows);
}

const shareKey = ["kind", "entity_id", "period", "node_id"] as const;

/** Where this node has no lease (any more), a row that grants nothing, and never was renewed, holds what was spent. */
async function addShares(trx: Sql, nodeId: string, shares: readonly SettledShare[]): Promise<void> {
  if (shares.length === 0) return;
  const rows = shares.map(({ kind, id, period, amount }) => [
    kind,
    BigInt(id),
    period,
    nodeId,
    0n,
    0n,
    amount,
    0,
    0n,
  ]);
  const columns = [...shareKey, "fence", "granted", "spent", "recalled", "renewed_at"];
  const onConflict = { key: shareKey, add: ["spent"] };
  await bulkInsert(trx, { table: "budget_leases", columns, onConflict }, rows);
}

async function addRollups(trx: Sql, nodeId: string, sums: readonly RollupSums[]): Promise<void> {
  const rows = sums.map((sum) => ({
    span: rollupSpan,
    bucket: sum.bucket,
    key_id: sum.keyId,
    user_id: sum.userId,
    group: sum.group,
    model: sum.model,
    channel_id: sum.channelId,
    node_id: nodeId,
    calls: sum.calls,
    failed: sum.failed,
    input_tokens: sum.inputTokens,
    cache_read_tokens: sum.cacheReadTokens,
    cache_write_tokens: sum.cacheWriteTokens,
    output_tokens: sum.outputTokens,
    reasoning_tokens: sum.reasoningTokens,
    cost: sum.cost,
    channel_cost: sum.channelCost,
  }));
  await addRollupRows(trx, rows);
}
