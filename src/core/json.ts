/**
 * Finds members of a JSON text by their bytes, without parsing the whole, and splices new bytes in their place.
 * Promise kept here: what nobody edits reaches the other side untouched, and nobody reads one of two repeated members.
 */
import { GatewayError } from "./errors.ts";

/** Byte offsets; `end` is the first one behind. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Where the wanted members of one object stand. */
export interface MemberScan {
  /** Range of each wanted member's value, by name. */
  readonly members: Readonly<Record<string, ByteRange>>;
  /** First byte behind the object's `{`: where a new member is put. */
  readonly inside: number;
  readonly empty: boolean;
}

/** Replaces a range (empty: inserts before `start`) by bytes. */
export interface ByteEdit extends ByteRange {
  readonly bytes: string | Uint8Array;
}

/** Deepest nesting accepted. */
export const maxJsonDepth = 512;

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;
const colon = 0x3a;

/** Strings longer than this are searched by native code, which pays only then. */
const nativeFrom = 48;

function fault(offset: number, expected: string, field?: string): GatewayError {
  const where = field === undefined ? "" : ` in "${field}"`;
  const message = `The body is not valid JSON${where}: ${expected} at byte ${offset}`;
  const options = { values: { detail: message } };
  if (field === undefined) return new GatewayError("invalid_request", message, options);
  return new GatewayError("invalid_request", message, { ...options, fields: [{ field, message }] });
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** First offset from `from` on that is no white space. */
export function skipSpace(body: Buffer, from: number, limit = body.length): number {
  let offset = from;
  while (offset < limit && isSpace(body[offset])) offset += 1;
  return offset;
}

/** Offset behind the closing quote of the string that opens at `from`; -1 when it never closes. */
export function skipString(body: Buffer, from: number, limit = body.length): number {
  let offset = from + 1;
  const near = Math.min(limit, offset + nativeFrom);
  while (offset < near) {
    const byte = body[offset];
    if (byte === quote) return offset + 1;
    offset += byte === backslash ? 2 : 1;
  }
  while (offset < limit) {
    const found = body.indexOf(quote, offset);
    if (found === -1 || found >= limit) return -1;
    let slashes = found;
    while (slashes > offset && body[slashes - 1] === backslash) slashes -= 1;
    if ((found - slashes) % 2 === 0) return found + 1;
    offset = found + 1;
  }
  return -1;
}

const literalPattern = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/;

function skipLiteral(body: Buffer, from: number, limit: number): number {
  let offset = from;
  let digits = body[from] !== 0x30;
  for (; offset < limit; offset += 1) {
    const byte = body[offset];
    if (byte === comma || byte === closeBrace || byte === closeBracket || isSpace(byte)) break;
    digits &&= byte !== undefined && byte >= 0x30 && byte <= 0x39;
  }
  if (digits && offset > from) return offset;
  const valid = literalPattern.test(body.toString("latin1", from, Math.min(offset, from + 4096)));
  return valid ? offset : -1;
}

/** Offset behind an object or array, by matching brackets; what stands between them is the vendor's to judge. */
function skipContainer(body: Buffer, from: number, limit: number): number {
  const closers: number[] = [];
  let offset = from;
  while (offset < limit) {
    const byte = body[offset];
    if (byte === quote) {
      const end = skipString(body, offset, limit);
      if (end === -1) throw fault(offset, "a string that is not closed");
      offset = end;
      continue;
    }
    if (byte === openBrace || byte === openBracket) {
      if (closers.length >= maxJsonDepth)
        throw fault(offset, `nesting deeper than ${maxJsonDepth}`);
      closers.push(byte + 2);
    } else if (byte === closeBrace || byte === closeBracket) {
      if (closers.pop() !== byte) throw fault(offset, "a bracket that closes another kind");
      if (closers.length === 0) return offset + 1;
    }
    offset += 1;
  }
  throw fault(limit, "the text ends inside an object or array");
}

/** Offset behind the value that starts at `from`; throws `invalid_request` where it is malformed. */
export function skipValue(body: Buffer, from: number, limit = body.length): number {
  const byte = body[from];
  if (from >= limit) throw fault(from, "the text ends where a value is expected");
  if (byte === openBrace || byte === openBracket) return skipContainer(body, from, limit);
  const end = byte === quote ? skipString(body, from, limit) : skipLiteral(body, from, limit);
  if (end === -1) throw fault(from, "a value that is malformed");
  return end;
}

function readName(body: Buffer, start: number, end: number): string {
  const text = body.toString("latin1", start + 1, end - 1);
  if (!text.includes("\\")) return text;
  try {
    const parsed: unknown = JSON.parse(body.toString("utf8", start, end));
    return typeof parsed === "string" ? parsed : text;
  } catch {
    throw fault(start, "a member name with a malformed escape");
  }
}

/** Among more names than this they are looked up by a table, which it takes longer to make than to go through few. */
const fewNames = 16;

/** Whether bytes are a name but for the case of its letters. */
function isName(body: Buffer, start: number, name: string): boolean {
  for (let index = 0; index < name.length; index += 1) {
    const byte = body[start + index] ?? 0;
    const code = name.charCodeAt(index);
    if (byte === code) continue;
    const lower = byte | 0x20;
    if (lower !== (code | 0x20) || lower < 0x61 || lower > 0x7a) return false;
  }
  return true;
}

/** Holds what was found. Some vendors match names in any case, so `Model` beside `model` is a repetition too. */
class Found {
  readonly members: Record<string, ByteRange> = Object.create(null) as Record<string, ByteRange>;
  readonly #names: readonly string[];
  #seen: Set<string> | undefined;
  #table: Map<string, string> | undefined;

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  /** Takes the member whose name stands (in its quotes) at a range. */
  add(body: Buffer, name: ByteRange, value: ByteRange): void {
    const wanted = this.#wanted(body, name.start + 1, name.end - 1);
    if (wanted === undefined) return;
    if (this.#seen?.has(wanted) === true) {
      const message = `The member "${wanted}" stands in the body more than once; send it once`;
      const fields = [{ field: wanted, message }];
      throw new GatewayError("invalid_request", message, { fields, values: { detail: message } });
    }
    (this.#seen ??= new Set()).add(wanted);
    if (readName(body, name.start, name.end) === wanted) this.members[wanted] = value;
  }

  #wanted(body: Buffer, start: number, end: number): string | undefined {
    let plain = this.#names.length <= fewNames;
    for (let offset = start; plain && offset < end; offset += 1) plain = body[offset] !== backslash;
    for (const name of plain ? this.#names : [])
      if (name.length === end - start && isName(body, start, name)) return name;
    if (plain) return undefined;
    this.#table ??= new Map(this.#names.map((name) => [name.toLowerCase(), name]));
    return this.#table.get(readName(body, start - 1, end + 1).toLowerCase());
  }
}

/**
 * Ranges of the values of the named members of an object: the whole body, or the value at `within`.
 * Throws `invalid_request` for anything but one well-formed object, and for a named member that is repeated
 * (escapes in names are resolved first). Nested values are only matched by their brackets.
 */
export function scanMembers(
  body: Buffer,
  names: readonly string[],
  within: ByteRange = { start: 0, end: body.length },
): MemberScan {
  const limit = within.end;
  const found = new Found(names);
  let offset = skipSpace(body, within.start, limit);
  if (body[offset] !== openBrace || offset >= limit) throw fault(offset, "an object is expected");
  const inside = offset + 1;
  offset = skipSpace(body, inside, limit);
  const empty = body[offset] === closeBrace;
  let more = !empty;
  while (more) {
    offset = scanMember(body, offset, limit, found);
    const byte = offset < limit ? body[offset] : undefined;
    more = byte !== closeBrace;
    if (!more) break;
    if (byte !== comma) throw fault(offset, "`,` or `}` is expected");
    offset = skipSpace(body, offset + 1, limit);
  }
  const behind = skipSpace(body, offset + 1, limit);
  if (behind < limit) throw fault(behind, "text behind the end of the object");
  return { members: found.members, inside, empty };
}

/** Reads one `name: value`; answers the offset of what follows. */
function scanMember(body: Buffer, from: number, limit: number, found: Found): number {
  if (from >= limit || body[from] !== quote) throw fault(from, "a member name is expected");
  const nameEnd = skipString(body, from, limit);
  if (nameEnd === -1) throw fault(from, "a member name that is not closed");
  const separator = skipSpace(body, nameEnd, limit);
  if (separator >= limit || body[separator] !== colon)
    throw fault(separator, "`:` is expected", readName(body, from, nameEnd));
  const start = skipSpace(body, separator + 1, limit);
  const name = { start: from, end: nameEnd };
  const end = skipNamed(body, start, limit, name);
  found.add(body, name, { start, end });
  return skipSpace(body, end, limit);
}

function skipNamed(body: Buffer, start: number, limit: number, range: ByteRange): number {
  try {
    return skipValue(body, start, limit);
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    const name = readName(body, range.start, range.end);
    const message = thrown.message.replace("not valid JSON:", `not valid JSON in "${name}":`);
    throw new GatewayError("invalid_request", message, {
      fields: [{ field: name, message }],
      values: { detail: message },
    });
  }
}

/** Parses the value at a range; undefined when it is no JSON. For small values: it makes a string of the bytes. */
export function readValue(body: Buffer, range: ByteRange): unknown {
  try {
    return JSON.parse(body.toString("utf8", range.start, range.end));
  } catch {
    return undefined;
  }
}

/** The string at a range; undefined when another kind of value stands there. */
export function readString(body: Buffer, range: ByteRange): string | undefined {
  if (body[range.start] !== quote) return undefined;
  const value = readValue(body, range);
  return typeof value === "string" ? value : undefined;
}

/** The finite number at a range; undefined when another kind of value stands there. */
export function readNumber(body: Buffer, range: ByteRange): number | undefined {
  if (range.end - range.start > 64) return undefined;
  const value = readValue(body, range);
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** The boolean at a range; undefined when another kind of value stands there. */
export function readBoolean(body: Buffer, range: ByteRange): boolean | undefined {
  const text = body.toString("latin1", range.start, Math.min(range.end, range.start + 6));
  return text === "true" ? true : text === "false" ? false : undefined;
}

/** A new text with the edits made; every byte outside their ranges is as it was. Ranges may touch, not overlap. */
export function splice(body: Buffer, edits: readonly ByteEdit[]): Buffer {
  if (edits.length === 0) return body;
  const parts: Uint8Array[] = [];
  let kept = 0;
  for (const edit of edits.toSorted((left, right) => left.start - right.start)) {
    if (edit.start < kept) throw new RangeError(`edits overlap at byte ${edit.start}`);
    parts.push(body.subarray(kept, edit.start));
    parts.push(typeof edit.bytes === "string" ? Buffer.from(edit.bytes) : edit.bytes);
    kept = edit.end;
  }
  parts.push(body.subarray(kept));
  return Buffer.concat(parts);
}

/** The edit that adds a member at the front of a scanned object. `value` is JSON text. */
export function memberInsertion(scan: MemberScan, name: string, value: string): ByteEdit {
  const tail = scan.empty ? "" : ",";
  return { start: scan.inside, end: scan.inside, bytes: `${JSON.stringify(name)}:${value}${tail}` };
}
