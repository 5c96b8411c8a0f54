/**
 * Limits without a shared counter. Promise: each node lets in its share of the limit, so that all nodes together let in
 * at most the limit, or one each where there are more nodes than that.
 */
import type { Limit } from "./limit-state.ts";
import { amountIn, msUntil, putIn } from "./window.ts";

/** What one call takes of one limit. */
export interface Use {
  readonly limit: Limit;
  /** Units; at most what the limit ever has, so that a large call is let in when nothing else is. */
  need: number;
  /** Step of the node's own window that they stand in. */
  step: number;
  /** Step of the shared counter; undefined: it was not asked. */
  bucket: number | undefined;
  /** The life of the shared counter that `bucket` belongs to. */
  epoch: string;
}

/** A limit that has no room, and the ms until it may have. */
export interface Lack {
  readonly limit: Limit;
  readonly waitMs: number;
}

export interface ShareTerms {
  readonly nowMs: number;
  readonly nodes: number;
}

export function shareOf({ amount }: Limit, nodes: number): number {
  return Math.max(1, Math.floor(amount / Math.max(1, nodes)));
}

/** A running call may end at any time. */
const slotWaitMs = 1000;

/** The one to wait for longest among those that have no room; undefined: all have. */
export function findLack(uses: readonly Use[], terms: ShareTerms): Lack | undefined {
  let longest: Lack | undefined;
  for (const { limit, need } of uses) {
    const waitMs = waitFor(limit, need, terms);
    if (waitMs > 0 && waitMs > (longest?.waitMs ?? 0)) longest = { limit, waitMs };
  }
  return longest;
}

function waitFor(limit: Limit, need: number, { nowMs, nodes }: ShareTerms): number {
  const share = shareOf(limit, nodes);
  if (limit.kind === "slots") return limit.running + limit.pending < share ? 0 : slotWaitMs;
  const wanted = Math.min(need, share);
  if (wanted === 0 || amountIn(limit.window, nowMs) + wanted <= share) return 0;
  return Math.max(1, msUntil(limit.window, nowMs, share - wanted));
}

/** Takes of a limit that has room. */
export function takeShare(use: Use, { nowMs, nodes }: ShareTerms): void {
  const { limit } = use;
  if (limit.kind === "slots") {
    limit.running += 1;
    return;
  }
  use.need = Math.min(use.need, shareOf(limit, nodes));
  use.step = putIn(limit.window, nowMs, use.need);
}
