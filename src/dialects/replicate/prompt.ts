/**
 * A conversation as the one prompt that Replicate's models take: a single question as it stands, several turns as a
 * script of `User:` and `Assistant:`, a blank line apart, that ends where the assistant is to speak.
 * Promise kept here: what cannot be told in words is refused, never left out.
 */
import type { GatewayError } from "../../core/errors.ts";
import type { AssistantPart, Conversation, TextPart, UserPart } from "../../wire/conversation.ts";
import type { ToolResultPart } from "../../wire/conversation.ts";
import { fieldFault } from "../refuse.ts";
import { systemAsUser } from "../system-turns.ts";
import { type Turn, arrangeTurns } from "../turns.ts";

const paragraph = "\n\n";

const labels = { user: "User:", assistant: "Assistant:" } as const;

type AnyPart = AssistantPart | UserPart | ToolResultPart;

function refuse(message: string): GatewayError {
  return fieldFault("messages", message);
}

function joined(texts: readonly string[]): string {
  return texts.filter((text) => text !== "").join(paragraph);
}

function wordsOf(part: AnyPart): string {
  if (part.kind === "media") throw refuse("The upstream of this model takes text alone");
  if (part.kind === "tool-call" || part.kind === "tool-result")
    throw refuse("The upstream of this model knows no tools, nor calls of them in the history");
  return part.kind === "text" || part.kind === "refusal" ? part.text : "";
}

function textOf({ parts }: Turn): string {
  return joined((parts as readonly AnyPart[]).map(wordsOf));
}

function renderTurns(turns: readonly { readonly role: Turn["role"]; text: string }[]): string {
  const [first, ...more] = turns;
  if (first === undefined) return "";
  if (more.length === 0 && first.role === "user") return first.text;
  const told = turns.map(({ role, text }) => `${labels[role]} ${text}`);
  // A turn that the caller has begun for the assistant is left open.
  return [...told, ...(turns.at(-1)?.role === "user" ? [labels.assistant] : [])].join(paragraph);
}

/** The caller's instructions as one text; empty: there are none. */
export function joinInstructions(system: readonly TextPart[]): string {
  return joined(system.map(({ text }) => text));
}

/** The turns as one prompt. Throws `invalid_request` for media and for calls of tools. */
export function renderPrompt({ messages }: Pick<Conversation, "messages">): string {
  const turns = arrangeTurns(systemAsUser(messages)).map((turn) => ({
    role: turn.role,
    text: textOf(turn),
  }));
  return renderTurns(turns.filter(({ text }) => text !== ""));
}
