/**
 * What becomes of this node's lease of one budget, decided by what stands in SQL while its row is locked. Promise: what
 * all nodes hold and what is settled never exceed the limit, but for what calls have cost beyond their reservation.
 */
import type { NanoDollars } from "../core/money.ts";
import type { BudgetLease, LeaseChange, LockedBudget } from "../store/budget-leases.ts";
import { isJobHolder } from "../store/jobs.ts";
import { type Slice, sizeOf } from "./slice.ts";

/** What is asked for a slice, as it was when the transaction began. */
export interface SliceWish {
  readonly slice: Slice;
  readonly fence: bigint | undefined;
  readonly inherited: NanoDollars;
  readonly spent: NanoDollars;
  readonly reserved: NanoDollars;
  readonly limit: NanoDollars | null;
  /** How often the slice had been dropped. */
  readonly drops: number;
  /** Of waiting calls. */
  readonly need: NanoDollars;
  /** Others are asked to hand back what they do not use, where there is not enough. */
  readonly recall: boolean;
  /** What calls here count on while SQL is asked; less than the lease where some of it was dropped. */
  readonly granted: NanoDollars;
  /** What it was, where it is handed back only because nobody uses it. */
  readonly idleGranted: NanoDollars | undefined;
  /** Keep no more than calls need. */
  readonly handBack: boolean;
  /** Take more than calls need now, where there is plenty. */
  readonly ahead: boolean;
  readonly settledSpent: NanoDollars | undefined;
  readonly over: boolean;
}

export interface SlicePlan {
  readonly wish: SliceWish;
  readonly changes: readonly LeaseChange[];
  /** The lease is another's, or nobody's: all that was granted before is gone. */
  readonly lost: boolean;
  readonly ended: boolean;
  readonly fence: bigint | undefined;
  readonly inherited: NanoDollars;
  readonly doubtful: boolean;
  /** What the lease grants in all. */
  readonly granted: NanoDollars;
  /** Size that the slice should have. */
  readonly wanted: NanoDollars;
  /** What this node might still be granted, beyond what it has spent and reserved. */
  readonly left: NanoDollars;
  /** More is owed than there is: what running calls give back is nobody's to spend. */
  readonly overdrawn: boolean;
  /** Less than waiting calls need. */
  readonly short: boolean;
  /** Others may hand something back soon. */
  readonly hoping: boolean;
  /** As far as it was handed in, or was spent here. */
  readonly spentInAll: NanoDollars;
}

export interface PlanEnvironment {
  readonly nodeId: string;
  readonly liveNodes: number;
  /** Leases that were not renewed for so long are anybody's. */
  readonly reclaimAfterMs: number;
  /** Monotonic. */
  readonly atMs: number;
  /** Database's clock. */
  readonly nowMs: number;
  /** The newest fence that this process has made. */
  readonly lastFence: bigint;
}

export function planSlice(
  wish: SliceWish,
  budget: LockedBudget,
  environment: PlanEnvironment,
): SlicePlan {
  const { share } = budget;
  const own = budget.leases.find(({ nodeId }) => nodeId === environment.nodeId);
  const { others, settled, changes } = judgeOthers(budget, environment);
  const account = accountOf(wish, own);
  const held = own === undefined ? 0n : heldBy(own);
  const limit = share.kind === "balance" ? budget.credited : wish.limit;
  // Where no call has told the limit yet, nothing grows.
  const cap = limit === null ? held : limit - settled - sumOf(others, heldBy);
  const taken = account.inherited + account.spent + wish.reserved;
  const { liveNodes, atMs } = environment;
  const wanted = sizeOf(wish.slice, { remaining: cap - held, liveNodes }, atMs);
  const granted = grantOf({ wish, lost: account.lost, own, cap, taken, wanted });
  const ended = wish.over && !account.lost;
  const fence = fenceOf(wish, { own, granted, ended, lost: account.lost }, environment);
  if (ended && own !== undefined) changes.push({ does: "fold", share, nodeId: own.nodeId });
  else if (fence !== undefined) {
    // Who recalled it goes on hoping until it was handed back.
    const recalled = own?.recalled === true && !wish.handBack;
    if (isNews(own, { fence, granted, recalled }))
      changes.push({ does: "grant", share, fence, granted, recalled });
  }
  const short = wish.need > granted - taken;
  // Where more is owed than there is, others spend nothing more of what was once enough.
  const overdrawn = granted > cap;
  const holders = short || overdrawn ? others.filter(canHandBack) : [];
  const recalls = wish.recall || overdrawn;
  for (const { nodeId, recalled } of holders)
    if (recalls && !recalled) changes.push({ does: "recall", share, nodeId });
  const spentHere = account.inherited + account.spent;
  const handedIn = own?.spent ?? 0n;
  return {
    wish,
    changes,
    lost: account.lost,
    ended,
    fence: ended ? undefined : fence,
    inherited: ended ? 0n : account.inherited,
    doubtful: !ended && account.doubtful,
    granted: ended ? 0n : granted,
    wanted,
    left: max(0n, cap - taken),
    overdrawn,
    short,
    hoping: short && holders.some(({ recalled }) => wish.recall || recalled),
    spentInAll:
      settled +
      sumOf(others, ({ spent }) => spent) +
      (account.doubtful ? handedIn : max(handedIn, spentHere)),
  };
}

export interface Others {
  readonly others: readonly BudgetLease[];
  readonly settled: NanoDollars;
  readonly changes: LeaseChange[];
}

/** Who was not heard of for too long holds nothing any more. */
export function judgeOthers(
  budget: LockedBudget,
  environment: Pick<PlanEnvironment, "nodeId" | "reclaimAfterMs">,
): Others {
  const others: BudgetLease[] = [];
  const changes: LeaseChange[] = [];
  let { settled } = budget;
  for (const lease of budget.leases) {
    const { nodeId } = lease;
    if (nodeId === environment.nodeId) continue;
    if (lease.ageMs < environment.reclaimAfterMs) others.push(lease);
    else {
      changes.push({ does: "fold", share: budget.share, nodeId });
      settled += lease.spent;
    }
  }
  return { others, settled, changes };
}

/** A job uses all that it holds until its end. */
export function canHandBack({ nodeId, granted, spent }: BudgetLease): boolean {
  return granted > spent && !isJobHolder(nodeId);
}

export function sumOf(
  leases: readonly BudgetLease[],
  amountOf: (lease: BudgetLease) => NanoDollars,
): NanoDollars {
  return leases.reduce((sum, lease) => sum + amountOf(lease), 0n);
}

/** A lease takes what it grants, or what was spent where that is more. */
export function heldBy(lease: BudgetLease): NanoDollars {
  return lease.granted > lease.spent ? lease.granted : lease.spent;
}

interface Account {
  readonly lost: boolean;
  readonly inherited: NanoDollars;
  readonly doubtful: boolean;
  /** By this process, under the lease that stands now. */
  readonly spent: NanoDollars;
}

/** What the lease in SQL owes beside what this process knows of. */
function accountOf(wish: SliceWish, own: BudgetLease | undefined): Account {
  const { doubtful } = wish.slice;
  const lost = wish.fence !== undefined && own?.fence !== wish.fence;
  if (lost)
    return { lost, inherited: own === undefined ? 0n : heldBy(own), doubtful: true, spent: 0n };
  if (wish.fence === undefined && own !== undefined)
    return { lost, inherited: heldBy(own), doubtful: true, spent: wish.spent };
  if (wish.settledSpent === undefined || own === undefined)
    return { lost, inherited: wish.inherited, doubtful, spent: wish.spent };
  // All that was handed in and is not known to be of this process: exact where nothing was spent meanwhile.
  const inherited = own.spent > wish.settledSpent ? own.spent - wish.settledSpent : 0n;
  return { lost, inherited, doubtful: wish.settledSpent !== wish.spent, spent: wish.spent };
}

interface GrantTerms {
  readonly wish: SliceWish;
  readonly lost: boolean;
  readonly own: BudgetLease | undefined;
  readonly cap: NanoDollars;
  readonly taken: NanoDollars;
  readonly wanted: NanoDollars;
}

/** Never less than is owed or may be reserved meanwhile; never grows beyond what there is. */
function grantOf({ wish, lost, own, cap, taken, wanted }: GrantTerms): NanoDollars {
  const before = max(taken, own?.granted ?? 0n);
  const floor = lost ? taken : max(taken, wish.inherited + wish.granted);
  const ahead = wish.need > 0n || wish.ahead ? max(wish.need, wanted) : 0n;
  const target = wish.handBack && wish.need === 0n ? taken : max(before, taken + ahead);
  return max(floor, min(target, cap));
}

interface FenceTerms {
  readonly own: BudgetLease | undefined;
  readonly granted: NanoDollars;
  readonly ended: boolean;
  readonly lost: boolean;
}

function fenceOf(
  wish: SliceWish,
  { own, granted, ended, lost }: FenceTerms,
  { nowMs, lastFence }: PlanEnvironment,
): bigint | undefined {
  if (!lost && wish.fence !== undefined) return wish.fence;
  if (ended || (own === undefined && granted === 0n)) return undefined;
  const later = max(BigInt(nowMs), lastFence + 1n);
  return own === undefined ? later : max(later, own.fence + 1n);
}

function isNews(
  own: BudgetLease | undefined,
  lease: Pick<BudgetLease, "fence" | "granted" | "recalled">,
): boolean {
  return (
    own?.fence !== lease.fence || own.granted !== lease.granted || own.recalled !== lease.recalled
  );
}

function max(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}

function min(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}
