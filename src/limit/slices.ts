/**
 * What a node holds of a shared counter in advance, so that calls need not wait for it. Promises: units are used once, or
 * go back when nobody used them for a while; what is used later than it was counted out is moved to when it was used.
 */
import { limitSpans } from "../core/limit-rule.ts";
import type { CountedLimit, Lot } from "./limit-state.ts";

/** Units of one lot that a call has in hand. */
export interface Handful {
  readonly lot: Lot;
  readonly units: number;
}

/** How long of its own pace a node holds in advance. */
const aheadMs = 250;
/** Longest that units lie unused. */
const longestLifeMs = 5_000;
/** How fast a change of pace is believed. */
const paceMs = 500;

export function heldIn({ lots }: CountedLimit): number {
  let units = 0;
  for (const { left } of lots) units += left;
  return units;
}

/** When units go back that were counted out now. */
export function lotEnd({ rule }: CountedLimit, nowMs: number): number {
  return nowMs + Math.min(longestLifeMs, limitSpans[rule.per] / 10);
}

/** Takes up to `need` units out of what is held, the oldest first. */
export function grasp(limit: CountedLimit, need: number): readonly Handful[] {
  const handfuls: Handful[] = [];
  let missing = need;
  for (const lot of limit.lots) {
    const units = Math.min(missing, lot.left);
    if (units === 0) continue;
    lot.left -= units;
    missing -= units;
    handfuls.push({ lot, units });
    if (missing === 0) break;
  }
  return handfuls;
}

export function unitsIn(handfuls: readonly Handful[]): number {
  return handfuls.reduce((sum, { units }) => sum + units, 0);
}

/** The call was refused: they lie where they lay, unless the shared counter has forgotten them. */
export function layBack(limit: CountedLimit, handfuls: readonly Handful[], epoch: string): void {
  for (const { lot, units } of handfuls) {
    if (lot.epoch !== epoch) continue;
    lot.left += units;
    if (!limit.lots.includes(lot)) limit.lots.push(lot);
  }
}

/** A change that the shared counter is to be told; what cancels out is not told. */
export function noteChange(limit: CountedLimit, bucket: number, units: number): void {
  const untold = (limit.untold ??= new Map());
  const sum = (untold.get(bucket) ?? 0) + units;
  if (sum === 0) untold.delete(bucket);
  else untold.set(bucket, sum);
}

/** The life of the shared counter, and the step that runs now in it. */
export interface SharedTime {
  readonly epoch: string;
  readonly bucket: number;
}

/** The call goes: its units stand in the step that is running now. Answers whether the shared counter is to be told. */
export function spend(
  limit: CountedLimit,
  handfuls: readonly Handful[],
  { epoch, bucket }: SharedTime,
): boolean {
  let changed = false;
  for (const { lot, units } of handfuls) {
    const forgotten = lot.epoch !== epoch;
    if (!forgotten && lot.bucket >= bucket) continue;
    if (!forgotten) noteChange(limit, lot.bucket, -units);
    noteChange(limit, bucket, units);
    changed = true;
  }
  if (handfuls.length > 0) limit.lots = limit.lots.filter(({ left }) => left > 0);
  return changed;
}

/** Lets go of lots whose time is over. Answers whether the shared counter is to be told. */
export function dropOldLots(limit: CountedLimit, nowMs: number): boolean {
  if (limit.lots.every(({ endsAtMs }) => endsAtMs > nowMs)) return false;
  for (const lot of limit.lots) {
    if (lot.endsAtMs > nowMs) continue;
    if (lot.left > 0) noteChange(limit, lot.bucket, -lot.left);
    if (limit.seenLeft !== undefined) limit.seenLeft += lot.left;
  }
  limit.lots = limit.lots.filter(({ endsAtMs }) => endsAtMs > nowMs);
  return true;
}

/** The counter told how much is left in the whole cluster. */
export function noteLeft(limit: CountedLimit, left: number, nowMs: number): void {
  limit.seenLeft = left;
  limit.seenAtMs = nowMs;
}

/** Counts what a call took into the pace. */
export function notePace({ pace }: CountedLimit, units: number): void {
  pace.last = units;
  pace.taken += units;
}

/** Units that the node should hold: some of its pace, at least one call's. */
export function wishOf({ pace }: CountedLimit, nowMs: number): number {
  const elapsedMs = nowMs - pace.sinceMs;
  if (elapsedMs > 0) {
    const weight = Math.min(1, elapsedMs / paceMs);
    pace.perMs += (pace.taken / elapsedMs - pace.perMs) * weight;
    pace.taken = 0;
    pace.sinceMs = nowMs;
  }
  return Math.ceil(Math.max(pace.last, pace.perMs * aheadMs));
}
