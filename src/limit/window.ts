/**
 * What was taken within the last second, minute, hour or day: a window that slides in steps. Promise: in no time of that
 * length more is counted out than was allowed, at no border of anything; the price is that a step falls out as a whole.
 */
import type { LimitSpan } from "../core/limit-rule.ts";
import { limitSpans } from "../core/limit-rule.ts";

/** Milliseconds of a step. A span holds 50 to 96: at full load at least 98 % of the amount passes. */
export const windowSteps = {
  second: 20,
  minute: 1_000,
  hour: 60_000,
  day: 900_000,
} as const satisfies Record<LimitSpan, number>;

/** Times are ms of a clock that never goes back; a step is named by its number on that clock. */
export interface Window {
  readonly stepMs: number;
  /** Amounts by step, as a ring: one more than the span has, as the oldest step is in it with its end alone. */
  readonly counts: Float64Array;
  /** The newest step that was looked at. */
  last: number;
  sum: number;
}

export function makeWindow(per: LimitSpan, atMs: number): Window {
  const stepMs = windowSteps[per];
  const cells = limitSpans[per] / stepMs + 1;
  return { stepMs, counts: new Float64Array(cells), last: Math.floor(atMs / stepMs), sum: 0 };
}

/** What is in the window now. */
export function amountIn(window: Window, atMs: number): number {
  const { counts } = window;
  const now = Math.floor(atMs / window.stepMs);
  if (now <= window.last) return window.sum;
  if (now - window.last >= counts.length || window.sum === 0) {
    counts.fill(0);
    window.sum = 0;
  } else {
    for (let step = window.last + 1; step <= now; step += 1) {
      const cell = step % counts.length;
      window.sum -= counts[cell] ?? 0;
      counts[cell] = 0;
    }
  }
  window.last = now;
  return window.sum;
}

/** Counts an amount in and answers its step, for {@link takeBack}. */
export function putIn(window: Window, atMs: number, amount: number): number {
  amountIn(window, atMs);
  const cell = window.last % window.counts.length;
  window.counts[cell] = (window.counts[cell] ?? 0) + amount;
  window.sum += amount;
  return window.last;
}

/** Takes back what was counted in at a step, where that step is still in the window. */
export function takeBack(window: Window, step: number, amount: number): void {
  const { counts } = window;
  if (step <= window.last - counts.length) return;
  const cell = step % counts.length;
  const taken = Math.min(amount, counts[cell] ?? 0);
  counts[cell] = (counts[cell] ?? 0) - taken;
  window.sum -= taken;
}

/** Ms until at most `most` is in the window, if nothing else is counted in. */
export function msUntil(window: Window, atMs: number, most: number): number {
  if (amountIn(window, atMs) <= most) return 0;
  const { counts, last, stepMs } = window;
  // The newest step that cannot stay beside those after it.
  let step = last;
  let staying = counts[step % counts.length] ?? 0;
  while (staying <= most && step > last - counts.length + 1) {
    step -= 1;
    staying += counts[step % counts.length] ?? 0;
  }
  return Math.max(0, (step + counts.length) * stepMs - atMs);
}

/** What is in it, by age of the step's end (ms), for a counter that lost it. */
export function agedAmounts(window: Window, atMs: number): readonly (readonly [number, number])[] {
  amountIn(window, atMs);
  const { counts, last, stepMs } = window;
  const found: (readonly [number, number])[] = [];
  for (let step = last - counts.length + 1; step <= last; step += 1) {
    const amount = counts[step % counts.length] ?? 0;
    if (amount > 0) found.push([Math.max(0, atMs - (step + 1) * stepMs), amount]);
  }
  return found;
}
