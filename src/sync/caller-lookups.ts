/**
 * Looks callers up in the database for the cache. Promises kept: one question at a time for a hash; an answer that a
 * change overtook is asked for again; a failure is `unavailable`, never `unknown`.
 */
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { CallerRows, SyncStore } from "../store/sync-store.ts";
import { makeCallerFence } from "./caller-fence.ts";
import type { CallerEntry, CallerTable } from "./caller-table.ts";
import type { KeyRecord } from "./entities.ts";
import type { CallerUpdate } from "./follower.ts";
import { inTime } from "./in-time.ts";
import { makeOutageLog } from "./outage-log.ts";
import { sameRow } from "./row-set.ts";
import type { CallerLookup } from "./sync.ts";

export interface LookupParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: Pick<SyncStore, "findCaller">;
  /** Reads a key with its owner; throws on rows that cannot be read. */
  readonly parse: (rows: CallerRows) => KeyRecord;
}

/** After this time a cached answer is asked for again, behind the caller's back. */
export const ttlMs = 60_000;
const refreshRetryMs = 5_000;
const lookupTimeoutMs = 3_000;
const maxAttempts = 5;
const maxRunning = 1_000;

const unknown: CallerLookup = { found: false, reason: "unknown" };
const unavailable: CallerLookup = { found: false, reason: "unavailable" };

/** What was read of one hash, and when. */
export interface CallerReading {
  readonly hash: string;
  readonly revision: number;
  readonly rows: CallerRows | undefined;
  /** What was known until then: equal rows are not parsed again. */
  readonly before: CallerEntry | undefined;
  /** Whether a missing row means deleted even if nothing was known. */
  readonly existed?: boolean;
}

export type EntryOf = (reading: CallerReading) => CallerEntry;

function makeEntryOf(clock: Clock): EntryOf {
  return ({ hash, revision, rows, before, existed }) => {
    const base = { hash, revision, checkedAt: clock.monotonic() };
    const known = before?.state === "known" || before?.state === "denied";
    if (rows === undefined) return { ...base, state: known || existed ? "denied" : "absent" };
    if (before?.rows !== undefined && sameCaller(before.rows, rows)) return { ...before, ...base };
    return { ...base, state: "known", rows, parsed: {} };
  };
}

/** Parses at the first use: a load may bring 20,000 callers at once, in one turn of the event loop. */
function makeAnswer(parts: LookupParts): (entry: CallerEntry) => CallerLookup {
  return ({ rows, parsed }) => {
    if (rows === undefined || parsed === undefined) return unknown;
    parsed.record ??= parseOrTell(parts, rows);
    return parsed.record === false ? unavailable : { found: true, key: parsed.record };
  };
}

function parseOrTell({ parse, logger }: LookupParts, rows: CallerRows): KeyRecord | false {
  try {
    return parse(rows);
  } catch (error) {
    const fields = { keyId: String(rows.key.id), rev: String(rows.key.rev) };
    logger.error({ ...fields, error: messageOf(error) }, "key cannot be read; refused");
    return false;
  }
}

function sameCaller(a: CallerRows, b: CallerRows): boolean {
  return sameRow(a.key, b.key) && sameRow(a.owner, b.owner);
}

export interface CallerLookups {
  readonly entryOf: EntryOf;
  /** What a cached entry tells a caller. */
  answer(entry: CallerEntry): CallerLookup;
  /** Asks the database and keeps nothing. */
  ask(hash: string): Promise<CallerLookup>;
  /** Asks the database, once for all who wait for the same hash, and keeps the answer. */
  fill(hash: string): Promise<CallerLookup>;
  /** Looks a cached one up again behind the caller's back; a failure keeps it. */
  refresh(entry: CallerEntry): void;
  /** Fences the look-ups that are under way. */
  applied(update: CallerUpdate): void;
}

export function makeCallerLookups(parts: LookupParts, table: CallerTable): CallerLookups {
  const reader = makeReader(parts);
  const fence = makeCallerFence();
  const running = new Map<string, Promise<CallerLookup>>();

  /** One look-up; undefined when a change overtook it. */
  const attempt = async (hash: string): Promise<CallerLookup | undefined> => {
    const mark = fence.begin();
    try {
      const { revision, caller } = await reader.read(hash);
      const names = [`key:${hash}`];
      if (caller !== undefined) names.push(`user:${String(caller.owner.id)}`);
      if (fence.overtaken(mark, revision, names)) return undefined;
      const before = table.get(hash);
      const entry = reader.entryOf({ hash, revision, rows: caller, before });
      table.put(entry);
      return reader.answer(entry);
    } finally {
      fence.end();
    }
  };
  const attemptAll = async (hash: string): Promise<CallerLookup> => {
    for (let count = 0; count < maxAttempts; count += 1) {
      const answer = await attempt(hash);
      if (answer !== undefined) return answer;
    }
    return unavailable;
  };
  const fill = (hash: string): Promise<CallerLookup> => {
    const under = running.get(hash);
    if (under !== undefined) return under;
    // A flood of invented keys must not pile up in front of the database.
    if (running.size >= maxRunning) return Promise.resolve(unavailable);
    const promise = reader.orUnavailable(attemptAll(hash)).finally(() => running.delete(hash));
    running.set(hash, promise);
    return promise;
  };

  return {
    entryOf: reader.entryOf,
    answer: reader.answer,
    fill,
    refresh: (entry) => {
      if (running.has(entry.hash)) return;
      table.put({ ...entry, checkedAt: parts.clock.monotonic() - ttlMs + refreshRetryMs });
      void fill(entry.hash);
    },
    ask: (hash) =>
      reader.orUnavailable(
        reader.read(hash).then(({ revision, caller: rows }) => {
          return reader.answer(reader.entryOf({ hash, revision, rows, before: undefined }));
        }),
      ),
    applied: (update) => fence.applied(update.changes, update.revision),
  };
}

interface Reader {
  readonly entryOf: EntryOf;
  readonly answer: (entry: CallerEntry) => CallerLookup;
  readonly read: SyncStore["findCaller"];
  orUnavailable(work: Promise<CallerLookup>): Promise<CallerLookup>;
}

function makeReader(parts: LookupParts): Reader {
  const outage = makeOutageLog(parts.logger, "look keys up");
  return {
    entryOf: makeEntryOf(parts.clock),
    answer: makeAnswer(parts),
    read: async (hash) => {
      const answer = await inTime(parts.clock, lookupTimeoutMs, parts.store.findCaller(hash));
      outage.worked();
      return answer;
    },
    orUnavailable: async (work) => {
      try {
        return await work;
      } catch (error) {
        outage.failed(error);
        return unavailable;
      }
    },
  };
}
