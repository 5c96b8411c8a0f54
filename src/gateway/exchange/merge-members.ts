/**
 * Puts members into a JSON body by splices, objects into objects of the same name.
 * Promise kept here: what the caller said beside them stays as its own bytes.
 */
import {
  type ByteEdit,
  type ByteRange,
  memberInsertion,
  scanMembers,
  skipSpace,
  splice,
} from "../../core/json.ts";
import { isObject, type Json, type JsonObject } from "../../core/json-value.ts";

function edits(body: Buffer, members: JsonObject, within?: ByteRange): ByteEdit[] {
  const names = Object.keys(members);
  const scan = within === undefined ? scanMembers(body, names) : scanMembers(body, names, within);
  const changes: ByteEdit[] = [];
  // One insertion for all that are new: into an empty object each would come without its comma.
  const fresh: Record<string, Json> = {};
  for (const name of names) {
    const value = members[name];
    const range = scan.members[name];
    if (value === undefined) continue;
    if (range === undefined) fresh[name] = value;
    else if (isObject(value) && body[range.start] === 0x7b)
      changes.push(...edits(body, value, range));
    else if (Array.isArray(value) && body[range.start] === 0x5b)
      changes.push(...appended(body, value, range));
    else changes.push({ ...range, bytes: JSON.stringify(value) });
  }
  const [first, ...others] = Object.keys(fresh);
  if (first !== undefined) {
    const tail = others.map((name) => `,${JSON.stringify(name)}:${JSON.stringify(fresh[name])}`);
    changes.push(memberInsertion(scan, first, JSON.stringify(fresh[first]) + tail.join("")));
  }
  return changes;
}

/** Elements put in front of those that an array has. */
function appended(body: Buffer, elements: readonly Json[], range: ByteRange): ByteEdit[] {
  if (elements.length === 0) return [];
  const inside = range.start + 1;
  const comma = body[skipSpace(body, inside, range.end)] === 0x5d ? "" : ",";
  const text = elements.map((element) => JSON.stringify(element)).join(",");
  return [{ start: inside, end: inside, bytes: text + comma }];
}

/** Elements of arrays are added to the caller's, objects are joined, everything else is put in its place. */
export function mergeMembers(body: Buffer, members: JsonObject): Buffer {
  return splice(body, edits(body, members));
}
