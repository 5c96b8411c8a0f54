/** The slices that this node knows of, by budget and period. */
import type { BudgetShare } from "../core/budget-rule.ts";
import type { Clock } from "../core/clock.ts";
import { shareName } from "../store/budget-leases.ts";
import { type Instant, makeSlice, type Slice } from "./slice.ts";

export interface SliceBook {
  readonly slices: ReadonlyMap<string, Slice>;
  /** The slice of a budget; an empty one where none is known. */
  get(share: BudgetShare, endMs: number): Slice;
  find(share: BudgetShare): Slice | undefined;
  forget(slice: Slice): void;
  now(): Instant;
  /** Former processes of this node have settled all: what is new here owes nothing to them. */
  formerSettled: boolean;
}

export function makeSliceBook(clock: Clock): SliceBook {
  const slices = new Map<string, Slice>();
  const now = (): Instant => ({ monotonicMs: clock.monotonic(), wallMs: clock.now() });
  const book: SliceBook = {
    slices,
    get: (share, endMs) => {
      const name = shareName(share);
      const known = slices.get(name);
      if (known !== undefined) return known;
      const slice = makeSlice(share, endMs, now());
      slice.doubtful = !book.formerSettled;
      slices.set(name, slice);
      return slice;
    },
    find: (share) => slices.get(shareName(share)),
    forget: (slice) => void slices.delete(shareName(slice.share)),
    now,
    formerSettled: false,
  };
  return book;
}
