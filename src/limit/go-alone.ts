/**
 * A call's way where the shared counters cannot be asked, or do not answer. Promise: they hear of what went without them,
 * and what they said a moment ago still counts.
 */
import type { Lack, ShareTerms, Use } from "./local-share.ts";
import { findLack, takeShare } from "./local-share.ts";
import type { SharedLink } from "./shared-link.ts";
import type { Handful } from "./slices.ts";
import { noteChange, spend, unitsIn } from "./slices.ts";

/** A use, what of it is in hand, and what has to be asked for. */
export interface Claim {
  readonly use: Use;
  readonly handfuls: readonly Handful[];
  readonly missing: number;
}

export const noUnits: readonly Handful[] = [];
/** How long it is believed what was left. */
const believedMs = 5_000;
/** Of its share a node lets in a quarter while the others may still be counted by Redis. */
const cautiousPart = 4;
/** When to try again what nobody answered. */
const unansweredMs = 1_000;

/**
 * Nobody answered. As long as the counters are not known to be gone, what they alone may count out is refused: a moment of
 * silence must not exceed it.
 */
export function findLackUnanswered(
  link: SharedLink,
  asking: readonly Claim[],
  terms: ShareTerms,
): Lack | undefined {
  const uses = asking.map(({ use }) => use);
  const strict = uses.find(({ limit }) => limit.kind === "slots" || limit.rule.exact);
  if (!link.usable) return findLack(uses, terms);
  if (strict !== undefined) return { limit: strict.limit, waitMs: unansweredMs };
  const cautious = { ...terms, nodes: terms.nodes * cautiousPart };
  return uses.map((use) => lackAsSeen(use, terms)).find(Boolean) ?? findLack(uses, cautious);
}

/** What the counter said a moment ago still holds: each node may take its part of what was left. */
function lackAsSeen({ limit, need }: Use, { nowMs, nodes }: ShareTerms): Lack | undefined {
  if (limit.kind === "slots") return undefined;
  const { dry, seenLeft, seenAtMs } = limit;
  if (dry !== undefined && nowMs < dry.retryAtMs && need >= dry.needed)
    return { limit, waitMs: dry.retryAtMs - nowMs };
  if (seenLeft === undefined || nowMs - seenAtMs > believedMs) return undefined;
  if (need > seenLeft / nodes) return { limit, waitMs: unansweredMs };
  limit.seenLeft = seenLeft - need * nodes;
  return undefined;
}

/** Lets a call go within this node's own share; the counters hear of it when they are there again. */
export function goAlone(link: SharedLink, { use, handfuls }: Claim, terms: ShareTerms): void {
  const { limit } = use;
  takeShare(use, terms);
  link.wentAlone(limit);
  if (limit.kind === "slots") {
    limit.uncertain = true;
    return;
  }
  const bucket = link.bucketNow(limit.window.stepMs);
  if (bucket === undefined) return;
  spend(limit, handfuls, { epoch: link.epoch, bucket });
  const unasked = use.need - unitsIn(handfuls);
  noteChange(limit, bucket, unasked);
  use.bucket = bucket;
  use.epoch = link.epoch;
}

/** The whole of a call within this node's own share. */
export function admitAlone(
  link: SharedLink,
  uses: readonly Use[],
  terms: ShareTerms,
): Lack | undefined {
  const lack = findLack(uses, terms);
  if (lack !== undefined) return lack;
  for (const use of uses) goAlone(link, { use, handfuls: noUnits, missing: use.need }, terms);
  return undefined;
}
