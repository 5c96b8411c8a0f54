/** Whole replies of Cohere's chat in our own shape. */
import { GatewayError } from "../../core/errors.ts";
import { isObject, type JsonObject } from "../../core/json-value.ts";
import type { ChatReply, TokenLogprob } from "../../wire/chat-reply.ts";
import type { AssistantPart } from "../../wire/conversation.ts";
import { mintToolCallId } from "../call-ids.ts";
import type { ReadContext } from "../codec.ts";
import { type Fields, fieldsOf, findText, listOf, textOf } from "../loose-fields.ts";
import {
  isFailure,
  markThoughts,
  readCitations,
  readFinish,
  readLogprobs,
  readUsage,
  type ThoughtPlace,
} from "./words.ts";

function thoughts(text: string, place: ThoughtPlace, context: ReadContext): AssistantPart[] {
  if (text === "") return [];
  return [{ kind: "reasoning", text, carried: markThoughts(place, context.model) }];
}

/** Arguments as they came; none and `null` are an empty object. */
function readArguments(value: unknown): string {
  const text = textOf(value).trim();
  return text === "" || text === "null" ? "{}" : textOf(value);
}

function readCall(value: unknown, index: number, context: ReadContext): AssistantPart[] {
  const fields = fieldsOf(value);
  const told = fieldsOf(fields["function"]);
  const name = findText(told["name"]);
  if (name === null) return [];
  const id = findText(fields["id"]) ?? mintToolCallId(context.callId, index);
  return [{ kind: "tool-call", id, name, arguments: readArguments(told["arguments"]) }];
}

/** Citations name their text by its place in the content; without one they are the first text's. */
function readText(
  item: Fields,
  index: number,
  isFirst: boolean,
  all: readonly unknown[],
): AssistantPart[] {
  const text = textOf(item["text"]);
  if (text === "") return [];
  const own = all.filter((citation) => {
    const place = fieldsOf(citation)["content_index"];
    return typeof place === "number" ? place === index : isFirst;
  });
  const citations = own.flatMap((citation) => readCitations(citation, text));
  return [{ kind: "text", text, ...(citations.length === 0 ? {} : { citations }) }];
}

function readContent(message: Fields, context: ReadContext): AssistantPart[] {
  const content = listOf(message["content"]).map(fieldsOf);
  const firstText = content.findIndex(({ type }) => type === "text");
  const citations = listOf(message["citations"]);
  return content.flatMap((item, index) =>
    item["type"] === "thinking"
      ? thoughts(textOf(item["thinking"]), "thinking", context)
      : readText(item, index, index === firstText, citations),
  );
}

function readAllLogprobs(value: unknown): readonly TokenLogprob[] | null {
  const tokens = listOf(value).flatMap(readLogprobs);
  return tokens.length === 0 ? null : tokens;
}

/** Decodes a whole reply; see codec.ts. An answer that failed before it began is `upstream_failed`. */
export function decodeReply(body: JsonObject, context: ReadContext): ChatReply {
  const message: unknown = body["message"];
  if (!isObject(message)) throw new GatewayError("upstream_invalid", "The reply has no `message`");
  const calls = listOf(message["tool_calls"]);
  const parts = [
    ...thoughts(textOf(message["tool_plan"]), "tool_plan", context),
    ...readContent(message, context),
    ...calls.flatMap((call, index) => readCall(call, index, context)),
  ];
  if (parts.length === 0 && isFailure(body["finish_reason"]))
    throw new GatewayError("upstream_failed", "The upstream failed to answer");
  const finish = readFinish(body["finish_reason"]);
  return {
    id: findText(body["id"]),
    model: null,
    createdAtS: null,
    choices: [{ index: 0, parts, finish, logprobs: readAllLogprobs(body["logprobs"]) }],
    usage: readUsage(body["usage"]),
    serviceTier: null,
  };
}
