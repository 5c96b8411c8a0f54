/**
 * Callers by the stored hash of their key. Promises kept: the steady state asks no database; an error is never
 * `unknown`; after a swap the cache holds the truth of that revision even if the database dies right then.
 */
import type { CallerRows, Change } from "../store/sync-store.ts";
import { fenceName } from "./caller-fence.ts";
import type { EntryOf, LookupParts } from "./caller-lookups.ts";
import { answerOf, makeCallerLookups, ttlMs } from "./caller-lookups.ts";
import type { CallerEntry, CallerTable } from "./caller-table.ts";
import { makeCallerTable } from "./caller-table.ts";
import type { CallerLookup } from "./sync.ts";

export interface CallerCacheParts extends LookupParts {
  /** `MEMORY_CACHE_ENABLED`: false looks every caller up. */
  readonly enabled: boolean;
  /** Whether the head was not confirmed for longer than `AUTH_MAX_STALE` allows. */
  readonly tooStale?: () => boolean;
  /** Known callers kept; 100,000 unless told. */
  readonly limit?: number;
}

/** What a load found of the callers it was asked to read again. */
export interface CallerRefresh {
  /** Revision of the load's transaction. */
  readonly revision: number;
  /** Applied changes; undefined when anything may have changed (full load). */
  readonly changes: readonly Change[] | undefined;
  /** The hashes that {@link CallerCache.cachedHashes} named for this load. */
  readonly asked: readonly string[];
  /** Rows found among them. */
  readonly rows: readonly CallerRows[];
}

/** The part that the disk copy keeps. */
export interface CallerExport {
  readonly callers: readonly CallerRows[];
  /** Hashes of deleted keys. */
  readonly denied: readonly string[];
}

export interface CallerCache {
  find(hash: string): CallerLookup | Promise<CallerLookup>;
  /** Cached hashes that the changes concern (undefined: anything), to be read again inside the load's transaction. */
  cachedHashes(changes: readonly Change[] | undefined): readonly string[];
  /** Takes over what the load read; call in the same turn as the swap of the snapshot. */
  apply(refresh: CallerRefresh): void;
  /** The most recently used callers and the denied hashes, at most `limit` of each. */
  export(limit: number): CallerExport;
  /** Takes over a copy's callers, as true at `revision`; what is known already stays. */
  import(copy: CallerExport, revision: number): void;
}

/** Callers read again inside a full load; the rest is looked up at next use. */
export const maxReread = 20_000;

export function makeCallerCache(parts: CallerCacheParts): CallerCache {
  const table = makeCallerTable({
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
    return answerOf(entry);
  };

  return {
    find,
    cachedHashes: (changes) => cachedHashes(table, changes),
    apply: (refresh) => {
      if (!parts.enabled) return;
      lookups.applied(refresh.changes);
      if (refresh.changes === undefined) applyFull(table, refresh, lookups.entryOf);
      else applyChanges(table, refresh, refresh.changes, lookups.entryOf);
    },
    export: (limit) => ({
      callers: table.newest("known", limit).flatMap((entry) => entry.rows ?? []),
      denied: table.newest("denied", limit).map((entry) => entry.hash),
    }),
    import: (copy, revision) => {
      if (!parts.enabled) return;
      // Backwards, so that the most recently used is put last and leaves last.
      for (const rows of copy.callers.toReversed()) {
        const hash = String(rows.key["hash"]);
        if (table.get(hash) === undefined) table.put(lookups.entryOf(hash, revision, rows));
      }
      for (const hash of copy.denied.toReversed())
        if (table.get(hash) === undefined)
          table.put(lookups.entryOf(hash, revision, undefined, true));
    },
  };
}

function cachedHashes(
  table: CallerTable,
  changes: readonly Change[] | undefined,
): readonly string[] {
  if (changes === undefined)
    return [...table.newest("known", maxReread), ...table.newest("denied", maxReread)].map(
      (entry) => entry.hash,
    );
  const hashes = new Set<string>();
  for (const change of changes) {
    if (change.kind === "key" && table.get(change.entityId) !== undefined)
      hashes.add(change.entityId);
    if (change.kind === "user") for (const hash of table.ofOwner(change.entityId)) hashes.add(hash);
  }
  return [...hashes];
}

function rowsByHash(rows: readonly CallerRows[]): ReadonlyMap<string, CallerRows> {
  return new Map(rows.map((caller) => [String(caller.key["hash"]), caller]));
}

/** Anything may have changed, revisions may even have gone back: what was not read again is forgotten. */
function applyFull(table: CallerTable, refresh: CallerRefresh, entryOf: EntryOf): void {
  const found = rowsByHash(refresh.rows);
  const order = new Map(table.hashes().map((hash, index) => [hash, index]));
  table.clear();
  // Least recently used first, so that the order of use survives.
  const asked = [...refresh.asked].sort((a, b) => (order.get(b) ?? 0) - (order.get(a) ?? 0));
  for (const hash of asked) table.put(entryOf(hash, refresh.revision, found.get(hash), true));
}

function applyChanges(
  table: CallerTable,
  refresh: CallerRefresh,
  changes: readonly Change[],
  entryOf: EntryOf,
): void {
  const found = rowsByHash(refresh.rows);
  const asked = new Set(refresh.asked);
  for (const hash of asked) {
    const before = table.get(hash);
    // A look-up may have read a newer revision than this load's meanwhile.
    if (before !== undefined && before.revision > refresh.revision) continue;
    const existed = before?.state !== "absent";
    table.put(entryOf(hash, refresh.revision, found.get(hash), existed));
  }
  for (const change of lastChanges(changes)) {
    const concerned = change.kind === "key" ? [change.entityId] : table.ofOwner(change.entityId);
    for (const hash of concerned) {
      const before = table.get(hash);
      if (asked.has(hash) || (before?.revision ?? -1) >= change.revision) continue;
      if (change.kind === "key" && change.op === "d")
        table.put(entryOf(hash, refresh.revision, undefined, true));
      else table.remove(hash);
    }
  }
}

function lastChanges(changes: readonly Change[]): Iterable<Change> {
  const last = new Map<string, Change>();
  for (const change of changes) {
    const name = fenceName(change);
    if (name !== undefined) last.set(name, change);
  }
  return last.values();
}
