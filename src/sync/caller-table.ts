/**
 * The cached callers as a bounded table: least recently used leaves first, and a user's keys are found by the user.
 * Holds answers only; when they may be put in or served is caller-cache.ts's business.
 */
import type { CallerRows } from "../store/sync-store.ts";
import type { KeyRecord } from "./entities.ts";

/** What is known of one hash. */
export interface CallerEntry {
  readonly hash: string;
  /**
   * `known`: a key, enabled or not. `denied`: a key that existed and was deleted, known as such for good.
   * `absent`: no such key, for a short while.
   */
  readonly state: "known" | "denied" | "absent";
  /** Of a known one. */
  readonly rows?: CallerRows;
  /** The rows as parsed at their first use; `false`: they cannot be. Shared by entries with equal rows. */
  readonly parsed?: { record?: KeyRecord | false };
  /** Revision at which this was true. */
  readonly revision: number;
  /** Monotonic time of the last confirmation. */
  readonly checkedAt: number;
}

/** Room per class, so that a flood of unknown keys cannot push out known ones. */
export interface CallerLimits {
  readonly known: number;
  readonly denied: number;
  readonly absent: number;
}

type Shelf = CallerEntry["state"];

function ownerOf(entry: CallerEntry): string | undefined {
  return entry.rows === undefined ? undefined : String(entry.rows.owner.id);
}

export class CallerTable {
  readonly #limits: CallerLimits;
  readonly #shelves: Readonly<Record<Shelf, Map<string, CallerEntry>>> = {
    known: new Map(),
    denied: new Map(),
    absent: new Map(),
  };
  readonly #owners = new Map<string, Set<string>>();

  constructor(limits: CallerLimits) {
    this.#limits = limits;
  }

  get(hash: string): CallerEntry | undefined {
    const { known, denied, absent } = this.#shelves;
    return known.get(hash) ?? denied.get(hash) ?? absent.get(hash);
  }

  /** Marks as used just now. */
  touch(entry: CallerEntry): void {
    const shelf = this.#shelves[entry.state];
    shelf.delete(entry.hash);
    shelf.set(entry.hash, entry);
  }

  /** Puts in as used just now; where its shelf is full, the least recently used one leaves. */
  put(entry: CallerEntry): void {
    this.remove(entry.hash);
    const shelf = this.#shelves[entry.state];
    shelf.set(entry.hash, entry);
    const owner = ownerOf(entry);
    if (owner !== undefined) {
      const siblings = this.#owners.get(owner) ?? new Set<string>();
      this.#owners.set(owner, siblings.add(entry.hash));
    }
    const oldest = shelf.size > this.#limits[entry.state] ? shelf.keys().next() : undefined;
    if (oldest !== undefined && !oldest.done) this.remove(oldest.value);
  }

  /** Puts a new entry in the place of the hash's old one, which keeps its turn to leave if it can. */
  replace(entry: CallerEntry): void {
    const before = this.get(entry.hash);
    const isAlike =
      before !== undefined && before.state === entry.state && ownerOf(before) === ownerOf(entry);
    if (isAlike) this.#shelves[entry.state].set(entry.hash, entry);
    else this.put(entry);
  }

  remove(hash: string): void {
    const entry = this.get(hash);
    if (entry === undefined) return;
    this.#shelves[entry.state].delete(hash);
    const owner = ownerOf(entry);
    const siblings = owner === undefined ? undefined : this.#owners.get(owner);
    siblings?.delete(hash);
    if (owner !== undefined && siblings?.size === 0) this.#owners.delete(owner);
  }

  clear(): void {
    for (const shelf of Object.values(this.#shelves)) shelf.clear();
    this.#owners.clear();
  }

  /** Hashes of a user's cached keys. */
  ofOwner(ownerId: string): Iterable<string> {
    return this.#owners.get(ownerId) ?? [];
  }

  /** Entries of one state, most recently used first. */
  newest(state: "known" | "denied", limit: number): CallerEntry[] {
    return [...this.#shelves[state].values()].slice(-limit).toReversed();
  }

  /** Every hash, most recently used keys first. */
  hashes(): string[] {
    const { known, denied, absent } = this.#shelves;
    return [known, denied, absent].flatMap((shelf) => [...shelf.keys()].toReversed());
  }

  /** Whether one more known key would push none out. */
  hasRoom(): boolean {
    return this.#shelves.known.size < this.#limits.known;
  }
}
