/** Reading back what lies in a segment, in pieces that do not hold the loop up. */
import type { CallRecord } from "./call-record.ts";
import type { JournalEntry } from "./journal-line.ts";
import { parseLines } from "./journal-line.ts";
import { positionAt } from "./segments.ts";

export interface SegmentSource {
  readonly number: number;
  /** Nothing is read beyond. */
  readonly bytes: number;
  read(from: number, length: number): Promise<Buffer>;
  /** Lines were torn or damaged. */
  onDamage(lines: number): void;
}

/** A finished call and where it ends in the journal. */
export interface PlacedCall {
  readonly call: CallRecord;
  readonly end: bigint;
}

const pieceBytes = 128 * 1024;

export interface ReadEntries {
  readonly entries: readonly { readonly entry: JournalEntry; readonly end: number }[];
  /** Where to read on; `bytes` of the source when all was read. */
  readonly next: number;
}

/** Entries from an offset on, at most so many; none and `next` beyond where nothing but damage follows. */
export async function readEntries(
  source: SegmentSource,
  from: number,
  most: number,
): Promise<ReadEntries> {
  for (let length = pieceBytes; ; length *= 2) {
    const wanted = Math.min(length, source.bytes - from);
    const piece = await source.read(from, wanted);
    const { entries, damaged, bytes } = parseLines(piece, most);
    if (damaged > 0) source.onDamage(damaged);
    if (bytes > 0)
      return {
        entries: entries.map(({ entry, end }) => ({ entry, end: from + end })),
        next: from + bytes,
      };
    if (piece.length < length) {
      // A line without its end is the last thing that a killed process did.
      if (piece.length > 0) source.onDamage(1);
      return { entries: [], next: source.bytes };
    }
  }
}

/** Finished calls from an offset on, and the position up to which they were looked for. */
export async function readClosed(
  source: SegmentSource,
  from: number,
  most: number,
): Promise<{ calls: PlacedCall[]; end: bigint }> {
  const { entries, next } = await readEntries(source, from, most);
  const calls = entries.flatMap(({ entry, end }) =>
    entry.kind === "close" ? [{ call: entry.call, end: positionAt(source.number, end) }] : [],
  );
  return { calls, end: positionAt(source.number, next) };
}
