/**
 * Callers by the stored hash of their key. Promises kept: the steady state asks no database; an error is never
 * `unknown`; after a swap the cache holds the truth of that revision even if the database dies right then.
 */
import type { CallerRows } from "../store/sync-store.ts";
import type { EntryOf, LookupParts } from "./caller-lookups.ts";
import { makeCallerLookups, ttlMs } from "./caller-lookups.ts";
import type { CallerEntry } from "./caller-table.ts";
import { CallerTable } from "./caller-table.ts";
import type { CallerChanges, CallerFollower, CallerUpdate } from "./follower.ts";
import type { CallerLookup } from "./sync.ts";

export interface CallerCacheParts extends LookupParts {
  /** `MEMORY_CACHE_ENABLED`: false looks every caller up. */
  readonly enabled: boolean;
  /** Whether the head was not confirmed for longer than `AUTH_MAX_STALE` allows. */
  readonly tooStale?: () => boolean;
  /** Known callers kept; 100,000 unless told. */
  readonly limit?: number;
}

/** The part that the disk copy keeps. */
export interface CallerExport {
  readonly callers: readonly CallerRows[];
  /** Hashes of deleted keys. */
  readonly denied: readonly string[];
}

export interface CallerCache extends CallerFollower {
  find(hash: string): CallerLookup | Promise<CallerLookup>;
  /** Whether the update changes or ends a key that is known here: asked before it is applied. */
  concernsKnown(update: CallerUpdate): boolean;
  /** The most recently used callers and the denied hashes, at most `limit` of each. */
  export(limit: number): CallerExport;
  /** Takes over a copy's callers, as true at `revision`; what is known of a later one stays. */
  import(copy: CallerExport, revision: number): void;
}

/** Callers read again inside a full load; the rest is looked up at next use. */
const maxReread = 10_000;
/** Callers looked at again by each reconciliation; the backstop reaches the rest when they are used. */
const maxRechecked = 2_000;

/** What a hash without a row reads as where a key was told of: deleted, not merely absent. */
const gone = { rows: undefined, before: undefined, existed: true } as const;

export function makeCallerCache(parts: CallerCacheParts): CallerCache {
  const table = new CallerTable({
    known: parts.limit ?? 100_000,
    denied: parts.limit ?? 100_000,
    absent: 10_000,
  });
  const lookups = makeCallerLookups(parts, table);
  const age = (entry: CallerEntry): number => parts.clock.monotonic() - entry.checkedAt;

  const find = (hash: string): CallerLookup | Promise<CallerLookup> => {
    if (!parts.enabled) return lookups.ask(hash);
    const entry = table.get(hash);
    if (entry === undefined || parts.tooStale?.() === true) return lookups.fill(hash);
    const lasting = entry.state === "known" || entry.state === "denied";
    if (!lasting && age(entry) > ttlMs) return lookups.fill(hash);
    table.touch(entry);
    if (age(entry) > ttlMs) lookups.refresh(entry);
    return lookups.answer(entry);
  };

  return {
    find,
    affected: (changes) => (parts.enabled ? affectedHashes(table, changes) : []),
    apply: (update) => {
      if (!parts.enabled) return;
      lookups.applied(update);
      if (update.changes.all) applyAll(table, update, lookups.entryOf);
      else applyChanges(table, update, lookups.entryOf);
    },
    concernsKnown: (update) => concernsKnown(table, update),
    export: (limit) => ({
      callers: table.newest("known", limit).flatMap((entry) => entry.rows ?? []),
      denied: table.newest("denied", limit).map((entry) => entry.hash),
    }),
    import: (copy, revision) => {
      if (!parts.enabled) return;
      const isNews = (hash: string): boolean => (table.get(hash)?.revision ?? -1) < revision;
      // Backwards, so that the most recently used is put last and leaves last.
      for (const rows of copy.callers.toReversed()) {
        const hash = String(rows.key["hash"]);
        const before = table.get(hash);
        if (isNews(hash)) table.put(lookups.entryOf({ hash, revision, rows, before }));
      }
      for (const hash of copy.denied.toReversed())
        if (isNews(hash)) table.put(lookups.entryOf({ ...gone, hash, revision }));
    },
  };
}

/**
 * Changed keys that are not cached are asked for too: a deleted one is then known as deleted here, and a new one as
 * new, although no call brought it yet.
 */
function affectedHashes(table: CallerTable, changes: CallerChanges): readonly string[] {
  const inUse = (limit: number): string[] =>
    [...table.newest("known", limit), ...table.newest("denied", limit)].map((entry) => entry.hash);
  if (changes.all) return inUse(maxReread);
  const hashes = new Set(changes.keyHashes);
  if (changes.recheck === true) for (const hash of inUse(maxRechecked)) hashes.add(hash);
  for (const id of changes.userIds) for (const hash of table.ofOwner(id)) hashes.add(hash);
  return [...hashes];
}

function rowsByHash(rows: readonly CallerRows[]): ReadonlyMap<string, CallerRows> {
  return new Map(rows.map((caller) => [String(caller.key["hash"]), caller]));
}

function concernsKnown(table: CallerTable, update: CallerUpdate): boolean {
  const found = rowsByHash(update.fresh);
  return update.asked.some((hash) => {
    const before = table.get(hash);
    const after = found.get(hash);
    if (after === undefined) return before?.state !== "denied";
    const { rows } = before ?? {};
    return (
      rows !== undefined && (rows.key.rev !== after.key.rev || rows.owner.rev !== after.owner.rev)
    );
  });
}

/** Anything may have changed, revisions may even have gone back: what was not read again is forgotten. */
function applyAll(table: CallerTable, update: CallerUpdate, entryOf: EntryOf): void {
  const found = rowsByHash(update.fresh);
  const order = new Map(table.hashes().map((hash, index) => [hash, index]));
  // Least recently used first, so that the order of use survives.
  const asked = [...update.asked].sort((a, b) => (order.get(b) ?? 0) - (order.get(a) ?? 0));
  const { revision } = update;
  const entries = asked.map((hash) =>
    entryOf({ ...gone, hash, revision, rows: found.get(hash), before: table.get(hash) }),
  );
  table.clear();
  for (const entry of entries) table.put(entry);
}

function applyChanges(table: CallerTable, update: CallerUpdate, entryOf: EntryOf): void {
  const found = rowsByHash(update.fresh);
  const asked = new Set(update.asked);
  for (const hash of asked) {
    const before = table.get(hash);
    // A look-up may have read a newer revision than this load's meanwhile.
    if (before !== undefined && before.revision > update.revision) continue;
    const rows = found.get(hash);
    const entry = entryOf({ ...gone, hash, revision: update.revision, rows, before });
    if (before !== undefined) table.replace(entry);
    else if (rows === undefined || table.hasRoom()) table.put(entry);
  }
  // Put in by look-ups after the load had asked: true before the change only, perhaps.
  const late = [...update.changes.keyHashes];
  for (const id of update.changes.userIds) late.push(...table.ofOwner(id));
  for (const hash of late)
    if (!asked.has(hash) && (table.get(hash)?.revision ?? Infinity) < update.revision)
      table.remove(hash);
}
