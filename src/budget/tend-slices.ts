/**
 * What is done for slices beside calls: they are renewed, handed back where idle or recalled, and ended when all is
 * settled. Promise: nothing that a node does not use stays with it for more than some seconds.
 */
import type { Cancel } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { NanoDollars } from "../core/money.ts";
import type { OwnLease } from "../store/budget-leases.ts";
import { shareName } from "../store/budget-leases.ts";
import type { LeaseTalk, TalkParts } from "./ask-leases.ts";
import { dropUnused, type Instant, leftOf, lose, type Slice } from "./slice.ts";

/** How soon a recall is heard. */
const lookMs = 225;
const idleMs = 10_000;
/** How often it is asked what of a lease was a former process's. */
const doubtMs = 2000;

export class SliceTender {
  readonly #parts: TalkParts;
  readonly #talk: LeaseTalk;
  readonly #renewMs: number;
  readonly #lookAgainMs: number;
  #renewed: Instant = { monotonicMs: -Infinity, wallMs: -Infinity };
  /** Monotonic: when what a former process left was last looked for; what it had sent may come about later. */
  #lookedAtMs = -Infinity;
  #failing = false;
  #settling = false;
  #closed = false;
  #cancel: Cancel = () => undefined;

  constructor(parts: TalkParts, talk: LeaseTalk) {
    this.#parts = parts;
    this.#talk = talk;
    this.#renewMs = Math.min(10_000, parts.maxStaleMs / 10);
    this.#lookAgainMs = Math.min(30_000, parts.maxStaleMs);
    this.#plan(0);
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  #plan(delayMs: number): void {
    if (this.#closed) return;
    this.#cancel = this.#parts.clock.after(
      delayMs,
      () => void this.#look().finally(() => this.#plan(lookMs)),
    );
  }

  async #look(): Promise<void> {
    this.#handBackIdle();
    void this.#endSettled();
    this.#talk.wake();
    const { book, clock } = this.#parts;
    const isFresh = clock.monotonic() - this.#lookedAtMs < this.#lookAgainMs;
    if (isFresh && ![...book.slices.values()].some(isHeld)) return;
    try {
      await this.#talk.alone(() => this.#readOwn());
      this.#failing = false;
    } catch (error) {
      if (!this.#failing)
        this.#parts.logger.warn({ error: messageOf(error) }, "budget leases cannot be read");
      this.#failing = true;
    }
    this.#talk.wake();
  }

  async #readOwn(): Promise<void> {
    if (this.#closed) return;
    const { store, nodeId, book } = this.#parts;
    const sent = book.now();
    const isDue =
      sent.monotonicMs - this.#renewed.monotonicMs >= this.#renewMs ||
      // The wall clock alone tells that the machine slept.
      Math.abs(sent.wallMs - this.#renewed.wallMs) >= this.#renewMs;
    if (isDue) await store.renew(nodeId);
    compare(book, await store.own(nodeId), isDue ? sent : undefined);
    if (isDue) this.#renewed = sent;
    this.#lookedAtMs = sent.monotonicMs;
  }

  #handBackIdle(): void {
    const { book, clock } = this.#parts;
    const nowMs = clock.monotonic();
    for (const slice of book.slices.values()) {
      if (slice.asked || slice.waiting > 0 || nowMs - slice.usedAtMs < idleMs) continue;
      if (leftOf(slice) > 0n) {
        slice.idle = true;
        slice.unsaid = true;
      }
      const isEmpty = slice.fence === undefined && !slice.unsaid && slice.spent === 0n;
      if (isEmpty && slice.running === 0) book.forget(slice);
    }
  }

  /** Asks what is settled; leases of which nothing can be owed any more may end. */
  async #endSettled(): Promise<void> {
    const { book, clock, logger } = this.#parts;
    if (this.#settling || this.#closed) return;
    const candidates = findCandidates(book.slices.values(), clock.monotonic());
    if (candidates.length === 0 && book.formerSettled) return;
    this.#settling = true;
    try {
      await this.#parts.settled();
      book.formerSettled = true;
      for (const candidate of candidates) noteSettled(candidate, clock.monotonic());
      this.#talk.wake();
    } catch (error) {
      logger.debug({ error: messageOf(error) }, "what calls have cost is not settled yet");
    } finally {
      this.#settling = false;
    }
  }
}

interface Candidate {
  readonly slice: Slice;
  readonly fence: bigint | undefined;
  readonly spent: NanoDollars;
}

function findCandidates(slices: Iterable<Slice>, nowMs: number): readonly Candidate[] {
  const found: Candidate[] = [];
  for (const slice of slices) {
    if (slice.asked || slice.unsaid || slice.fence === undefined) continue;
    const { fence, spent } = slice;
    const isDue = slice.doubtful && nowMs - slice.askedAtMs >= doubtMs;
    if (isDue || isIdle(slice, nowMs)) found.push({ slice, fence, spent });
  }
  return found;
}

/** All that a slice had spent is in SQL; what was lost meanwhile has other sums. */
function noteSettled({ slice, fence, spent }: Candidate, nowMs: number): void {
  if (slice.fence !== fence) return;
  slice.askedAtMs = nowMs;
  slice.settledSpent = spent;
  slice.over = isIdle(slice, nowMs) && slice.spent === spent;
  slice.unsaid = true;
}

function isIdle(slice: Slice, nowMs: number): boolean {
  return slice.running === 0 && slice.waiting === 0 && nowMs - slice.usedAtMs >= idleMs;
}

function isHeld(slice: Slice): boolean {
  return slice.fence !== undefined && slice.inherited + slice.granted > 0n;
}

/** Brings slices in line with what SQL holds. Runs while no transaction does. */
function compare(
  book: TalkParts["book"],
  rows: readonly OwnLease[],
  renewed: Instant | undefined,
): void {
  const seen = new Map(rows.map((row) => [shareName(row.share), row]));
  for (const slice of book.slices.values()) {
    const row = seen.get(shareName(slice.share));
    // A row that nothing is known of is looked at under its lock.
    if (row !== undefined && slice.fence === undefined) slice.unsaid = true;
    else if (isHeld(slice) && row?.fence !== slice.fence) lose(slice);
    else if (row !== undefined && renewed !== undefined) slice.renewed = renewed;
    if (row?.recalled === true) dropUnused(slice);
  }
  for (const row of rows) {
    if (book.find(row.share) !== undefined) continue;
    // A former process left it: it goes as soon as all is settled.
    const slice = book.get(row.share, Infinity);
    slice.usedAtMs = -Infinity;
    dropUnused(slice);
  }
}
