/**
 * The stored forms of keys that are in use, so that a call need not compute its own again.
 * Promise kept here: it decides nothing. Who is not found by a remembered form is looked up by a fresh one.
 */

/** Keys remembered at most; the longest unused go first. */
const maxKeys = 10_000;

/** Only keys that were found belong in it: guesses would push them out. */
export class KnownHashes {
  readonly #hashes = new Map<string, string>();
  readonly #limit: number;

  constructor(limit = maxKeys) {
    this.#limit = limit;
  }

  find(key: string): string | undefined {
    return this.#hashes.get(key);
  }

  /** Remembers a key that was found just now. */
  used(key: string, hash: string): void {
    this.#hashes.delete(key);
    this.#hashes.set(key, hash);
    if (this.#hashes.size <= this.#limit) return;
    for (const oldest of this.#hashes.keys()) return void this.#hashes.delete(oldest);
  }

  forget(key: string): void {
    this.#hashes.delete(key);
  }
}
