/**
 * Splices of a JSON body's top-level members that are the same in every dialect: the model's name, what the channel puts
 * over or beside the caller's members, what an endpoint does not take. Promise kept here: all other bytes stay.
 */
import {
  type ByteEdit,
  type ByteRange,
  memberInsertion,
  scanMembers,
  skipSpace,
  skipString,
  skipValue,
} from "../core/json.ts";
import type { Json, JsonObject } from "../core/json-value.ts";
import type { BodyEdits, CallFacts } from "./contract.ts";

interface Member extends ByteRange {
  readonly name: string;
}

/** All members of a body that is known to be one well-formed object, each from its name to the end of its value. */
function listMembers(body: Buffer): Member[] {
  const members: Member[] = [];
  let offset = skipSpace(body, skipSpace(body, 0) + 1);
  while (body[offset] === 0x22) {
    const nameEnd = skipString(body, offset);
    const separator = skipSpace(body, nameEnd);
    const end = skipValue(body, skipSpace(body, separator + 1));
    const name = String(JSON.parse(body.toString("utf8", offset, nameEnd)));
    members.push({ name, start: offset, end });
    const behind = skipSpace(body, end);
    offset = body[behind] === 0x2c ? skipSpace(body, behind + 1) : behind;
  }
  return members;
}

/** Cuts members out with the comma that parts each from the next one, the last ones with the comma before them. */
export function memberRemovals(body: Buffer, names: readonly string[]): ByteEdit[] {
  if (names.length === 0) return [];
  const members = listMembers(body);
  const isCut = (member: Member): boolean => names.includes(member.name);
  const lastKept = members.findLastIndex((member) => !isCut(member));
  const cuts: ByteEdit[] = [];
  for (const [index, member] of members.slice(0, Math.max(0, lastKept)).entries())
    if (isCut(member))
      cuts.push({ start: member.start, end: members[index + 1]?.start ?? member.end, bytes: "" });
  const last = members.at(-1);
  const firstOfTail = members[lastKept + 1];
  if (last !== undefined && firstOfTail !== undefined)
    cuts.push({ start: members[lastKept]?.end ?? firstOfTail.start, end: last.end, bytes: "" });
  return cuts;
}

function put(scan: ReturnType<typeof scanMembers>, name: string, value: Json): ByteEdit {
  const range = scan.members[name];
  const text = JSON.stringify(value);
  return range === undefined ? memberInsertion(scan, name, text) : { ...range, bytes: text };
}

/**
 * The edits of a channel and its endpoint. Of one name the endpoint's `add` wins over the channel's `parameters`, and
 * these over the caller's; `extraBody` only fills in what nobody has said; `reserved` names are the gateway's own.
 */
export function memberEdits(
  body: Buffer,
  facts: CallFacts,
  edits: BodyEdits,
  reserved: readonly string[],
): ByteEdit[] {
  const puts = withoutReserved({ ...edits.parameters, ...edits.add }, reserved);
  const fills = withoutReserved(edits.extraBody, reserved);
  const names = [...new Set([...Object.keys(puts), ...Object.keys(fills)])];
  const changes: ByteEdit[] = [];
  if (names.length > 0) {
    const scan = scanMembers(body, names);
    for (const name of names) {
      if (edits.omit.includes(name) && scan.members[name] !== undefined) continue;
      const value = puts[name];
      if (value !== undefined) changes.push(put(scan, name, value));
      else if (scan.members[name] === undefined) changes.push(put(scan, name, fills[name] ?? null));
    }
  }
  if (edits.model !== facts.bodyModel && !edits.omit.includes("model"))
    changes.push(put(facts.scan, "model", edits.model));
  // Behind the insertions: where both begin at one byte, what is put in comes first.
  return [...changes, ...memberRemovals(body, edits.omit)];
}

function withoutReserved(members: JsonObject, reserved: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([name]) => !reserved.includes(name)));
}
