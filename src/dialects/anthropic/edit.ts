/** Makes the body that is sent out of the caller's by splicing only what calls for it. */
import { type ByteEdit, memberInsertion, skipSpace, splice } from "../../core/json.ts";
import type { Json, JsonObject } from "../../core/json-value.ts";
import type { BodyEdits, CallFacts, SystemPrompt } from "../contract.ts";
import { memberEdits } from "../member-edits.ts";
import { loopThinkingEdits, thinksByBudget } from "./loop-thinking.ts";
import { inlineEdits } from "./media-urls.ts";
import { strangeThoughtCuts } from "./strange-thoughts.ts";

/** Members that a channel's parameters cannot change: the gateway answers for them. */
export const reservedParameters: readonly string[] = ["model", "stream", "messages"];

const openBracket = 0x5b;
const closeBracket = 0x5d;
const quote = 0x22;

/** Puts instructions beside those of a string. */
function joinText(own: string, { text, place }: SystemPrompt): string {
  if (own === "") return text;
  if (place === "if-none") return own;
  return place === "before" ? `${text}\n\n${own}` : `${own}\n\n${text}`;
}

/** Puts instructions beside a `system` that the channel itself sets. */
function joinValue(own: Json | undefined, prompt: SystemPrompt): Json {
  if (typeof own === "string") return joinText(own, prompt);
  if (!Array.isArray(own) || own.length === 0) return prompt.text;
  const block = { type: "text", text: prompt.text };
  if (prompt.place === "if-none") return own as Json;
  return prompt.place === "before" ? [block, ...(own as Json[])] : [...(own as Json[]), block];
}

/** The splice that puts instructions beside the caller's; the caller's own bytes stay. */
function systemEdit(body: Buffer, facts: CallFacts, prompt: SystemPrompt): ByteEdit | undefined {
  const range = facts.scan.members["system"];
  if (range === undefined)
    return memberInsertion(facts.scan, "system", JSON.stringify(prompt.text));
  const first = body[range.start];
  const inside = skipSpace(body, range.start + 1);
  const empty =
    first === quote
      ? inside === range.end - 1
      : first === openBracket && body[inside] === closeBracket;
  if (empty || (first !== quote && first !== openBracket))
    return { ...range, bytes: JSON.stringify(prompt.text) };
  if (prompt.place === "if-none") return undefined;
  const before = prompt.place === "before";
  const at = before ? range.start + 1 : range.end - 1;
  const escaped = JSON.stringify(before ? `${prompt.text}\n\n` : `\n\n${prompt.text}`).slice(1, -1);
  const block = JSON.stringify({ type: "text", text: prompt.text });
  const bytes = first === quote ? escaped : before ? `${block},` : `,${block}`;
  return { start: at, end: at, bytes };
}

/** Where the channel sets `system` itself, its instructions are joined there, and there is nothing to splice. */
function withPrompt(members: JsonObject, prompt: SystemPrompt): JsonObject {
  return { ...members, system: joinValue(members["system"], prompt) };
}

/** The body to send; the very same buffer where nothing is to be edited. */
export function editBody(body: Buffer, facts: CallFacts, edits: BodyEdits): Buffer {
  let { parameters, extraBody } = edits;
  const prompt = edits.omit.includes("system") ? null : edits.systemPrompt;
  let spliced: ByteEdit | undefined;
  if (prompt !== null) {
    if (Object.hasOwn(parameters, "system")) parameters = withPrompt(parameters, prompt);
    else if (facts.scan.members["system"] === undefined && Object.hasOwn(extraBody, "system"))
      extraBody = withPrompt(extraBody, prompt);
    else spliced = systemEdit(body, facts, prompt);
  }
  const changes = memberEdits(body, facts, { ...edits, parameters, extraBody }, reservedParameters);
  // In front: an insertion comes before a cut that begins at the same byte.
  if (spliced !== undefined) changes.unshift(spliced);
  const edited = splice(body, [
    ...changes,
    ...inlineEdits(body, facts, edits.inline),
    ...strangeThoughtCuts(body, facts),
  ]);
  if (!thinksByBudget(body, facts, edits.model)) return edited;
  const known = edited === body ? facts.scan.members : undefined;
  return splice(edited, loopThinkingEdits(edited, known));
}
