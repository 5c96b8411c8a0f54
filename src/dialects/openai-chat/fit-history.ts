/**
 * Fits the messages of a body that passes through to vendors who refuse what other vendors' answers have left in them:
 * a conversation may have begun elsewhere, and its client only brings back what it was given.
 * Promise kept here: such a conversation goes on, and no byte is touched that the vendor takes.
 */
import { type ByteEdit, type ByteRange, readString, scanMembers } from "../../core/json.ts";
import { nineCharacterId } from "../call-ids.ts";
import { memberRemovals } from "../member-edits.ts";
import type { QuirkId } from "../quirk-ids.ts";
import { listItems } from "../list-items.ts";

const openBracket = 0x5b;
const openBrace = 0x7b;

const read = ["role", "tool_calls", "tool_call_id", "reasoning_content", "reasoning"];

/** Members of answers that only some vendors know, and others refuse when they come back. */
const answerMembers = [
  "refusal",
  "annotations",
  "audio",
  "images",
  "reasoning_content",
  "reasoning_details",
  "thinking_blocks",
  "extra_content",
  "provider_specific_fields",
];

type Members = ReturnType<typeof scanMembers>["members"];

/** What an edit needs to know of one message. */
interface Message {
  readonly body: Buffer;
  readonly range: ByteRange;
  readonly members: Members;
  /** Behind the opening brace. */
  readonly inside: number;
  /** Its calls; none where it has none. */
  readonly calls: readonly ByteRange[];
}

function removals(body: Buffer, range: ByteRange, names: readonly string[]): ByteEdit[] {
  const cuts = memberRemovals(body.subarray(range.start, range.end), names);
  return cuts.map(({ start, end, bytes }) => ({
    start: start + range.start,
    end: end + range.start,
    bytes,
  }));
}

/** DeepSeek refuses turns without their thoughts, if empty, and Kimi those with calls; most clients bring none back. */
function replayed({ body, members, inside }: Message): ByteEdit[] {
  const { reasoning_content: told, reasoning } = members;
  const value = JSON.stringify(reasoning === undefined ? "" : (readString(body, reasoning) ?? ""));
  if (told === undefined)
    return [{ start: inside, end: inside, bytes: `"reasoning_content":${value},` }];
  return readString(body, told) === undefined ? [{ ...told, bytes: value }] : [];
}

function withoutAnswerMembers({ body, range, calls }: Message, own: readonly string[]): ByteEdit[] {
  return [
    ...removals(body, range, [...answerMembers, ...own]),
    ...calls.flatMap((call) => removals(body, call, ["extra_content"])),
  ];
}

function shortened(body: Buffer, range: ByteRange | undefined): ByteEdit[] {
  const id = range === undefined ? undefined : readString(body, range);
  if (range === undefined || id === undefined || nineCharacterId(id) === id) return [];
  return [{ ...range, bytes: JSON.stringify(nineCharacterId(id)) }];
}

function withShortIds({ body, members, calls }: Message): ByteEdit[] {
  return [
    ...shortened(body, members["tool_call_id"]),
    ...calls.flatMap((call) => shortened(body, scanMembers(body, ["id"], call).members["id"])),
  ];
}

function readMessage(body: Buffer, range: ByteRange): Message | undefined {
  if (body[range.start] !== openBrace) return undefined;
  const { members, inside } = scanMembers(body, read, range);
  const list = members["tool_calls"];
  const isList = list !== undefined && body[list.start] === openBracket;
  const calls = isList ? [...listItems(body, list)] : [];
  return {
    body,
    range,
    members,
    inside,
    calls: calls.filter(({ start }) => body[start] === openBrace),
  };
}

function messageEdits(message: Message, quirks: readonly QuirkId[]): ByteEdit[] {
  const { body, members } = message;
  const role = members["role"] === undefined ? undefined : readString(body, members["role"]);
  const ids = quirks.includes("nine-character-ids") ? withShortIds(message) : [];
  if (role !== "assistant") return role === "tool" ? ids : [];
  if (quirks.includes("replay-reasoning")) return [...replayed(message), ...ids];
  if (!quirks.includes("known-members-only")) return ids;
  const own = quirks.includes("replay-as-reasoning") ? [] : ["reasoning"];
  return [...withoutAnswerMembers(message, own), ...ids];
}

const fitted: readonly QuirkId[] = ["replay-reasoning", "nine-character-ids", "known-members-only"];

/** Edits within `messages`; none, and hardly any work, for vendors that take everything. */
export function historyEdits(body: Buffer, quirks: readonly QuirkId[]): ByteEdit[] {
  if (!fitted.some((quirk) => quirks.includes(quirk)) || !body.includes('"assistant"')) return [];
  const list = scanMembers(body, ["messages"]).members["messages"];
  if (list === undefined || body[list.start] !== openBracket) return [];
  const edits: ByteEdit[] = [];
  for (const range of listItems(body, list)) {
    const message = readMessage(body, range);
    if (message !== undefined) edits.push(...messageEdits(message, quirks));
  }
  return edits;
}
