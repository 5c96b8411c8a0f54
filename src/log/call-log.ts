/**
 * Finished calls on their way to SQL: journal first, then batches, off the path of any call.
 * Promises: what the journal took survives any kill of the process; an outage of the database loses none of it below
 * the journal's cap; whatever is tried twice counts once.
 */
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { RandomBytes } from "../core/ids.ts";
import { makeId, systemRandom } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import type { SettlementStore } from "../store/settlement.ts";
import type { CallLog } from "./call-record.ts";
import { Journal } from "./journal.ts";
import type { JournalDisk } from "./journal-disk.ts";
import { systemJournalDisk } from "./journal-disk.ts";
import { makeLeftJournals } from "./left-journals.ts";
import { makeSettler } from "./settler.ts";

export interface CallLogParts {
  /** Where this node's journal lies. */
  readonly folder: string;
  readonly nodeId: string;
  readonly store: SettlementStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Calls that neither the disk nor the memory had room for. */
  readonly onDropped: (count: number) => void;
  /** Most bytes of the journal (2 GB). */
  readonly capBytes?: number;
  /** Bytes at which the next segment begins (8 MB). */
  readonly segmentBytes?: number;
  /** Most unsettled calls kept in memory beside the disk (5000). */
  readonly heldCalls?: number;
  /** Whether a call waits until the disk itself was forced. */
  readonly forceEach?: boolean;
  /** Replaced in simulations; else the machine's own. */
  readonly disk?: JournalDisk;
  readonly random?: RandomBytes;
}

const megabyte = 1024 * 1024;

/** Opens the log and settles what earlier processes left. */
export function openCallLog(parts: CallLogParts): CallLog {
  const { folder, nodeId, store, clock, logger, onDropped } = parts;
  const incarnation = makeId(8, parts.random ?? systemRandom);
  const disk = parts.disk ?? systemJournalDisk;
  const telling = tellOnce(logger);
  const capBytes = parts.capBytes ?? 2048 * megabyte;
  const journal = new Journal({
    folder,
    incarnation,
    disk,
    clock,
    capBytes,
    // A segment goes when it is whole and settled: many of them must fit under the cap.
    segmentBytes: Math.min(parts.segmentBytes ?? 8 * megabyte, capBytes / 16),
    heldCalls: parts.heldCalls ?? 5000,
    refusedBytes: 64 * megabyte,
    forceEach: parts.forceEach ?? false,
    onFault: telling.fault,
    onDropped: (count) => {
      onDropped(count);
      telling.dropped();
    },
  });
  const left = makeLeftJournals({
    folder,
    nodeId,
    incarnation,
    disk,
    store,
    logger,
    onBytes: (bytes) => {
      journal.foreignBytes = bytes;
    },
  });
  const settler = makeSettler({ journal, left, store, nodeId, incarnation, clock, logger });
  settler.start();
  return {
    open: (call) => journal.open(call),
    get writable() {
      telling.writable(journal.writable);
      return journal.writable;
    },
    record: (call) => journal.close(call),
    settled: () => settler.settled(),
    close: async () => {
      await journal.end(await settler.close());
    },
  };
}

/** A disk that refuses is told of when it begins to, and when it takes calls again. */
function tellOnce(logger: Logger): {
  fault(error: unknown): void;
  dropped(): void;
  writable(is: boolean): void;
} {
  let faulty = false;
  let dropping = false;
  return {
    fault: (error) => {
      if (!faulty) logger.error({ error: messageOf(error) }, "the call journal cannot be written");
      faulty = true;
    },
    dropped: () => {
      if (!dropping) logger.error({}, "the call journal is full: calls are no longer recorded");
      dropping = true;
    },
    writable: (is) => {
      if (!is) return;
      if (faulty || dropping) logger.info({}, "the call journal takes calls again");
      faulty = false;
      dropping = false;
    },
  };
}
