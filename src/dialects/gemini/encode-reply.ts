/** Replies of any vendor as GenerateContentResponse. Promise kept here: no call is told whose arguments are no JSON. */
import { parseJson } from "../../core/json-depth.ts";
import type { Json, JsonObject } from "../../core/json-value.ts";
import type { ChatReply, Finish, ReplyChoice } from "../../wire/chat-reply.ts";
import type { AssistantPart } from "../../wire/conversation.ts";
import type { ReplyContext } from "../codec.ts";
import { encodeCitations, type TextWithCitations } from "./citations.ts";
import { type EncodedCall, encodeCall, encodeMedia } from "./encode-parts.ts";
import { blockWord, finishWord } from "./finish-words.ts";
import { encodeLogprobs } from "./logprobs.ts";
import { dialectId, writeSignature } from "./signature.ts";
import { encodeUsage } from "./usage.ts";

function isWhole(text: string): boolean {
  if (text.trim() === "") return true;
  try {
    parseJson(text);
    return true;
  } catch {
    return false;
  }
}

/** A call of the answer; undefined: its arguments broke off. Free-form input travels as a member. */
export function encodeAnsweredCall(
  call: EncodedCall & { custom?: boolean },
): JsonObject | undefined {
  if (call.custom === true)
    return encodeCall({ ...call, arguments: JSON.stringify({ input: call.arguments }) });
  return isWhole(call.arguments) ? encodeCall(call) : undefined;
}

/** One part of an answer; undefined: it has no place in this dialect. */
export function encodeAnswerPart(part: AssistantPart): JsonObject | undefined {
  const carried = "carried" in part ? part.carried : undefined;
  const redacted = part.kind === "reasoning" && part.redacted === true;
  const signed =
    carried === undefined ? {} : { thoughtSignature: writeSignature(carried, redacted) };
  if (part.kind === "foreign") return part.dialect === dialectId ? part.value : undefined;
  if (part.kind === "media") return { ...encodeMedia(part), ...signed };
  if (part.kind === "tool-call") {
    const call = encodeAnsweredCall(part);
    return call === undefined ? undefined : { ...call, ...signed };
  }
  if (part.text === "" && carried === undefined) return undefined;
  // Thoughts that are not shown are a signature in a part without text.
  const thought = part.kind === "reasoning" && part.text !== "" ? { thought: true } : {};
  return { text: part.text, ...thought, ...signed };
}

/** The end of a choice; a call that broke off is told as Google tells it. */
export function encodeFinish(finish: Finish, brokenCall: string | undefined): JsonObject {
  const word = finishWord(finish);
  const broken = brokenCall !== undefined && word === "STOP";
  const message = broken ? `Malformed function call: ${brokenCall}` : finish.detail;
  return {
    finishReason: broken ? "MALFORMED_FUNCTION_CALL" : word,
    ...(message === undefined ? {} : { finishMessage: message }),
  };
}

function citedTexts(
  parts: readonly AssistantPart[],
  encoded: readonly unknown[],
): TextWithCitations[] {
  let partIndex = -1;
  return parts.flatMap((part, index) => {
    if (encoded[index] !== undefined) partIndex += 1;
    if (part.kind !== "text" || part.citations === undefined) return [];
    return [{ text: part.text, partIndex, offset: 0, citations: part.citations }];
  });
}

function encodeChoice({ index, parts, finish, logprobs }: ReplyChoice): JsonObject {
  const encoded = parts.map(encodeAnswerPart);
  const told = encoded.filter((part) => part !== undefined);
  const broken = parts.find(
    (part, at) => part.kind === "tool-call" && encoded[at] === undefined,
  ) as EncodedCall | undefined;
  const grounding = encodeCitations(citedTexts(parts, encoded));
  return {
    // Clients take a content without parts for a broken answer.
    content: { parts: told.length === 0 ? [{ text: "" }] : told, role: "model" },
    ...encodeFinish(finish, broken?.arguments),
    index,
    ...(grounding === undefined ? {} : { groundingMetadata: grounding }),
    ...(logprobs === null ? {} : { logprobsResult: encodeLogprobs(logprobs) }),
  };
}

/** A prompt that was blocked, where that is the whole answer. */
export function encodeBlock(finish: Finish): JsonObject | undefined {
  const word = blockWord(finish);
  if (word === undefined) return undefined;
  const { detail } = finish;
  return { blockReason: word, ...(detail === undefined ? {} : { blockReasonMessage: detail }) };
}

/** Members behind the candidates. */
export function encodeTail(context: ReplyContext, id: string | null): JsonObject {
  return { modelVersion: context.model, responseId: context.replyId ?? id ?? context.callId };
}

export function encodeReply(reply: ChatReply, context: ReplyContext): JsonObject {
  const [first] = reply.choices;
  const alone = reply.choices.length === 1 && first?.parts.length === 0;
  const promptFeedback = alone ? encodeBlock(first.finish) : undefined;
  const candidates: Json = reply.choices.map(encodeChoice);
  return {
    ...(promptFeedback === undefined ? { candidates } : { promptFeedback }),
    ...(reply.usage === null ? {} : { usageMetadata: encodeUsage(reply.usage, reply.serviceTier) }),
    ...encodeTail(context, reply.id),
  };
}
