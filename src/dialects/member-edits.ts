/**
 * Splices of a JSON body's top-level members that are the same in every dialect: the model's name, what the channel puts
 * over or beside the caller's members, what an endpoint does not take. Promise kept here: all other bytes stay.
 */
import {
  type ByteEdit,
  type ByteRange,
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

/** Members that are put in before all others, as one edit; a comma parts them from what is left of the body. */
function insertion(
  body: Buffer,
  at: number,
  inserted: readonly (readonly [name: string, value: Json])[],
  omit: readonly string[],
): ByteEdit[] {
  if (inserted.length === 0) return [];
  const texts = inserted.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  const isAnyLeft = listMembers(body).some(({ name }) => !omit.includes(name));
  return [{ start: at, end: at, bytes: texts.join(",") + (isAnyLeft ? "," : "") }];
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
  if (changesNothing(facts, edits)) return [];
  const puts = withoutReserved({ ...edits.parameters, ...edits.add }, reserved);
  const fills = withoutReserved(edits.extraBody, reserved);
  const names = [...new Set([...Object.keys(puts), ...Object.keys(fills)])];
  const changes: ByteEdit[] = [];
  const inserted: [name: string, value: Json][] = [];
  const put = (range: ByteRange | undefined, name: string, value: Json): void => {
    if (range === undefined) inserted.push([name, value]);
    else changes.push({ ...range, bytes: JSON.stringify(value) });
  };
  if (names.length > 0) {
    const scan = scanMembers(body, names);
    for (const name of names) {
      const range = scan.members[name];
      if (edits.omit.includes(name) && range !== undefined) continue;
      const value = puts[name];
      if (value !== undefined) put(range, name, value);
      else if (range === undefined) put(range, name, fills[name] ?? null);
    }
  }
  if (edits.model !== facts.bodyModel && !edits.omit.includes("model"))
    put(facts.scan.members["model"], "model", edits.model);
  // Behind the insertions: where both begin at one byte, what is put in comes first.
  return [
    ...changes,
    ...insertion(body, facts.scan.inside, inserted, edits.omit),
    ...memberRemovals(body, edits.omit),
  ];
}

function isEmpty(members: JsonObject): boolean {
  for (const _name in members) return false;
  return true;
}

/** Most calls go up as they came, and pay for nothing else. */
function changesNothing({ bodyModel }: CallFacts, edits: BodyEdits): boolean {
  return (
    edits.model === bodyModel &&
    edits.omit.length === 0 &&
    isEmpty(edits.parameters) &&
    isEmpty(edits.add) &&
    isEmpty(edits.extraBody)
  );
}

function withoutReserved(members: JsonObject, reserved: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([name]) => !reserved.includes(name)));
}
