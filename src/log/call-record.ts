/** One finished call, ready to be written as a row. */
import type { DialectId, Operation } from "../wire/call.ts";
import type { Usage } from "../wire/usage.ts";
import type { NanoDollars } from "../core/money.ts";

export interface CallRecord {
  readonly callId: string;
  /** Business time of the admission, ms UTC. */
  readonly admittedAtMs: number;
  readonly keyId: number;
  readonly userId: number;
  /** Group that answered (the fallback group where that one did). */
  readonly group: string;
  readonly channelId: number | null;
  readonly dialect: DialectId;
  readonly operation: Operation;
  readonly modelAsked: string;
  readonly modelBilled: string;
  readonly modelSent: string | null;
  readonly modelReported: string | null;
  /** Status shown to the caller. */
  readonly status: number;
  readonly error: string | null;
  readonly outcome: "complete" | "cut" | "caller_gone" | "failed";
  readonly stream: boolean;
  readonly attempts: number;
  readonly usage: Usage;
  readonly unpriced: boolean;
  readonly cost: NanoDollars;
  readonly priceId: number | null;
  /** Snapshot revision that the call was served from. */
  readonly revision: number;
  readonly firstByteMs: number | null;
  readonly durationMs: number;
  readonly endUser: string | null;
  readonly address: string;
}

/** Takes finished calls; never waits and never throws on the path of a call. */
export interface CallLog {
  record(call: CallRecord): void;
  /** Writes out all that is held; resolves when it lies in the database or the journal. */
  close(): Promise<void>;
}
