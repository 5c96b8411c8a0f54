/** Tells a whole reply as the events of a stream, for callers that asked for one and got it whole from the upstream. */
import type { BlockStart, ChatReply, ReplyChoice, ReplyEvent } from "../../wire/chat-reply.ts";
import type { AssistantPart } from "../../wire/conversation.ts";

export function replyEvents(reply: ChatReply): ReplyEvent[] {
  const { id, model, createdAtS, usage, serviceTier } = reply;
  const events: ReplyEvent[] = [{ type: "start", id, model, createdAtS }];
  let block = 0;
  for (const choice of reply.choices) {
    for (const part of choice.parts) {
      events.push(...partEvents(part, { choice: choice.index, block }));
      block += 1;
    }
    events.push(...endEvents(choice));
  }
  if (usage !== null)
    events.push({ type: "usage", usage, ...(serviceTier === null ? {} : { serviceTier }) });
  events.push({ type: "done" });
  return events;
}

function endEvents({ index, logprobs, finish }: ReplyChoice): ReplyEvent[] {
  const end: ReplyEvent = { type: "finish", choice: index, finish };
  return logprobs === null ? [end] : [{ type: "logprobs", choice: index, tokens: logprobs }, end];
}

interface Place {
  readonly choice: number;
  readonly block: number;
}

function partEvents(part: AssistantPart, { choice, block }: Place): ReplyEvent[] {
  const events: ReplyEvent[] = [{ type: "block", choice, block, start: startOf(part) }];
  const text = textOf(part);
  if (text !== "") events.push({ type: "delta", block, text });
  if (part.kind === "text")
    for (const citation of part.citations ?? []) events.push({ type: "citation", block, citation });
  if ("carried" in part && part.carried !== undefined && !isWhole(part))
    events.push({ type: "carried", block, carried: part.carried });
  events.push({ type: "block-end", block });
  return events;
}

/** Told in one event, with all that belongs to it. */
function isWhole({ kind }: AssistantPart): boolean {
  return kind === "media" || kind === "foreign";
}

function startOf(part: AssistantPart): BlockStart {
  switch (part.kind) {
    case "text":
    case "refusal":
      return { kind: part.kind };
    case "reasoning":
      return { kind: "reasoning", ...(part.redacted === true && { redacted: true }) };
    case "tool-call": {
      const { id, name, custom } = part;
      return { kind: "tool-call", id, name, ...(custom === true && { custom }) };
    }
    default:
      return { kind: "part", part };
  }
}

function textOf(part: AssistantPart): string {
  if (part.kind === "tool-call") return part.arguments;
  return part.kind === "text" || part.kind === "refusal" || part.kind === "reasoning"
    ? part.text
    : "";
}
