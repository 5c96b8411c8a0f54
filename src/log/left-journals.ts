/**
 * Journals that earlier processes of this node left. Promises: each of their calls is settled once; a call that one of
 * them began and did not end is told as interrupted, and costs nothing; a file goes only when SQL has all of it.
 */
import { join } from "node:path";
import type { Logger } from "../core/logger.ts";
import type { SettledCall } from "../store/settlement-batch.ts";
import type { SettlementStore } from "../store/settlement.ts";
import { sealedPosition } from "../store/settlement.ts";
import { interruptedCall, settledCall } from "./call-row.ts";
import type { OpenCall } from "./call-record.ts";
import type { JournalDisk } from "./journal-disk.ts";
import type { JournalEntry } from "./journal-line.ts";
import { readEntries } from "./read-segment.ts";
import type { SegmentSource } from "./read-segment.ts";
import type { SegmentName } from "./segments.ts";
import { positionAt, segmentsAmong } from "./segments.ts";

export interface LeftJournalsParts {
  readonly folder: string;
  readonly nodeId: string;
  /** Of this process: its own journal is not looked at. */
  readonly incarnation: string;
  readonly disk: JournalDisk;
  readonly store: SettlementStore;
  readonly logger: Logger;
  /** How many bytes they take on the disk. */
  readonly onBytes: (bytes: number) => void;
}

export interface LeftJournals {
  /** Settles all of them; `between` runs after each batch, so that new calls do not wait for old ones. */
  settleSome(between: () => Promise<void>): Promise<void>;
}

interface LeftJournal {
  readonly incarnation: string;
  readonly segments: readonly (SegmentName & { readonly size: number })[];
}

const batchCalls = 512;

export function makeLeftJournals(parts: LeftJournalsParts): LeftJournals {
  let waiting: LeftJournal[] | undefined;
  let told = false;
  return {
    settleSome: async (between) => {
      waiting ??= await findLeft(parts);
      parts.onBytes(sizeOf(waiting));
      if (!told) await parts.store.forgoOthers(parts.nodeId, presentAmong(parts, waiting));
      told = true;
      for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
        await settleLeft(parts, next, between);
        waiting.shift();
        parts.onBytes(sizeOf(waiting));
      }
    },
  };
}

function presentAmong(parts: LeftJournalsParts, left: readonly LeftJournal[]): readonly string[] {
  return [parts.incarnation, ...left.map(({ incarnation }) => incarnation)];
}

function sizeOf(left: readonly LeftJournal[]): number {
  return left.flatMap(({ segments }) => segments).reduce((sum, { size }) => sum + size, 0);
}

async function findLeft(parts: LeftJournalsParts): Promise<LeftJournal[]> {
  const { disk, folder } = parts;
  const found = new Map<string, LeftJournal & { segments: (SegmentName & { size: number })[] }>();
  for (const segment of segmentsAmong(await disk.list(folder))) {
    const { incarnation } = segment;
    if (incarnation === parts.incarnation) continue;
    const journal = found.get(incarnation) ?? { incarnation, segments: [] };
    journal.segments.push({ ...segment, size: await disk.size(join(folder, segment.name)) });
    found.set(incarnation, journal);
  }
  return [...found.values()];
}

async function settleLeft(
  parts: LeftJournalsParts,
  left: LeftJournal,
  between: () => Promise<void>,
): Promise<void> {
  const { store, disk, nodeId, folder, logger } = parts;
  const { incarnation } = left;
  let cursor = await store.openCursor(nodeId, incarnation);
  const running = new Map<string, OpenCall>();
  const settle = async (calls: readonly SettledCall[], to: bigint): Promise<void> => {
    const settlement = { nodeId, incarnation, from: cursor, to, settledUntilMs: 0, calls };
    if (!(await store.settle(settlement))) throw new Error("the journal's cursor was moved");
    cursor = to;
    await between();
  };
  if (cursor < sealedPosition) {
    for await (const { calls, end } of batchesOf(parts, left, running))
      if (calls.length > 0 && end > cursor) await settle(after(calls, cursor), end);
    const cut = [...running.values()].map((call) => interruptedCall(call, nodeId));
    await settle(cut, sealedPosition);
    if (cut.length > 0)
      logger.warn({ calls: cut.length }, "calls were cut by the end of an earlier process");
  }
  for (const { name } of left.segments) await disk.remove(join(folder, name));
}

interface PlacedSettled {
  readonly call: SettledCall;
  readonly end: bigint;
}

function after(calls: readonly PlacedSettled[], cursor: bigint): readonly SettledCall[] {
  return calls.filter(({ end }) => end > cursor).map(({ call }) => call);
}

/** The finished calls of a journal in batches; calls that have begun and not ended stay in `running`. */
async function* batchesOf(
  parts: LeftJournalsParts,
  left: LeftJournal,
  running: Map<string, OpenCall>,
): AsyncGenerator<{ calls: readonly PlacedSettled[]; end: bigint }> {
  for (const segment of left.segments) {
    const source = sourceOf(parts, segment);
    for (let at = 0; at < segment.size;) {
      const { entries, next } = await readEntries(source, at, batchCalls);
      for (const { entry } of entries) follow(running, entry);
      const calls = entries.flatMap(({ entry, end }) => {
        if (entry.kind === "open") return [];
        const call = settledCall(entry.call, parts.nodeId, true);
        return [{ call, end: positionAt(segment.number, end) }];
      });
      yield { calls, end: positionAt(segment.number, next) };
      at = next;
    }
  }
}

function follow(running: Map<string, OpenCall>, entry: JournalEntry): void {
  if (entry.kind === "open") running.set(entry.call.callId, entry.call);
  else running.delete(entry.call.callId);
}

function sourceOf(
  { disk, logger, folder }: LeftJournalsParts,
  segment: LeftJournal["segments"][number],
): SegmentSource {
  const path = join(folder, segment.name);
  return {
    number: segment.number,
    bytes: segment.size,
    read: (from, length) => disk.read(path, from, length),
    onDamage: (lines) => logger.warn({ lines, path }, "the call journal held damaged lines"),
  };
}
