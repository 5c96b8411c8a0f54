/** What a batch of finished calls adds up to. Promise: sums are exact, and in the order of their keys, so that no two settlements wait for each other in a ring. */
import type { BudgetShare } from "../core/budget-rule.ts";
import type { NanoDollars } from "../core/money.ts";
import { fittingCall } from "./calls.ts";
import type { NewCallRow } from "./calls.ts";
import type { NewJob } from "./jobs.ts";

/** One call as it is settled. */
export interface SettledCall {
  readonly row: NewCallRow;
  readonly shares: readonly SettledShare[];
  /** JSON; null: none. */
  readonly details: string | null;
  /** The job that it began; null: none. */
  readonly job: NewJob | null;
}

export interface SettledShare extends BudgetShare {
  readonly amount: NanoDollars;
}

/** Sums of one bucket of one node. */
export interface RollupSums {
  readonly bucket: bigint;
  readonly keyId: bigint;
  readonly userId: bigint;
  readonly group: string;
  readonly model: string;
  readonly channelId: bigint;
  calls: bigint;
  failed: bigint;
  inputTokens: bigint;
  cacheReadTokens: bigint;
  cacheWriteTokens: bigint;
  outputTokens: bigint;
  reasoningTokens: bigint;
  cost: bigint;
  channelCost: bigint;
}

export interface FoldedBatch {
  /** In the order of their keys, each call id once. */
  readonly calls: readonly SettledCall[];
  readonly shares: readonly SettledShare[];
  readonly rollups: readonly RollupSums[];
}

/** Milliseconds of a bucket. */
const rollupSpanMs = 900_000;

/** Outcomes of calls that were not answered whole, through no wish of the caller. */
const failedOutcomes: readonly string[] = ["failed", "cut", "interrupted"];

/** Cuts what does not fit its column, so that rows and sums bear the same names. */
export function fitCall(call: SettledCall): SettledCall {
  return { ...call, row: fittingCall(call.row) };
}

/** Folds calls whose rows fit; of a call id that comes twice, the first counts. */
export function foldBatch(calls: readonly SettledCall[]): FoldedBatch {
  const once = new Map<string, SettledCall>();
  for (const call of calls) if (!once.has(call.row.call_id)) once.set(call.row.call_id, call);
  const shares = new Map<string, SettledShare>();
  const rollups = new Map<string, RollupSums>();
  for (const { row, shares: own } of once.values()) {
    for (const share of own) addShare(shares, share);
    addToRollup(rollups, row);
  }
  return {
    calls: byKey(once),
    shares: byKey(shares),
    rollups: byKey(rollups),
  };
}

function addShare(sums: Map<string, SettledShare>, share: SettledShare): void {
  const { kind, id, period, amount } = share;
  const key = `${kind} ${String(id).padStart(16, "0")} ${period}`;
  sums.set(key, { kind, id, period, amount: (sums.get(key)?.amount ?? 0n) + amount });
}

function addToRollup(sums: Map<string, RollupSums>, row: NewCallRow): void {
  const admitted = BigInt(row.admitted_at);
  const bucket = admitted - (admitted % BigInt(rollupSpanMs));
  const channelId = BigInt(row.channel_id ?? 0);
  const key = JSON.stringify([
    String(bucket),
    String(row.key_id),
    String(row.user_id),
    row.group,
    row.model_billed,
    String(channelId),
  ]);
  let sum = sums.get(key);
  if (sum === undefined) {
    const { key_id: keyId, user_id: userId, group, model_billed: model } = row;
    sum = {
      bucket,
      keyId: BigInt(keyId),
      userId: BigInt(userId),
      group,
      model,
      channelId,
      ...zero,
    };
    sums.set(key, sum);
  }
  sum.calls += 1n;
  if (failedOutcomes.includes(row.outcome)) sum.failed += 1n;
  sum.inputTokens += BigInt(row.input_tokens);
  sum.cacheReadTokens += BigInt(row.cache_read_tokens);
  sum.cacheWriteTokens += BigInt(row.cache_write_tokens);
  sum.outputTokens += BigInt(row.output_tokens);
  sum.reasoningTokens += BigInt(row.reasoning_tokens);
  sum.cost += BigInt(row.cost);
  sum.channelCost += BigInt(row.channel_cost ?? 0n);
}

const zero = {
  calls: 0n,
  failed: 0n,
  inputTokens: 0n,
  cacheReadTokens: 0n,
  cacheWriteTokens: 0n,
  outputTokens: 0n,
  reasoningTokens: 0n,
  cost: 0n,
  channelCost: 0n,
} as const;

function byKey<T>(sums: ReadonlyMap<string, T>): readonly T[] {
  return [...sums.keys()].sort().map((key) => sums.get(key) as T);
}
