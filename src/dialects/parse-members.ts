/**
 * Reads the facts of a call from the members of its body that are named alike in many dialects.
 * Promise kept here: a member is read where it stands, without parsing the body around it.
 */
import {
  type ByteRange,
  type MemberScan,
  readBoolean,
  readNumber,
  readString,
} from "../core/json.ts";
import { refuse } from "./refuse.ts";

/** Longest name of a model that is taken. */
export const maxModelLength = 256;
const maxEndUserLength = 256;

/** Whether a member is left out or null. */
export function isUnset(body: Buffer, scan: MemberScan, name: string): boolean {
  const range = scan.members[name];
  return range === undefined || body.toString("latin1", range.start, range.end) === "null";
}

/** The name as it is, where it is one that can be called. */
export function checkModel(model: string): string {
  if (model === "") throw refuse("model", "must be a string that names the model to call");
  if (model.length > maxModelLength)
    throw refuse("model", `is longer than ${maxModelLength} characters`);
  return model;
}

/** The model that the body names; null where it names none. */
export function readModel(body: Buffer, scan: MemberScan): string | null {
  const range = scan.members["model"];
  return range === undefined ? null : checkModel(readString(body, range) ?? "");
}

/** The model that is asked: the path's, else the body's. */
export function askedModel(pathModel: string | undefined, bodyModel: string | null): string {
  const model = pathModel ?? bodyModel;
  if (model !== null) return model;
  throw refuse("model", "is missing; name the model to call");
}

/** Whether the body asks for a stream. */
export function readStream(body: Buffer, scan: MemberScan): boolean {
  const range = scan.members["stream"];
  if (range === undefined || isUnset(body, scan, "stream")) return false;
  const stream = readBoolean(body, range);
  if (stream === undefined) throw refuse("stream", "must be true or false");
  return stream;
}

/** A limit of tokens; null where none can be read, for the vendor is to judge it. */
export function readLimit(body: Buffer, range: ByteRange | undefined): number | null {
  const value = range === undefined ? undefined : readNumber(body, range);
  return value !== undefined && value >= 0 ? Math.floor(value) : null;
}

/** How many answers a number asks for, for what is set aside beforehand; vendors judge it themselves. */
export function answersOf(told: number | null): { readonly answers?: number } {
  return told === null || told <= 1 ? {} : { answers: told };
}

/** A caller's own name for its end user, cut to what is kept of it. */
export function endUserOf(told: string | undefined): string | null {
  return told === undefined || told === "" ? null : told.slice(0, maxEndUserLength);
}

/** The name of the end user at a range; null where none is told. */
export function readEndUser(body: Buffer, range: ByteRange | undefined): string | null {
  return endUserOf(range === undefined ? undefined : readString(body, range));
}
