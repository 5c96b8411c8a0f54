/**
 * Writes a conversation's instructions and turns as `messages`. Promise kept here: results follow their calls, media
 * of results reach the model, and what an upstream wants back of its reasoning goes back to it alone.
 */
import type { JsonObject } from "../../core/json-value.ts";
import type {
  AssistantPart,
  Conversation,
  MediaPart,
  Message,
  ReasoningPart,
  TextPart,
  ToolCallPart,
  ToolResultPart,
  UserPart,
} from "../../wire/conversation.ts";
import { canRead } from "../carried.ts";
import { type Encoding, paragraph, writeContent, writeImage } from "./encode-content.ts";
import { orderResults } from "../order-results.ts";
import { returnDetails } from "./thought-details.ts";

function named(name: string | undefined): { readonly name?: string } {
  return name === undefined ? {} : { name };
}

/** OpenAI's reasoning models have renamed their instructions; they take one kind in a request. */
function systemRole({ traits, quirks }: Encoding): string {
  const renamed = traits.openai && traits.reasons && !quirks.includes("no-developer-role");
  return renamed ? "developer" : "system";
}

function writeSystem(parts: readonly TextPart[], name: string | undefined, encoding: Encoding) {
  return {
    role: systemRole(encoding),
    content: writeContent(parts, encoding, paragraph),
    ...named(name),
  };
}

/** Google's compatible endpoint gave the signature under this name and wants it there again. */
function signature(
  part: { readonly carried?: ToolCallPart["carried"] },
  encoding: Encoding,
): JsonObject {
  const { carried } = part;
  if (carried === undefined || !canRead(carried, "openai-chat", encoding.model)) return {};
  if (encoding.quirks.includes("known-members-only")) return {};
  return { extra_content: { google: { thought_signature: carried.data } } };
}

function writeCall(part: ToolCallPart, encoding: Encoding): JsonObject {
  const { id, name } = part;
  if (part.custom === true) return { id, type: "custom", custom: { name, input: part.arguments } };
  const call = { name, arguments: part.arguments };
  return { id, type: "function", function: call, ...signature(part, encoding) };
}

/** Thoughts in the ways the target takes them back; nothing where it takes none. */
function writeThoughts(
  thoughts: readonly ReasoningPart[],
  { model, quirks }: Encoding,
): JsonObject {
  const given = quirks.includes("known-members-only") ? [] : thoughts;
  const { details, blocks } = returnDetails(given, model);
  const text = thoughts.map((part) => part.text).join("");
  // DeepSeek refuses any turn that lacks the member, Kimi those with calls, even where nothing was thought.
  const replays = quirks.includes("replay-reasoning");
  return {
    ...(replays ? { reasoning_content: text } : {}),
    ...(quirks.includes("replay-as-reasoning") && text !== "" ? { reasoning: text } : {}),
    ...(details.length > 0 ? { reasoning_details: details } : {}),
    ...(blocks.length > 0 ? { thinking_blocks: blocks } : {}),
  };
}

/** Text for what an assistant made and no upstream takes back from an assistant. */
function mediaLabel({ medium }: MediaPart): TextPart {
  return { kind: "text", text: `[${medium}]` };
}

function of<Kind extends AssistantPart["kind"]>(parts: readonly AssistantPart[], kind: Kind) {
  return parts.filter((part): part is Extract<AssistantPart, { kind: Kind }> => part.kind === kind);
}

/** What an assistant said: text, with a word for media, and what only this dialect knows. */
function spokenParts(parts: readonly AssistantPart[], keepsImages: boolean): UserPart[] {
  return parts.flatMap((part): readonly UserPart[] => {
    if (part.kind === "text") return [part];
    if (part.kind === "foreign") return [part];
    if (part.kind !== "media") return [];
    return keepsImages && part.medium === "image" ? [] : [mediaLabel(part)];
  });
}

/** Undefined where nothing is left to say. */
function writeAssistant(
  { parts, name }: Extract<Message, { role: "assistant" }>,
  encoding: Encoding,
): JsonObject | undefined {
  const calls = of(parts, "tool-call").map((part) => writeCall(part, encoding));
  const refusal = of(parts, "refusal")
    .map((part) => part.text)
    .join("");
  // OpenRouter alone takes back the images that its models made.
  const keepsImages = encoding.quirks.includes("reasoning-object");
  const images = keepsImages ? of(parts, "media").filter(({ medium }) => medium === "image") : [];
  const spoken = spokenParts(parts, keepsImages);
  // The texts of one turn go on from each other: citations alone may have parted them.
  const content = writeContent(spoken, encoding, "");
  const signed = of(parts, "text").find((part) => part.carried !== undefined);
  const thoughts = writeThoughts(of(parts, "reasoning"), encoding);
  if (content.length + calls.length + refusal.length + images.length === 0) {
    if (Object.values(thoughts).every((thought) => thought === "")) return undefined;
    return { role: "assistant", content: "", ...thoughts, ...named(name) };
  }
  return {
    role: "assistant",
    content: content.length === 0 && calls.length > 0 ? null : content,
    ...thoughts,
    ...(refusal === "" ? {} : { refusal }),
    ...(images.length === 0 ? {} : { images: images.map(writeImage) }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
    ...(signed === undefined ? {} : signature(signed, encoding)),
    ...named(name),
  };
}

/** Said first of a result that is an error: the dialect has no member for it. */
const errorMark = "Error: ";

function resultTexts(part: ToolResultPart): readonly TextPart[] {
  const texts = part.content.filter((item) => item.kind === "text");
  if (!part.isError) return texts;
  const [first, ...rest] = texts;
  return [{ ...first, kind: "text", text: errorMark + (first?.text ?? "") }, ...rest];
}

function isMedia(part: TextPart | MediaPart): part is MediaPart {
  return part.kind === "media";
}

/** Results as tool messages; their media follow in one message of the user, since tools may only tell text. */
function writeResults(parts: readonly ToolResultPart[], encoding: Encoding): JsonObject[] {
  const results = parts.map((part): JsonObject => {
    const content = writeContent(resultTexts(part), encoding, paragraph);
    return { role: "tool", tool_call_id: part.callId, content };
  });
  const shown = parts.flatMap((part): readonly UserPart[] => {
    const media = part.content.filter(isMedia);
    if (media.length === 0) return [];
    const text = `[media in the result of ${part.name ?? "tool"} ${part.callId}]`;
    return [{ kind: "text", text }, ...media];
  });
  if (shown.length > 0) results.push({ role: "user", content: writeContent(shown, encoding) });
  return results;
}

function writeMessage(message: Message, encoding: Encoding): readonly JsonObject[] {
  switch (message.role) {
    case "system":
      return [writeSystem(message.parts, message.name, encoding)];
    case "user": {
      const content = writeContent(message.parts, encoding);
      return [{ role: "user", content, ...named(message.name) }];
    }
    case "tool":
      return writeResults(message.parts, encoding);
    case "assistant": {
      const written = writeAssistant(message, encoding);
      return written === undefined ? [] : [written];
    }
  }
}

/** All messages, instructions first. */
export function writeMessages(conversation: Conversation, encoding: Encoding): JsonObject[] {
  const { system, messages } = conversation;
  const turns = orderResults(messages).flatMap((message) => writeMessage(message, encoding));
  return system.length === 0 ? turns : [writeSystem(system, undefined, encoding), ...turns];
}
