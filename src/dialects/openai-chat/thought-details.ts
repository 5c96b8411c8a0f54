/**
 * Reasoning as chat completions tell it beyond OpenAI's own words: `reasoning_details` (OpenRouter) and
 * `thinking_blocks` (LiteLLM). Promise kept here: what an upstream wants back returns to it word for word.
 */
import { parseJson } from "../../core/json-depth.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { Carried, ReasoningPart } from "../../wire/conversation.ts";
import { canRead, packCarried, packWithText, unpackCarried, unpackText } from "../carried.ts";
import { jsonOf, textOf } from "../loose-fields.ts";

/** Members of a detail that hold its text; everything else is what its maker wants back. */
const textMembers = ["text", "summary", "thinking"];

/** The text of a detail or thinking block. */
export function detailText(detail: JsonObject): string {
  return textOf(detail["text"]) || textOf(detail["summary"]) || textOf(detail["thinking"]);
}

/** Whether the vendor keeps the text of a detail to itself. */
export function isHidden(detail: JsonObject): boolean {
  return detail["type"] === "reasoning.encrypted" || detail["type"] === "redacted_thinking";
}

/** Joins what the fragments of one detail tell beside its text; later words win. */
export function joinDetail(known: JsonObject, fragment: JsonObject): JsonObject {
  const told = Object.entries(fragment).filter(
    ([name, value]) =>
      !textMembers.includes(name) &&
      value !== undefined &&
      (value !== null || !Object.hasOwn(known, name)),
  );
  return { ...known, ...Object.fromEntries(told) };
}

/** Whether the maker of a detail wants more of it back than its text. */
function isWanted(detail: JsonObject): boolean {
  const { signature, data, id, format } = detail;
  const isNamed = typeof format === "string" && format !== "unknown";
  return isNamed || [signature, data, id].some((value) => typeof value === "string");
}

/** What is carried for a detail: all of it but its text; undefined where its text is all there is to it. */
export function carryDetail(detail: JsonObject, issuer: string): Carried | undefined {
  return isWanted(detail) ? { issuer, data: JSON.stringify(joinDetail({}, detail)) } : undefined;
}

function reasoning(text: string, hidden: boolean, carried: Carried | undefined): ReasoningPart {
  return {
    kind: "reasoning",
    text,
    ...(carried === undefined ? {} : { carried }),
    ...(hidden ? { redacted: true } : {}),
  };
}

/**
 * A detail that a caller brings back: packed by us, or its vendor's own. The text that was packed with it holds: there
 * are clients that keep but the last piece of a stream, and a signature goes with the whole thought alone.
 */
export function readDetail(detail: JsonObject, issuer: string): ReasoningPart {
  const slot = textOf(detail["signature"]) || textOf(detail["data"]);
  const carried = unpackCarried(slot) ?? carryDetail(detail, issuer);
  return reasoning(unpackText(slot) ?? detailText(detail), isHidden(detail), carried);
}

/** A part as a detail for callers, with what it carries packed. */
export function writeDetail(part: ReasoningPart, index: number): JsonObject {
  if (part.carried === undefined) return { type: "reasoning.text", text: part.text, index };
  const packed = packCarried(part.carried);
  const rest = { id: null, format: "unknown", index };
  return part.redacted === true
    ? { type: "reasoning.encrypted", data: packed, ...rest }
    : { type: "reasoning.text", text: part.text, signature: packed, ...rest };
}

/** What ends a streamed thought: no text of its own, and packed with what it carries the text that went before. */
export function writeLastDetail(
  carried: Carried,
  thought: { readonly text: string; readonly redacted: boolean; readonly index: number },
): JsonObject {
  const { text, redacted, index } = thought;
  if (redacted || text === "") {
    const part: ReasoningPart = { kind: "reasoning", text: "", carried };
    return writeDetail(redacted ? { ...part, redacted } : part, index);
  }
  const signature = packWithText(carried, text);
  return { type: "reasoning.text", text: "", signature, id: null, format: "unknown", index };
}

/** The details and thinking blocks that a target gets back: those it made itself. */
export function returnDetails(
  parts: readonly ReasoningPart[],
  model: string,
): { readonly details: JsonObject[]; readonly blocks: JsonObject[] } {
  const details: JsonObject[] = [];
  const blocks: JsonObject[] = [];
  for (const part of parts) {
    const { carried, text } = part;
    if (carried === undefined || !canRead(carried, "openai-chat", model)) continue;
    const detail = parseDetail(carried.data);
    const type = textOf(detail["type"]);
    if (type === "redacted_thinking") blocks.push(detail);
    else if (type === "thinking") blocks.push({ ...detail, thinking: text });
    else if (type === "reasoning.summary") details.push({ ...detail, summary: text });
    else if (type === "reasoning.text") details.push({ ...detail, text });
    else if (type !== "") details.push(detail);
  }
  return { details, blocks };
}

function parseDetail(data: string): JsonObject {
  try {
    return jsonOf(parseJson(data));
  } catch {
    return {};
  }
}
