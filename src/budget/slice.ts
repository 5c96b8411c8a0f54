/**
 * What this node may spend of one budget in one period. Promise: what is spent and what running calls have reserved
 * never exceed what was granted, but for what calls cost beyond their reservation.
 */
import type { BudgetRule, BudgetShare } from "../core/budget-rule.ts";
import type { NanoDollars } from "../core/money.ts";

/** All amounts of one lease row: it grants `inherited + granted`. */
export interface Slice {
  readonly share: BudgetShare;
  /** Ms UTC at which the period ends; Infinity: never. */
  readonly endMs: number;
  /** As the newest call told it; null of balances and of slices that no call has asked for yet. */
  rule: BudgetRule | null;
  /** Under the newest rule; null of balances, whose limit stands in SQL. */
  limit: NanoDollars | null;
  /** Of the lease in SQL; undefined: none is known. */
  fence: bigint | undefined;
  /** What former processes were granted, or have spent of it: not for this one to spend. */
  inherited: NanoDollars;
  /** Whether `inherited` may be more than was spent. */
  doubtful: boolean;
  granted: NanoDollars;
  spent: NanoDollars;
  /** By running calls. */
  reserved: NanoDollars;
  /** Calls that run, also those that reserved nothing. */
  running: number;
  /** Calls that wait for more. */
  waiting: number;
  /** Clock readings when the database last heard of the lease. */
  renewed: Instant;
  /** Monotonic. */
  usedAtMs: number;
  /** Nano-dollars reserved of late; falls to a third in {@link flowMs}. */
  flow: number;
  /** Size that the slice should have. */
  wanted: NanoDollars;
  /** What SQL holds is not what was last said here: to be told anew. */
  unsaid: boolean;
  /** SQL is being asked about it. */
  asked: boolean;
  /** Hand back what is not used. */
  handBack: boolean;
  /** Nobody uses it: it goes back as soon as SQL can be told, and is spent until then. */
  idle: boolean;
  /** Monotonic: when `inherited` was last made sure of. */
  askedAtMs: number;
  /** More is owed than there is: whatever comes back goes back. */
  overdrawn: boolean;
  /** How often what was not used was dropped. */
  drops: number;
  /** Spending here at which operators are to be told. */
  alertAt: NanoDollars | undefined;
  /** The last percentage that was told, or known to be told. */
  toldPercent: number;
  /** So much of `spent` is in SQL for sure; undefined: it was not asked about. See end-slices.ts. */
  settledSpent: NanoDollars | undefined;
  /** All is settled and nothing runs: the lease may end. */
  over: boolean;
}

/** Both clocks: the monotonic one stands still while a machine sleeps, the other one jumps. */
export interface Instant {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/** Time that a slice should last for. */
const flowMs = 10_000;

export function makeSlice(share: BudgetShare, endMs: number, now: Instant): Slice {
  return {
    share,
    endMs,
    rule: null,
    limit: null,
    fence: undefined,
    inherited: 0n,
    doubtful: false,
    granted: 0n,
    spent: 0n,
    reserved: 0n,
    running: 0,
    waiting: 0,
    renewed: now,
    usedAtMs: now.monotonicMs,
    flow: 0,
    wanted: 0n,
    unsaid: false,
    asked: false,
    handBack: false,
    idle: false,
    askedAtMs: -Infinity,
    overdrawn: false,
    drops: 0,
    alertAt: undefined,
    toldPercent: 0,
    settledSpent: undefined,
    over: false,
  };
}

/** What further calls may reserve here; negative where calls have cost more than was granted. */
export function leftOf(slice: Slice): NanoDollars {
  return slice.granted - slice.spent - slice.reserved;
}

/** What the lease has to grant at least: what is spent, and what running calls may. */
export function takenOf(slice: Slice): NanoDollars {
  return slice.inherited + slice.spent + slice.reserved;
}

/** Whether the database has not heard of the lease for so long that others may soon take it. */
export function isStale(slice: Slice, now: Instant, maxStaleMs: number): boolean {
  const { monotonicMs, wallMs } = slice.renewed;
  return Math.max(now.monotonicMs - monotonicMs, now.wallMs - wallMs) >= maxStaleMs;
}

/** What costs nothing fits always. */
export function fits(slice: Slice, amount: NanoDollars, now: Instant, maxStaleMs: number): boolean {
  if (amount === 0n) return true;
  // What comes back to a slice that is handed back or overdrawn is not for the next call.
  if (slice.overdrawn || slice.handBack) return false;
  return leftOf(slice) >= amount && !isStale(slice, now, maxStaleMs);
}

/** Sets an amount aside for a call. */
export function take(slice: Slice, amount: NanoDollars, atMs: number): void {
  slice.reserved += amount;
  slice.running += 1;
  slice.over = false;
  slice.idle = false;
  slice.flow = flowAt(slice, atMs) + Number(amount);
  slice.usedAtMs = atMs;
}

/** A call is over. What it cost beyond its reservation is owed all the same, and SQL hears of it at once. */
export function give(slice: Slice, reserved: NanoDollars, cost: NanoDollars): void {
  slice.reserved -= reserved;
  slice.running -= 1;
  slice.spent += cost;
  if (slice.overdrawn) dropUnused(slice);
  if (leftOf(slice) < 0n) slice.unsaid = true;
  if (slice.alertAt !== undefined && slice.spent >= slice.alertAt) slice.unsaid = true;
}

function flowAt(slice: Slice, atMs: number): number {
  return slice.flow * Math.exp((slice.usedAtMs - atMs) / flowMs);
}

/** Lets go of what is not used, at once: from now on calls have to ask. */
export function dropUnused(slice: Slice): void {
  slice.drops += 1;
  slice.handBack = true;
  slice.unsaid = true;
  const taken = slice.spent + slice.reserved;
  if (slice.granted > taken) slice.granted = taken;
}

/** The lease went to others: what running calls have reserved is all that is known to be owed under the next one. */
export function lose(slice: Slice): void {
  slice.fence = undefined;
  slice.inherited = 0n;
  slice.doubtful = true;
  slice.granted = 0n;
  slice.spent = 0n;
  slice.settledSpent = undefined;
  slice.over = false;
  slice.unsaid = slice.reserved > 0n;
}

export interface SliceSizing {
  /** Of the whole budget, what nobody holds. */
  readonly remaining: NanoDollars;
  readonly liveNodes: number;
}

/** What a slice should hold for further calls: ten seconds' worth, and never so much that others are left without. */
export function sizeOf(
  slice: Slice,
  { remaining, liveNodes }: SliceSizing,
  atMs: number,
): NanoDollars {
  if (remaining <= 0n) return 0n;
  const share = remaining / BigInt(4 * Math.max(1, liveNodes));
  const flow = BigInt(Math.ceil(Math.min(flowAt(slice, atMs), 9e18)));
  return share < flow ? share : flow;
}
