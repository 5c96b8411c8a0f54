/**
 * Finds the parts of a multipart form as its bytes arrive: where each value begins and ends, and what it is called.
 * Promise kept here: a form that two readers could read differently (repeated or starred names, odd line ends, encoded
 * values) is refused, so nobody checks one `model` while the vendor obeys another. Parsers such as busboy decode forms
 * but do not tell offsets, without which nothing can be spliced; hence our own.
 */
import { GatewayError } from "./errors.ts";

export interface PartHead {
  readonly name: string;
  /** Null: a field, not a file. */
  readonly fileName: string | null;
  /** As told; null: not told. */
  readonly mediaType: string | null;
}

/** Hears of parts; offsets count from the first byte of the form. */
export interface PartListener {
  /** A value begins at `start`. Answers how many bytes of it are to be kept for {@link onPartEnd}. */
  onPart(head: PartHead, start: number): number;
  /** The value ended before `end`; undefined: it was longer than what was to be kept. */
  onPartEnd(end: number, value: Buffer | undefined): void;
}

const maxHeadBytes = 16 * 1024;
const maxParts = 1000;
const lineEnd = "\r\n";
const carriageReturn = 0x0d;
const lineFeed = 0x0a;

/** The error of a form that cannot be read. */
export function brokenForm(message: string, field?: string): GatewayError {
  const fields = field === undefined ? [] : [{ field, message }];
  return new GatewayError("invalid_request", message, { fields, values: { detail: message } });
}

function ambiguous(): GatewayError {
  return brokenForm(
    "The form's boundary stands where some readers see the end of a part, others text",
  );
}

const parameter = /;[ \t]*([\w!#$&+.^`|~%'*-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))[ \t]*/gy;

/** `what`: whose parameters they are, for people. */
function parametersOf(text: string, what: string): Readonly<Record<string, string>> {
  const found: Record<string, string> = Object.create(null) as Record<string, string>;
  let end = 0;
  for (const match of text.matchAll(parameter)) {
    const name = (match[1] ?? "").toLowerCase();
    if (name in found || name === "name*")
      throw brokenForm(`${what} has an ambiguous parameter ${name}`);
    // Readers that know no escapes would see the text end here, and parameters behind it.
    if (match[2]?.includes('\\"') === true)
      throw brokenForm(`${what} has a quote within the text of ${name}; write it as %22`);
    found[name] = match[2] ?? match[3] ?? "";
    end = match.index + match[0].length;
  }
  if (end !== text.length) throw brokenForm(`${what} is malformed`);
  return found;
}

const maxBoundaryLength = 200;

/** The boundary told by a `content-type`. Throws `invalid_request` where there is none, or more than one. */
export function boundaryOf(contentType: string): string {
  const mark = contentType.indexOf(";");
  const told = mark === -1 ? "" : contentType.slice(mark).replace(/[;\s]+$/, "");
  const { boundary = "" } = parametersOf(told, "The content type");
  const isPlain = boundary.length <= maxBoundaryLength && !/[\\\r\n]/.test(boundary);
  if (boundary !== "" && isPlain) return boundary;
  throw brokenForm("The content type multipart/form-data names no boundary", "content-type");
}

/** Codings under which a value's bytes are not what they stand for. */
function checkCoding(value: string): void {
  if (!/^(?:7bit|8bit|binary)$/i.test(value))
    throw brokenForm(`Send the parts of the form as they are, not as ${value}`);
}

const headerName = /^[\w!#$%&'*+.^`|~-]+$/;

/** Reads the head of one part. */
function parseHead(text: string): PartHead {
  let disposition: string | undefined;
  let mediaType: string | null = null;
  for (const line of text.split(lineEnd)) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    // A line that begins with a blank goes on with the one before it, for some readers.
    if (!headerName.test(name) || /[\r\n]/.test(line))
      throw brokenForm("A part of the form has a broken head");
    const value = line.slice(colon + 1).trim();
    if (name === "content-type") mediaType = value;
    if (name === "content-transfer-encoding") checkCoding(value);
    if (name !== "content-disposition") continue;
    if (disposition !== undefined) throw brokenForm("A part has two Content-Dispositions");
    disposition = value;
  }
  const [, rest] = /^form-data[ \t]*(;.*)$/i.exec(disposition ?? "") ?? [];
  const told = rest === undefined ? {} : parametersOf(rest, "A part's Content-Disposition");
  const name = told["name"];
  if (name === undefined || name.includes("\\"))
    throw brokenForm("Each part of the form must have a Content-Disposition with a plain name");
  const fileName = told["filename"] ?? (told["filename*"] === undefined ? null : "file");
  return { name, fileName, mediaType };
}

/** What is expected next. */
type ScanState = "start" | "delimited" | "head" | "value" | "closed";

/** Takes a form piece by piece. Throws `invalid_request` for one that is malformed. */
export class MultipartScanner {
  /** Without the line end before it. */
  readonly #dashes: Buffer;
  readonly #delimiter: Buffer;
  readonly #listener: PartListener;
  /** What has come and is not read yet. */
  #rest: Buffer = Buffer.alloc(0);
  /** Where `#rest` begins in the form. */
  #offset = 0;
  #state: ScanState = "start";
  #parts = 0;
  #kept: Buffer[] = [];
  #keepsLeft = 0;
  #overlong = false;
  /** Nothing of the value has been read yet. */
  #atValueStart = false;

  constructor(boundary: string, listener: PartListener) {
    this.#dashes = Buffer.from(`--${boundary}`, "latin1");
    this.#delimiter = Buffer.from(`${lineEnd}--${boundary}`, "latin1");
    this.#listener = listener;
  }

  push(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let goesOn = true;
    while (goesOn) goesOn = this.#step();
  }

  /** The form is over. Throws where its closing delimiter did not come. */
  end(): void {
    if (this.#state !== "closed") throw brokenForm("The form ends before its closing boundary");
  }

  /** Reads one thing; false: more bytes are needed, or nothing follows. */
  #step(): boolean {
    switch (this.#state) {
      case "start":
        return this.#start();
      case "delimited":
        return this.#delimited();
      case "head":
        return this.#head();
      case "value":
        return this.#value();
      case "closed":
        return this.#closed();
    }
  }

  /** Nothing but white space stands behind the form: some readers would go on there. */
  #closed(): boolean {
    if (/[^ \t\r\n]/.test(this.#rest.toString("latin1"))) throw ambiguous();
    this.#consume(this.#rest.length, "closed");
    return false;
  }

  #start(): boolean {
    const first = this.#dashes;
    if (this.#rest.length < first.length) return false;
    if (!this.#rest.subarray(0, first.length).equals(first))
      throw brokenForm("The form does not begin with the boundary that its content type names");
    this.#consume(first.length, "delimited");
    return true;
  }

  #delimited(): boolean {
    if (this.#rest.length < 2) return false;
    const mark = this.#rest.toString("latin1", 0, 2);
    if (mark === "--") {
      this.#consume(2, "closed");
      return true;
    }
    if (mark !== lineEnd) throw brokenForm("A boundary of the form is not followed by a line end");
    this.#parts += 1;
    if (this.#parts > maxParts) throw brokenForm(`The form has more than ${maxParts} parts`);
    this.#consume(2, "head");
    return true;
  }

  #head(): boolean {
    const end = this.#rest.indexOf(`${lineEnd}${lineEnd}`);
    if (end > maxHeadBytes || (end === -1 && this.#rest.length > maxHeadBytes))
      throw brokenForm("A part of the form has too long a head");
    if (end === -1) return false;
    if (this.#rest.subarray(0, end).includes(this.#dashes)) throw ambiguous();
    const head = parseHead(this.#rest.toString("utf8", 0, end));
    this.#consume(end + 4, "value");
    this.#kept = [];
    this.#overlong = false;
    this.#atValueStart = true;
    this.#keepsLeft = this.#listener.onPart(head, this.#offset);
    return true;
  }

  #value(): boolean {
    const end = this.#findEnd();
    if (end === -1) {
      const safe = this.#rest.length - this.#delimiter.length + 1;
      if (safe > 0) {
        this.#keep(this.#rest.subarray(0, safe));
        this.#atValueStart = false;
        this.#consume(safe, "value");
      }
      return false;
    }
    this.#keep(this.#rest.subarray(0, end));
    const value = this.#overlong ? undefined : Buffer.concat(this.#kept);
    this.#kept = [];
    this.#listener.onPartEnd(this.#offset + end, value);
    this.#consume(end + this.#delimiter.length, "delimited");
    return true;
  }

  /**
   * Where the delimiter begins; -1: it has not come. A boundary at the start of the value or of a line that ends
   * otherwise is one for some readers (Go's and Werkzeug's) and a text for others.
   */
  #findEnd(): number {
    const rest = this.#rest;
    let at = rest.indexOf(this.#dashes);
    while (at !== -1) {
      const before = rest[at - 1];
      if (before === lineFeed && rest[at - 2] === carriageReturn) return at - lineEnd.length;
      const starts = at === 0 && this.#atValueStart;
      if (starts || before === lineFeed || before === carriageReturn) throw ambiguous();
      at = rest.indexOf(this.#dashes, at + 1);
    }
    return -1;
  }

  #keep(piece: Buffer): void {
    if (piece.length > this.#keepsLeft) {
      this.#overlong = true;
      this.#kept = [];
      this.#keepsLeft = 0;
      return;
    }
    if (piece.length > 0) this.#kept.push(piece);
    this.#keepsLeft -= piece.length;
  }

  #consume(bytes: number, next: ScanState): void {
    this.#rest = this.#rest.subarray(bytes);
    this.#offset += bytes;
    this.#state = next;
  }
}
