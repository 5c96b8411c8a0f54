/**
 * A call's way past limits that are counted for the whole cluster. Promise: it takes from all of them or from none, also
 * where some are held here and others have to be asked for.
 */
import { limitSpans } from "../core/limit-rule.ts";
import type { CallAnswer, TakeEntry } from "../store/redis-limits.ts";
import type { CountedLimit, Limit } from "./limit-state.ts";
import type { Claim } from "./go-alone.ts";
import { findLackUnanswered, goAlone, noUnits } from "./go-alone.ts";
import type { Lack, ShareTerms, Use } from "./local-share.ts";
import type { Asked } from "./questions.ts";
import type { SharedLink } from "./shared-link.ts";
import {
  dropOldLots,
  grasp,
  heldIn,
  layBack,
  lotEnd,
  noteChange,
  noteLeft,
  notePace,
  spend,
  unitsIn,
  wishOf,
} from "./slices.ts";
import { putIn } from "./window.ts";

/** How long a refusal is believed: others may give back at any time. */
const longestDryMs = 500;
/** For each node: with less in the whole cluster the counter hands out no unit beyond a call's need. */
const unitsInAdvance = 4;

/** Undefined: all is taken; else the limit that has no room, and nothing is taken. */
export function admitShared(
  link: SharedLink,
  uses: readonly Use[],
  terms: () => ShareTerms,
): Lack | undefined | Promise<Lack | undefined> {
  const { nowMs } = terms();
  const dry = findDry(uses, nowMs);
  if (dry !== undefined) return dry;
  const claims = uses.map((use) => claimOf(link, use, nowMs));
  const asking = claims.filter(({ missing }) => missing > 0);
  if (asking.length > 0) return askFor(link, { uses, claims, asking }, terms);
  for (const claim of claims) commit(link, claim, nowMs);
  return undefined;
}

/** A call is over: `units` is what it took in place of what it needed. */
export function endShared(
  link: SharedLink,
  { limit, need, bucket, epoch }: Use,
  units: number,
): void {
  if (limit.kind === "slots") {
    limit.freed += 1;
    link.tellNow(limit);
    return;
  }
  const place = units < need ? bucket : link.bucketNow(limit.window.stepMs);
  // Counters that began anew were told what was expected: that leaves with the window.
  if (units === need || place === undefined || (units < need && epoch !== link.epoch)) return;
  noteChange(limit, place, units - need);
  link.tellSoon(limit);
  if (limit.seenLeft !== undefined) limit.seenLeft += need - units;
  if (units < need) limit.dry = undefined;
}

/** A limit that is known to have no room for some while. */
function findDry(uses: readonly Use[], nowMs: number): Lack | undefined {
  for (const { limit, need } of uses) {
    if (limit.kind === "slots" || limit.rule.exact || limit.dry === undefined) continue;
    const { needed, untilMs, retryAtMs } = limit.dry;
    if (nowMs >= retryAtMs) limit.dry = undefined;
    else if (nowMs < untilMs && need >= needed && heldIn(limit) < need)
      return { limit, waitMs: retryAtMs - nowMs };
  }
  return undefined;
}

function claimOf(link: SharedLink, use: Use, nowMs: number): Claim {
  const { limit, need } = use;
  if (limit.kind === "slots") return { use, handfuls: noUnits, missing: 1 };
  if (need === 0 || limit.rule.exact) return { use, handfuls: noUnits, missing: need };
  if (dropOldLots(limit, nowMs)) link.tellSoon(limit);
  const handfuls = grasp(limit, need);
  return { use, handfuls, missing: need - unitsIn(handfuls) };
}

interface Claims {
  readonly uses: readonly Use[];
  readonly claims: readonly Claim[];
  readonly asking: readonly Claim[];
}

async function askFor(
  link: SharedLink,
  { uses, claims, asking }: Claims,
  terms: () => ShareTerms,
): Promise<Lack | undefined> {
  const asked = asking.map(({ use: { limit }, missing }): Asked => {
    if (limit.kind === "slots") {
      limit.pending += 1;
      limit.held = true;
    }
    return { limit, entry: entryOf(limit, missing, terms().nowMs) };
  });
  const reply = await link.ask(asked);
  for (const { limit, entry } of asked) {
    if (limit.kind === "slots") limit.pending -= 1;
    else if (entry.kind === "counted" && entry.wish > 0) limit.wishing = false;
  }
  const { nowMs, nodes } = terms();
  const lack =
    reply === undefined
      ? findLackUnanswered(link, asking, { nowMs, nodes })
      : findRefused(link, asking, { reply, nowMs });
  if (lack !== undefined) {
    for (const { use, handfuls } of claims)
      if (use.limit.kind === "counted") layBack(use.limit, handfuls, link.epoch);
    // What another call got in advance meanwhile may be enough for this one.
    const held = reply !== undefined && asking.every(({ use }) => isHeld(use));
    return held ? admitShared(link, uses, terms) : lack;
  }
  for (const claim of claims) if (claim.missing === 0) commit(link, claim, nowMs);
  for (const [index, claim] of asking.entries())
    if (reply === undefined) goAlone(link, claim, { nowMs, nodes });
    else commitAsked(link, claim, { reply, index, nowMs });
  return undefined;
}

function entryOf(limit: Limit, missing: number, nowMs: number): TakeEntry {
  if (limit.kind === "slots") return { kind: "slots", key: limit.key, amount: limit.amount };
  // One call in a turn asks for all.
  const wish = limit.rule.exact || limit.wishing ? 0 : wishOf(limit, nowMs);
  if (wish > 0) limit.wishing = true;
  return countEntry(limit, { need: missing, wish });
}

function countEntry(
  { key, amount, rule, window: { stepMs } }: CountedLimit,
  { need, wish }: { readonly need: number; readonly wish: number },
): TakeEntry {
  return { kind: "counted", key, amount, need, wish, spanMs: limitSpans[rule.per], stepMs };
}

/** Whether this node holds in advance what a call needs of a limit. */
function isHeld({ limit, need }: Use): boolean {
  return limit.kind === "counted" && !limit.rule.exact && heldIn(limit) >= need;
}

interface Refusal {
  readonly reply: CallAnswer;
  readonly nowMs: number;
}

/** What the counters said about each; the one to wait for longest. */
function findRefused(
  link: SharedLink,
  asking: readonly Claim[],
  { reply, nowMs }: Refusal,
): Lack | undefined {
  let longest: Lack | undefined;
  for (const [index, { use, missing }] of asking.entries()) {
    const { limit } = use;
    const { left = 0, waitMs = 0, fullMs = 0 } = reply.entries[index] ?? {};
    if (limit.kind === "counted") {
      noteLeft(limit, left, nowMs);
      limit.fullAtMs = nowMs + fullMs;
      if (reply.taken) limit.dry = undefined;
      if (waitMs > 0) {
        const untilMs = nowMs + Math.min(waitMs, longestDryMs);
        limit.dry = { needed: missing, untilMs, retryAtMs: nowMs + waitMs };
      }
    } else if (limit.overtold) {
      // Told as held while it was asked for: it may have been counted then and again by the answer.
      limit.overtold = false;
      limit.uncertain = true;
      link.tellSoon(limit);
    }
    if (waitMs > (longest?.waitMs ?? 0)) longest = { limit, waitMs };
  }
  return longest;
}

/** Lets a call go with what is in hand. */
function commit(link: SharedLink, { use, handfuls }: Claim, nowMs: number): void {
  const { limit, need } = use;
  if (limit.kind === "slots" || need === 0) return;
  const bucket = link.bucketNow(limit.window.stepMs) ?? 0;
  if (spend(limit, handfuls, { epoch: link.epoch, bucket })) link.tellSoon(limit);
  use.bucket = bucket;
  use.epoch = link.epoch;
  use.step = putIn(limit.window, nowMs, need);
  limit.fullAtMs = nowMs + limitSpans[limit.rule.per] + limit.window.stepMs;
  notePace(limit, need);
  if (!limit.rule.exact) refill(link, limit, nowMs);
}

interface Granted extends Refusal {
  readonly index: number;
}

function commitAsked(link: SharedLink, claim: Claim, { reply, index, nowMs }: Granted): void {
  const { limit } = claim.use;
  if (limit.kind === "slots") {
    limit.running += 1;
    return;
  }
  const { granted = 0, bucket = 0 } = reply.entries[index] ?? {};
  addLot(link, limit, { units: granted - claim.missing, bucket, nowMs });
  commit(link, claim, nowMs);
  claim.use.bucket = bucket;
}

interface Grant {
  readonly units: number;
  readonly bucket: number;
  readonly nowMs: number;
}

function addLot(link: SharedLink, limit: CountedLimit, { units, bucket, nowMs }: Grant): void {
  if (units <= 0) return;
  limit.lots.push({ bucket, epoch: link.epoch, left: units, endsAtMs: lotEnd(limit, nowMs) });
  link.lent(limit);
}

/** Asks for more before it is needed; no call waits for it. */
function refill(link: SharedLink, limit: CountedLimit, nowMs: number): void {
  if (limit.wishing || !link.usable || limit.dry !== undefined) return;
  const wish = wishOf(limit, nowMs);
  const held = heldIn(limit);
  if (held >= Math.max(limit.pace.last, wish / 2)) return;
  // Near the end nothing is handed out in advance.
  if (limit.seenLeft !== undefined && limit.seenLeft < unitsInAdvance * link.nodes) return;
  limit.wishing = true;
  const entry = countEntry(limit, { need: 0, wish: wish - held });
  void link.ask([{ limit, entry }]).then((reply) => {
    limit.wishing = false;
    const [answer] = reply?.entries ?? [];
    if (answer === undefined) return;
    noteLeft(limit, answer.left, nowMs);
    addLot(link, limit, { units: answer.granted, bucket: answer.bucket, nowMs });
  });
}
