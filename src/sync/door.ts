/**
 * The one write door. Promises: what commits was validated whole against the configuration it changes, not against what
 * this node happened to know; revisions are dense and made under one lock; an uncertain commit is never made twice.
 */
import type { Clock } from "../core/clock.ts";
import { sleep } from "../core/clock.ts";
import { GatewayError, messageOf } from "../core/errors.ts";
import { makeId } from "../core/ids.ts";
import { DuplicateRow, UncertainCommit } from "../store/sync-store.ts";
import type { Head, SyncWrites } from "../store/sync-store.ts";
import { checkWrites } from "./check-writes.ts";
import { DatabaseFaults, DoorTransaction } from "./door-writes.ts";
import type { Edition } from "./edition.ts";
import { inTime } from "./in-time.ts";
import { makeEdition } from "./load.ts";
import { readRows } from "./read-rows.ts";
import type { Author, Written } from "./sync.ts";
import { makeSlices } from "./time-slice.ts";
import type { Door, DoorParts, RawWrites } from "./write-door.ts";

/** How long a write waits for those before it. */
const turnMs = 10_000;
/** How long a write waits for this node to serve it. */
const applyWaitMs = 1000;
/** Tries to learn the outcome of a commit whose connection broke. */
const outcomeTries = 6;
/** Runs of one write whose COMMIT may be lost each time. */
const commitTries = 3;
const summaryLength = 190;

export function makeDoor(parts: DoorParts): Door {
  const inTurn = makeTurns(parts.clock);
  const writeRaw: Door["writeRaw"] = async (author, work) => {
    const { written, position } = await inTurn(() => commit(parts, author, work));
    if (position === undefined) return written;
    parts.ringBells(position);
    parts.follower.ring();
    await parts.follower.waitApplied(position.revision, applyWaitMs);
    return written;
  };
  return { writeRaw, write: (author, work) => writeRaw(author, work) };
}

/** One write at a time from this node: those behind would only hold connections while they wait for the head's lock. */
function makeTurns(clock: Clock): <T>(write: () => Promise<T>) => Promise<T> {
  let last: Promise<void> = Promise.resolve();
  return async (write) => {
    const before = last;
    let leave: () => void = () => undefined;
    last = new Promise((resolve) => (leave = resolve));
    try {
      // One that waits behind a dead connection says so, rather than for ever.
      await inTime(clock, turnMs, before);
    } catch (error) {
      void before.then(leave);
      throw new GatewayError("temporarily_unavailable", "Earlier changes are still being written", {
        cause: error,
        retryAfterS: 1,
      });
    }
    try {
      return await write();
    } finally {
      leave();
    }
  };
}

/** What one run of the transaction came to; kept outside it, for the case that its COMMIT is uncertain. */
interface Outcome<T> {
  readonly written: Written<T>;
  /** Undefined where nothing changed, so no revision was made. */
  readonly position: { epoch: string; revision: number; commitId: string } | undefined;
}

async function commit<T>(
  parts: DoorParts,
  author: Author,
  work: (tx: RawWrites) => Promise<T>,
): Promise<Outcome<T>> {
  const attempt = new WriteAttempt<T>(parts, author, work);
  for (let tries = 1; ; tries += 1) {
    try {
      return await parts.store.write((tx, head) => attempt.run(tx, head));
    } catch (error) {
      if (!(error instanceof UncertainCommit)) throw attempt.asGatewayError(error);
      if (tries === commitTries) throw outcomeUnknown(error);
      const found = await attempt.settle(error);
      if (found !== undefined) return found;
    }
  }
}

class WriteAttempt<T> {
  readonly #parts: DoorParts;
  readonly #author: Author;
  readonly #work: (tx: RawWrites) => Promise<T>;
  readonly #txnId: string;
  readonly #faults = new DatabaseFaults();
  #pending: Outcome<T> | undefined;
  #ownError: unknown;

  constructor(parts: DoorParts, author: Author, work: (tx: RawWrites) => Promise<T>) {
    this.#parts = parts;
    this.#author = author;
    this.#work = work;
    this.#txnId = makeId(16, parts.randomBytes);
  }

  /** The whole transaction; the store may run it again from its start. */
  async run(tx: SyncWrites, head: Head): Promise<Outcome<T>> {
    const earlier = this.#pending;
    if (earlier?.position !== undefined) {
      const { revision, commitId } = earlier.position;
      // Under the lock an earlier try of ours has either committed or never will.
      const logged = head.revision === revision ? head.commitId : await tx.commitId(revision);
      if (logged === commitId) return earlier;
      this.#pending = undefined;
    }
    const base = await this.#loadBase(tx);
    const writes = new DoorTransaction({
      tx,
      base,
      author: this.#author,
      nowMs: await this.#faults.run(() => tx.nowMs()),
      faults: this.#faults,
    });
    const value = await this.#runWork(writes);
    const changes = writes.changes();
    if (changes.length === 0) {
      await writes.flushAudits(head.revision);
      return { written: { value, revision: head.revision }, position: undefined };
    }
    const { revision } = writes;
    const commitId = makeId(16, this.#parts.randomBytes);
    const entry = {
      revision,
      commitId,
      txnId: this.#txnId,
      author: this.#author.name,
      nodeId: this.#parts.nodeId,
      summary: summaryOf(changes),
      changes,
    };
    await this.#own(() => checkWrites(this.#parts, { writes, base, commitId }));
    await writes.flushAudits(revision);
    await this.#faults.run(() => tx.commit(entry));
    this.#pending = {
      written: { value, revision },
      position: { epoch: head.epoch, revision, commitId },
    };
    return this.#pending;
  }

  /** After an uncertain COMMIT: the outcome when it happened, undefined when the transaction has to run again. */
  async settle(error: UncertainCommit): Promise<Outcome<T> | undefined> {
    const pending = this.#pending;
    const { store, clock, random } = this.#parts;
    for (let tries = 1; tries <= outcomeTries; tries += 1) {
      try {
        const found = await store.findCommit(this.#txnId);
        // Not found is no proof yet, COMMIT may be on its way: the next run looks again under the lock.
        return found === undefined ? undefined : pending;
      } catch {
        await sleep(clock, 100 * 2 ** tries * (0.5 + random() / 2));
      }
    }
    throw outcomeUnknown(error);
  }

  asGatewayError(error: unknown): unknown {
    if (error instanceof GatewayError) return error;
    if (error instanceof DuplicateRow)
      return new GatewayError("conflict", error.message, {
        cause: error,
        fields: [{ field: error.column, message: error.message }],
      });
    if (error === this.#ownError && !this.#faults.has(error)) return error;
    this.#parts.logger.warn({ error: messageOf(error) }, "a configuration change failed");
    return new GatewayError("temporarily_unavailable", "The database cannot take changes now", {
      cause: error,
      retryAfterS: 1,
    });
  }

  #runWork(writes: RawWrites): Promise<T> {
    return this.#own(() => this.#work(writes));
  }

  /** Remembers what was thrown by code that is not the database's. */
  async #own<R>(call: () => Promise<R>): Promise<R> {
    try {
      return await call();
    } catch (error) {
      this.#ownError = error;
      throw error;
    }
  }

  /** Configuration as of the locked head: this node's edition carried forward inside the transaction. */
  async #loadBase(tx: SyncWrites): Promise<Edition> {
    const { follower, schemaVersion, clock, yieldSlice } = this.#parts;
    const dataKey = await this.#parts.dataKey();
    const held = follower.edition();
    const read = await this.#faults.run(() =>
      readRows(tx, {
        base: held,
        reconcile: false,
        acceptRegression: true,
        schemaVersion,
        affected: () => [],
      }),
    );
    if (read.outcome === "unsupported")
      throw new GatewayError(
        "temporarily_unavailable",
        "The database demands a newer version of this program; write at an upgraded node",
      );
    if (read.outcome !== "read") return held as Edition;
    return makeEdition(held, read, { dataKey, slices: makeSlices(clock, yieldSlice) });
  }
}

function outcomeUnknown(cause: unknown): GatewayError {
  return new GatewayError(
    "temporarily_unavailable",
    "The database was lost during COMMIT: the change may or may not have been made. Look before trying again.",
    { cause, retryAfterS: 5 },
  );
}

/** `channel 3, channel 4 deleted`, cut to the column's length. */
function summaryOf(changes: readonly { kind: string; entityId: string; op: "u" | "d" }[]): string {
  const parts = changes
    .slice(0, 20)
    .map(({ kind, entityId, op }) => `${kind} ${entityId}${op === "d" ? " deleted" : ""}`);
  const more = changes.length > 20 ? `, … ${changes.length} in all` : "";
  return `${parts.join(", ")}${more}`.slice(0, summaryLength);
}
