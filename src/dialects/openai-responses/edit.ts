/**
 * Makes the body that is sent out of the caller's by splicing only what calls for it.
 * Promise kept here: signatures of other vendors, which we packed into reasoning items, never reach an upstream that
 * would refuse the whole call for them.
 */
import {
  type ByteEdit,
  type ByteRange,
  memberInsertion,
  scanMembers,
  splice,
} from "../../core/json.ts";
import type { Json } from "../../core/json-value.ts";
import { carriedMarker } from "../carried.ts";
import type { BodyEdits, CallFacts, SystemPrompt } from "../contract.ts";
import { listItems } from "../list-items.ts";
import { memberEdits } from "../member-edits.ts";

/** Members that a channel's parameters cannot change: the gateway answers for them. */
export const reservedParameters: readonly string[] = ["model", "stream", "stream_options"];

const quote = 0x22;
const openBracket = 0x5b;
/** Between the channel's instructions and the caller's. */
const gap = "\n\n";

function joined(own: Json | undefined, { text, place }: SystemPrompt): string | undefined {
  if (typeof own !== "string" || own === "") return text;
  if (place === "if-none") return undefined;
  return place === "before" ? text + gap + own : own + gap + text;
}

/** Puts the channel's instructions beside the caller's, whose bytes stay. */
function promptEdit(body: Buffer, facts: CallFacts, prompt: SystemPrompt): ByteEdit | undefined {
  const range = facts.scan.members["instructions"];
  if (range === undefined)
    return memberInsertion(facts.scan, "instructions", JSON.stringify(prompt.text));
  const empty = body[range.start] !== quote || range.end - range.start <= 2;
  if (empty) return { ...range, bytes: JSON.stringify(prompt.text) };
  if (prompt.place === "if-none") return undefined;
  const before = prompt.place === "before";
  const text = before ? prompt.text + gap : gap + prompt.text;
  const at = before ? range.start + 1 : range.end - 1;
  return { start: at, end: at, bytes: JSON.stringify(text).slice(1, -1) };
}

function isPacked(body: Buffer, element: ByteRange): boolean {
  const found = body.subarray(element.start, element.end).includes(`"${carriedMarker}`);
  if (!found || body[element.start] !== 0x7b) return false;
  const range = scanMembers(body, ["encrypted_content"], element).members["encrypted_content"];
  const start = (range?.start ?? body.length) + 1;
  return body.toString("latin1", start, start + carriedMarker.length) === carriedMarker;
}

/** Cuts out the input items that hold nothing but what another vendor wants back. */
function packedCuts(body: Buffer, facts: CallFacts): ByteEdit[] {
  const input = facts.scan.members["input"];
  if (input === undefined || body[input.start] !== openBracket) return [];
  if (!body.includes(`"${carriedMarker}`, input.start)) return [];
  const elements = [...listItems(body, input)];
  const packed = elements.map((element) => isPacked(body, element));
  const lastKept = packed.lastIndexOf(false);
  const cuts: ByteEdit[] = [];
  for (const [index, element] of elements.entries())
    if (packed[index] === true && index < lastKept)
      cuts.push({
        start: element.start,
        end: elements[index + 1]?.start ?? element.end,
        bytes: "",
      });
  const tail = elements[lastKept + 1];
  const end = elements.at(-1)?.end;
  if (tail !== undefined && end !== undefined)
    cuts.push({ start: elements[lastKept]?.end ?? tail.start, end, bytes: "" });
  return cuts;
}

/** The body to send; the very same buffer where nothing is to be edited. */
export function editBody(body: Buffer, facts: CallFacts, edits: BodyEdits): Buffer {
  const { systemPrompt, omit } = edits;
  const ordered = edits.add["instructions"] ?? edits.parameters["instructions"];
  const changes = packedCuts(body, facts);
  if (systemPrompt === null || omit.includes("instructions"))
    changes.push(...memberEdits(body, facts, edits, reservedParameters));
  else if (ordered !== undefined) {
    const text = joined(ordered, systemPrompt) ?? ordered;
    const add = { ...edits.add, instructions: text };
    changes.push(...memberEdits(body, facts, { ...edits, add }, reservedParameters));
  } else {
    // What the channel would fill in is said by its instructions already.
    const reserved = [...reservedParameters, "instructions"];
    changes.push(...memberEdits(body, facts, edits, reserved));
    const change = promptEdit(body, facts, systemPrompt);
    if (change !== undefined) changes.push(change);
  }
  return splice(body, changes);
}
