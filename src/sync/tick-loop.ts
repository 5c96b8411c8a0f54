/**
 * Runs one tick at a time, again and again. Promises: the first runs at once; a bell during a tick is never lost; bells
 * only bring the next tick forward.
 */
import type { Cancel, Clock } from "../core/clock.ts";
import { makeBellBucket, slowestPollMs } from "./pacing.ts";

export interface TickParts {
  readonly clock: Clock;
  readonly tick: () => Promise<void>;
  /** Ms until the next tick when no bell rings. */
  readonly nextDelayMs: () => number;
}

export class TickLoop {
  readonly #parts: TickParts;
  readonly #bucket: { reserve(): number };
  #started = false;
  #closed = false;
  #running: Promise<void> | undefined;
  #timer: { readonly dueAt: number; readonly cancel: Cancel } | undefined;
  /** A bell rang while a tick was under way: what that tick read may be older than the bell. */
  #dirty = false;
  #bellPlanned = false;
  #rung = false;

  constructor(parts: TickParts) {
    this.#parts = parts;
    this.#bucket = makeBellBucket(parts.clock);
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#run();
  }

  ring(): void {
    if (!this.#started || this.#closed) return;
    if (this.#running !== undefined) this.#dirty = true;
    else this.#planBell();
  }

  /** Whether a bell brought the present tick forward. */
  get rung(): boolean {
    return this.#rung;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Resolves when no tick is under way; none will follow. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#running;
  }

  #planBell(): void {
    if (this.#bellPlanned) return;
    this.#bellPlanned = true;
    this.#plan(this.#bucket.reserve());
  }

  #plan(delayMs: number): void {
    const dueAt = this.#parts.clock.monotonic() + delayMs;
    if (this.#closed || (this.#timer !== undefined && this.#timer.dueAt <= dueAt)) return;
    this.#timer?.cancel();
    this.#timer = { dueAt, cancel: this.#parts.clock.after(delayMs, () => this.#run()) };
  }

  #run(): void {
    if (this.#running !== undefined || this.#closed) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#rung = this.#bellPlanned;
    this.#bellPlanned = false;
    this.#dirty = false;
    const prepare = (): void => {
      this.#running = undefined;
      this.#plan(this.#nextDelayMs());
      if (this.#dirty) this.#planBell();
    };
    // Whatever a tick throws, the next one comes.
    this.#running = this.#parts.tick().then(prepare, prepare);
  }

  #nextDelayMs(): number {
    try {
      return this.#parts.nextDelayMs();
    } catch {
      return slowestPollMs;
    }
  }
}
