/**
 * Walks the strings of a JSON text by their bytes, telling where each stands and under which names.
 * Promise kept here: names are told as a parser would read them, escapes resolved, so nobody hides one from its reader.
 */
import { type ByteRange, skipSpace, skipString, skipValue } from "./json.ts";

/** Hears of a string (its range holds the quotes). `path`: names from the outermost in; elements of lists add none. */
export type StringVisitor = (path: readonly string[], value: ByteRange) => void;

const quote = 0x22;
const openBrace = 0x7b;
const openBracket = 0x5b;
const closeBrace = 0x7d;
const closeBracket = 0x5d;
const comma = 0x2c;

interface Walk {
  readonly body: Buffer;
  readonly limit: number;
  readonly path: string[];
  /** Names under which nothing is looked at. */
  readonly opaque: readonly string[];
  readonly visit: StringVisitor;
}

function nameAt(body: Buffer, start: number, end: number): string {
  const text = body.toString("utf8", start + 1, end - 1);
  if (!text.includes("\\")) return text;
  try {
    return String(JSON.parse(body.toString("utf8", start, end)));
  } catch {
    return text;
  }
}

/**
 * Visits every string below the value that begins at `within.start`. The text must have gone through `scanMembers` or
 * a parser: nesting is bounded there. Throws `invalid_request` where it is broken all the same.
 */
export function walkStrings(
  body: Buffer,
  opaque: readonly string[],
  visit: StringVisitor,
  within: ByteRange = { start: 0, end: body.length },
): void {
  const start = skipSpace(body, within.start, within.end);
  walkValue({ body, limit: within.end, path: [], opaque, visit }, start);
}

/** Answers the offset behind the value. */
function walkValue(walk: Walk, start: number): number {
  const { body, limit } = walk;
  const first = body[start];
  if (first === openBrace) return walkMembers(walk, start);
  if (first === openBracket) return walkElements(walk, start);
  const end = skipValue(body, start, limit);
  if (first === quote) walk.visit(walk.path, { start, end });
  return end;
}

function walkElements(walk: Walk, open: number): number {
  const { body, limit } = walk;
  let offset = skipSpace(body, open + 1, limit);
  while (offset < limit && body[offset] !== closeBracket) {
    offset = skipSpace(body, walkValue(walk, offset), limit);
    if (body[offset] === comma) offset = skipSpace(body, offset + 1, limit);
  }
  return offset + 1;
}

function walkMembers(walk: Walk, open: number): number {
  const { body, limit, path, opaque } = walk;
  let offset = skipSpace(body, open + 1, limit);
  while (offset < limit && body[offset] !== closeBrace) {
    const nameEnd = skipString(body, offset, limit);
    if (nameEnd === -1) return limit;
    const name = nameAt(body, offset, nameEnd);
    const value = skipSpace(body, skipSpace(body, nameEnd, limit) + 1, limit);
    let end: number;
    if (opaque.includes(name)) end = skipValue(body, value, limit);
    else {
      path.push(name);
      end = walkValue(walk, value);
      path.pop();
    }
    offset = skipSpace(body, end, limit);
    if (body[offset] === comma) offset = skipSpace(body, offset + 1, limit);
  }
  return offset + 1;
}
