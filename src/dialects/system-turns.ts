/**
 * System messages in the middle of a conversation: for dialects that have them, and for those that do not.
 * Promise kept here: none is lost, and none comes between calls and their results, where vendors refuse them.
 */
import type { Message, TextPart } from "../wire/conversation.ts";
import { arrangeTurns, type Turn } from "./turns.ts";

export interface SystemTurn {
  readonly role: "system";
  readonly parts: readonly TextPart[];
}

function isSystem(message: Message): message is Extract<Message, { role: "system" }> {
  return message.role === "system";
}

/** Moves system messages that stand between calls and their results behind the results. */
function settleSystem(messages: readonly Message[]): Message[] {
  const settled: Message[] = [];
  let waiting: Message[] = [];
  let callsOpen = false;
  for (const message of messages) {
    if (isSystem(message) && callsOpen) {
      waiting.push(message);
      continue;
    }
    if (message.role !== "tool") {
      settled.push(...waiting);
      waiting = [];
      callsOpen =
        message.role === "assistant" && message.parts.some((part) => part.kind === "tool-call");
    }
    settled.push(message);
  }
  return [...settled, ...waiting];
}

/** Turns as {@link arrangeTurns} makes them, with system messages where the conversation has them. */
export function arrangeWithSystem(messages: readonly Message[]): (Turn | SystemTurn)[] {
  const turns: (Turn | SystemTurn)[] = [];
  let run: Message[] = [];
  for (const message of settleSystem(messages)) {
    if (!isSystem(message)) {
      run.push(message);
      continue;
    }
    turns.push(...arrangeTurns(run), { role: "system", parts: message.parts });
    run = [];
  }
  return [...turns, ...arrangeTurns(run)];
}

function marked(part: TextPart): TextPart {
  return { ...part, text: `<system>\n${part.text}\n</system>` };
}

/** System messages told by the user, for dialects that have instructions only before the first turn. */
export function systemAsUser(messages: readonly Message[]): Message[] {
  return messages.map((message) =>
    isSystem(message) ? { role: "user", parts: message.parts.map(marked) } : message,
  );
}
