/** Writes a whole reply as a chat completion, with every member that OpenAI's own document demands. */
import type { JsonObject } from "../../core/json-value.ts";
import type { ChatReply, ReplyChoice } from "../../wire/chat-reply.ts";
import type {
  AssistantPart,
  ReasoningPart,
  TextPart,
  ToolCallPart,
} from "../../wire/conversation.ts";
import type { ReplyContext } from "../codec.ts";
import { writeImage } from "./encode-content.ts";
import {
  isLegacy,
  writeAnnotation,
  writeLogprobs,
  writeSignature,
  writeSpeech,
  writeTier,
} from "./encode-parts.ts";
import { encodeFinish } from "./finish-reasons.ts";
import { writeDetail } from "./thought-details.ts";
import { encodeUsage } from "./usage.ts";

function partsOf<Kind extends AssistantPart["kind"]>(
  parts: readonly AssistantPart[],
  kind: Kind,
): Extract<AssistantPart, { kind: Kind }>[] {
  return parts.filter((part): part is Extract<AssistantPart, { kind: Kind }> => part.kind === kind);
}

function writeCall(part: ToolCallPart): JsonObject {
  const { id, name, carried } = part;
  if (part.custom === true) return { id, type: "custom", custom: { name, input: part.arguments } };
  const call = { name, arguments: part.arguments };
  return {
    id,
    type: "function",
    function: call,
    ...(carried === undefined ? {} : writeSignature(carried)),
  };
}

/** Calls in the form that the caller offered its tools in. */
function writeCalls(calls: readonly ToolCallPart[], legacy: boolean): JsonObject {
  const [first] = calls;
  if (first === undefined) return {};
  if (legacy) return { function_call: { name: first.name, arguments: first.arguments } };
  return { tool_calls: calls.map(writeCall) };
}

/** Thoughts as plain text, and once more with what their makers want back, where they want anything. */
function writeThoughts(thoughts: readonly ReasoningPart[]): JsonObject {
  if (thoughts.length === 0) return {};
  const text = thoughts.map((part) => part.text).join("");
  const isCarried = thoughts.some(({ carried }) => carried !== undefined);
  const details = isCarried ? thoughts.map(writeDetail) : [];
  return {
    ...(text === "" ? {} : { reasoning_content: text }),
    ...(details.length === 0 ? {} : { reasoning_details: details }),
  };
}

function writeAnnotations(texts: readonly TextPart[]): JsonObject {
  let start = 0;
  const annotations: JsonObject[] = [];
  for (const { text, citations = [] } of texts) {
    const extent = { start, end: start + text.length };
    for (const citation of citations) {
      const written = writeAnnotation(citation, extent);
      if (written !== undefined) annotations.push(written);
    }
    start = extent.end;
  }
  return { annotations };
}

function writeMessage(choice: ReplyChoice, context: ReplyContext, createdAtS: number): JsonObject {
  const { parts } = choice;
  const texts = partsOf(parts, "text");
  const refusal = partsOf(parts, "refusal")
    .map(({ text }) => text)
    .join("");
  const media = partsOf(parts, "media");
  const images = media.filter(({ medium, source }) => medium === "image" && source.kind !== "text");
  const speech = media.map((part) => writeSpeech(part, context.callId, createdAtS)).find(Boolean);
  const signed = texts.find(({ carried }) => carried !== undefined)?.carried;
  return {
    role: "assistant",
    content: texts.length === 0 ? null : texts.map(({ text }) => text).join(""),
    refusal: refusal === "" ? null : refusal,
    ...writeThoughts(partsOf(parts, "reasoning")),
    ...writeAnnotations(texts),
    ...writeCalls(partsOf(parts, "tool-call"), isLegacy(context.request)),
    ...(images.length === 0 ? {} : { images: images.map(writeImage) }),
    ...(speech === undefined ? {} : { audio: speech }),
    ...(signed === undefined ? {} : writeSignature(signed)),
  };
}

function writeChoice(choice: ReplyChoice, context: ReplyContext, createdAtS: number): JsonObject {
  const hasCalls = choice.parts.some(({ kind }) => kind === "tool-call");
  const word = encodeFinish(choice.finish, hasCalls);
  const isLegacyCall = word === "tool_calls" && isLegacy(context.request);
  return {
    index: choice.index,
    message: writeMessage(choice, context, createdAtS),
    logprobs: choice.logprobs === null ? null : writeLogprobs(choice.logprobs),
    finish_reason: isLegacyCall ? "function_call" : word,
  };
}

/** The whole completion. */
export function encodeReply(reply: ChatReply, context: ReplyContext): JsonObject {
  const createdAtS = reply.createdAtS ?? context.createdAtS;
  return {
    id: context.replyId ?? `chatcmpl-${context.callId}`,
    object: "chat.completion",
    created: createdAtS,
    model: context.model,
    choices: reply.choices.map((choice) => writeChoice(choice, context, createdAtS)),
    ...(reply.usage === null ? {} : { usage: encodeUsage(reply.usage) }),
    ...writeTier(reply.serviceTier),
  };
}
