/**
 * What one connection remembers of its responses that nobody else keeps, so that the next ones can continue them.
 * Promise kept here: it is bounded, counted in the process's total, and gone with the connection.
 */
import type { History } from "../../dialects/openai-responses-socket.ts";

interface Remembered {
  /** What this response added: its input and its output. */
  readonly elements: readonly Buffer[];
  readonly bytes: number;
  /** What it continues here; undefined: nothing. */
  readonly earlier: Remembered | undefined;
  /** What it continues elsewhere; null: nothing. */
  readonly before: string | null;
  /** How many need it: its own place in the table, and each that continues it. */
  holders: number;
}

export interface MemoryParts {
  /** False: there is no room. */
  hold(bytes: number): boolean;
  release(bytes: number): void;
}

/** Responses that can be continued; older ones are kept only as far as these need them. */
const maxResponses = 64;
const maxBytes = 64 * 1024 * 1024;

export class ResponsesMemory {
  readonly #parts: MemoryParts;
  readonly #responses = new Map<string, Remembered>();
  #bytes = 0;

  constructor(parts: MemoryParts) {
    this.#parts = parts;
  }

  /** Undefined: it is not remembered here. */
  history(id: string): History | undefined {
    const last = this.#responses.get(id);
    if (last === undefined) return undefined;
    const elements: Buffer[] = [];
    let before = last.before;
    for (let at: Remembered | undefined = last; at !== undefined; at = at.earlier) {
      elements.unshift(...at.elements);
      before = at.before;
    }
    return { elements, before };
  }

  /** `continues`: the response before it, remembered here or kept elsewhere; null: none. */
  remember(id: string, continues: string | null, told: readonly Buffer[]): void {
    // Copied: a piece of a frame would keep all of the frame.
    const elements = told.map((piece) => Buffer.from(piece));
    const bytes = elements.reduce((sum, piece) => sum + piece.length, 0);
    const earlier = continues === null ? undefined : this.#responses.get(continues);
    // An id that comes again stands for something else from now on.
    this.#forget(id);
    if (this.#bytes + bytes > maxBytes || !this.#parts.hold(bytes)) return;
    this.#bytes += bytes;
    const before = earlier === undefined ? continues : null;
    if (earlier !== undefined) earlier.holders += 1;
    this.#responses.set(id, { elements, bytes, earlier, before, holders: 1 });
    const [oldest] = this.#responses.keys();
    if (this.#responses.size > maxResponses && oldest !== undefined) this.#forget(oldest);
  }

  clear(): void {
    this.#responses.clear();
    this.#parts.release(this.#bytes);
    this.#bytes = 0;
  }

  #forget(id: string): void {
    const found = this.#responses.get(id);
    this.#responses.delete(id);
    let at = found;
    while (at !== undefined) {
      at.holders -= 1;
      if (at.holders > 0) return;
      this.#bytes -= at.bytes;
      this.#parts.release(at.bytes);
      at = at.earlier;
    }
  }
}
