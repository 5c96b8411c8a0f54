/** One finished call, ready to be written as a row. */
import type { DialectId, Operation } from "../wire/call.ts";
import type { Usage } from "../wire/usage.ts";
import type { BudgetShare } from "../core/budget-rule.ts";
import type { JsonObject } from "../core/json-value.ts";
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
  /** What the operator pays for it. */
  readonly channelCost: NanoDollars;
  /** Tier that the reply stated. */
  readonly serviceTier: string | null;
  /** Budgets it counts against, each with what it takes of it (a channel's counts `channelCost`). */
  readonly shares: readonly SpentShare[];
  /** Kept for a few days: lines of the charge, attempts, usage as the vendor told it. */
  readonly details: JsonObject | null;
  /** The job that the call began at the vendor; left out: none. */
  readonly job?: JobBegun;
}

/** A job that goes on at its vendor when the call that began it is over: what it costs is charged at its own end. */
export interface JobBegun {
  /** `batch`: many requests of a file or a body; `response`: one that runs in the background. */
  readonly kind: "batch" | "response";
  /** The vendor's own id. */
  readonly resource: string;
  readonly channelId: number;
  /** 0: none. */
  readonly credentialId: number;
  /** Budgets of its payers, each in the period of the admission; what is set aside in them bears the call's id. */
  readonly shares: readonly BudgetShare[];
  /** Its call heard its end, and is charged for it. */
  readonly isOver?: true;
  /** What its end is priced by: prices and ratios as they were at the admission. */
  readonly pricing: JsonObject;
}

export interface SpentShare extends BudgetShare {
  readonly amount: NanoDollars;
}

/** A call that was admitted: one without its record was cut by the death of its process, and costs nothing. */
export interface OpenCall {
  readonly callId: string;
  readonly admittedAtMs: number;
  readonly keyId: number;
  readonly userId: number;
  readonly group: string;
  readonly dialect: DialectId;
  readonly operation: Operation;
  readonly model: string;
  readonly address: string;
}

/** Takes calls; never throws on the path of a call. */
export interface CallLog {
  /** An admitted call, on its way to the disk within 100 ms. */
  open(call: OpenCall): void;
  /**
   * A finished one. Resolves when the operating system has it, so that no kill of this process loses it: the caller's
   * last byte waits for that. Never rejects: see `writable`.
   */
  record(call: CallRecord): Promise<void>;
  /** Whether the disk takes records: else callers with budgets are refused, and the node is not ready. */
  readonly writable: boolean;
  /** Resolves when all that the journal holds now, of former processes too, is in SQL; rejects when it is closed before. */
  settled(): Promise<void>;
  /** Writes out all that is held; resolves when it lies in the database or the journal. */
  close(): Promise<void>;
}
