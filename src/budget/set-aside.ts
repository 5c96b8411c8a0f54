/**
 * What is set aside for a job, which outlives its call and perhaps this node: leases in SQL under the job's own name.
 * Promises: all claims or none, by what stands in SQL; what is free is asked of the nodes that hold it before anybody is
 * refused; nothing stays held for a job that never began.
 */
import { budgetLimit } from "../core/budget-rule.ts";
import type { BudgetShare } from "../core/budget-rule.ts";
import type { Cancel } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { NanoDollars } from "../core/money.ts";
import type { BudgetLease, LeaseChange, LockedBudget } from "../store/budget-leases.ts";
import { shareName } from "../store/budget-leases.ts";
import { jobHolder } from "../store/jobs.ts";
import { UncertainCommit } from "../store/sync-store.ts";
import type { BudgetParts } from "./budget-parts.ts";
import { reclaimAfterMs } from "./budget-parts.ts";
import type { BudgetClaim, Budgets, Reservation, Shortage } from "./budgets.ts";
import type { FindPeriod } from "./period-cache.ts";
import { canHandBack, heldBy, judgeOthers, sumOf } from "./plan-slice.ts";
import { dropUnused, give, take } from "./slice.ts";
import type { SliceBook } from "./slice-book.ts";
import type { SeeBudget } from "./tell-alerts.ts";
import { patienceMs, recallMs, unavailable } from "./waiting-line.ts";

export interface SetAsideParts extends BudgetParts {
  readonly book: SliceBook;
  readonly periodOf: FindPeriod;
  /** Something is to be said of slices of this node. */
  readonly wake: () => void;
  readonly isClosed: () => boolean;
  /** A budget was looked at: who only has jobs hears of alerts all the same. */
  readonly onSeen: SeeBudget;
}

interface Wanted extends BudgetClaim {
  readonly share: BudgetShare;
  readonly endMs: number;
  /** Null of a balance: what was put in. */
  readonly limit: NanoDollars | null;
}

/** What one job wants to hold. */
interface Hold {
  readonly holder: string;
  /** Those that it costs anything. */
  readonly wanted: readonly Wanted[];
}

/** How often is asked while others may hand something back. */
const hopeEveryMs = 100;
const freeAgainMs = 1000;

export function makeSetAside(parts: SetAsideParts): Budgets["setAside"] {
  return async (callId, claims, admittedAtMs) => {
    if (parts.isClosed()) throw unavailable();
    const all = claims.map((claim) => wantedOf(parts, claim, admittedAtMs));
    const hold: Hold = {
      holder: jobHolder(callId),
      wanted: all.filter(({ amount }) => amount > 0n),
    };
    const shortage = await inTime(parts, hold, takeAll(parts, hold));
    if (shortage === undefined)
      return { reserved: true, reservation: reservationOf(parts, hold, all) };
    parts.meters.refused(shortage.kind);
    return { reserved: false, shortage };
  };
}

function wantedOf({ periodOf }: SetAsideParts, claim: BudgetClaim, atMs: number): Wanted {
  const { kind, id, rule, amount } = claim;
  const period = periodOf(rule, atMs);
  return {
    ...claim,
    share: { kind, id, period: period.name },
    endMs: period.endMs,
    amount: amount < 0n ? 0n : amount,
    limit: rule === null ? null : budgetLimit(rule, atMs),
  };
}

/** A call waits no longer than it can bear; what is held after that is freed. */
function inTime(
  parts: SetAsideParts,
  hold: Hold,
  taking: Promise<Shortage | undefined>,
): Promise<Shortage | undefined> {
  return new Promise((resolve, reject) => {
    let late = false;
    const cancel = parts.clock.after(patienceMs, () => {
      late = true;
      reject(unavailable());
    });
    taking.then(
      (shortage) => {
        cancel();
        if (late && shortage === undefined) free(parts, hold);
        resolve(shortage);
      },
      (error: unknown) => {
        cancel();
        reject(unavailable(error));
      },
    );
  });
}

/** Asks until all fit, or nobody can hand anything back any more; undefined: all is held. */
async function takeAll(parts: SetAsideParts, hold: Hold): Promise<Shortage | undefined> {
  const { clock } = parts;
  if (hold.wanted.length === 0) return undefined;
  for (let untilMs: number | undefined; ;) {
    const short = await ask(parts, hold);
    const [first] = short;
    if (first === undefined) return undefined;
    const nowMs = clock.monotonic();
    untilMs ??= nowMs + recallMs;
    const hopeless = nowMs >= untilMs ? first : short.find(({ hoping }) => !hoping);
    if (hopeless !== undefined) return shortageOf(hopeless);
    handBackOwn(parts, short);
    await new Promise<void>((resolve) => {
      clock.after(Math.min(hopeEveryMs, (untilMs ?? 0) - nowMs), resolve);
    });
  }
}

/** A budget without enough. */
interface Short {
  readonly want: Wanted;
  readonly left: NanoDollars;
  /** Others may hand something back soon. */
  readonly hoping: boolean;
}

function shortageOf({ want: { kind, id, endMs }, left }: Short): Shortage {
  return { kind, id, left: left > 0n ? left : 0n, renewsAtMs: endMs };
}

/** One transaction: takes all, or asks nodes for what they do not use. */
async function ask(parts: SetAsideParts, hold: Hold): Promise<readonly Short[]> {
  const { store, maxStaleMs } = parts;
  const shares = hold.wanted.map(({ share }) => share);
  let short: readonly Short[] = [];
  let looked: readonly LockedBudget[] = [];
  try {
    await store.change(hold.holder, shares, (budgets, nowMs) => {
      looked = budgets;
      const plan = planHold(hold, budgets, { nowMs, reclaimAfterMs: reclaimAfterMs(maxStaleMs) });
      short = plan.short;
      return plan.changes;
    });
    for (const budget of looked) tellSeen(parts, hold, budget);
    return short;
  } catch (error) {
    if (error instanceof UncertainCommit) free(parts, hold);
    throw error;
  }
}

interface HoldTime {
  /** Database's clock. */
  readonly nowMs: number;
  readonly reclaimAfterMs: number;
}

function planHold(
  { holder, wanted }: Hold,
  budgets: readonly LockedBudget[],
  time: HoldTime,
): { readonly short: readonly Short[]; readonly changes: readonly LeaseChange[] } {
  const byName = new Map(budgets.map((budget) => [shareName(budget.share), budget]));
  const short: Short[] = [];
  const changes: LeaseChange[] = [];
  const grants: LeaseChange[] = [];
  for (const want of wanted) {
    const { share, amount, limit } = want;
    const budget = byName.get(shareName(share));
    if (budget === undefined) throw new Error(`the budget ${shareName(share)} was not locked`);
    const judged = judgeOthers(budget, { nodeId: holder, ...time });
    changes.push(...judged.changes);
    const left = (limit ?? budget.credited) - judged.settled - sumOf(judged.others, heldBy);
    if (amount <= left) {
      const own = budget.leases.find(({ nodeId }) => nodeId === holder);
      grants.push({
        does: "grant",
        share,
        fence: fenceAt(time, own),
        granted: amount,
        recalled: false,
      });
      continue;
    }
    const holders = judged.others.filter(canHandBack);
    short.push({ want, left, hoping: holders.length > 0 });
    for (const { nodeId, recalled } of holders)
      if (!recalled) changes.push({ does: "recall", share, nodeId });
  }
  return { short, changes: short.length > 0 ? changes : [...changes, ...grants] };
}

function fenceAt({ nowMs }: HoldTime, own: BudgetLease | undefined): bigint {
  const now = BigInt(nowMs);
  return own !== undefined && own.fence >= now ? own.fence + 1n : now;
}

function tellSeen({ book, onSeen }: SetAsideParts, { wanted }: Hold, budget: LockedBudget): void {
  const want = wanted.find(({ share }) => shareName(share) === shareName(budget.share));
  if (want === undefined || want.rule === null || want.rule.alerts.length === 0) return;
  const slice = book.get(want.share, want.endMs);
  slice.rule = want.rule;
  onSeen({
    wish: { slice },
    spentInAll: budget.settled + sumOf(budget.leases, ({ spent }) => spent),
  });
}

/** What this node itself does not use. */
function handBackOwn({ book, wake }: SetAsideParts, short: readonly Short[]): void {
  for (const { want } of short) {
    const slice = book.find(want.share);
    if (slice !== undefined) dropUnused(slice);
  }
  wake();
}

function reservationOf(parts: SetAsideParts, hold: Hold, all: readonly Wanted[]): Reservation {
  let over = false;
  const stopRenewing = renewAgainAndAgain(parts, hold);
  const freeNow = (): void => {
    stopRenewing();
    free(parts, hold);
  };
  const end = (costs: readonly NanoDollars[]): void => {
    if (over) return;
    over = true;
    if (!costs.some((cost) => cost > 0n)) return freeNow();
    owe(parts, all, costs);
    // Until the charge stands in SQL, what is held stands for it.
    parts.settled().then(
      () => freeNow(),
      () => stopRenewing(),
    );
  };
  // From its row on, the job's lease is renewed by whoever reclaims others.
  const leave = (): void => void parts.settled().then(stopRenewing, stopRenewing);
  return { shares: all.map(({ share }) => share), settle: end, release: () => end([]), leave };
}

const nothing = (): void => undefined;

/** A call that runs for long, or is settled late, keeps what is held for its job. */
function renewAgainAndAgain(parts: SetAsideParts, { holder, wanted }: Hold): Cancel {
  const { store, clock, maxStaleMs } = parts;
  if (wanted.length === 0) return nothing;
  let cancel: Cancel = nothing;
  const plan = (): void => {
    cancel = clock.after(reclaimAfterMs(maxStaleMs) / 4, () => {
      if (parts.isClosed()) return;
      store.renew(holder).catch(nothing);
      plan();
    });
  };
  plan();
  return () => cancel();
}

/** What was not set aside in this node's slices is its to count all the same: it settles it. */
function owe(
  { book, wake }: SetAsideParts,
  all: readonly Wanted[],
  costs: readonly NanoDollars[],
): void {
  const atMs = book.now().monotonicMs;
  for (const [index, { share, endMs, rule, limit }] of all.entries()) {
    const cost = costs[index] ?? 0n;
    if (cost <= 0n) continue;
    const slice = book.get(share, endMs);
    slice.rule ??= rule;
    slice.limit ??= limit;
    take(slice, 0n, atMs);
    give(slice, 0n, cost);
  }
  wake();
}

/** In the background, again and again; what cannot be freed is reclaimed in the end as a dead node's is. */
function free(parts: SetAsideParts, hold: Hold, sinceMs = parts.clock.monotonic()): void {
  const { store, clock, logger, maxStaleMs } = parts;
  const { holder, wanted } = hold;
  if (wanted.length === 0 || clock.monotonic() - sinceMs > reclaimAfterMs(maxStaleMs)) return;
  const shares = wanted.map(({ share }) => share);
  const folds = (budgets: readonly LockedBudget[]): readonly LeaseChange[] =>
    budgets.map(({ share }) => ({ does: "fold", share, nodeId: holder }) as const);
  store.change(holder, shares, folds).catch((error: unknown) => {
    logger.debug({ error: messageOf(error) }, "what a job held is not free yet");
    if (!parts.isClosed()) clock.after(freeAgainMs, () => free(parts, hold, sinceMs));
  });
}
