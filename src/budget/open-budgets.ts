/**
 * The budgets of one node, joined. Promise: in the steady state a reservation is some additions; only where a slice does
 * not suffice SQL is asked.
 */
import { type BudgetRule, budgetLimit } from "../core/budget-rule.ts";
import { LeaseTalk } from "./ask-leases.ts";
import type { BudgetParts } from "./budget-parts.ts";
import type { BudgetClaim, Budgets, ReserveAnswer } from "./budgets.ts";
import { makeChannelSpending } from "./channel-spending.ts";
import { type FindPeriod, makePeriodCache } from "./period-cache.ts";
import { handSlicesOver, takeKeptSlices } from "./pass-slices-on.ts";
import { makeSetAside } from "./set-aside.ts";
import { dropUnused, give, leftOf, take } from "./slice.ts";
import { makeSliceBook, type SliceBook } from "./slice-book.ts";
import { makeAlertTeller, type SeeBudget } from "./tell-alerts.ts";
import { SliceTender } from "./tend-slices.ts";
import { unavailable, WaitingLine, type Want } from "./waiting-line.ts";

export function openBudgets(parts: BudgetParts): Budgets {
  const book = makeSliceBook(parts.clock);
  const periodOf = makePeriodCache();
  const channels = makeChannelSpending(parts);
  const { reserveNow, line, talk, onSeen } = joinSlices(parts, book);
  takeKeptSlices(parts, book);
  const tender = new SliceTender(talk.parts, talk);
  let closed = false;
  const periodName = (rule: BudgetRule | null, atMs: number): string => periodOf(rule, atMs).name;

  return {
    reserve: (claims, admittedAtMs) => {
      const wants = wantsOf(claims, admittedAtMs, { book, periodOf });
      if (line.isFree(wants)) return reserveNow(wants);
      const shortage = line.remembered(wants);
      if (shortage !== undefined) {
        parts.meters.refused(shortage.kind);
        return { reserved: false, shortage };
      }
      if (closed) throw unavailable();
      const answer = line.join(wants);
      talk.wake();
      return answer;
    },
    setAside: makeSetAside({
      ...parts,
      book,
      periodOf,
      wake: () => talk.wake(),
      isClosed: () => closed,
      onSeen,
    }),
    channelHasLeft: (id, rule, atMs) =>
      channels.spent({ kind: "channel", id, period: periodName(rule, atMs) }) <
      budgetLimit(rule, atMs),
    spentOn: (share, amount) => channels.add(share, amount),
    shareOf: ({ kind, id, rule }, atMs) => ({ kind, id, period: periodName(rule, atMs) }),
    close: async () => {
      if (closed) return;
      closed = true;
      tender.close();
      line.failAll(line.waiters, unavailable());
      await handSlicesOver(parts, book, talk);
    },
  };
}

interface JoinedSlices {
  readonly reserveNow: (wants: readonly Want[]) => ReserveAnswer;
  readonly line: WaitingLine;
  readonly talk: LeaseTalk;
  readonly onSeen: SeeBudget;
}

function joinSlices(parts: BudgetParts, book: SliceBook): JoinedSlices {
  const { clock, maxStaleMs, meters } = parts;
  const reserveNow = (wants: readonly Want[]): ReserveAnswer =>
    reserveAll(wants, { book, wake: () => talk.wake(), serve: () => line.serve() });
  const line = new WaitingLine({
    clock,
    book,
    maxStaleMs,
    reserve: reserveNow,
    onRefused: ({ kind }) => meters.refused(kind),
  });
  const onSeen = makeAlertTeller(parts);
  const talk = new LeaseTalk({ ...parts, book, line, onSeen });
  return { reserveNow, line, talk, onSeen };
}

interface Finding {
  readonly book: SliceBook;
  readonly periodOf: FindPeriod;
}

/** The slices that a call draws on. Where the limit changed, what is not used goes back at once. */
function wantsOf(
  claims: readonly BudgetClaim[],
  admittedAtMs: number,
  { book, periodOf }: Finding,
): readonly Want[] {
  return claims.map(({ kind, id, rule, amount }) => {
    const period = periodOf(rule, admittedAtMs);
    const slice = book.get({ kind, id, period: period.name }, period.endMs);
    if (rule !== null) slice.rule = rule;
    const limit = rule === null ? null : budgetLimit(rule, admittedAtMs);
    // Even where it rose: it may have been higher still meanwhile, and others have taken by that.
    if (slice.limit !== null && limit !== slice.limit) dropUnused(slice);
    slice.limit = limit;
    return { slice, amount: amount < 0n ? 0n : amount };
  });
}

interface Keeping {
  readonly book: SliceBook;
  readonly wake: () => void;
  readonly serve: () => void;
}

/** Takes what a call wants from all its slices: they suffice. */
function reserveAll(wants: readonly Want[], { book, wake, serve }: Keeping): ReserveAnswer {
  const atMs = book.now().monotonicMs;
  for (const { slice, amount } of wants) {
    take(slice, amount, atMs);
    // Ahead of need, so that the calls to come need not wait.
    if (slice.wanted > 4n * amount && leftOf(slice) < slice.wanted / 2n && !slice.unsaid) {
      slice.unsaid = true;
      wake();
    }
  }
  let over = false;
  const end = (costOf: (index: number) => bigint): void => {
    if (over) return;
    over = true;
    for (const [index, { slice, amount }] of wants.entries()) {
      const cost = costOf(index);
      give(slice, amount, cost < 0n ? 0n : cost);
      if (slice.unsaid) wake();
    }
    serve();
  };
  return {
    reserved: true,
    reservation: {
      shares: wants.map(({ slice }) => slice.share),
      settle: (costs) => end((index) => costs[index] ?? 0n),
      release: () => end(() => 0n),
    },
  };
}
