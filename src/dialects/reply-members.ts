/**
 * Reads whole replies member by member, as the dialects have it in common.
 * Promise kept here: a reply is parsed whole only where its text must be estimated, as no usage came.
 */
import {
  type ByteRange,
  type MemberScan,
  readString,
  readValue,
  scanMembers,
  skipSpace,
} from "../core/json.ts";
import type { ReplyFacts } from "./contract.ts";

/** Where the named members stand; undefined where the bytes are not one JSON object. */
export function scanReply(body: Buffer, names: readonly string[]): MemberScan | undefined {
  try {
    return scanMembers(body, names);
  } catch {
    return undefined;
  }
}

/** The value at a range; undefined where there is none. */
export function valueAt(body: Buffer, range: ByteRange | undefined): unknown {
  return range === undefined ? undefined : readValue(body, range);
}

/** The model that a reply names at a range. */
export function modelFacts(
  body: Buffer,
  range: ByteRange | undefined,
): Pick<ReplyFacts, "model" | "modelRange"> {
  if (range === undefined) return { model: null, modelRange: null };
  const isString = body[range.start] === 0x22;
  return { model: readString(body, range) ?? null, modelRange: isString ? range : null };
}

/** Whether an object or a text that is not empty stands at a range: an error that is told. */
export function isTold(body: Buffer, range: ByteRange | undefined): boolean {
  if (range === undefined) return false;
  const first = body[range.start];
  return first === 0x7b || (first === 0x22 && range.end > range.start + 2);
}

/** Whether a list stands at a range; `filled`: one with something in it. */
export function isList(body: Buffer, range: ByteRange | undefined, filled = false): boolean {
  if (range === undefined || body[range.start] !== 0x5b) return false;
  return !filled || body[skipSpace(body, range.start + 1)] !== 0x5d;
}

/** Counts the text of one value. */
export type CountText = (value: unknown) => number;

/** Bytes of text in a list, or in the members of an object that are not among `silent`; 0 for anything else. */
export function textWithin(value: unknown, silent: readonly string[], count: CountText): number {
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + count(item), 0);
  if (typeof value !== "object" || value === null) return 0;
  return Object.entries(value).reduce(
    (sum, [name, item]) => (silent.includes(name) ? sum : sum + count(item)),
    0,
  );
}

/** Bytes of text in the named members of a body; all its bytes where it is no object. */
export function textOfMembers(body: Buffer, names: readonly string[], count: CountText): number {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString());
  } catch {
    return body.length;
  }
  if (typeof parsed !== "object" || parsed === null) return body.length;
  const fields = parsed as Readonly<Record<string, unknown>>;
  return names.reduce((sum, name) => sum + count(fields[name]), 0);
}
