/**
 * Puts a channel's instructions among a body's messages by one splice; of the others only the roles are read.
 * Promise kept here: every byte that the caller sent stays.
 */
import {
  type ByteEdit,
  type ByteRange,
  readString,
  scanMembers,
  skipSpace,
} from "../../core/json.ts";
import type { SystemPrompt } from "../contract.ts";
import { listItems } from "../list-items.ts";

const openBracket = 0x5b;
const openBrace = 0x7b;

function roleOf(body: Buffer, message: ByteRange): string | undefined {
  if (body[message.start] !== openBrace) return undefined;
  const range = scanMembers(body, ["role"], message).members["role"];
  return range === undefined ? undefined : readString(body, range);
}

/** What was found among the messages. */
interface Instructions {
  /** The last of those that stand before everything else. */
  readonly lastLeading: ByteRange | null;
  /** `developer` where the caller's own are: OpenAI takes one kind in a request. */
  readonly role: "system" | "developer";
  readonly any: boolean;
}

function findInstructions(body: Buffer, list: ByteRange, all: boolean): Instructions {
  let lastLeading: ByteRange | null = null;
  let role: Instructions["role"] = "system";
  let leading = true;
  let any = false;
  for (const message of listItems(body, list)) {
    const name = roleOf(body, message);
    if (name !== "system" && name !== "developer") {
      leading = false;
      if (all && !any) continue;
      break;
    }
    if (!any) role = name;
    any = true;
    if (leading) lastLeading = message;
  }
  return { lastLeading, role, any };
}

/** The edit that adds the instructions; none where there are no messages, or the caller's own stand in its place. */
export function systemPromptEdits(body: Buffer, { text, place }: SystemPrompt): ByteEdit[] {
  const list = scanMembers(body, ["messages"]).members["messages"];
  if (list === undefined || body[list.start] !== openBracket) return [];
  const { lastLeading, role, any } = findInstructions(body, list, place === "if-none");
  if (place === "if-none" && any) return [];
  const message = JSON.stringify({ role, content: text });
  if (place === "after" && lastLeading !== null)
    return [{ start: lastLeading.end, end: lastLeading.end, bytes: `,${message}` }];
  const first = skipSpace(body, list.start + 1, list.end);
  const tail = first === list.end - 1 ? "" : ",";
  return [{ start: first, end: first, bytes: message + tail }];
}
