/**
 * The pieces of an upload between the caller and an upstream: read when wanted, sent on with splices made.
 * Promise kept here: as long as all that came is still held an upload can be sent once more; what is held is bounded,
 * and beyond that bound every piece is let go as soon as it was read.
 */
import { GatewayError } from "../../core/errors.ts";
import type { ByteEdit } from "../../core/json.ts";
import type { Upload } from "../../wire/call.ts";

/** Held of one upload at most. */
export const maxUploadHeldBytes = 32 * 1024 * 1024;

/** Hears of every piece as it arrives, once and in order, and of the end. What it throws ends the upload. */
export interface PieceListener {
  onPiece(piece: Buffer): void;
  onEnd(): void;
}

export class UploadPieces {
  readonly #upload: Upload;
  readonly #listener: PieceListener;
  #pieces: Buffer[] = [];
  /** Pieces let go before the first of `#pieces`. */
  #gone = 0;
  /** Pieces that the reader at work has taken. */
  #read = 0;
  #held = 0;
  #keeps = true;
  #arrived = 0;
  #whole = false;
  #failure: unknown;
  #pulling: Promise<void> | undefined;
  /** The reader at work; one of an earlier attempt finds another one here and stops. */
  #reader: object | undefined;

  constructor(upload: Upload, listener: PieceListener) {
    this.#upload = upload;
    this.#listener = listener;
  }

  /** Whether the end was reached. */
  get whole(): boolean {
    return this.#whole;
  }

  /** Whether everything that came is held. */
  get keeps(): boolean {
    return this.#keeps;
  }

  /** Whether it can be read from its start. */
  get replayable(): boolean {
    return this.#gone === 0;
  }

  /** Bytes in all, as far as they are known; null: they are not. */
  get length(): number | null {
    return this.#whole ? this.#arrived : this.#upload.length;
  }

  /** Reads one more piece. Throws what the upload or its listener throws. */
  async pull(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#pulling ??= this.#take();
    await this.#pulling;
  }

  /** All bytes, where they are whole and held. */
  join(): Buffer | undefined {
    return this.#whole && this.replayable ? Buffer.concat(this.#pieces, this.#arrived) : undefined;
  }

  /** Reads everything from the start, with splices made. `edits` stand in order and do not overlap. */
  async *read(edits: readonly ByteEdit[]): AsyncGenerator<Buffer, void, undefined> {
    if (!this.replayable) throw new GatewayError("internal", "an upload was read twice");
    const token = {};
    this.#reader = token;
    this.#read = 0;
    let offset = 0;
    for (;;) {
      while (this.#read - this.#gone >= this.#pieces.length && !this.#whole) {
        await this.pull();
        if (this.#reader !== token) return;
      }
      const piece = this.#pieces[this.#read - this.#gone];
      if (piece === undefined) return;
      this.#read += 1;
      if (!this.#keeps) this.#letGoOfRead();
      yield* spliced(piece, offset, edits);
      if (this.#reader !== token) return;
      offset += piece.length;
    }
  }

  async #take(): Promise<void> {
    try {
      const piece = await this.#upload.next();
      if (piece === undefined) {
        this.#listener.onEnd();
        this.#whole = true;
      } else if (piece.length > 0) this.#add(piece);
    } catch (thrown) {
      this.#failure = thrown;
      throw thrown;
    } finally {
      this.#pulling = undefined;
    }
  }

  #add(piece: Buffer): void {
    this.#listener.onPiece(piece);
    this.#arrived += piece.length;
    this.#pieces.push(piece);
    if (!this.#keeps) return;
    if (this.#held + piece.length <= maxUploadHeldBytes && this.#upload.hold(piece.length)) {
      this.#held += piece.length;
      return;
    }
    this.#keeps = false;
    this.#upload.release(this.#held);
    this.#held = 0;
    this.#letGoOfRead();
  }

  #letGoOfRead(): void {
    this.#pieces.splice(0, this.#read - this.#gone);
    this.#gone = this.#read;
  }
}

/** One piece that begins at `offset` of the whole, with what falls into it of the splices. */
function* spliced(
  piece: Buffer,
  offset: number,
  edits: readonly ByteEdit[],
): Generator<Buffer, void, undefined> {
  const end = offset + piece.length;
  let kept = offset;
  for (const edit of edits) {
    if (edit.end < kept || edit.start >= end) continue;
    if (edit.start > kept) yield piece.subarray(kept - offset, edit.start - offset);
    if (edit.start >= offset && edit.bytes.length > 0) yield Buffer.from(edit.bytes);
    kept = Math.max(kept, Math.min(edit.end, end));
  }
  if (kept < end) yield piece.subarray(kept - offset);
}
