/**
 * Ids of tool calls where a dialect gives none or takes only some.
 * Promise kept here: the same input gives the same id, so calls and results still meet without anything remembered.
 */
import { createHash } from "node:crypto";

/** Characters of a hash used: 120 bits. */
const hashLength = 24;

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, hashLength);
}

/** An id for the `index`th tool call of a reply whose upstream gives none; `seed` is the call's own id. */
export function mintToolCallId(seed: string, index: number): string {
  return `call_${hashOf(`${seed}/${index}`)}`;
}

/** The id itself where it fits the pattern, else one made of it. */
export function fitToolCallId(id: string, pattern: RegExp): string {
  return pattern.test(id) ? id : `call_${hashOf(id)}`;
}

/** Nine letters or digits, as Mistral's models want them. */
export function nineCharacterId(id: string): string {
  return /^[A-Za-z0-9]{9}$/u.test(id) ? id : hashOf(id).slice(0, 9);
}
