/**
 * What may still be spent, as the steps of a call ask it. Promises: in the steady state no call waits for the database;
 * a budget is overspent by what running calls cost beyond what was reserved for them, and by nothing else, however many
 * nodes there are; who has no budget is served through any outage.
 */
import type { BudgetKind, BudgetRule, BudgetShare } from "../core/budget-rule.ts";
import type { NanoDollars } from "../core/money.ts";

/** One budget that a call has to fit. */
export interface BudgetClaim {
  readonly kind: BudgetKind;
  readonly id: number;
  /** Null of a balance, whose limit is what was put in. */
  readonly rule: BudgetRule | null;
  /** Nano-dollars that the call may cost this one. */
  readonly amount: NanoDollars;
}

/** What was set aside for one call in all its budgets. */
export interface Reservation {
  /** The budgets, each in the period that the call was admitted in. */
  readonly shares: readonly BudgetShare[];
  /**
   * The call is over: what it cost takes the place of what was reserved. Called once, when the journal has the charge;
   * later calls do nothing. `costs` in the order of `shares`.
   */
  settle(costs: readonly NanoDollars[]): void;
  /** Nothing was spent. */
  release(): void;
  /** Of what was set aside: a job goes on with it, and the journal has the call that began it. */
  leave?(): void;
}

/** A budget that did not have enough, for the refusal. */
export interface Shortage {
  readonly kind: BudgetKind;
  readonly id: number;
  /** What is left of it for this caller to spend, over all nodes. */
  readonly left: NanoDollars;
  /** Ms UTC at which its period ends; Infinity: never. */
  readonly renewsAtMs: number;
}

export type ReserveAnswer =
  | { readonly reserved: true; readonly reservation: Reservation }
  | { readonly reserved: false; readonly shortage: Shortage };

export interface Budgets {
  /**
   * Reserves in all claims or in none. Answers at once where this node's slices suffice.
   * Throws GatewayError `temporarily_unavailable` where the database would have to be asked and cannot be.
   */
  reserve(
    claims: readonly BudgetClaim[],
    admittedAtMs: number,
  ): ReserveAnswer | Promise<ReserveAnswer>;
  /**
   * Reserves for a job, which outlives its call and perhaps this node: in SQL, under the name of `jobHolder`
   * (store/jobs.ts), all claims or none. The reservation's end, either of them, frees what is held; one that is left
   * is the job's. Throws GatewayError `temporarily_unavailable` where the database cannot be asked.
   */
  setAside(
    callId: string,
    claims: readonly BudgetClaim[],
    admittedAtMs: number,
  ): Promise<ReserveAnswer>;
  /**
   * Whether the operator's budget of a channel has something left, as far as this node knows: never waits. What a call
   * cost its channel is told by `spentOn` when the journal has it.
   */
  channelHasLeft(channelId: number, rule: BudgetRule, atMs: number): boolean;
  spentOn(share: BudgetShare, amount: NanoDollars): void;
  /** The budget in the period that an instant lies in: what a record counts against without a reservation. */
  shareOf(claim: Omit<BudgetClaim, "amount">, atMs: number): BudgetShare;
  /** Hands unused slices back; resolves when SQL has them, or cannot be asked. */
  close(): Promise<void>;
}
