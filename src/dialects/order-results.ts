/**
 * Puts results of tools right behind the calls they answer, one for each call, as OpenAI demands.
 * Promise kept here: nothing said is lost; a call that was never answered gets a result that says so.
 */
import type {
  Message,
  TextPart,
  ToolCallPart,
  ToolResultPart,
  UserPart,
} from "../wire/conversation.ts";

/** Told to the model in place of a result that never came (an agent was stopped in the middle). */
const missingResult = "No result: the call was interrupted.";

function callsOf(message: Message | undefined): readonly ToolCallPart[] {
  if (message?.role !== "assistant") return [];
  return message.parts.filter((part) => part.kind === "tool-call");
}

/** A result without its call is told as text: vendors refuse it otherwise. */
function asUser(result: ToolResultPart): Message {
  const text = `[result of ${result.name ?? "tool"} ${result.callId}]`;
  const parts: UserPart[] = [{ kind: "text", text }, ...result.content];
  return { role: "user", parts };
}

function answer(call: ToolCallPart, found: ToolResultPart | undefined): ToolResultPart {
  const custom = call.custom === true ? { custom: true } : {};
  if (found !== undefined) return { ...found, ...custom, name: found.name ?? call.name };
  const content: TextPart[] = [{ kind: "text", text: missingResult }];
  return {
    kind: "tool-result",
    callId: call.id,
    name: call.name,
    content,
    isError: true,
    ...custom,
  };
}

/** One assistant's message (or none, before the first) and all that follows until the next. */
function arrange(run: readonly Message[]): Message[] {
  const calls = callsOf(run[0]);
  const results = new Map<string, ToolResultPart>();
  const ids = new Set(calls.map(({ id }) => id));
  const rest = run.slice(calls.length > 0 ? 1 : 0).flatMap((message) => {
    if (message.role !== "tool") return [message];
    for (const part of message.parts) if (ids.has(part.callId)) results.set(part.callId, part);
    return message.parts.filter(({ callId }) => !ids.has(callId)).map(asUser);
  });
  if (calls.length === 0) return rest;
  const parts = calls.map((call) => answer(call, results.get(call.id)));
  return [...run.slice(0, 1), { role: "tool", parts }, ...rest];
}

/** The history with every result in its place. */
export function orderResults(messages: readonly Message[]): Message[] {
  const ordered: Message[] = [];
  let run: Message[] = [];
  const settle = (): void => {
    for (const message of arrange(run)) ordered.push(message);
  };
  for (const message of messages) {
    if (message.role === "assistant") {
      settle();
      run = [];
    }
    run.push(message);
  }
  settle();
  return ordered;
}
