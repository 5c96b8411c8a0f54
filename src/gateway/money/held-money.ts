/** What is set aside for one call, until it is over. Promise kept here: each piece of it is settled, given back or left to a job, once. */
import type { BudgetClaim, Reservation } from "../../budget/budgets.ts";
import type { BudgetShare } from "../../core/budget-rule.ts";
import type { NanoDollars } from "../../core/money.ts";
import type { SpentShare } from "../../log/call-record.ts";
import { type Answering, amountOf, paying } from "./payer-claims.ts";

interface Held {
  readonly reservation: Reservation;
  readonly claims: readonly BudgetClaim[];
}

export class HeldMoney {
  #held: Held[] = [];
  /** What is a job's. */
  #left: Reservation[] = [];

  add(reservation: Reservation, claims: readonly BudgetClaim[]): void {
    this.#held.push({ reservation, claims });
  }

  /** Budgets that pay for what a candidate answered, each with the call's cost. */
  shares(cost: NanoDollars, candidate: Answering | undefined): SpentShare[] {
    const shares: SpentShare[] = [];
    for (const held of this.#held)
      for (const share of payingShares(held, candidate)) shares.push({ ...share, amount: cost });
    return shares;
  }

  /** The call is on record: what it cost takes the place of all that is held. */
  settle(costs: readonly SpentShare[]): void {
    for (const { reservation } of this.#held)
      reservation.settle(reservation.shares.map((share) => amountOf(share, costs)));
    this.#held = [];
    for (const reservation of this.#left) reservation.leave?.();
    this.#left = [];
  }

  /** A job goes on with it: those who pay for it, each holding what it holds. Who does not pay has it back. */
  leave(candidate: Answering | undefined): readonly BudgetShare[] {
    const left: BudgetShare[] = [];
    for (const held of this.#held) {
      const shares = payingShares(held, candidate);
      if (shares.length === 0) held.reservation.release();
      else this.#left.push(held.reservation);
      left.push(...shares);
    }
    this.#held = [];
    return left;
  }
}

function payingShares(
  { reservation, claims }: Held,
  candidate: Answering | undefined,
): readonly BudgetShare[] {
  return reservation.shares.filter((_share, index) => paying(claims[index], candidate));
}
