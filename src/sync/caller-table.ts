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
   * `absent`: no such key, for a short while. `invalid`: a row that cannot be read.
   */
  readonly state: "known" | "denied" | "absent" | "invalid";
  readonly key?: KeyRecord;
  readonly rows?: CallerRows;
  /** Revision at which this was true. */
  readonly revision: number;
  /** Monotonic time of the last confirmation. */
  readonly checkedAt: number;
}

export interface CallerTable {
  get(hash: string): CallerEntry | undefined;
  /** Marks as used just now. */
  touch(entry: CallerEntry): void;
  put(entry: CallerEntry): void;
  remove(hash: string): void;
  /** Hashes of a user's cached keys. */
  ofOwner(ownerId: string): Iterable<string>;
  /** Entries of one state, most recently used first. */
  newest(state: "known" | "denied", limit: number): CallerEntry[];
  /** Every hash, most recently used keys first. */
  hashes(): string[];
  /** Whether one more known key would push none out. */
  hasRoom(): boolean;
  clear(): void;
}

/** Room per class, so that a flood of unknown keys cannot push out known ones. */
export interface CallerLimits {
  readonly known: number;
  readonly denied: number;
  readonly absent: number;
}

type Shelf = "known" | "denied" | "absent";

/** An unreadable row is as short-lived as an absent one: both wait for the next reading. */
function shelfOf(entry: CallerEntry): Shelf {
  return entry.state === "invalid" ? "absent" : entry.state;
}

function ownerOf(entry: CallerEntry): string | undefined {
  return entry.rows === undefined ? undefined : String(entry.rows.owner.id);
}

export function makeCallerTable(limits: CallerLimits): CallerTable {
  const shelves: Readonly<Record<Shelf, Map<string, CallerEntry>>> = {
    known: new Map(),
    denied: new Map(),
    absent: new Map(),
  };
  const owners = new Map<string, Set<string>>();

  const get = (hash: string): CallerEntry | undefined =>
    shelves.known.get(hash) ?? shelves.denied.get(hash) ?? shelves.absent.get(hash);

  const remove = (hash: string): void => {
    const entry = get(hash);
    if (entry === undefined) return;
    shelves[shelfOf(entry)].delete(hash);
    const owner = ownerOf(entry);
    const siblings = owner === undefined ? undefined : owners.get(owner);
    siblings?.delete(hash);
    if (owner !== undefined && siblings?.size === 0) owners.delete(owner);
  };

  const put = (entry: CallerEntry): void => {
    remove(entry.hash);
    const shelf = shelves[shelfOf(entry)];
    shelf.set(entry.hash, entry);
    const owner = ownerOf(entry);
    if (owner !== undefined) {
      const siblings = owners.get(owner) ?? new Set<string>();
      owners.set(owner, siblings.add(entry.hash));
    }
    const oldest = shelf.size > limits[shelfOf(entry)] ? shelf.keys().next() : undefined;
    if (oldest !== undefined && !oldest.done) remove(oldest.value);
  };

  return {
    get,
    remove,
    put,
    touch: (entry) => {
      const shelf = shelves[shelfOf(entry)];
      shelf.delete(entry.hash);
      shelf.set(entry.hash, entry);
    },
    ofOwner: (ownerId) => owners.get(ownerId) ?? [],
    newest: (state, limit) => [...shelves[state].values()].slice(-limit).toReversed(),
    hashes: () =>
      (["known", "denied", "absent"] as const).flatMap((shelf) =>
        [...shelves[shelf].keys()].toReversed(),
      ),
    hasRoom: () => shelves.known.size < limits.known,
    clear: () => {
      for (const shelf of Object.values(shelves)) shelf.clear();
      owners.clear();
    },
  };
}
