/**
 * The money side of one call: what is set aside before it, what bars an attempt, what it counts against afterwards.
 * Promises kept here: a caller without budgets and limits costs none of this; whatever was set aside is settled once, or
 * given back, on every way that a call can end.
 */
import type { BudgetShare } from "../core/budget-rule.ts";
import { GatewayError } from "../core/errors.ts";
import type { NanoDollars } from "../core/money.ts";
import type { BudgetClaim, Budgets, Reservation } from "../budget/budgets.ts";
import type { Admission, LimitSubject, LimitedUse, Limits } from "../limit/limits.ts";
import type { CallFacts } from "../dialects/contract.ts";
import type { SpentShare } from "../log/call-record.ts";
import { bytesPerToken } from "../meter/estimate.ts";
import type { Candidate, PassedOver } from "../route/plan.ts";
import type { Group, Snapshot } from "../sync/entities.ts";
import type { CallRequest } from "../wire/call.ts";
import type { Caller } from "../wire/caller.ts";
import type { UsageKinds } from "../wire/usage.ts";
import { type ExpectedUse, expectUse } from "./expected-use.ts";
import { attemptSubjects, callSubjects, headerForm } from "./limit-subjects.ts";
import { channelSpent, notPriced, outOfMoney, overLimit } from "./money-refusals.ts";
import {
  type Wanted,
  amountOf,
  groupClaims,
  holds,
  payerClaims,
  paying,
  payingGroups,
} from "./payer-claims.ts";
import { type PriceQuestion, dearestEstimate } from "./reserve-amount.ts";

/** What calls are bounded by; left out where there are no such rules. */
export interface MoneyParts {
  readonly budgets: Budgets;
  readonly limits: Limits;
}

export interface SpendingParts {
  readonly money: MoneyParts;
  readonly request: CallRequest;
  readonly caller: Caller;
  readonly snapshot: Snapshot;
  /** Business time of the admission, ms UTC. */
  readonly admittedAtMs: number;
  /** Whether the journal takes records. */
  readonly recordable: () => boolean;
}

/** Output that limits of tokens expect of a call that names no limit of its own. */
const usualOutputTokens = 512;
const nothingTold = { textBytes: () => 0, kinds: {} };
const noUse: LimitedUse = { inputTokens: 0, outputTokens: 0, dollars: 0n };

/** Why a candidate is not asked, and what of it bars the attempt. */
export interface Barred {
  readonly what: PassedOver;
  readonly error: GatewayError;
}

/** What is still held for a call. */
interface Held {
  readonly reservation: Reservation;
  readonly claims: readonly BudgetClaim[];
}

export class Spending {
  readonly #parts: SpendingParts;
  /** Whether the payer has a budget at all, whichever group answers. */
  readonly budgeted: boolean;
  #facts: CallFacts | undefined;
  #use: ExpectedUse | undefined;
  #told: { readonly textBytes: () => number; readonly kinds: UsageKinds } = nothingTold;
  #admission: Admission | undefined;
  #attemptAdmission: Admission | undefined;
  #held: Held[] = [];
  /** Who pays without that anything was set aside. */
  #owing: readonly Wanted[] = [];
  readonly #groupsHeld = new Set<string>();
  readonly #estimates = new Map<string, NanoDollars | undefined>();

  constructor(parts: SpendingParts) {
    this.#parts = parts;
    this.budgeted =
      payerClaims(parts.caller).length > 0 ||
      payingGroups(parts).some((group) => group.budget !== null);
  }

  /** What is asked. `textBytes`: of the request, asked for large ones alone; `kinds`: units that it counts itself. */
  asked(facts: CallFacts, textBytes: () => number, kinds: UsageKinds = {}): void {
    this.#facts = facts;
    this.#told = { textBytes, kinds };
  }

  /** Takes from the limits of key, account, group and model. Rejects with `rate_limit_exceeded`. */
  async admit(
    model: string,
    tell: (headers: Readonly<Record<string, string>>) => void,
  ): Promise<void> {
    const { caller, snapshot, money } = this.#parts;
    const subjects = callSubjects(caller, snapshot, model);
    if (subjects.length === 0) return;
    const answer = await money.limits.admit(subjects, model, this.#expected(subjects));
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
    const refusesUnpriced = this.#refusesUnpriced();
    if (!this.budgeted && !refusesUnpriced) return;
    if (refusesUnpriced && this.#estimate() === undefined) throw notPriced(this.#model());
    if (!this.budgeted) return;
    if (!this.#parts.recordable())
      throw new GatewayError("temporarily_unavailable", "the call journal cannot be written", {
        retryAfterS: 2,
      });
    await this.#claim(payerClaims(this.#parts.caller));
  }

  /** What bars an attempt at a candidate, which is then passed over; undefined: nothing. */
  async beforeAttempt(candidate: Candidate): Promise<Barred | undefined> {
    const { money, admittedAtMs, snapshot } = this.#parts;
    const { channel, group, model } = candidate;
    const { budget } = channel;
    if (budget !== null && !money.budgets.channelHasLeft(channel.id, budget, admittedAtMs))
      return { what: "channel", error: channelSpent(this.#model(), candidate.groupSymbol) };
    const barred = await this.#groupBars(group);
    if (barred !== undefined) return { what: "group", error: barred };
    if (this.#barsUnpriced(candidate, snapshot))
      return { what: "channel", error: notPriced(candidate.billedModel) };
    const subjects = attemptSubjects(candidate);
    if (subjects.length === 0) return undefined;
    const answer = await money.limits.admit(subjects, model, this.#expected(subjects));
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
    const held = this.#held.flatMap(({ reservation, claims }) =>
      reservation.shares
        .filter((_share, index) => paying(claims[index], candidate))
        .map((share) => ({ ...share, amount: cost })),
    );
    this.#owing = cost === 0n ? [] : this.#unheld(candidate, held);
    const owed = this.#owing.map((claim) => ({ ...this.#shareOf(claim), amount: cost }));
    const payer = [...held, ...owed];
    const channel = this.#channelShare(candidate);
    return channel === undefined ? payer : [...payer, { ...channel, amount: channelCost }];
  }

  /** The call is on record: what it cost takes the place of what was set aside. */
  settle(used: LimitedUse | null, costs: readonly SpentShare[]): void {
    for (const { reservation } of this.#held)
      reservation.settle(reservation.shares.map((share) => amountOf(share, costs)));
    this.#held = [];
    for (const claim of this.#owing) this.#settleOwed(claim, costs);
    this.#owing = [];
    for (const share of costs)
      if (share.kind === "channel") this.#parts.money.budgets.spentOn(share, share.amount);
    this.#attemptAdmission?.end(used);
    this.#admission?.end(used);
    this.#attemptAdmission = undefined;
    this.#admission = undefined;
  }

  #model(): string {
    return this.#facts?.model ?? "";
  }

  #expectedUse(): ExpectedUse {
    const facts = this.#facts;
    if (facts === undefined) throw new Error("nothing is asked yet");
    this.#use ??= expectUse(this.#parts.request, facts, this.#told);
    return this.#use;
  }

  #question(outputCap: number | null = null): PriceQuestion {
    const { caller, snapshot, admittedAtMs } = this.#parts;
    const use = this.#expectedUse();
    return { caller, snapshot, atMs: admittedAtMs, model: this.#model(), use, outputCap };
  }

  /** What the call may cost; asked for several budgets it is the same. */
  #estimate(outputCap: number | null = null, group?: string): NanoDollars | undefined {
    const name = `${outputCap} ${group ?? ""}`;
    if (!this.#estimates.has(name)) {
      const asked = this.#question(outputCap);
      this.#estimates.set(name, dearestEstimate(group === undefined ? asked : { ...asked, group }));
    }
    return this.#estimates.get(name);
  }

  #expected(subjects: readonly LimitSubject[]): LimitedUse {
    const counted = subjects.flatMap(({ rules }) => rules.map((rule) => rule.of));
    if (counted.every((thing) => thing === "requests" || thing === "concurrency")) return noUse;
    const { inputBytes, answers, outputLimit } = this.#expectedUse();
    const dollars = counted.includes("dollars") ? this.#estimate() : undefined;
    return {
      inputTokens: Math.ceil(inputBytes / bytesPerToken),
      outputTokens: answers * (outputLimit ?? usualOutputTokens),
      dollars: dollars ?? 0n,
    };
  }

  /** `group`: the one that is asked, which pays its own price alone. */
  async #claim(wanted: readonly Wanted[], group?: string): Promise<void> {
    const { money, admittedAtMs } = this.#parts;
    if (wanted.length === 0) return;
    const claims = wanted.map((claim) => ({
      ...claim,
      amount: this.#estimate(claim.rule?.reserveCap ?? null, group) ?? 0n,
    }));
    const answer = await money.budgets.reserve(claims, admittedAtMs);
    if (!answer.reserved) throw outOfMoney(answer.shortage, this.#question());
    this.#held.push({ reservation: answer.reservation, claims });
  }

  /** The group that prices an attempt pays it: set aside at its first attempt. */
  async #groupBars(group: Group | undefined): Promise<GatewayError | undefined> {
    if (group === undefined || group.budget === null || this.#groupsHeld.has(group.symbol))
      return undefined;
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
    const all = [...payerClaims(this.#parts.caller), ...groupClaims(candidate?.group)];
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

  #refusesUnpriced(): boolean {
    const who = this.#parts.snapshot.settings.unpricedModels;
    return who === "nobody" || (who === "without-budget" && this.budgeted);
  }

  #barsUnpriced(candidate: Candidate, snapshot: Snapshot): boolean {
    if (!this.#refusesUnpriced()) return false;
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
