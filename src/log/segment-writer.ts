/**
 * The files of one process's journal. Promises: what was written has a place that never changes; nothing is appended
 * behind what may be torn; what the disk refuses is held in memory, bounded, at the place that it will have on the disk.
 */
import { join } from "node:path";
import type { JournalDisk, JournalFile } from "./journal-disk.ts";
import type { SegmentSource } from "./read-segment.ts";
import { offsetOf, positionAt, segmentName, segmentOf } from "./segments.ts";

export interface SegmentOptions {
  readonly folder: string;
  /** Of this process: 16 hexadecimal digits. */
  readonly incarnation: string;
  readonly disk: JournalDisk;
  /** Bytes at which the next segment begins. */
  readonly segmentBytes: number;
  /** Most bytes kept in memory while the disk refuses them. */
  readonly refusedBytes: number;
  /** Whether each write is forced to the disk. */
  readonly forceEach: boolean;
  readonly onFault: (error: unknown) => void;
}

interface Segment {
  readonly number: number;
  readonly path: string;
  /** Bytes of it that are there: on the disk, or in `refused`. */
  bytes: number;
  file: JournalFile | undefined;
  /** What the disk refused, from the segment's begin; undefined: it lies on the disk. */
  refused: string[] | undefined;
}

/** A line and its length. */
export interface Line {
  readonly text: string;
  readonly bytes: number;
}

/** One caller at a time may write, retry or end; the others may come whenever they like. */
export class SegmentWriter {
  readonly #options: SegmentOptions;
  #segments: Segment[] = [];
  #next = 1;
  #total = 0;

  constructor(options: SegmentOptions) {
    this.#options = options;
  }

  /** Whether the disk refused the last that was written. */
  get refusing(): boolean {
    return this.#current?.refused !== undefined;
  }

  /** Bytes of all segments. */
  get bytes(): number {
    return this.#total;
  }

  /** Behind all that is there. */
  get end(): bigint {
    const segment = this.#current;
    return segment === undefined ? 0n : positionAt(segment.number, segment.bytes);
  }

  get #current(): Segment | undefined {
    return this.#segments.at(-1);
  }

  /**
   * Writes lines; answers where each ends, undefined of what neither the disk nor the memory had room for. `carried`:
   * what a new segment begins with.
   */
  async write(
    lines: readonly Line[],
    carried: () => readonly Line[],
  ): Promise<readonly (bigint | undefined)[]> {
    const { segmentBytes, forceEach, onFault } = this.#options;
    if (this.#current === undefined || this.#current.bytes >= segmentBytes)
      await this.#rotate(carried);
    const segment = this.#current;
    if (segment !== undefined && segment.refused === undefined) {
      try {
        await segment.file?.append(lines.map((line) => line.text).join(""));
        if (forceEach) await segment.file?.sync();
        return lines.map((line) => this.#place(segment, line));
      } catch (error) {
        onFault(error);
        this.#leave(segment);
      }
    }
    return lines.map((line) => this.#keep(line));
  }

  #keep(line: Line): bigint | undefined {
    const segment = this.#current;
    if (segment?.refused === undefined) return undefined;
    if (segment.bytes + line.bytes > this.#options.refusedBytes) return undefined;
    segment.refused.push(line.text);
    return this.#place(segment, line);
  }

  #place(segment: Segment, { bytes }: Line): bigint {
    segment.bytes += bytes;
    this.#total += bytes;
    return positionAt(segment.number, segment.bytes);
  }

  #begin(): Segment {
    const { folder, incarnation } = this.#options;
    const number = this.#next;
    this.#next += 1;
    const path = join(folder, segmentName(incarnation, number));
    const segment: Segment = { number, path, bytes: 0, file: undefined, refused: undefined };
    this.#segments.push(segment);
    return segment;
  }

  async #rotate(carried: () => readonly Line[]): Promise<void> {
    const { disk, folder, onFault } = this.#options;
    const before = this.#current;
    // A disk that refuses gets a new try at its own time.
    if (before?.refused !== undefined) return;
    const segment = this.#begin();
    try {
      await before?.file?.sync();
      await before?.file?.close();
      if (before !== undefined) before.file = undefined;
      await disk.makeFolder(folder);
      segment.file = await disk.create(segment.path);
      await disk.syncFolder(folder);
      const lines = carried();
      if (lines.length > 0) await segment.file.append(lines.map(({ text }) => text).join(""));
      for (const line of lines) this.#place(segment, line);
    } catch (error) {
      onFault(error);
      abandon(segment);
      segment.refused = [];
    }
  }

  /**
   * Forces what was written to the disk. What a disk would not keep it may not tell a second time: nothing more goes into
   * that file, and the disk counts as refusing until it keeps a new one.
   */
  async force(): Promise<void> {
    const segment = this.#current;
    try {
      await segment?.file?.sync();
    } catch (error) {
      this.#options.onFault(error);
      if (segment !== undefined) this.#leave(segment);
    }
  }

  /** What comes next is held for a new file; only one of those who found the old one bad begins it. */
  #leave(segment: Segment): void {
    if (segment !== this.#current) return;
    abandon(segment);
    this.#begin().refused = [];
  }

  /** Tries the disk again, with the whole of what it refused: places in it stay what they are. False: in vain. */
  async retry(): Promise<boolean> {
    const { disk, folder } = this.#options;
    const segment = this.#current;
    if (segment?.refused === undefined) return true;
    let file: JournalFile | undefined;
    try {
      await disk.makeFolder(folder);
      file = await disk.create(segment.path);
      await file.append(segment.refused.join(""));
      await file.sync();
      await disk.syncFolder(folder);
    } catch {
      // Told when it began.
      void file?.close().catch(() => undefined);
      return false;
    }
    segment.file = file;
    segment.refused = undefined;
    return true;
  }

  /** The segment that holds what follows a position, and where in it; undefined: nothing follows. */
  follow(from: bigint): { readonly source: SegmentSource; readonly offset: number } | undefined {
    const number = segmentOf(from);
    const segment = this.#segments.find(
      (other) => other.bytes > 0 && positionAt(other.number, other.bytes) > from,
    );
    if (segment === undefined) return undefined;
    return {
      source: this.#source(segment),
      offset: segment.number === number ? offsetOf(from) : 0,
    };
  }

  #source({ number, path, bytes, refused }: Segment): SegmentSource {
    const { disk, onFault } = this.#options;
    const text = refused === undefined ? undefined : Buffer.from(refused.join(""));
    return {
      number,
      bytes,
      read: async (from, length) =>
        text === undefined
          ? await disk.read(path, from, length)
          : text.subarray(from, from + length),
      onDamage: () => onFault(new Error(`${path} is damaged`)),
    };
  }

  /** SQL has all before a position; `quiet`: nothing is on its way here. */
  async settled(position: bigint, quiet: boolean): Promise<void> {
    const { disk, onFault } = this.#options;
    // The calls that run stand in the current segment: while the disk has not got it, none before it may go.
    if (this.refusing) return quiet ? this.#forget(position) : undefined;
    for (const segment of this.#segments.slice(0, -1)) {
      if (positionAt(segment.number, segment.bytes) > position) return;
      this.#drop(segment);
      // A file that stays is looked at again by the next process, and found settled.
      await disk.remove(segment.path).catch(onFault);
    }
  }

  /** What the disk refused and SQL has needs no place any more. */
  #forget(position: bigint): void {
    const segment = this.#current;
    if (segment === undefined || segment.bytes === 0 || position < this.end) return;
    this.#drop(segment);
    this.#begin().refused = [];
  }

  #drop(segment: Segment): void {
    this.#segments = this.#segments.filter((other) => other !== segment);
    this.#total -= segment.bytes;
  }

  /** Closes the file; `remove`: all of it is settled. */
  async close(remove: boolean): Promise<void> {
    const { disk, onFault } = this.#options;
    await this.retry();
    await this.force();
    await this.#current?.file?.close().catch(onFault);
    if (!remove) return;
    for (const segment of this.#segments) await disk.remove(segment.path).catch(onFault);
    this.#segments = [];
  }
}

/** What it took before is still forced to the disk: nobody else would do it. */
function abandon(segment: Segment): void {
  const { file } = segment;
  segment.file = undefined;
  void file
    ?.sync()
    .catch(() => undefined)
    .then(() => file.close())
    .catch(() => undefined);
}
