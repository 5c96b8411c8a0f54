/** Who asked for a look at every row. Promise: a request is met only by a load that began after it was made. */

interface Request {
  readonly number: number;
  readonly resolve: () => void;
}

export class ReconcileRequests {
  /** The first look at the database sees every row, also where a disk copy serves: nobody vouches for that copy. */
  #made = 1;
  #met = 0;
  #waiting: Request[] = [];

  /** Resolves when met or when the loop ends. */
  make(): Promise<void> {
    this.#made += 1;
    const number = this.#made;
    return new Promise((resolve) => this.#waiting.push({ number, resolve }));
  }

  /** The newest request that a load beginning now will meet; undefined when none is open. */
  open(): number | undefined {
    return this.#made > this.#met ? this.#made : undefined;
  }

  meet(upTo: number): void {
    this.#met = Math.max(this.#met, upTo);
    const [done, waiting] = [
      this.#waiting.filter((request) => request.number <= upTo),
      this.#waiting.filter((request) => request.number > upTo),
    ];
    this.#waiting = waiting;
    for (const request of done) request.resolve();
  }

  close(): void {
    this.meet(this.#made);
  }
}
