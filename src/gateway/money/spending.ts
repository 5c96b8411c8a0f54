/**
 * The money side of one call: what is set aside before it, what bars an attempt, what it counts against afterwards.
 * Promises kept here: a caller without budgets and limits costs none of this; whatever was set aside is settled once, or
 * given back, on every way that a call can end.
 */
import type { BudgetShare } from "../../core/budget-rule.ts";
import { GatewayError } from "../../core/errors.ts";
import type { NanoDollars } from "../../core/money.ts";
import type { Budgets } from "../../budget/budgets.ts";
import type { Admission, LimitedUse, Limits } from "../../limit/limits.ts";
import type { CallFacts } from "../../dialects/contract.ts";
import type { SpentShare } from "../../log/call-record.ts";
import type { Candidate, PassedOver } from "../../route/plan.ts";
import type { Group, Snapshot } from "../../sync/entities.ts";
import type { UsageKinds } from "../../wire/usage.ts";
import { CallEstimate, type EstimateParts, costsSomething, noUse } from "./call-estimate.ts";
import { HeldMoney } from "./held-money.ts";
import { attemptSubjects, callSubjects, headerForm } from "./limit-subjects.ts";
import {
  channelSpent,
  notPriced,
  outOfMoney,
  outOfMoneyForJob,
  overLimit,
} from "./money-refusals.ts";
import {
  type Answering,
  type Wanted,
  amountOf,
  groupClaims,
  holds,
  payerClaims,
  payingGroups,
} from "./payer-claims.ts";

/** What calls are bounded by; left out where there are no such rules. */
export interface MoneyParts {
  readonly budgets: Budgets;
  readonly limits: Limits;
}

export interface SpendingParts extends EstimateParts {
  readonly money: MoneyParts;
  /** Whether the journal takes records. */
  readonly recordable: () => boolean;
}

/** Why a candidate is not asked, and what of it bars the attempt. */
export interface Barred {
  readonly what: PassedOver;
  readonly error: GatewayError;
}

/** What the requests of a job may cost. */
export interface JobEstimate {
  /** The one that prices them. */
  readonly group: Group | undefined;
  /** With no more output set aside for each than so many tokens; null: as much as may come. */
  readonly requests: (outputCap: number | null) => NanoDollars;
}

export class Spending {
  readonly #parts: SpendingParts;
  readonly #estimate: CallEstimate;
  readonly #payers: readonly Wanted[];
  /** Whether the payer has a budget at all, whichever group answers. */
  readonly budgeted: boolean;
  #admission: Admission | undefined;
  #attemptAdmission: Admission | undefined;
  readonly #held = new HeldMoney();
  /** Who pays without that anything was set aside. */
  #owing: readonly Wanted[] = [];
  readonly #groupsHeld = new Set<string>();
  /** Whether what is set aside outlives the call. */
  #isJob = false;

  constructor(parts: SpendingParts) {
    this.#parts = parts;
    this.#estimate = new CallEstimate(parts);
    this.#payers = payerClaims(parts.caller);
    this.budgeted =
      costsSomething(parts.request) &&
      (this.#payers.length > 0 || payingGroups(parts).some((group) => group.budget !== null));
  }

  /** What is asked. `textBytes`: of the request, asked for large ones alone; `kinds`: units that it counts itself. */
  asked(facts: CallFacts, textBytes: () => number, kinds: UsageKinds = {}): void {
    this.#estimate.asked(facts, textBytes, kinds);
  }

  /** Takes from the limits of key, account, group and model. Rejects with `rate_limit_exceeded`. */
  async admit(
    model: string,
    tell: (headers: Readonly<Record<string, string>>) => void,
  ): Promise<void> {
    const { caller, snapshot, money } = this.#parts;
    const subjects = callSubjects(caller, snapshot, model);
    if (subjects.length === 0) return;
    const asked = money.limits.admit(subjects, model, this.#estimate.limitedUse(subjects));
    const answer = asked instanceof Promise ? await asked : asked;
    const told = answer.admitted ? answer.admission : answer.reached;
    tell(told.headers(headerForm(this.#parts.request)));
    if (!answer.admitted) throw overLimit(answer.reached);
    this.#admission = answer.admission;
  }

  /**
   * Sets aside what the call may cost its payer at the dearest of its channels. Rejects with `insufficient_quota`,
   * `model_not_priced` or `temporarily_unavailable`.
   */
  async reserve(): Promise<void> {
    const { refusesUnpriced } = this;
    if (!this.budgeted && !refusesUnpriced) return;
    if (refusesUnpriced && this.#estimate.cost() === undefined)
      throw notPriced(this.#estimate.model);
    if (!this.budgeted) return;
    this.#checkRecordable();
    await this.#claim(this.#payers);
  }

  /** What is set aside from now on is held until the end of a job that the call begins. */
  beginsJob(): void {
    this.#isJob = true;
  }

  /** Sets aside what a job's requests may cost. Rejects as {@link reserve} does. */
  async reserveJob({ group, requests }: JobEstimate): Promise<void> {
    const { money, admittedAtMs, request } = this.#parts;
    const payers = [...this.#payers, ...groupClaims(group)];
    if (payers.length === 0) return;
    this.#checkRecordable();
    const claims = payers.map((claim) => ({
      ...claim,
      amount: requests(claim.rule?.reserveCap ?? null),
    }));
    const answer = await money.budgets.setAside(request.id, claims, admittedAtMs);
    if (!answer.reserved) throw outOfMoneyForJob(answer.shortage, requests(null));
    this.#held.add(answer.reservation, claims);
  }

  /** The job goes on with what is set aside: its payers. */
  leaveToJob(answering: Answering): readonly BudgetShare[] {
    return this.#held.leave(answering);
  }

  /** Whether the operator refuses to serve this payer what has no price. */
  get refusesUnpriced(): boolean {
    const who = this.#parts.snapshot.settings.unpricedModels;
    if (!costsSomething(this.#parts.request)) return false;
    return who === "nobody" || (who === "without-budget" && this.budgeted);
  }

  #checkRecordable(): void {
    if (this.#parts.recordable()) return;
    throw new GatewayError("temporarily_unavailable", "the call journal cannot be written", {
      retryAfterS: 2,
    });
  }

  /** What bars an attempt at a candidate, which is then passed over; undefined: nothing. */
  async beforeAttempt(candidate: Candidate): Promise<Barred | undefined> {
    const { money, admittedAtMs, snapshot } = this.#parts;
    const { channel, group, model } = candidate;
    const { budget } = channel;
    if (budget !== null && !money.budgets.channelHasLeft(channel.id, budget, admittedAtMs))
      return { what: "channel", error: channelSpent(this.#estimate.model, candidate.groupSymbol) };
    const barred = await this.#groupBars(group);
    if (barred !== undefined) return { what: "group", error: barred };
    if (this.#barsUnpriced(candidate, snapshot))
      return { what: "channel", error: notPriced(candidate.billedModel) };
    const subjects = attemptSubjects(candidate);
    if (subjects.length === 0) return undefined;
    const answer = await money.limits.admit(subjects, model, this.#estimate.limitedUse(subjects));
    if (!answer.admitted) {
      const what = answer.reached.subject === "credential" ? "credential" : "channel";
      return { what, error: overLimit(answer.reached) };
    }
    this.#attemptAdmission = answer.admission;
    return undefined;
  }

  /** The attempt came to nothing: its channel has room again. */
  attemptFailed(): void {
    // The vendor has counted it as a request all the same.
    this.#attemptAdmission?.end(noUse);
    this.#attemptAdmission = undefined;
  }

  /** Budgets that a finished call counts against, each with what it takes. */
  shares(
    cost: NanoDollars,
    channelCost: NanoDollars,
    candidate: Candidate | undefined,
  ): SpentShare[] {
    const held = this.#held.shares(cost, candidate);
    this.#owing = cost === 0n ? [] : this.#unheld(candidate, held);
    const owed = this.#owing.map((claim) => ({ ...this.#shareOf(claim), amount: cost }));
    const payer = [...held, ...owed];
    const channel = this.#channelShare(candidate);
    return channel === undefined ? payer : [...payer, { ...channel, amount: channelCost }];
  }

  /** The call is on record: what it cost takes the place of what was set aside. */
  settle(used: LimitedUse | null, costs: readonly SpentShare[]): void {
    this.#held.settle(costs);
    for (const claim of this.#owing) this.#settleOwed(claim, costs);
    this.#owing = [];
    for (const share of costs)
      if (share.kind === "channel") this.#parts.money.budgets.spentOn(share, share.amount);
    this.#attemptAdmission?.end(used);
    this.#admission?.end(used);
    this.#attemptAdmission = undefined;
    this.#admission = undefined;
  }

  /** `group`: the one that is asked, which pays its own price alone. */
  async #claim(wanted: readonly Wanted[], group?: string): Promise<void> {
    const { money, admittedAtMs, request } = this.#parts;
    if (wanted.length === 0) return;
    const claims = wanted.map((claim) => ({
      ...claim,
      amount: this.#estimate.cost(claim.rule?.reserveCap ?? null, group) ?? 0n,
    }));
    const asked = this.#isJob
      ? money.budgets.setAside(request.id, claims, admittedAtMs)
      : money.budgets.reserve(claims, admittedAtMs);
    const answer = asked instanceof Promise ? await asked : asked;
    if (!answer.reserved) throw outOfMoney(answer.shortage, this.#estimate.question());
    this.#held.add(answer.reservation, claims);
  }

  /** The group that prices an attempt pays it: set aside at its first attempt. */
  async #groupBars(group: Group | undefined): Promise<GatewayError | undefined> {
    if (group === undefined || group.budget === null || this.#groupsHeld.has(group.symbol))
      return undefined;
    if (!this.budgeted) return undefined;
    try {
      await this.#claim(groupClaims(group), group.symbol);
      this.#groupsHeld.add(group.symbol);
      return undefined;
    } catch (thrown) {
      if (thrown instanceof GatewayError) return thrown;
      throw thrown;
    }
  }

  /** Who pays although nothing was set aside: a response of a realtime session may begin of itself. */
  #unheld(candidate: Candidate | undefined, held: readonly BudgetShare[]): readonly Wanted[] {
    const all = [...this.#payers, ...groupClaims(candidate?.group)];
    return all.filter((claim) => !holds(held, claim));
  }

  #shareOf(claim: Wanted): BudgetShare {
    return this.#parts.money.budgets.shareOf(claim, this.#parts.admittedAtMs);
  }

  /** Setting nothing aside always fits, at once; what was spent all the same then takes its place. */
  #settleOwed(claim: Wanted, costs: readonly SpentShare[]): void {
    const { money, admittedAtMs } = this.#parts;
    const answer = money.budgets.reserve([{ ...claim, amount: 0n }], admittedAtMs);
    if (answer instanceof Promise || !answer.reserved) return;
    answer.reservation.settle([amountOf(this.#shareOf(claim), costs)]);
  }

  #barsUnpriced(candidate: Candidate, snapshot: Snapshot): boolean {
    if (!this.refusesUnpriced) return false;
    const where = {
      channelId: candidate.channel.id,
      atMs: this.#parts.admittedAtMs,
      side: "charge",
    } as const;
    return snapshot.findPrice(candidate.billedModel, where) === undefined;
  }

  #channelShare(candidate: Candidate | undefined): BudgetShare | undefined {
    const rule = candidate?.channel.budget ?? null;
    if (candidate === undefined || rule === null) return undefined;
    return this.#shareOf({ kind: "channel", id: candidate.channel.id, rule });
  }
}
