/**
 * Tells a whole reply as a response object. Promise kept here: it is the very object with which the stream of the same
 * reply would end, since it is made by the same code.
 */
import type { JsonObject } from "../../core/json-value.ts";
import type { ChatReply, ReplyEvent } from "../../wire/chat-reply.ts";
import type { AssistantPart } from "../../wire/conversation.ts";
import type { ReplyContext } from "../codec.ts";
import { makeResponseStream } from "./encode-stream.ts";

function* partEvents(part: AssistantPart, block: number): Generator<ReplyEvent> {
  if (part.kind === "text") {
    yield { type: "block", choice: 0, block, start: { kind: "text" } };
    yield { type: "delta", block, text: part.text };
    for (const citation of part.citations ?? []) yield { type: "citation", block, citation };
    if (part.carried !== undefined) yield { type: "carried", block, carried: part.carried };
  } else if (part.kind === "reasoning") {
    const redacted = part.redacted === true ? { redacted: true } : {};
    yield { type: "block", choice: 0, block, start: { kind: "reasoning", ...redacted } };
    yield { type: "delta", block, text: part.text };
    if (part.carried !== undefined) yield { type: "carried", block, carried: part.carried };
  } else {
    yield { type: "block", choice: 0, block, start: { kind: "part", part } };
  }
  yield { type: "block-end", block };
}

function* replyEvents(reply: ChatReply): Generator<ReplyEvent> {
  const { id, model, createdAtS, usage, serviceTier } = reply;
  yield { type: "start", id, model, createdAtS };
  const [choice] = reply.choices;
  if (choice !== undefined) {
    if (choice.logprobs !== null) yield { type: "logprobs", choice: 0, tokens: choice.logprobs };
    for (const [block, part] of choice.parts.entries()) yield* partEvents(part, block);
    yield { type: "finish", choice: 0, finish: choice.finish };
  }
  const tier = serviceTier === null ? {} : { serviceTier };
  if (usage !== null) yield { type: "usage", usage, ...tier };
}

/** The response object; the gateway keeps it as it is where it keeps state. */
export function encodeReply(reply: ChatReply, context: ReplyContext): JsonObject {
  const stream = makeResponseStream(context, true);
  for (const event of replyEvents(reply)) stream.encode(event);
  return stream.complete().response;
}
