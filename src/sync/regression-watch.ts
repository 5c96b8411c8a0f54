/**
 * Tells a database that really went back (restored, or failed over with a lost tail) from one odd reading: only three
 * readings in a row over three seconds make a node give up revisions that it has applied.
 */
import type { Clock } from "../core/clock.ts";

const readings = 3;
const overMs = 3000;

export class RegressionWatch {
  readonly #clock: Clock;
  #since: number | undefined;
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes one reading; answers whether a regression is confirmed. */
  see(isBehind: boolean): boolean {
    if (!isBehind) {
      this.#since = undefined;
      this.#count = 0;
      return false;
    }
    const now = this.#clock.monotonic();
    this.#since ??= now;
    this.#count += 1;
    return this.#count >= readings && now - this.#since >= overMs;
  }

  suspects(): boolean {
    return this.#count > 0;
  }
}
