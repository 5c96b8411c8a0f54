/** What a node knows of each limit: what it let in itself, and what it holds of the cluster's shared counter. */
import type { LimitRule } from "../core/limit-rule.ts";
import { limitSpans } from "../core/limit-rule.ts";
import type { LimitSubject, LimitedUse } from "./limits.ts";
import type { Window } from "./window.ts";
import { makeWindow } from "./window.ts";

/** Units that the shared counter counted out to this node and that no call took yet. */
export interface Lot {
  /** Step of the shared counter that they stand in. */
  readonly bucket: number;
  /** The life of the shared counter that they belong to. */
  readonly epoch: string;
  left: number;
  /** Ms, monotonic, from which on they go back. */
  readonly endsAtMs: number;
}

/** How fast calls take here. */
export interface Pace {
  /** Units a millisecond. */
  perMs: number;
  /** Units that the last call took. */
  last: number;
  /** Units that were taken since the pace was reckoned, and when that was. */
  taken: number;
  sinceMs: number;
}

/** A limit of so many units in a span. */
export interface CountedLimit {
  readonly kind: "counted";
  /** What distinguishes it from all others in the cluster. */
  readonly key: string;
  readonly subject: LimitSubject["kind"];
  rule: LimitRule;
  /** In units: a number that can be counted exactly. */
  amount: number;
  /** What this node let in. */
  readonly window: Window;
  lots: Lot[];
  /** What the shared counter is to be told: step of that counter → units more, or less. */
  untold: Map<number, number> | undefined;
  /** Units left in the whole cluster when it was asked last, beside the lots; undefined: never asked. */
  seenLeft: number | undefined;
  seenAtMs: number;
  /** Until when (ms, monotonic) `needed` units are known not to be there, and when they may be. */
  dry:
    | { readonly needed: number; readonly untilMs: number; readonly retryAtMs: number }
    | undefined;
  /** When the window is empty again if nothing more is taken (ms, monotonic). */
  fullAtMs: number;
  readonly pace: Pace;
  /** It was asked for units in advance, and has not answered. */
  wishing: boolean;
  usedAtMs: number;
}

/** A limit of calls at a time. */
export interface SlotLimit {
  readonly kind: "slots";
  readonly key: string;
  readonly subject: LimitSubject["kind"];
  rule: LimitRule;
  amount: number;
  /** Calls that hold a slot here. */
  running: number;
  /** Slots that the shared counter was asked for and has not answered. */
  pending: number;
  /** Slots that the shared counter still has to be told are free. */
  freed: number;
  /** What the shared counter has of this node may be wrong: it is told the number. */
  uncertain: boolean;
  /** It was told a number that slots asked for are part of, which it may refuse. */
  overtold: boolean;
  /** The shared counter may hold slots of this node: until it was told that there are none. */
  held: boolean;
  usedAtMs: number;
}

export type Limit = CountedLimit | SlotLimit;

/** Whose limit it is, and what it counts. */
export interface LimitIdentity {
  readonly key: string;
  readonly subject: LimitSubject["kind"];
}

export function makeLimit({ key, subject }: LimitIdentity, rule: LimitRule, nowMs: number): Limit {
  const amount = amountOf(rule);
  if (rule.of === "concurrency") {
    const none = {
      running: 0,
      pending: 0,
      freed: 0,
      uncertain: false,
      overtold: false,
      held: false,
    };
    return { kind: "slots", key, subject, rule, amount, ...none, usedAtMs: nowMs };
  }
  return {
    kind: "counted",
    key,
    subject,
    rule,
    amount,
    window: makeWindow(rule.per, nowMs),
    lots: [],
    untold: undefined,
    seenLeft: undefined,
    seenAtMs: -Infinity,
    dry: undefined,
    fullAtMs: nowMs,
    pace: { perMs: 0, last: 0, taken: 0, sinceMs: nowMs },
    wishing: false,
    usedAtMs: nowMs,
  };
}

/** The operator changed a rule: what was counted stays. */
export function changeRule(limit: Limit, rule: LimitRule): void {
  limit.rule = rule;
  limit.amount = amountOf(rule);
  if (limit.kind === "counted") limit.dry = undefined;
}

/** Whether nothing is lost by forgetting it. */
export function isIdle(limit: Limit, nowMs: number): boolean {
  if (limit.kind === "slots")
    return limit.running + limit.pending + limit.freed === 0 && !limit.uncertain && !limit.held;
  const { lots, untold, wishing, rule, usedAtMs } = limit;
  if (lots.length > 0 || (untold?.size ?? 0) > 0 || wishing) return false;
  // One span and the step that is leaving.
  return nowMs - usedAtMs > limitSpans[rule.per] * 1.1;
}

/** Counters hold doubles: beyond this many nano-dollars they count in larger units. */
const mostNanos = 4_000_000_000_000_000n;
const nanosPerLargeUnit = 10_000n;

function nanosPerUnit({ amount }: LimitRule): bigint {
  return amount > mostNanos ? nanosPerLargeUnit : 1n;
}

function amountOf(rule: LimitRule): number {
  return rule.of === "dollars" ? Number(rule.amount / nanosPerUnit(rule)) : Number(rule.amount);
}

/** Units of a rule that a use takes: never negative, whatever was estimated. */
export function unitsOf(rule: LimitRule, use: LimitedUse): number {
  if (rule.of === "requests" || rule.of === "concurrency") return 1;
  if (rule.of === "inputTokens") return whole(use.inputTokens);
  if (rule.of === "outputTokens") return whole(use.outputTokens);
  if (rule.of === "tokens") return whole(whole(use.inputTokens) + whole(use.outputTokens));
  const each = nanosPerUnit(rule);
  return use.dollars <= 0n ? 0 : whole(Number((use.dollars + each - 1n) / each));
}

function whole(count: number): number {
  return count > 0 ? Math.min(Math.ceil(count), 1e15) : 0;
}
