/**
 * Calls that wait until there is enough for them. Promise: first come, first served; nobody waits longer than a call can
 * bear; a budget without enough is not asked about again for a second.
 */
import type { Cancel, Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { NanoDollars } from "../core/money.ts";
import type { ReserveAnswer, Shortage } from "./budgets.ts";
import { fits, type Slice } from "./slice.ts";
import type { SliceBook } from "./slice-book.ts";

/** What one call wants of one budget. */
export interface Want {
  readonly slice: Slice;
  readonly amount: NanoDollars;
}

export interface Waiter {
  readonly wants: readonly Want[];
  /** Monotonic: until then others may hand something back; undefined: they were not asked yet. */
  hopesUntilMs: number | undefined;
  /** Monotonic: not asked again before. */
  asksAtMs: number;
  answer(answer: ReserveAnswer): void;
  fail(error: GatewayError): void;
}

/** Longest time for handing back. */
export const recallMs = 500;
const rememberMs = 1000;
/** Longest time that a call waits for the database. */
export const patienceMs = 5000;
const mostRemembered = 10_000;

export function unavailable(cause?: unknown): GatewayError {
  return new GatewayError("temporarily_unavailable", "Budgets cannot be checked at the moment", {
    retryAfterS: 2,
    ...(cause !== undefined && { cause }),
  });
}

export interface LineParts {
  readonly clock: Clock;
  readonly book: SliceBook;
  readonly maxStaleMs: number;
  /** Sets aside what a call wants. */
  readonly reserve: (wants: readonly Want[]) => ReserveAnswer;
  readonly onRefused: (shortage: Shortage) => void;
}

interface Refusal {
  readonly amount: NanoDollars;
  readonly limit: NanoDollars | null;
  readonly untilMs: number;
  readonly shortage: Shortage;
}

export class WaitingLine {
  readonly #parts: LineParts;
  readonly #waiters = new Set<Waiter>();
  readonly #refusals = new Map<Slice["share"], Refusal>();

  constructor(parts: LineParts) {
    this.#parts = parts;
  }

  get waiters(): ReadonlySet<Waiter> {
    return this.#waiters;
  }

  join(wants: readonly Want[]): Promise<ReserveAnswer> {
    return new Promise((resolve, reject) => {
      let cancel: Cancel = () => undefined;
      const waiter: Waiter = {
        wants,
        hopesUntilMs: undefined,
        asksAtMs: 0,
        answer: (answer) => {
          cancel();
          resolve(answer);
        },
        fail: (error) => {
          cancel();
          reject(error);
        },
      };
      this.#waiters.add(waiter);
      for (const { slice } of wants) slice.waiting += 1;
      cancel = this.#parts.clock.after(patienceMs, () => {
        this.failAll([waiter], unavailable());
        this.serve();
      });
    });
  }

  /** Those who fit by now get what they wait for, in their order. */
  serve(): void {
    for (const waiter of this.#waiters) {
      if (!waiter.wants.every((want) => this.#fits(want))) continue;
      this.#leave(waiter);
      waiter.answer(this.#parts.reserve(waiter.wants));
    }
  }

  refuse(waiter: Waiter, want: Want, left: NanoDollars): void {
    if (!this.#leave(waiter)) return;
    const { share, limit, endMs } = want.slice;
    const shortage = { kind: share.kind, id: share.id, left, renewsAtMs: endMs };
    if (this.#refusals.size >= mostRemembered) this.#refusals.clear();
    const untilMs = this.#parts.clock.monotonic() + rememberMs;
    this.#refusals.set(share, { amount: want.amount, limit, untilMs, shortage });
    this.#parts.onRefused(shortage);
    waiter.answer({ reserved: false, shortage });
  }

  /** What was refused within the last second is refused again. */
  remembered(wants: readonly Want[]): Shortage | undefined {
    for (const want of wants) {
      const { share, limit } = want.slice;
      const refusal = this.#refusals.get(share);
      if (refusal === undefined) continue;
      const holds = this.#parts.clock.monotonic() < refusal.untilMs && refusal.limit === limit;
      if (!holds) this.#refusals.delete(share);
      else if (want.amount >= refusal.amount && !this.#fits(want)) return refusal.shortage;
    }
    return undefined;
  }

  failAll(some: Iterable<Waiter>, error: GatewayError): void {
    for (const waiter of some) if (this.#leave(waiter)) waiter.fail(error);
  }

  /** Whether a call need not wait: there is enough, and nobody was there before it. */
  isFree(wants: readonly Want[]): boolean {
    const now = this.#parts.book.now();
    return wants.every(
      (want) => want.amount === 0n || (want.slice.waiting === 0 && this.#fits(want, now)),
    );
  }

  #leave(waiter: Waiter): boolean {
    if (!this.#waiters.delete(waiter)) return false;
    for (const { slice } of waiter.wants) slice.waiting -= 1;
    return true;
  }

  #fits({ slice, amount }: Want, now = this.#parts.book.now()): boolean {
    return fits(slice, amount, now, this.#parts.maxStaleMs);
  }
}
