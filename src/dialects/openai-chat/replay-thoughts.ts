/**
 * DeepSeek and Kimi refuse a history whose tool calls come without the thoughts that led to them; most clients of chat
 * completions bring none back. Promise kept here: such a client's tool loop goes on, and no other byte is touched.
 */
import { type ByteEdit, type ByteRange, readString, scanMembers } from "../../core/json.ts";
import { listItems } from "./list-items.ts";

const openBracket = 0x5b;
const openBrace = 0x7b;

const read = ["role", "tool_calls", "reasoning_content", "reasoning"];

/** The member that one message lacks; an empty one says that there is nothing to tell. */
function lacking(body: Buffer, message: ByteRange): ByteEdit[] {
  if (body[message.start] !== openBrace) return [];
  const { members, inside } = scanMembers(body, read, message);
  const { role, tool_calls: calls, reasoning_content: told, reasoning } = members;
  if (role === undefined || readString(body, role) !== "assistant") return [];
  if (calls === undefined || body[calls.start] !== openBracket) return [];
  const text = reasoning === undefined ? "" : (readString(body, reasoning) ?? "");
  const value = JSON.stringify(text);
  if (told === undefined)
    return [{ start: inside, end: inside, bytes: `"reasoning_content":${value},` }];
  return readString(body, told) === undefined ? [{ ...told, bytes: value }] : [];
}

/** Edits within `messages`; none, and hardly any work, where nothing was called. */
export function replayEdits(body: Buffer): ByteEdit[] {
  if (!body.includes('"tool_calls"')) return [];
  const list = scanMembers(body, ["messages"]).members["messages"];
  if (list === undefined || body[list.start] !== openBracket) return [];
  return [...listItems(body, list)].flatMap((message) => lacking(body, message));
}
