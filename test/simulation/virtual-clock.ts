/** Time that passes only when the simulation says so, and one seeded source of chance: a schedule repeats exactly. */
import type { Clock } from "../../src/core/clock.ts";

export interface Chance {
  /** Uniform in [0, 1). */
  next(): number;
  /** Integer in [from, to]. */
  between(from: number, to: number): number;
  /** True with the given probability. */
  happens(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
}

/** mulberry32: small, fast, and good enough to shuffle schedules. */
export function makeChance(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const between = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));
  return {
    next,
    between,
    happens: (probability) => next() < probability,
    pick: (items) => {
      const item = items[between(0, items.length - 1)];
      if (item === undefined) throw new Error("nothing to pick from");
      return item;
    },
  };
}

interface Planned {
  readonly at: number;
  readonly order: number;
  readonly action: () => void;
}

export class VirtualClock implements Clock {
  #time = 0;
  #order = 0;
  #planned: Planned[] = [];

  now(): number {
    return 1_800_000_000_000 + this.#time;
  }

  monotonic(): number {
    return this.#time;
  }

  after(delayMs: number, action: () => void): () => void {
    this.#order += 1;
    const planned = { at: this.#time + Math.max(0, delayMs), order: this.#order, action };
    let low = 0;
    let high = this.#planned.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#planned[middle]!;
      if (other.at < planned.at || (other.at === planned.at && other.order < planned.order))
        low = middle + 1;
      else high = middle;
    }
    this.#planned.splice(low, 0, planned);
    return () => {
      const index = this.#planned.indexOf(planned);
      if (index >= 0) this.#planned.splice(index, 1);
    };
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  /** Lets `ms` pass: everything planned until then runs in order, with all promises settled in between. */
  async pass(ms: number): Promise<void> {
    const until = this.#time + ms;
    await settled();
    for (;;) {
      const next = this.#planned[0];
      if (next === undefined || next.at > until) break;
      this.#planned.shift();
      this.#time = Math.max(this.#time, next.at);
      next.action();
      await settled();
    }
    this.#time = until;
  }

  /** Lets time pass until the promise settles; throws when it has not after `limitMs`. */
  async until<T>(promise: Promise<T>, limitMs: number): Promise<T> {
    const progress = { done: false };
    const end = this.#time + limitMs;
    const mark = (): void => void (progress.done = true);
    promise.then(mark, mark);
    await settled();
    while (!progress.done && this.#time < end) {
      const next = this.#planned[0];
      await this.pass(next === undefined ? end - this.#time : Math.max(0, next.at - this.#time));
    }
    if (!progress.done) throw new Error(`nothing came of it within ${limitMs} virtual ms`);
    return promise;
  }

  /** A node's view: the same monotonic time, a wall clock that may be off and jump. */
  view(wallOffset: () => number): Clock {
    return {
      now: () => this.now() + wallOffset(),
      monotonic: () => this.#time,
      after: (delayMs, action) => this.after(delayMs, action),
    };
  }
}

/** All microtasks have run once an immediate does. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
