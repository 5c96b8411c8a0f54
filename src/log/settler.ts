/**
 * Brings journals to SQL: this process's as it grows, those of dead ones at the start. Promises: off the path of every
 * call, and in slices that do not hold the loop up; what fails is tried again from where the cursor stands; nothing is
 * priced anew.
 */
import type { Cancel, Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { SettledCall } from "../store/settlement-batch.ts";
import type { SettlementStore } from "../store/settlement.ts";
import { sealedPosition } from "../store/settlement.ts";
import { settledCall } from "./call-row.ts";
import type { Journal } from "./journal.ts";
import type { LeftJournals } from "./left-journals.ts";

export interface SettlerParts {
  readonly journal: Journal;
  readonly left: LeftJournals;
  readonly store: SettlementStore;
  readonly nodeId: string;
  readonly incarnation: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long a call may wait for its row while the database is well. */
const settleEveryMs = 500;
const retryMaxMs = 5000;
/** How often an idle process tells that nothing of it is unsettled. */
const tellEveryMs = 30_000;
/** Calls of one transaction: as many as are written in about this time. */
const aimMs = 250;
const batchSizes = { least: 32, first: 256, most: 2048 } as const;
/** A call may have been admitted a moment before the log heard of it. */
const heardWithinMs = 2_000;
const rowsPerTurn = 128;

export interface Settler {
  start(): void;
  /** Resolves when all that is journalled now, of former processes too, is in SQL; rejects when this ends before. */
  settled(): Promise<void>;
  /** Settles what is left, as far as the database lets it; answers whether all is settled. */
  close(): Promise<boolean>;
}

export function makeSettler(parts: SettlerParts): Settler {
  const { clock, logger } = parts;
  const own = makeOwnSettler(parts);
  let failures = 0;
  let running: Promise<void> | undefined;
  let cancel: Cancel = () => undefined;
  let closing = false;
  const waiting = makeWaiting();

  const plan = (delayMs: number): void => {
    if (closing) return;
    cancel = clock.after(delayMs, () => {
      running = round().then(() => {
        running = undefined;
        const backoffMs = settleEveryMs * 2 ** Math.min(failures, 10);
        plan(failures === 0 ? settleEveryMs : Math.min(retryMaxMs, backoffMs));
      });
    });
  };
  const round = async (): Promise<void> => {
    const waits = waiting.takeAll();
    try {
      await parts.journal.written();
      // What is new goes first: a long journal of an earlier process must not hold up this one's.
      await own.settle(() => closing);
      await parts.left.settleSome(() => own.settle(() => closing));
      if (failures > 0) logger.info({}, "calls are written to the database again");
      failures = 0;
      waiting.told(waits, own.isDone());
    } catch (error) {
      waiting.told(waits, false);
      own.forget();
      failures += 1;
      const told = { error: messageOf(error) };
      const kept = "calls cannot be written to the database; they are kept in the journal";
      if (failures === 1) logger.warn(told, kept);
    }
  };
  return {
    start: () => plan(0),
    settled: () => waiting.join(),
    close: async () => {
      closing = true;
      cancel();
      await running;
      await parts.journal.written();
      failures = 0;
      await round();
      waiting.end();
      return failures === 0 && (await own.seal());
    },
  };
}

interface Wait {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Who waits for a round that began after it asked. */
function makeWaiting(): {
  join(): Promise<void>;
  takeAll(): readonly Wait[];
  told(waits: readonly Wait[], settled: boolean): void;
  end(): void;
} {
  let waits: Wait[] = [];
  let ended = false;
  const stopped = (): Error => new Error("the journal was closed before it was settled");
  return {
    join: () =>
      ended
        ? Promise.reject(stopped())
        : new Promise((resolve, reject) => void waits.push({ resolve, reject })),
    takeAll: () => {
      const taken = waits;
      waits = [];
      return taken;
    },
    told: (taken, settled) => {
      if (settled) for (const wait of taken) wait.resolve();
      else waits.unshift(...taken);
    },
    end: () => {
      ended = true;
      for (const wait of waits) wait.reject(stopped());
      waits = [];
    },
  };
}

interface OwnSettler {
  settle(stopped: () => boolean): Promise<void>;
  /** Nothing is known of the database any more. */
  forget(): void;
  isDone(): boolean;
  /** Says that nothing will follow; false: something is left, or it could not be said. */
  seal(): Promise<boolean>;
}

function makeOwnSettler(parts: SettlerParts): OwnSettler {
  const { journal, store, nodeId, incarnation, clock } = parts;
  let cursor: bigint | undefined;
  /** Looked at, without any call beyond the cursor. */
  let seen = 0n;
  let size: number = batchSizes.first;
  let toldAtMs = -Infinity;
  let done = false;

  const apply = async (calls: readonly SettledCall[], from: bigint, to: bigint): Promise<void> => {
    const settledUntilMs = journal.isLast(to)
      ? Math.min(journal.oldestOpenMs, clock.now() - heardWithinMs)
      : 0;
    const began = clock.monotonic();
    const settlement = { nodeId, incarnation, from, to, settledUntilMs, calls };
    if (!(await store.settle(settlement))) throw new Error("the journal's cursor was moved");
    size = nextSize(size, calls.length, clock.monotonic() - began);
    cursor = to;
    toldAtMs = clock.monotonic();
  };
  const step = async (): Promise<boolean> => {
    cursor ??= await store.openCursor(nodeId, incarnation);
    if (cursor > seen) seen = cursor;
    await journal.settled(seen);
    const { calls, end } = await journal.unsettled(seen, size);
    if (calls.length > 0) await apply(await settledCalls(calls, nodeId), cursor, end);
    seen = end;
    await journal.settled(end);
    if (!journal.isLast(end)) return true;
    if (clock.monotonic() - toldAtMs >= tellEveryMs) await apply([], cursor, cursor);
    return false;
  };
  return {
    settle: async () => {
      done = false;
      // Calls that come while a batch is written are the next round's, unless there are many of them.
      for (let turns = 0; await step(); turns += 1) if (turns > 1000) return;
      done = true;
    },
    forget: () => {
      cursor = undefined;
      size = Math.max(batchSizes.least, Math.floor(size / 2));
    },
    isDone: () => done,
    seal: async () => {
      if (!done || cursor === undefined || journal.oldestOpenMs < Infinity) return false;
      try {
        await apply([], cursor, sealedPosition);
        return true;
      } catch {
        // The next process says it when it finds no file, or settles what it finds.
        return false;
      }
    },
  };
}

function nextSize(size: number, written: number, tookMs: number): number {
  if (tookMs > 2 * aimMs) return Math.max(batchSizes.least, Math.floor(size / 2));
  if (written < size || tookMs > aimMs / 2) return size;
  return Math.min(batchSizes.most, size * 2);
}

/** Rows of calls, made in slices: the loop has turns between. */
async function settledCalls(
  calls: readonly { readonly call: Parameters<typeof settledCall>[0] }[],
  nodeId: string,
): Promise<readonly SettledCall[]> {
  const settled: SettledCall[] = [];
  for (let at = 0; at < calls.length; at += rowsPerTurn) {
    if (at > 0) await new Promise<void>((turn) => setImmediate(turn));
    for (const { call } of calls.slice(at, at + rowsPerTurn))
      settled.push(settledCall(call, nodeId, false));
  }
  return settled;
}
