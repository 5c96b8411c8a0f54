/** A call as it is settled: its row, what it takes of budgets, what is kept of it for some days. */
import { dayOf } from "../store/calls.ts";
import type { NewCallRow } from "../store/calls.ts";
import { countedBy } from "../store/counted-budgets.ts";
import type { SettledCall } from "../store/settlement-batch.ts";
import type { CallRecord, OpenCall } from "./call-record.ts";
import { newJob } from "./job-content.ts";

/** As the journal has it: nothing is priced anew. `recovered`: a later process writes it for one that died. */
export function settledCall(record: CallRecord, nodeId: string, recovered: boolean): SettledCall {
  const { shares, details } = record;
  return {
    row: { ...callRow(record, nodeId), recovered: Number(recovered), counted: countedBy(shares) },
    shares: shares.filter(({ amount }) => amount !== 0n),
    details: details === null ? null : JSON.stringify(details),
    job: newJob(record),
  };
}

/** A call that the death of its process cut: it costs nothing. */
export function interruptedCall(call: OpenCall, nodeId: string): SettledCall {
  return {
    row: {
      ...openRow(call, nodeId),
      input_tokens: 0n,
      cache_read_tokens: 0n,
      cache_write_tokens: 0n,
      output_tokens: 0n,
      reasoning_tokens: 0n,
      cache_write_1h_tokens: 0n,
      estimated: 0,
      unpriced: 0,
      cost: 0n,
      channel_cost: 0n,
      price_id: null,
    },
    shares: [],
    details: null,
    job: null,
  };
}

type UsageColumn =
  | "input_tokens"
  | "cache_read_tokens"
  | "cache_write_tokens"
  | "output_tokens"
  | "reasoning_tokens"
  | "cache_write_1h_tokens"
  | "estimated"
  | "unpriced"
  | "cost"
  | "channel_cost"
  | "price_id";

function openRow(call: OpenCall, nodeId: string): Omit<NewCallRow, UsageColumn> {
  return {
    day: dayOf(call.admittedAtMs),
    call_id: call.callId,
    admitted_at: BigInt(Math.floor(call.admittedAtMs)),
    node_id: nodeId,
    key_id: BigInt(call.keyId),
    user_id: BigInt(call.userId),
    group: call.group,
    channel_id: null,
    dialect: call.dialect,
    operation: call.operation,
    model_asked: call.model,
    model_billed: call.model,
    model_sent: null,
    model_reported: null,
    status: 0,
    error: null,
    outcome: "interrupted",
    stream: 0,
    attempts: 0,
    revision: 0n,
    first_byte_ms: null,
    duration_ms: 0,
    end_user: null,
    address: call.address,
    service_tier: null,
    recovered: 1,
    counted: 0,
  };
}

/** The row of a call on a node. Cache writes of both lifetimes share one column; the cost already tells them apart. */
function callRow(record: CallRecord, nodeId: string): NewCallRow {
  const { usage } = record;
  return {
    day: dayOf(record.admittedAtMs),
    call_id: record.callId,
    admitted_at: BigInt(Math.floor(record.admittedAtMs)),
    node_id: nodeId,
    key_id: BigInt(record.keyId),
    user_id: BigInt(record.userId),
    group: record.group,
    channel_id: record.channelId === null ? null : BigInt(record.channelId),
    dialect: record.dialect,
    operation: record.operation,
    model_asked: record.modelAsked,
    model_billed: record.modelBilled,
    model_sent: record.modelSent,
    model_reported: record.modelReported,
    status: record.status,
    error: record.error,
    outcome: record.outcome,
    stream: Number(record.stream),
    attempts: record.attempts,
    input_tokens: BigInt(usage.input),
    cache_read_tokens: BigInt(usage.cacheRead),
    cache_write_tokens: BigInt(usage.cacheWrite5m + usage.cacheWrite1h),
    output_tokens: BigInt(usage.output),
    reasoning_tokens: BigInt(usage.reasoning),
    estimated: Number(usage.estimated),
    unpriced: Number(record.unpriced),
    cost: record.cost,
    price_id: record.priceId === null ? null : BigInt(record.priceId),
    revision: BigInt(record.revision),
    first_byte_ms: record.firstByteMs === null ? null : Math.round(record.firstByteMs),
    duration_ms: Math.round(record.durationMs),
    end_user: record.endUser,
    address: record.address,
    cache_write_1h_tokens: BigInt(usage.cacheWrite1h),
    channel_cost: record.channelCost,
    service_tier: record.serviceTier,
  };
}
