/**
 * The one conversation of this node with SQL about its leases: one transaction at a time, for all slices that need one.
 * Promise: what SQL was asked holds for this process only when it is known to have been committed.
 */
import { messageOf } from "../core/errors.ts";
import type { NanoDollars } from "../core/money.ts";
import { shareName } from "../store/budget-leases.ts";
import { UncertainCommit } from "../store/sync-store.ts";
import type { BudgetParts } from "./budget-parts.ts";
import { reclaimAfterMs } from "./budget-parts.ts";
import { planSlice, type SlicePlan, type SliceWish } from "./plan-slice.ts";
import { dropUnused, fits, type Instant, leftOf, type Slice } from "./slice.ts";
import type { SliceBook } from "./slice-book.ts";
import { recallMs, unavailable, type Waiter, type WaitingLine } from "./waiting-line.ts";

export interface TalkParts extends BudgetParts {
  readonly book: SliceBook;
  readonly line: WaitingLine;
  /** A budget was looked at. */
  readonly onSeen: (plan: SlicePlan) => void;
}

/** `unknown`: nobody knows whether SQL took it. */
export type Told = "told" | "untold" | "unknown";

/** Budgets of one transaction. */
const mostAtOnce = 50;
/** How often those ask who hope for others. */
const hopeEveryMs = 100;
const againMs = 1000;

export class LeaseTalk {
  readonly parts: TalkParts;
  #turn: Promise<unknown> = Promise.resolve();
  #planned = false;
  #closed = false;
  #away = false;
  #lastFence = 0n;

  constructor(parts: TalkParts) {
    this.parts = parts;
  }

  /** Whether the last word with SQL failed. */
  get away(): boolean {
    return this.#away;
  }

  /** Runs when no transaction does, and none begins meanwhile. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Something is to be said or asked: soon, so that calls that come together ask together. */
  wake(): void {
    if (this.#planned || this.#closed) return;
    this.#planned = true;
    void this.alone(async () => {
      await Promise.resolve();
      this.#planned = false;
      if (!this.#closed) await this.#round();
    });
  }

  async #round(): Promise<void> {
    // Those behind one who was refused may fit without another word.
    this.parts.line.serve();
    const wishes = collectWishes(this.parts);
    if (wishes.length === 0) return;
    const told = await this.#tell(wishes);
    if (told !== "told") this.parts.clock.after(againMs, () => this.wake());
    else if (collectWishes(this.parts).length > 0) this.wake();
  }

  /** Says all that is unsaid. */
  sayAll(): Promise<Told> {
    return this.alone(async () => {
      for (;;) {
        const wishes = collectWishes(this.parts);
        if (wishes.length === 0) return "told";
        const told = await this.#tell(wishes);
        if (told !== "told") return told;
      }
    });
  }

  /** Nothing is said any more but what is being said. */
  close(): void {
    this.#closed = true;
  }

  async #tell(wishes: readonly SliceWish[]): Promise<Told> {
    const { book, line, clock, meters } = this.parts;
    const asking = new Set(line.waiters);
    const sent = book.now();
    const seconds = (): number => (clock.monotonic() - sent.monotonicMs) / 1000;
    for (const { slice } of wishes) {
      slice.unsaid = false;
      slice.asked = true;
    }
    try {
      const plans = await this.#change(wishes);
      meters.asked("ok", seconds());
      if (this.#away) this.parts.logger.info({}, "budgets can be asked for again");
      this.#away = false;
      this.#apply(plans, sent, asking);
      return "told";
    } catch (error) {
      meters.asked("failed", seconds());
      const isUnknown = error instanceof UncertainCommit;
      for (const wish of wishes) undo(wish, isUnknown);
      if (!this.#away)
        this.parts.logger.warn({ error: messageOf(error) }, "budgets cannot be asked for");
      this.#away = true;
      line.failAll(asking, unavailable(error));
      return isUnknown ? "unknown" : "untold";
    }
  }

  async #change(wishes: readonly SliceWish[]): Promise<readonly SlicePlan[]> {
    const { clock, nodeId, liveNodes, maxStaleMs, store } = this.parts;
    const byName = new Map(wishes.map((wish) => [shareName(wish.slice.share), wish]));
    let plans: readonly SlicePlan[] = [];
    await store.change(
      nodeId,
      wishes.map(({ slice }) => slice.share),
      (budgets, nowMs) => {
        const environment = {
          nodeId,
          nowMs,
          lastFence: this.#lastFence,
          liveNodes: liveNodes(),
          reclaimAfterMs: reclaimAfterMs(maxStaleMs),
          atMs: clock.monotonic(),
        };
        plans = budgets.flatMap((budget) => {
          const wish = byName.get(shareName(budget.share));
          return wish === undefined ? [] : [planSlice(wish, budget, environment)];
        });
        return plans.flatMap(({ changes }) => changes);
      },
    );
    return plans;
  }

  #apply(plans: readonly SlicePlan[], sent: Instant, asking: ReadonlySet<Waiter>): void {
    const { book, line, onSeen } = this.parts;
    for (const plan of plans) {
      if (plan.fence !== undefined && plan.fence > this.#lastFence) this.#lastFence = plan.fence;
      applyPlan(book, plan, sent);
      onSeen(plan);
    }
    line.serve();
    const bySlice = new Map(plans.map((plan) => [plan.wish.slice, plan]));
    for (const waiter of asking) if (line.waiters.has(waiter)) this.#answer(waiter, bySlice);
    line.serve();
  }

  /** One who still lacks something: others may hand it back, or nobody can. */
  #answer(waiter: Waiter, plans: ReadonlyMap<Slice, SlicePlan>): void {
    const { clock, book, line, maxStaleMs } = this.parts;
    const nowMs = clock.monotonic();
    const short = waiter.wants.filter(
      ({ slice, amount }) =>
        plans.get(slice)?.short === true && !fits(slice, amount, book.now(), maxStaleMs),
    );
    // What was there when it asked is another's by now: it asks again.
    if (short.length === 0) return;
    const isOver = (waiter.hopesUntilMs ?? Infinity) <= nowMs;
    const hopeless = short.find(({ slice }) => isOver || plans.get(slice)?.hoping !== true);
    if (hopeless !== undefined)
      return line.refuse(waiter, hopeless, plans.get(hopeless.slice)?.left ?? 0n);
    waiter.hopesUntilMs ??= nowMs + recallMs;
    waiter.asksAtMs = Math.min(nowMs + hopeEveryMs, waiter.hopesUntilMs);
    clock.after(waiter.asksAtMs - nowMs, () => this.wake());
  }
}

/** What is to be asked or told now. */
function collectWishes(parts: TalkParts): readonly SliceWish[] {
  const needs = collectNeeds(parts);
  const wishes: SliceWish[] = [];
  for (const [slice, { need, recall }] of needs) {
    if (wishes.length === mostAtOnce) return wishes;
    wishes.push(wishOf(slice, need, recall));
  }
  for (const slice of parts.book.slices.values()) {
    if (wishes.length === mostAtOnce) break;
    if (!needs.has(slice) && slice.unsaid) wishes.push(wishOf(slice, 0n, false));
  }
  return wishes;
}

interface Need {
  need: NanoDollars;
  /** Some of it was not asked of other nodes yet. */
  recall: boolean;
}

function collectNeeds({ book, line, clock, maxStaleMs }: TalkParts): ReadonlyMap<Slice, Need> {
  const nowMs = clock.monotonic();
  const instant = book.now();
  const needs = new Map<Slice, Need>();
  for (const waiter of line.waiters) {
    if (waiter.asksAtMs > nowMs) continue;
    if (waiter.wants.every(({ slice, amount }) => fits(slice, amount, instant, maxStaleMs)))
      continue;
    // All that it wants: what is there now may go to those before it.
    for (const { slice, amount } of waiter.wants) {
      if (amount === 0n) continue;
      const sum = needs.get(slice) ?? { need: 0n, recall: false };
      sum.need += amount;
      sum.recall ||= waiter.hopesUntilMs === undefined;
      needs.set(slice, sum);
    }
  }
  return needs;
}

function wishOf(slice: Slice, need: NanoDollars, recall: boolean): SliceWish {
  const idleGranted = slice.idle && need === 0n && !slice.handBack ? slice.granted : undefined;
  // What came back since it was dropped goes too.
  const over = slice.over && need === 0n && slice.running === 0;
  if (slice.handBack || over || idleGranted !== undefined) dropUnused(slice);
  return {
    slice,
    need,
    recall,
    fence: slice.fence,
    inherited: slice.inherited,
    spent: slice.spent,
    reserved: slice.reserved,
    limit: slice.limit,
    drops: slice.drops,
    granted: slice.granted,
    idleGranted,
    handBack: slice.handBack,
    ahead: !slice.handBack && slice.wanted > 0n && leftOf(slice) < slice.wanted / 2n,
    settledSpent: slice.settledSpent,
    over,
  };
}

/** SQL was not told: it will be, and what was idle can be used until then. */
function undo({ slice, idleGranted, drops }: SliceWish, isUnknown: boolean): void {
  slice.asked = false;
  slice.unsaid = true;
  if (isUnknown || idleGranted === undefined || slice.drops !== drops) return;
  slice.granted = idleGranted;
  slice.handBack = false;
}

function applyPlan(book: SliceBook, plan: SlicePlan, sent: Instant): void {
  const { slice, spent, drops } = plan.wish;
  slice.asked = false;
  slice.fence = plan.fence;
  slice.handBack = false;
  slice.idle = false;
  slice.wanted = plan.wanted;
  // What ended meanwhile may be in what SQL told already.
  const isUnsure = slice.doubtful && slice.spent !== spent;
  slice.settledSpent = undefined;
  if (plan.ended || plan.lost) {
    slice.spent -= spent;
    slice.over = false;
  }
  slice.inherited = plan.inherited;
  slice.doubtful = plan.doubtful || (isUnsure && !plan.ended);
  slice.granted = plan.granted - plan.inherited;
  slice.renewed = sent;
  slice.overdrawn = plan.overdrawn;
  // Dropped while SQL was asked, or by what it said: that is more than may be kept.
  if (slice.drops !== drops || (slice.overdrawn && leftOf(slice) > 0n)) dropUnused(slice);
  if (leftOf(slice) < 0n) slice.unsaid = true;
  const isNothing = plan.ended && slice.spent === 0n && !slice.unsaid;
  if (isNothing && slice.running === 0 && slice.waiting === 0) book.forget(slice);
}
