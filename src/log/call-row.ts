/** A finished call as its table row. */
import { dayOf } from "../store/calls.ts";
import type { NewCallRow } from "../store/calls.ts";
import type { CallRecord } from "./call-record.ts";

/** The row of a call on a node. Cache writes of both lifetimes share one column; the cost already tells them apart. */
export function callRow(record: CallRecord, nodeId: string): NewCallRow {
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
