/**
 * Finished calls on the local disk, in segments, until SQL has them. Promises: a call is on its way to the disk in the
 * turn of the loop that finished it; at most one write is under way; the whole stays under its cap, and what the cap
 * turned away is counted.
 */
import { close, mkdirSync, openSync, readdirSync, statSync, writeFile } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { CallRecord } from "./call-record.ts";
import { parseLines, renderLine } from "./journal-line.ts";
import type { ParsedLines } from "./journal-line.ts";

/** A closed file of calls, oldest first. */
export interface Segment {
  readonly path: string;
  readonly bytes: number;
  /** In memory as well, while there are few enough; else read them back from the file. */
  readonly records: readonly CallRecord[] | undefined;
}

export interface JournalOptions {
  readonly folder: string;
  /** Most bytes on disk, all segments together. */
  readonly capBytes: number;
  /** Most records of the open segment kept in memory. */
  readonly heldRecords: number;
  /** A write to the disk failed; the calls of it live in memory only. */
  readonly onFault: (error: unknown) => void;
}

const segmentName = /^calls-(\d{12})\.journal$/;

interface OpenSegment {
  readonly path: string;
  bytes: number;
  records: CallRecord[] | undefined;
  /** Open from the first write on: opening the file for every write costs more than the writing. */
  file: number | undefined;
}

function appendText(segment: OpenSegment, text: string): Promise<void> {
  return new Promise((done, failed) => {
    segment.file ??= openSync(segment.path, "a", 0o600);
    writeFile(segment.file, text, (error) => (error === null ? done() : failed(error)));
  });
}

/** The journal of one folder. Nobody else may write there (the node's folder is locked by its process). */
export class Journal {
  private readonly options: JournalOptions;
  private closed: readonly Segment[];
  private open: OpenSegment | undefined;
  private next: number;
  private total = 0;
  private waiting: string[] = [];
  private writing: Promise<void> | undefined;

  /** Finds the segments that an earlier process left. */
  constructor(options: JournalOptions) {
    this.options = options;
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
    const found = readdirSync(options.folder)
      .filter((name) => segmentName.test(name))
      .sort();
    this.closed = found.map((name) => {
      const path = join(options.folder, name);
      return { path, bytes: statSync(path).size, records: undefined };
    });
    this.next = Number(segmentName.exec(found.at(-1) ?? "")?.[1] ?? 0) + 1;
    for (const segment of this.closed) this.total += segment.bytes;
  }

  /** Bytes of all segments together. */
  get bytes(): number {
    return this.total;
  }

  /** Takes a call; false when the cap turned it away. */
  append(record: CallRecord): boolean {
    const line = renderLine(record);
    const bytes = Buffer.byteLength(line);
    if (this.total + bytes > this.options.capBytes) return false;
    const open = (this.open ??= this.openSegment());
    open.bytes += bytes;
    this.total += bytes;
    if (open.records !== undefined && open.records.length < this.options.heldRecords)
      open.records.push(record);
    else open.records = undefined;
    this.waiting.push(line);
    this.writing ??= this.writeOut(open);
    return true;
  }

  /** Resolves when all that was appended so far has been handed to the operating system. */
  async written(): Promise<void> {
    await this.writing;
  }

  /** Closes the open segment (if it holds anything) and answers all closed ones, oldest first. */
  async rotate(): Promise<readonly Segment[]> {
    // Calls that come during the wait belong to the same file, and are waited for as well.
    for (let write = this.writing; write !== undefined; write = this.writing) await write;
    const { open } = this;
    this.open = undefined;
    if (open === undefined) return this.closed;
    if (open.file !== undefined)
      close(open.file, (error) => {
        if (error != null) this.options.onFault(error);
      });
    this.closed = [...this.closed, { path: open.path, bytes: open.bytes, records: open.records }];
    return this.closed;
  }

  /** Reads a segment's calls; damaged lines are left out and counted. */
  async read(segment: Segment): Promise<ParsedLines> {
    if (segment.records !== undefined) return { records: segment.records, damaged: 0 };
    return parseLines(await readFile(segment.path, "utf8"));
  }

  /** Forgets a segment that SQL holds. */
  async remove(segment: Segment): Promise<void> {
    await rm(segment.path, { force: true });
    this.total -= segment.bytes;
    this.closed = this.closed.filter((other) => other.path !== segment.path);
  }

  private openSegment(): OpenSegment {
    const path = join(this.options.folder, `calls-${String(this.next).padStart(12, "0")}.journal`);
    this.next += 1;
    return { path, bytes: 0, records: [], file: undefined };
  }

  private async writeOut(segment: OpenSegment): Promise<void> {
    // The rest of this turn's calls join the same write.
    await new Promise<void>((turn) => setImmediate(turn));
    while (this.waiting.length > 0) {
      const text = this.waiting.join("");
      this.waiting = [];
      await appendText(segment, text).catch(this.options.onFault);
    }
    this.writing = undefined;
  }
}
