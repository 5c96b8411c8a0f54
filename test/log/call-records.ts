// Finished calls as the gateway tells them, for tests of what keeps them.
import type { CallRecord, OpenCall } from "../../src/log/call-record.ts";
import { makeCallId } from "../../src/core/ids.ts";
import type { RandomBytes } from "../../src/core/ids.ts";
import { noUsage } from "../../src/wire/usage.ts";

export const admittedAtMs = 1_800_000_000_000;

export interface RecordOptions extends Partial<CallRecord> {
  readonly random?: RandomBytes;
}

/** A call that cost something, on budgets of key, user and group, and on its channel's. */
export function makeRecord(index: number, options: RecordOptions = {}): CallRecord {
  const { random, ...given } = options;
  const at = given.admittedAtMs ?? admittedAtMs + index;
  const cost = given.cost ?? 1000n + BigInt(index);
  const channelCost = given.channelCost ?? 700n + BigInt(index);
  return {
    callId: makeCallId(at, random),
    admittedAtMs: at,
    keyId: 1,
    userId: 2,
    group: "default",
    channelId: 7,
    dialect: "openai-chat",
    operation: "chat",
    modelAsked: 'modèle\n"x"',
    modelBilled: "m",
    modelSent: "m",
    modelReported: null,
    status: 200,
    error: null,
    outcome: "complete",
    stream: false,
    attempts: 1,
    usage: { ...noUsage, input: 10, output: 5 },
    unpriced: false,
    cost,
    priceId: null,
    revision: 3,
    firstByteMs: 1.5,
    durationMs: 2.5,
    endUser: null,
    address: "127.0.0.1",
    channelCost,
    serviceTier: null,
    shares: [
      { kind: "key", id: 1, period: "total", amount: cost },
      { kind: "user", id: 2, period: "day:2027-01-15@UTC", amount: cost },
      { kind: "group", id: 3, period: "total", amount: cost },
      { kind: "channel", id: 7, period: "total", amount: channelCost },
    ],
    details: { lines: [{ of: "input", amount: "1" }] },
    ...given,
  };
}

export function openOf(record: CallRecord): OpenCall {
  const { callId, keyId, userId, group, dialect, operation, address } = record;
  return {
    callId,
    admittedAtMs: record.admittedAtMs,
    keyId,
    userId,
    group,
    dialect,
    operation,
    model: record.modelAsked,
    address,
  };
}
