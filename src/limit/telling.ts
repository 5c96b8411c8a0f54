/**
 * What the shared counters are still to be told, in batches. Promise: a change is told once, even where nobody knows
 * whether the first telling was heard.
 */
import { limitSpans } from "../core/limit-rule.ts";
import type { TellEntry } from "../store/redis-limits.ts";
import type { CountedLimit, Limit } from "./limit-state.ts";
import { noteChange } from "./slices.ts";
import { agedAmounts, windowSteps } from "./window.ts";

interface Batch {
  readonly sequence: number;
  readonly entries: readonly TellEntry[];
  readonly limits: readonly Limit[];
}

/** Small enough that Redis is not held up by one. */
const entriesPerBatch = 200;

export class Telling {
  readonly #waiting = new Set<Limit>();
  #batch: Batch | undefined;
  #sequence = 0;

  /** How many batches it takes to tell what waits now. */
  get batches(): number {
    const again = this.#batch === undefined ? 0 : 1;
    return again + Math.ceil(this.#waiting.size / entriesPerBatch);
  }

  add(limit: Limit, letGo = false): void {
    if (letGo && limit.kind === "counted") {
      for (const lot of limit.lots) if (lot.left > 0) noteChange(limit, lot.bucket, -lot.left);
      limit.lots = [];
    }
    this.#waiting.add(limit);
  }

  /** Slots that are held, so that their lease goes on and what was counted wrongly is put right. */
  addSlots(limits: Iterable<Limit>): void {
    for (const limit of limits) {
      // Also where none runs any more: whatever was counted wrongly ends with that.
      if (limit.kind !== "slots" || !limit.held) continue;
      limit.uncertain = true;
      this.#waiting.add(limit);
    }
  }

  /** What is to be sent now: the same as before while that was not heard. */
  next(): Batch {
    if (this.#batch !== undefined) return this.#batch;
    const limits = [...this.#waiting].slice(0, entriesPerBatch);
    for (const limit of limits) this.#waiting.delete(limit);
    const told = limits.flatMap((limit) => {
      const entry = limit.kind === "slots" ? slotEntry(limit) : countEntry(limit);
      return entry === undefined ? [] : [{ limit, entry }];
    });
    this.#sequence += 1;
    this.#batch = {
      sequence: this.#sequence,
      entries: told.map(({ entry }) => entry),
      limits: told.map(({ limit }) => limit),
    };
    return this.#batch;
  }

  heard(): void {
    this.#batch = undefined;
  }

  /** Sent again by its number; but for slots, of which there may be others by then. */
  unheard(): void {
    if (this.#batch === undefined) return;
    const { sequence, entries, limits } = this.#batch;
    for (const limit of limits) {
      if (limit.kind !== "slots") continue;
      limit.uncertain = true;
      this.#waiting.add(limit);
    }
    const kept = limits.flatMap((limit, index) => (limit.kind === "slots" ? [] : [index]));
    this.#batch =
      kept.length === 0
        ? undefined
        : {
            sequence,
            entries: kept.flatMap((index) => entries[index] ?? []),
            limits: kept.flatMap((index) => limits[index] ?? []),
          };
  }

  /** The counters begin anew: what was not told yet is told with the rest. */
  forget(): void {
    this.#batch = undefined;
  }
}

function slotEntry(limit: Extract<Limit, { kind: "slots" }>): TellEntry | undefined {
  const { key, freed, uncertain, running, pending } = limit;
  if (freed === 0 && !uncertain) return undefined;
  limit.freed = 0;
  limit.uncertain = false;
  if (uncertain) {
    limit.overtold = pending > 0;
    limit.held = running + pending > 0;
  }
  return { kind: "slots", key, freed, held: uncertain ? running + pending : null };
}

function countEntry(limit: CountedLimit): TellEntry | undefined {
  const { key, untold, rule } = limit;
  if (untold === undefined || untold.size === 0) return undefined;
  limit.untold = undefined;
  const spanMs = limitSpans[rule.per];
  return { kind: "counted", key, spanMs, stepMs: windowSteps[rule.per], changes: [...untold] };
}

/** Of a limit whose counter began anew: it is to be told all that this node let in and holds. */
export function forgetShared(limit: Limit, nowMs: number, aheadMs: number): void {
  if (limit.kind === "slots") {
    limit.freed = 0;
    limit.uncertain = true;
    return;
  }
  const { stepMs } = limit.window;
  limit.lots = [];
  limit.untold = undefined;
  limit.seenLeft = undefined;
  limit.dry = undefined;
  for (const [ageMs, units] of agedAmounts(limit.window, nowMs))
    noteChange(limit, Math.floor((nowMs + aheadMs - ageMs) / stepMs), units);
}
