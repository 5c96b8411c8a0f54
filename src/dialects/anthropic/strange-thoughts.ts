/**
 * Cuts thoughts out of a history that were made by models of other vendors: their signatures travel packed by us
 * (dialects/carried.ts), and Anthropic refuses what it did not sign. Promise kept here: a conversation that began
 * with another vendor's model can go on with Anthropic's, and nothing but those thoughts is lost.
 */
import { type ByteEdit, type ByteRange, readString, scanMembers } from "../../core/json.ts";
import { carriedMarker } from "../carried.ts";
import type { CallFacts } from "../contract.ts";
import { listItems } from "../list-items.ts";

const openBrace = 0x7b;
const openBracket = 0x5b;

function isStrange(body: Buffer, block: ByteRange): boolean {
  if (body[block.start] !== openBrace) return false;
  const { type, signature, data } = scanMembers(body, ["type", "signature", "data"], block).members;
  const kind = type === undefined ? undefined : readString(body, type);
  const slot = kind === "thinking" ? signature : kind === "redacted_thinking" ? data : undefined;
  return slot !== undefined && readString(body, slot)?.startsWith(carriedMarker) === true;
}

/** Cuts elements out of a list, each with one comma. */
function cut(elements: readonly ByteRange[], doomed: readonly boolean[]): ByteEdit[] {
  const lastKept = doomed.lastIndexOf(false);
  return elements.flatMap(({ start, end }, index) => {
    if (doomed[index] !== true) return [];
    if (index < lastKept) return [{ start, end: elements[index + 1]?.start ?? end, bytes: "" }];
    return [{ start: elements[index - 1]?.end ?? start, end, bytes: "" }];
  });
}

/** Cuts within one message; undefined where nothing of it would be left. */
function messageCuts(body: Buffer, message: ByteRange): ByteEdit[] | undefined {
  if (body[message.start] !== openBrace) return [];
  const { content } = scanMembers(body, ["content"], message).members;
  if (content === undefined || body[content.start] !== openBracket) return [];
  const blocks = [...listItems(body, content)];
  const doomed = blocks.map((block) => isStrange(body, block));
  if (!doomed.includes(true)) return [];
  return doomed.includes(false) ? cut(blocks, doomed) : undefined;
}

/** Edits within `messages`; none, and hardly any work, where no thought of another vendor is found. */
export function strangeThoughtCuts(body: Buffer, facts: CallFacts): ByteEdit[] {
  const range = facts.scan.members["messages"];
  if (range === undefined || body[range.start] !== openBracket) return [];
  if (!body.includes(carriedMarker)) return [];
  const messages = [...listItems(body, range)];
  const cuts = messages.map((message) => messageCuts(body, message));
  const doomed = cuts.map((edits) => edits === undefined);
  return [...cuts.flatMap((edits) => edits ?? []), ...cut(messages, doomed)];
}
