/**
 * Makes the body that is sent out of the caller's by splicing only what calls for it. The model stands in the path, so
 * only bodies that repeat it there (embeddings, token counts) have their model edited.
 */
import {
  type ByteEdit,
  type ByteRange,
  memberInsertion,
  readString,
  scanMembers,
  skipSpace,
  skipValue,
  splice,
} from "../../core/json.ts";
import { isObject, type JsonObject } from "../../core/json-value.ts";
import type { BodyEdits, CallFacts, SystemPrompt } from "../contract.ts";
import { memberRemovals } from "../member-edits.ts";
import { bareModel, fullModel } from "./model-name.ts";
import { bothSpellings, spelledRange } from "./spelling.ts";

/** Members that a channel's parameters cannot change: the gateway answers for them. */
export const reservedParameters: readonly string[] = ["model", "contents", "requests"];

/** Members whose own members are put one by one: here stands what other dialects have at the top. */
const merged: readonly string[] = ["generationConfig", "generation_config"];

/** Edits that put members into an object; `over`: in place of what stands there, else only where nothing does. */
function puts(body: Buffer, values: JsonObject, over: boolean, within?: ByteRange): ByteEdit[] {
  const names = Object.keys(values);
  if (names.length === 0) return [];
  const scan = scanMembers(body, bothSpellings(names), within);
  return names.flatMap((name) => {
    const value = values[name] ?? null;
    const range = spelledRange(scan, name);
    if (range === undefined) return [memberInsertion(scan, name, JSON.stringify(value))];
    const goesInside = within === undefined && merged.includes(name) && isObject(value);
    if (goesInside && body[range.start] === 0x7b) return puts(body, value, over, range);
    return over ? [{ ...range, bytes: JSON.stringify(value) }] : [];
  });
}

function withoutReserved(members: JsonObject): JsonObject {
  const kept = Object.entries(members).filter(([name]) => !reservedParameters.includes(name));
  return Object.fromEntries(kept);
}

/** The model where an object names one that is not the one sent. */
function modelEdit(body: Buffer, range: ByteRange | undefined, model: string): ByteEdit[] {
  if (range === undefined) return [];
  const told = readString(body, range);
  if (told === undefined || bareModel(told) === bareModel(model)) return [];
  return [{ ...range, bytes: JSON.stringify(fullModel(model)) }];
}

function innerModelEdit(body: Buffer, range: ByteRange, model: string): ByteEdit[] {
  if (body[range.start] !== 0x7b) return [];
  return modelEdit(body, scanMembers(body, ["model"], range).members["model"], model);
}

function modelEdits(body: Buffer, facts: CallFacts, model: string): ByteEdit[] {
  const { scan } = facts;
  const changes = modelEdit(body, scan.members["model"], model);
  const counted = spelledRange(scan, "generateContentRequest");
  if (counted !== undefined) changes.push(...innerModelEdit(body, counted, model));
  const requests = scan.members["requests"];
  if (requests === undefined || body[requests.start] !== 0x5b) return changes;
  let offset = skipSpace(body, requests.start + 1);
  while (offset < requests.end - 1) {
    const end = skipValue(body, offset, requests.end);
    changes.push(...innerModelEdit(body, { start: offset, end }, model));
    const behind = skipSpace(body, end);
    offset = skipSpace(body, body[behind] === 0x2c ? behind + 1 : requests.end);
  }
  return changes;
}

const systemNames = bothSpellings(["systemInstruction", "contents"]);

/** Edits that put a part before or behind those of a list. */
function partEdit(body: Buffer, list: ByteRange, part: string, before: boolean): ByteEdit[] {
  if (body[list.start] !== 0x5b)
    return [
      { start: list.start, end: list.start, bytes: before ? `[${part},` : "[" },
      { start: list.end, end: list.end, bytes: before ? "]" : `,${part}]` },
    ];
  const first = skipSpace(body, list.start + 1);
  if (first === list.end - 1) return [{ start: first, end: first, bytes: part }];
  return before
    ? [{ start: first, end: first, bytes: `${part},` }]
    : [{ start: list.end - 1, end: list.end - 1, bytes: `,${part}` }];
}

function systemEdits(body: Buffer, { text, place }: SystemPrompt): ByteEdit[] {
  const scan = scanMembers(body, systemNames);
  // Embeddings and counts of a whole request have no conversation at their top that instructions could belong to.
  if (scan.members["contents"] === undefined) return [];
  const part = JSON.stringify({ text });
  const range = spelledRange(scan, "systemInstruction");
  const first = range === undefined ? undefined : body[range.start];
  if (range === undefined || first === 0x6e) {
    const value = `{"parts":[${part}]}`;
    return range === undefined
      ? [memberInsertion(scan, "systemInstruction", value)]
      : [{ ...range, bytes: value }];
  }
  if (place === "if-none") return [];
  if (first !== 0x7b) {
    // A bare string, which some clients send.
    const own = `{"text":${body.toString("utf8", range.start, range.end)}}`;
    const parts = place === "before" ? `${part},${own}` : `${own},${part}`;
    return [{ ...range, bytes: `{"parts":[${parts}]}` }];
  }
  const inner = scanMembers(body, ["parts"], range);
  const list = inner.members["parts"];
  if (list === undefined) return [memberInsertion(inner, "parts", `[${part}]`)];
  return partEdit(body, list, part, place === "before");
}

/** The body to send; the very same buffer where nothing is to be edited. */
export function editBody(body: Buffer, facts: CallFacts, edits: BodyEdits): Buffer {
  let out = splice(body, modelEdits(body, facts, edits.model));
  if (edits.omit.length > 0) out = splice(out, memberRemovals(out, bothSpellings(edits.omit)));
  out = splice(out, puts(out, withoutReserved(edits.parameters), true));
  out = splice(out, puts(out, edits.add, true));
  out = splice(out, puts(out, withoutReserved(edits.extraBody), false));
  if (edits.systemPrompt !== null) out = splice(out, systemEdits(out, edits.systemPrompt));
  return out;
}
