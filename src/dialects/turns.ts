/**
 * Arranges a history for dialects that are strict about its order: roles that alternate, results right behind their
 * calls, every call answered. Promise kept here: nothing said is lost, and no vendor's 400 is provoked by order alone.
 */
import type {
  AssistantPart,
  Message,
  ToolCallPart,
  ToolResultPart,
  UserPart,
} from "../wire/conversation.ts";

/** A turn of the strict dialects: results of tools come before everything else a user says. */
export type Turn =
  | { readonly role: "assistant"; readonly parts: readonly AssistantPart[] }
  | { readonly role: "user"; readonly parts: readonly (ToolResultPart | UserPart)[] };

/** Told to the model in place of a result that never came (an agent was stopped in the middle). */
const missingResult = "No result: the call was interrupted.";

function isCall(part: AssistantPart): part is ToolCallPart {
  return part.kind === "tool-call";
}

interface Building {
  readonly role: "assistant" | "user";
  readonly results: ToolResultPart[];
  readonly parts: (AssistantPart | UserPart)[];
}

/** A result whose call is not in the turn before it becomes text: vendors refuse it otherwise. */
function asText(result: ToolResultPart): readonly UserPart[] {
  const label = `[result of ${result.name ?? "tool"} ${result.callId}]`;
  return [{ kind: "text", text: label }, ...result.content];
}

/** Puts messages of one role together; system messages must have been taken out or turned into user text before. */
function merged(messages: readonly Message[]): Building[] {
  const turns: Building[] = [];
  for (const message of messages) {
    const role = message.role === "assistant" ? "assistant" : "user";
    let turn = turns.at(-1);
    if (turn?.role !== role) {
      turn = { role, results: [], parts: [] };
      turns.push(turn);
    }
    for (const part of message.parts)
      if (part.kind === "tool-result") turn.results.push(part);
      else turn.parts.push(part);
  }
  return turns;
}

/**
 * Turns that alternate. In a user's turn the results come first, in the order of the calls, one for each call of the
 * turn before; a call that has no result gets one that says so, a result that has no call becomes text.
 */
export function arrangeTurns(messages: readonly Message[]): Turn[] {
  const turns: Turn[] = [];
  let open: readonly ToolCallPart[] = [];
  for (const built of merged(messages)) {
    if (built.role === "assistant") {
      const parts = built.parts as AssistantPart[];
      turns.push({ role: "assistant", parts });
      open = parts.filter(isCall);
      continue;
    }
    turns.push(userTurn(built, open));
    open = [];
  }
  if (open.length > 0) turns.push(userTurn({ role: "user", results: [], parts: [] }, open));
  return turns;
}

/** The result of each call, undefined where none came. Of several the last holds; calls may share an id. */
function matchResults(
  calls: readonly ToolCallPart[],
  results: readonly ToolResultPart[],
): (ToolResultPart | undefined)[] {
  return calls.map(({ id }, index) => {
    const alike = results.filter(({ callId }) => callId === id);
    const behind = calls.slice(index).filter((call) => call.id === id).length;
    return alike.at(-behind);
  });
}

function userTurn(built: Building, calls: readonly ToolCallPart[]): Turn {
  const found = matchResults(calls, built.results);
  const results = calls.map((call, index): ToolResultPart => {
    const result = found[index];
    if (result !== undefined) return { ...result, name: result.name ?? call.name };
    const content = [{ kind: "text" as const, text: missingResult }];
    return { kind: "tool-result", callId: call.id, name: call.name, content, isError: true };
  });
  const orphans = built.results.filter((result) => !found.includes(result));
  const parts = built.parts as UserPart[];
  return { role: "user", parts: [...results, ...orphans.flatMap(asText), ...parts] };
}
