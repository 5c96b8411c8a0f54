/**
 * Anthropic refuses to think by budget in the middle of a tool loop whose last turn has no thoughts of its own: a loop
 * that another vendor's model began. Promise kept here: such a loop goes on without thinking; no other call is touched.
 */
import { type ByteEdit, type ByteRange, readString, scanMembers } from "../../core/json.ts";
import type { CallFacts } from "../contract.ts";
import { listItems } from "../list-items.ts";
import { memberRemovals } from "../member-edits.ts";
import { traitsOf } from "./model-traits.ts";
import { membersOf, typeOf } from "./read-block.ts";

const openBrace = 0x7b;
const openBracket = 0x5b;

/** Blocks of one message, if it is of the role. */
function blocksOf(body: Buffer, message: ByteRange, wanted: string): ByteRange[] | undefined {
  if (body[message.start] !== openBrace) return undefined;
  const { role, content } = membersOf(body, ["role", "content"], message);
  if (role === undefined || readString(body, role) !== wanted) return undefined;
  if (content === undefined || body[content.start] !== openBracket) return [];
  return [...listItems(body, content)];
}

/** Whether the last turn of the assistant made calls, answered behind it, and does not begin with a thought. */
function lacksThought(body: Buffer, messages: readonly ByteRange[]): boolean {
  for (const message of messages.toReversed()) {
    const blocks = blocksOf(body, message, "assistant");
    if (blocks === undefined) continue;
    const types = blocks.map((block) => typeOf(body, block));
    const [first] = types;
    return types.includes("tool_use") && first !== "thinking" && first !== "redacted_thinking";
  }
  return false;
}

/** Whether thinking by budget is asked for: nobody else pays for a look at the messages. */
export function thinksByBudget(body: Buffer, facts: CallFacts, model: string): boolean {
  const { thinking } = facts.scan.members;
  return typeOf(body, thinking) === "enabled" && traitsOf(model).own;
}

/** Members that bear on thinking. */
export const thinkingMembers = ["messages", "thinking", "context_management"] as const;

/**
 * Edits of a body that is otherwise as it will be sent. What clears thoughts goes with the thinking. `known`: where its
 * members stand, if that has been looked up.
 */
export function loopThinkingEdits(
  body: Buffer,
  known?: Readonly<Record<string, ByteRange>>,
): ByteEdit[] {
  if (!body.includes('"tool_result"')) return [];
  const members = known ?? scanMembers(body, thinkingMembers).members;
  const { messages, thinking, context_management: management } = members;
  if (messages === undefined || thinking === undefined || body[messages.start] !== openBracket)
    return [];
  if (!lacksThought(body, [...listItems(body, messages)])) return [];
  const clears =
    management !== undefined &&
    body.subarray(management.start, management.end).includes("clear_thinking");
  return [
    { ...thinking, bytes: '{"type":"disabled"}' },
    ...(clears ? memberRemovals(body, ["context_management"]) : []),
  ];
}
