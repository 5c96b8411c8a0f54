/**
 * Reads a vendor's file line by line while it comes. Promise kept here: however long the file is, no more than a line of
 * it is held, and other calls go on between its lines.
 */
import { GatewayError } from "../../core/errors.ts";
import { type AskParts, type Taking, type VendorAnswer, type VendorRequest } from "./ask-vendor.ts";
import { askVendor } from "./ask-vendor.ts";

/** A request of a batch may hold pictures; longer ones no vendor takes. */
const maxLineBytes = 32 * 1024 * 1024;
/** Lines that are read at a stretch: one piece may hold tens of thousands. */
const stretch = 100;

/** Cuts what comes into lines; the last may lack its end. Pushed to one after the other. */
export class LineCutter {
  readonly #onLine: (line: Buffer) => void;
  #held: Buffer[] = [];
  #heldBytes = 0;

  constructor(onLine: (line: Buffer) => void) {
    this.#onLine = onLine;
  }

  /** Others have their turn meanwhile. Rejects with `upstream_invalid` for a line that is too long, and what `onLine` throws. */
  async push(chunk: Buffer): Promise<void> {
    let begin = 0;
    let lines = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, begin)) {
      this.#line(chunk.subarray(begin, end));
      begin = end + 1;
      lines += 1;
      if (lines % stretch === 0) await nextTurn();
    }
    await nextTurn();
    if (begin === chunk.length) return;
    this.#held.push(chunk.subarray(begin));
    this.#heldBytes += chunk.length - begin;
    if (this.#heldBytes > maxLineBytes)
      throw new GatewayError("upstream_invalid", "a line of the file is too long");
  }

  end(): void {
    this.#line(Buffer.alloc(0));
  }

  #line(last: Buffer): void {
    const line = this.#held.length === 0 ? last : Buffer.concat([...this.#held, last]);
    this.#held = [];
    this.#heldBytes = 0;
    if (line.length > 0 && line.toString("latin1").trim() !== "") this.#onLine(line);
  }
}

/** Others have their turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Resolves undefined when all lines were told, and with the vendor's answer where that is a refusal. Rejects with the
 * upstream's faults, and with what `onLine` throws.
 */
export async function readLines(
  ask: VendorRequest,
  parts: Omit<AskParts, "handing">,
  onLine: (line: Buffer) => void,
): Promise<VendorAnswer | undefined> {
  const cutter = new LineCutter(onLine);
  let read = Promise.resolve();
  let fault: { readonly thrown: unknown } | undefined;
  const taking: Taking = {
    begin: () => undefined,
    beginBytes: () => undefined,
    write: (bytes) => {
      // What comes next ends the exchange.
      if (fault !== undefined) throw fault.thrown;
      read = read
        .then(() => (fault === undefined ? cutter.push(bytes) : undefined))
        .catch((thrown: unknown) => {
          fault ??= { thrown };
        });
      return read;
    },
    end: () => undefined,
    fail: () => undefined,
  };
  const answer = await askVendor(ask, { ...parts, handing: { reply: taking, form: "bytes" } });
  await read;
  if (fault !== undefined) throw fault.thrown;
  if (answer === undefined) cutter.end();
  return answer;
}
