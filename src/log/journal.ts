/**
 * The calls of one process on the local disk, in segments, until SQL has them. Promises: one write at a time, at most
 * one each turn of the loop; who waits for a call is answered when the operating system has it, or when the disk
 * refused it (it is then held in memory, and `writable` is false until the disk takes it); the whole stays under its
 * cap, and what the cap turned away is counted.
 */
import { join } from "node:path";
import type { Cancel, Clock } from "../core/clock.ts";
import type { CallRecord, OpenCall } from "./call-record.ts";
import type { JournalDisk, JournalFile } from "./journal-disk.ts";
import { renderClose, renderOpen } from "./journal-line.ts";
import { readClosed } from "./read-segment.ts";
import { offsetOf, positionAt, segmentName, segmentOf } from "./segments.ts";

export interface JournalOptions {
  readonly folder: string;
  /** Of this process: 16 hexadecimal digits. */
  readonly incarnation: string;
  readonly disk: JournalDisk;
  readonly clock: Clock;
  /** Most bytes on disk, those of earlier processes included. */
  readonly capBytes: number;
  /** Bytes at which the next segment begins. */
  readonly segmentBytes: number;
  /** Most calls kept in memory beside the disk. */
  readonly heldCalls: number;
  /** Most bytes kept in memory while the disk refuses them. */
  readonly refusedBytes: number;
  /** Whether who waits is answered only when the disk itself was forced. */
  readonly forceEach: boolean;
  readonly onFault: (error: unknown) => void;
  readonly onDropped: (count: number) => void;
}

/** A finished call and where it ends in the journal. */
export interface PlacedCall {
  readonly call: CallRecord;
  readonly end: bigint;
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

interface Line {
  readonly text: string;
  readonly bytes: number;
  /** Undefined: the line only says that a call began. */
  readonly call: CallRecord | undefined;
  readonly done: () => void;
}

const openDelayMs = 50;
const forceEveryMs = 50;
const retryMs = 250;

export class Journal {
  readonly #options: JournalOptions;
  #segments: Segment[] = [];
  #next = 1;
  #lines: Line[] = [];
  #writing: Promise<void> | undefined;
  /** Calls that run. */
  readonly #open = new Map<string, OpenCall>();
  /** Of those, the ones that the disk does not know. */
  readonly #unwritten = new Map<string, OpenCall>();
  #openTimer: Cancel | undefined;
  #forceTimer: Cancel | undefined;
  #retryTimer: Cancel | undefined;
  #total = 0;
  #foreign = 0;
  #closed = false;
  /** Unsettled calls, oldest first; undefined: too many, they are read back. */
  #held: PlacedCall[] | undefined = [];

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** Whether the disk takes what comes, and some room is left under the cap for what runs. */
  get writable(): boolean {
    const { capBytes } = this.#options;
    return this.#current?.refused === undefined && this.bytes < capBytes - capBytes / 16;
  }

  get bytes(): number {
    return this.#total + this.#foreign;
  }

  /** Bytes that journals of earlier processes take under the same cap. */
  set foreignBytes(bytes: number) {
    this.#foreign = bytes;
  }

  /** Admission of the oldest call that runs, ms UTC. */
  get oldestOpenMs(): number {
    let oldest = Infinity;
    for (const { admittedAtMs } of this.#open.values()) oldest = Math.min(oldest, admittedAtMs);
    return oldest;
  }

  get #current(): Segment | undefined {
    return this.#segments.at(-1);
  }

  open(call: OpenCall): void {
    this.#open.set(call.callId, call);
    this.#unwritten.set(call.callId, call);
    // Most calls are over before that, and need no line of their own.
    this.#openTimer ??= this.#options.clock.after(openDelayMs, () => {
      this.#openTimer = undefined;
      for (const begun of this.#unwritten.values())
        this.#append({ ...lineOf(renderOpen(begun)), call: undefined, done: () => undefined });
      this.#unwritten.clear();
    });
  }

  /** Takes a finished call; resolves when the operating system has it, or it was refused. */
  close(call: CallRecord): Promise<void> {
    this.#open.delete(call.callId);
    this.#unwritten.delete(call.callId);
    return new Promise((done) => {
      this.#append({ ...lineOf(renderClose(call)), call, done });
    });
  }

  #append(line: Line): void {
    if (this.bytes + line.bytes > this.#options.capBytes) return this.#drop(line);
    this.#lines.push(line);
    this.#writing ??= this.#writeOut().finally(() => {
      this.#writing = undefined;
    });
  }

  #drop(line: Line): void {
    if (line.call !== undefined) this.#options.onDropped(1);
    line.done();
  }

  /** Resolves when all that was taken so far lies on the disk or was refused by it. */
  async written(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #writeOut(): Promise<void> {
    // The rest of this turn's calls join the same write.
    await new Promise<void>((turn) => setImmediate(turn));
    while (this.#lines.length > 0) {
      const lines = this.#lines;
      this.#lines = [];
      await this.#write(lines);
    }
  }

  async #write(lines: readonly Line[]): Promise<void> {
    const { segmentBytes, forceEach } = this.#options;
    if (this.#current === undefined || this.#current.bytes >= segmentBytes) await this.#rotate();
    const segment = this.#current;
    if (segment === undefined) return;
    const text = lines.map((line) => line.text).join("");
    try {
      if (segment.refused === undefined) {
        await segment.file?.append(text);
        if (forceEach) await segment.file?.sync();
        else this.#planForce();
        return this.#place(segment, lines);
      }
    } catch (error) {
      this.#options.onFault(error);
      this.#giveUp(segment);
    }
    this.#keepRefused(lines);
  }

  /** Nothing is appended behind what may be torn: what follows goes into another file. */
  #giveUp(segment: Segment): void {
    void segment.file?.close().catch(() => undefined);
    segment.file = undefined;
    this.#begin().refused = [];
    this.#planRetry();
  }

  #keepRefused(lines: readonly Line[]): void {
    for (const line of lines) {
      const segment = this.#current;
      const room = this.#options.refusedBytes;
      if (segment?.refused === undefined || segment.bytes + line.bytes > room) {
        this.#drop(line);
        continue;
      }
      segment.refused.push(line.text);
      this.#place(segment, [line]);
    }
  }

  #place(segment: Segment, lines: readonly Line[]): void {
    for (const { bytes, call, done } of lines) {
      segment.bytes += bytes;
      this.#total += bytes;
      if (call !== undefined) this.#hold({ call, end: positionAt(segment.number, segment.bytes) });
      done();
    }
  }

  #hold(placed: PlacedCall): void {
    if (this.#held === undefined) return;
    if (this.#held.length < this.#options.heldCalls) this.#held.push(placed);
    else this.#held = undefined;
  }

  #begin(): Segment {
    const { folder, incarnation } = this.#options;
    const number = this.#next;
    this.#next += 1;
    const path = join(folder, segmentName(incarnation, number));
    const segment = { number, path, bytes: 0, file: undefined, refused: undefined };
    this.#segments.push(segment);
    return segment;
  }

  /** Begins a segment; calls that run are told in it, since the one before may go. */
  async #rotate(): Promise<void> {
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
      const carried = [...this.#open.values()].filter(({ callId }) => !this.#unwritten.has(callId));
      const lines = carried.map((call) => lineOf(renderOpen(call)));
      if (lines.length > 0) await segment.file.append(lines.map(({ text }) => text).join(""));
      for (const { bytes } of lines) segment.bytes += bytes;
      this.#total += segment.bytes;
    } catch (error) {
      onFault(error);
      void segment.file?.close().catch(() => undefined);
      segment.file = undefined;
      segment.refused = [];
      this.#planRetry();
    }
  }

  #planForce(): void {
    this.#forceTimer ??= this.#options.clock.after(forceEveryMs, () => {
      this.#forceTimer = undefined;
      this.#current?.file?.sync().catch(this.#options.onFault);
    });
  }

  #planRetry(): void {
    if (this.#closed) return;
    this.#retryTimer ??= this.#options.clock.after(retryMs, () => {
      this.#retryTimer = undefined;
      void this.#retry();
    });
  }

  async #retry(): Promise<void> {
    await this.written();
    const work = this.#writeRefused().finally(() => {
      this.#writing = undefined;
    });
    this.#writing = work;
    await work;
    // What came meanwhile found somebody writing.
    if (this.#lines.length > 0)
      this.#writing ??= this.#writeOut().finally(() => {
        this.#writing = undefined;
      });
  }

  /** Tries the disk again, with the whole of the segment: places in it stay what they are. */
  async #writeRefused(): Promise<void> {
    const { disk, folder } = this.#options;
    const segment = this.#current;
    if (segment?.refused === undefined) return;
    try {
      await disk.makeFolder(folder);
      const file = await disk.create(segment.path);
      await file.append(segment.refused.join(""));
      await file.sync();
      await disk.syncFolder(folder);
      segment.file = file;
      segment.refused = undefined;
    } catch {
      // Told already.
      this.#planRetry();
    }
  }

  /** Unsettled calls after a position, oldest first, at most so many; `end`: what lies before it has been looked at. */
  async unsettled(from: bigint, most: number): Promise<{ calls: PlacedCall[]; end: bigint }> {
    if (this.#held !== undefined) {
      const calls = this.#held.slice(0, most);
      return { calls, end: calls.at(-1)?.end ?? this.#end };
    }
    const segment = this.#segments.find(
      ({ number, bytes }) =>
        number > segmentOf(from) || (number === segmentOf(from) && bytes > offsetOf(from)),
    );
    if (segment === undefined) {
      this.#held = [];
      return { calls: [], end: this.#end };
    }
    const offset = segment.number === segmentOf(from) ? offsetOf(from) : 0;
    return await readClosed(this.#source(segment), offset, most);
  }

  #source({ number, path, bytes, refused }: Segment): Parameters<typeof readClosed>[0] {
    const { disk, onFault } = this.#options;
    const text = refused === undefined ? undefined : Buffer.from(refused.join(""));
    const read = async (from: number, length: number): Promise<Buffer> =>
      text === undefined ? await disk.read(path, from, length) : text.subarray(from, from + length);
    return { number, bytes, read, onDamage: () => onFault(new Error(`${path} is damaged`)) };
  }

  get #end(): bigint {
    const segment = this.#current;
    return segment === undefined ? 0n : positionAt(segment.number, segment.bytes);
  }

  /** Whether nothing came after a position, and nothing is on its way. */
  isLast(position: bigint): boolean {
    const idle = this.#lines.length === 0 && this.#writing === undefined;
    return idle && this.#held !== undefined && (this.#held.at(-1)?.end ?? 0n) <= position;
  }

  /** SQL has all calls before a position. */
  async settled(position: bigint): Promise<void> {
    if (this.#held !== undefined) {
      const first = this.#held.findIndex(({ end }) => end > position);
      this.#held = first < 0 ? [] : this.#held.slice(first);
    }
    const current = this.#current;
    // The calls that run stand in the current segment: while the disk has not got it, none before it may go.
    if (current === undefined || current.refused !== undefined) return this.#forget(position);
    for (const segment of this.#segments.slice(0, -1)) {
      if (positionAt(segment.number, segment.bytes) > position) return;
      this.#segments = this.#segments.filter((other) => other !== segment);
      this.#total -= segment.bytes;
      // A file that stays is looked at again by the next process, and found settled.
      await this.#options.disk.remove(segment.path).catch(this.#options.onFault);
    }
  }

  /** What the disk refused and SQL has needs no place any more. */
  #forget(position: bigint): void {
    const segment = this.#current;
    if (segment?.refused === undefined || segment.bytes === 0 || position < this.#end) return;
    if (this.#lines.length > 0 || this.#writing !== undefined) return;
    this.#segments = this.#segments.filter((other) => other !== segment);
    this.#total -= segment.bytes;
    this.#begin().refused = [];
  }

  /** Writes out what waits and closes the file; `remove`: all of it is settled. */
  async end(remove: boolean): Promise<void> {
    this.#closed = true;
    for (const cancel of [this.#openTimer, this.#forceTimer, this.#retryTimer]) cancel?.();
    await this.written();
    await this.#writeRefused();
    const file = this.#current?.file;
    await file?.sync().catch(this.#options.onFault);
    await file?.close().catch(this.#options.onFault);
    if (!remove) return;
    for (const segment of this.#segments) await this.#options.disk.remove(segment.path);
    this.#segments = [];
  }
}

function lineOf(text: string): { readonly text: string; readonly bytes: number } {
  return { text, bytes: Buffer.byteLength(text) };
}
