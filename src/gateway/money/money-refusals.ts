/** How callers hear that money or a limit is used up: what it is, and how to go on. */
import { GatewayError } from "../../core/errors.ts";
import { type NanoDollars, formatDollars } from "../../core/money.ts";
import type { BudgetKind } from "../../core/budget-rule.ts";
import type { Shortage } from "../../budget/budgets.ts";
import type { LimitReached } from "../../limit/limits.ts";
import { type PriceQuestion, dearestEstimate, outputThatFits } from "./reserve-amount.ts";

const budgetNames: Readonly<Record<BudgetKind, string>> = {
  key: "the budget of this API key",
  user: "the budget of this account",
  balance: "the balance of this account",
  group: "the budget of this group",
  channel: "the budget of the channel",
};

/** A group's money is no business of its members: only their own is told. */
const toldAmounts: readonly BudgetKind[] = ["key", "user", "balance"];

/** `insufficient_quota`, with the output that would fit where less of it would do. */
export function outOfMoney(shortage: Shortage, question: PriceQuestion): GatewayError {
  const { kind, left } = shortage;
  const wanted = dearestEstimate(question) ?? 0n;
  const fits = toldAmounts.includes(kind) && left > 0n ? outputThatFits(question, left) : 0;
  const hint = fits > 0 ? [`it would fit with max_tokens ${fits}`] : [];
  return lacking(shortage, { what: "this call", wanted, hint });
}

/** The same of all requests of a job together. */
export function outOfMoneyForJob(shortage: Shortage, wanted: NanoDollars): GatewayError {
  const hint = ["fewer requests, or smaller output limits in them, may fit"];
  return lacking(shortage, { what: "this job", wanted, hint });
}

interface Lacking {
  readonly what: string;
  readonly wanted: NanoDollars;
  readonly hint: readonly string[];
}

function lacking(shortage: Shortage, { what, wanted, hint }: Lacking): GatewayError {
  const { kind, left, renewsAtMs } = shortage;
  const detail = [
    toldAmounts.includes(kind)
      ? `${capitalized(budgetNames[kind])} has $${formatDollars(left)} left, and ${what} may cost up to $${formatDollars(wanted)}`
      : `${capitalized(budgetNames[kind])} is used up`,
    ...hint,
    ...(Number.isFinite(renewsAtMs)
      ? [`the budget renews at ${new Date(renewsAtMs).toISOString()}`]
      : []),
  ].join("; ");
  return new GatewayError("insufficient_quota", detail, { values: { detail } });
}

function capitalized(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** `rate_limit_exceeded`, with the limit that was reached. */
export function overLimit({ subject, rule, retryAfterS }: LimitReached): GatewayError {
  const amount = rule.of === "dollars" ? `$${formatDollars(rule.amount)}` : String(rule.amount);
  const what =
    rule.of === "concurrency" ? `${amount} calls at a time` : `${amount} ${rule.of} a ${rule.per}`;
  const message = `Rate limit reached for this ${subject}: ${what}`;
  return new GatewayError("rate_limit_exceeded", message, {
    retryAfterS,
    values: { detail: message },
  });
}

/** The operator's budget of a channel is used up: nobody is told but where there is no other channel. */
export function channelSpent(model: string, group: string): GatewayError {
  const values = { model, group };
  return new GatewayError("no_available_channel", "the channel's budget is used up", { values });
}

/** `model_not_priced`. */
export function notPriced(model: string): GatewayError {
  const message = `Model ${model} has no price, so it cannot be called here`;
  return new GatewayError("model_not_priced", message, { values: { model } });
}
