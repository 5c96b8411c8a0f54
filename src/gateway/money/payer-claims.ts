/** Whose budgets a call has to fit. Promise kept here: whoever answers is what decides which group pays, and no other does. */
import type { BudgetClaim } from "../../budget/budgets.ts";
import type { BudgetShare } from "../../core/budget-rule.ts";
import type { NanoDollars } from "../../core/money.ts";
import type { SpentShare } from "../../log/call-record.ts";
import { groupsOf } from "../../route/pinned-plan.ts";
import type { Candidate } from "../../route/plan.ts";
import type { Group, Snapshot } from "../../sync/entities.ts";
import type { Caller } from "../../wire/caller.ts";

/** A claim whose amount is not known yet. */
export type Wanted = Omit<BudgetClaim, "amount">;

/** Those of the key, the account and its balance: they pay whoever answers. */
export function payerClaims({ keyId, userId, key, user }: Caller): readonly Wanted[] {
  return [
    ...(key.budget === null ? [] : [{ kind: "key", id: keyId, rule: key.budget } as const]),
    ...(user.budget === null ? [] : [{ kind: "user", id: userId, rule: user.budget } as const]),
    ...(user.billing === "prepaid" ? [{ kind: "balance", id: userId, rule: null } as const] : []),
  ];
}

/** That of the group that prices, where it has a budget. */
export function groupClaims(group: Group | undefined): readonly Wanted[] {
  const rule = group?.budget ?? null;
  return group === undefined || rule === null ? [] : [{ kind: "group", id: group.id, rule }];
}

/** Groups that may come to price a call. */
export function payingGroups(of: {
  readonly caller: Caller;
  readonly snapshot: Snapshot;
}): readonly Group[] {
  return groupsOf(of.caller).flatMap((symbol) => of.snapshot.groups.get(symbol) ?? []);
}

/** What of a candidate decides who pays. */
export type Answering = Pick<Candidate, "group">;

/** Whether a claim pays for what a candidate answered. */
export function paying(claim: BudgetClaim | undefined, candidate: Answering | undefined): boolean {
  return claim?.kind !== "group" || claim.id === candidate?.group?.id;
}

export function holds(
  shares: readonly BudgetShare[],
  { kind, id }: Pick<BudgetShare, "kind" | "id">,
): boolean {
  return shares.some((share) => share.kind === kind && share.id === id);
}

/** What a call took of a share. */
export function amountOf(share: BudgetShare, costs: readonly SpentShare[]): NanoDollars {
  const spent = costs.find(
    ({ kind, id, period }) => kind === share.kind && id === share.id && period === share.period,
  );
  return spent?.amount ?? 0n;
}
