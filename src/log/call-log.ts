/**
 * Finished calls on their way to SQL: journal first, then batches, off the path of any call.
 * Promises: a call never waits for it; an outage of the database loses none of it below the journal's cap; a batch that
 * is written twice counts once (the call id is the row's key).
 */
import type { Cancel, Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { NewCallRow } from "../store/calls.ts";
import type { CallLog } from "./call-record.ts";
import { callRow } from "./call-row.ts";
import { Journal } from "./journal.ts";
import type { Segment } from "./journal.ts";

export interface CallLogParts {
  /** This node's folder; the journal lies below it. */
  readonly folder: string;
  readonly nodeId: string;
  /** Writes rows that are not there yet (store/calls.ts insertCalls). */
  readonly insert: (rows: readonly NewCallRow[]) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Calls that the cap turned away. */
  readonly onDropped: (count: number) => void;
  /** Most bytes of the journal (256 MB). */
  readonly capBytes?: number;
}

/** How long a call may wait for its row while the database is well. */
const settleEveryMs = 500;
const retryMaxMs = 5000;
/** Making one statement holds the loop up; one of a known size need not be prepared anew each time. */
const rowsPerInsert = 64;

/** Opens the log and settles what an earlier process left. */
export function openCallLog(parts: CallLogParts): CallLog {
  const journal = new Journal({
    folder: parts.folder,
    capBytes: parts.capBytes ?? 256 * 1024 * 1024,
    heldRecords: 5000,
    onFault: (error) =>
      parts.logger.error({ error: messageOf(error) }, "the call journal cannot be written"),
  });
  const settler = makeSettler(parts, journal);
  let dropping = false;
  settler.plan(0);
  return {
    open: () => undefined,
    get writable() {
      return true;
    },
    record: (call) => {
      const taken = journal.append(call);
      if (!taken) parts.onDropped(1);
      if (!taken && !dropping)
        parts.logger.error(
          { bytes: journal.bytes },
          "the call journal is full: calls are no longer recorded",
        );
      dropping = !taken;
      return journal.written();
    },
    close: () => settler.close(),
  };
}

interface Settler {
  plan(delayMs: number): void;
  close(): Promise<void>;
}

function makeSettler(parts: CallLogParts, journal: Journal): Settler {
  let failures = 0;
  let running: Promise<void> | undefined;
  let cancel: Cancel = () => undefined;
  let closing = false;

  function plan(delayMs: number): void {
    if (closing) return;
    cancel = parts.clock.after(delayMs, () => {
      running = settleAll().finally(() => {
        running = undefined;
        plan(failures === 0 ? settleEveryMs : Math.min(retryMaxMs, settleEveryMs * 2 ** failures));
      });
    });
  }
  async function settleAll(): Promise<void> {
    for (const segment of await journal.rotate()) if (!(await settled(segment))) return;
  }
  async function settled(segment: Segment): Promise<boolean> {
    try {
      const { records, damaged } = await journal.read(segment);
      if (damaged > 0)
        parts.logger.warn({ damaged, file: segment.path }, "the call journal held damaged lines");
      for (let at = 0; at < records.length; at += rowsPerInsert)
        await parts.insert(
          records.slice(at, at + rowsPerInsert).map((record) => callRow(record, parts.nodeId)),
        );
      await journal.remove(segment);
      if (failures > 0) parts.logger.info({}, "calls are written to the database again");
      failures = 0;
      return true;
    } catch (error) {
      failures += 1;
      if (failures === 1)
        parts.logger.warn(
          { error: messageOf(error) },
          "calls cannot be written to the database; they are kept in the journal",
        );
      return false;
    }
  }
  return {
    plan,
    close: async () => {
      closing = true;
      cancel();
      await running;
      failures = 0;
      await settleAll();
    },
  };
}
