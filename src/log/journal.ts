/**
 * The calls of one process on the local disk until SQL has them. Promises: at most one write under way, and one each
 * turn of the loop; who waits for a call is answered when the operating system has it, or when the disk refused it
 * (`writable` is false until the disk takes it); the whole stays under its cap, and what the cap turned away is counted.
 */
import type { Cancel, Clock } from "../core/clock.ts";
import type { CallRecord, OpenCall } from "./call-record.ts";
import { renderClose, renderOpen } from "./journal-line.ts";
import type { PlacedCall } from "./read-segment.ts";
import { readClosed } from "./read-segment.ts";
import type { Line, SegmentOptions } from "./segment-writer.ts";
import { SegmentWriter } from "./segment-writer.ts";

export interface JournalOptions extends SegmentOptions {
  readonly clock: Clock;
  /** Most bytes on disk, those of earlier processes included. */
  readonly capBytes: number;
  /** Most calls kept in memory beside the disk. */
  readonly heldCalls: number;
  readonly onDropped: (count: number) => void;
}

interface WaitingLine extends Line {
  /** Undefined: the line only says that a call began. */
  readonly call: CallRecord | undefined;
  readonly done: () => void;
}

const openDelayMs = 50;
const forceEveryMs = 50;
const retryMs = 250;

export class Journal {
  readonly #options: JournalOptions;
  readonly #segments: SegmentWriter;
  #lines: WaitingLine[] = [];
  #writing: Promise<void> | undefined;
  /** Calls that run. */
  readonly #open = new Map<string, OpenCall>();
  /** Of those, the ones that the disk does not know. */
  readonly #unwritten = new Map<string, OpenCall>();
  #openTimer: Cancel | undefined;
  #forceTimer: Cancel | undefined;
  #retryTimer: Cancel | undefined;
  #foreign = 0;
  #closed = false;
  /** Unsettled calls, oldest first; undefined: too many, they are read back. */
  #held: PlacedCall[] | undefined = [];

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#segments = new SegmentWriter(options);
  }

  /** Whether the disk takes what comes, and some room is left under the cap for what runs. */
  get writable(): boolean {
    const { capBytes } = this.#options;
    return !this.#segments.refusing && this.#bytes < capBytes - capBytes / 16;
  }

  get #bytes(): number {
    return this.#segments.bytes + this.#foreign;
  }

  /** Bytes that journals of earlier processes take under the same cap. */
  set foreignBytes(bytes: number) {
    this.#foreign = bytes;
  }

  /** Admission of the oldest call that runs, ms UTC; Infinity: none does. */
  get oldestOpenMs(): number {
    let oldest = Infinity;
    for (const { admittedAtMs } of this.#open.values()) oldest = Math.min(oldest, admittedAtMs);
    return oldest;
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

  #append(line: WaitingLine): void {
    if (this.#bytes + line.bytes > this.#options.capBytes) return this.#drop(line);
    this.#lines.push(line);
    this.#begin();
  }

  #drop(line: WaitingLine): void {
    if (line.call !== undefined) this.#options.onDropped(1);
    line.done();
  }

  #begin(): void {
    if (this.#lines.length > 0) this.#run(() => this.#writeOut());
  }

  /** One at a time; what came meanwhile is written next. */
  #run(work: () => Promise<void>): void {
    this.#writing ??= work().finally(() => {
      this.#writing = undefined;
      this.#begin();
    });
  }

  /** Resolves when all that was taken so far lies on the disk or was refused by it. */
  async written(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #writeOut(): Promise<void> {
    // The rest of this turn's calls join the same write.
    await new Promise<void>((turn) => setImmediate(turn));
    const lines = this.#lines;
    this.#lines = [];
    const ends = await this.#segments.write(lines, () => this.#carried());
    for (const [index, line] of lines.entries()) {
      const end = ends[index];
      if (end === undefined) this.#drop(line);
      else this.#hold(line, end);
      line.done();
    }
    if (this.#segments.refusing) this.#planRetry();
    else if (!this.#options.forceEach) this.#planForce();
  }

  /** Calls that run are told in each segment, since those before it go. */
  #carried(): readonly Line[] {
    const known = [...this.#open.values()].filter(({ callId }) => !this.#unwritten.has(callId));
    return known.map((call) => lineOf(renderOpen(call)));
  }

  #hold({ call }: WaitingLine, end: bigint): void {
    if (call === undefined || this.#held === undefined) return;
    if (this.#held.length < this.#options.heldCalls) this.#held.push({ call, end });
    else this.#held = undefined;
  }

  #planForce(): void {
    this.#forceTimer ??= this.#options.clock.after(forceEveryMs, () => {
      this.#forceTimer = undefined;
      void this.#segments.force().then(() => {
        if (this.#segments.refusing) this.#planRetry();
      });
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
    this.#run(async () => {
      if (!(await this.#segments.retry())) this.#planRetry();
    });
  }

  /** Unsettled calls after a position, oldest first, at most so many; `end`: what lies before it has been looked at. */
  async unsettled(from: bigint, most: number): Promise<{ calls: PlacedCall[]; end: bigint }> {
    if (this.#held === undefined) {
      const next = this.#segments.follow(from);
      if (next !== undefined) return await readClosed(next.source, next.offset, most);
      this.#held = [];
    }
    const calls = this.#held.slice(0, most);
    return { calls, end: calls.at(-1)?.end ?? this.#segments.end };
  }

  /** Whether nothing came after a position, and nothing is on its way. */
  isLast(position: bigint): boolean {
    return this.#isQuiet && this.#held !== undefined && (this.#held.at(-1)?.end ?? 0n) <= position;
  }

  get #isQuiet(): boolean {
    return this.#lines.length === 0 && this.#writing === undefined;
  }

  /** SQL has all calls before a position. */
  async settled(position: bigint): Promise<void> {
    if (this.#held !== undefined) {
      const first = this.#held.findIndex(({ end }) => end > position);
      this.#held = first < 0 ? [] : this.#held.slice(first);
    }
    await this.#segments.settled(position, this.#isQuiet);
  }

  /** Writes out what waits and closes the file; `remove`: all of it is settled. */
  async end(remove: boolean): Promise<void> {
    this.#closed = true;
    for (const cancel of [this.#openTimer, this.#forceTimer, this.#retryTimer]) cancel?.();
    await this.written();
    await this.#segments.close(remove);
  }
}

function lineOf(text: string): Line {
  return { text, bytes: Buffer.byteLength(text) };
}
