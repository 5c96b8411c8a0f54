/**
 * Turns of a conversation as Converse's messages. Promise kept here: no block that Converse refuses for its form
 * alone — blank texts, documents without a text beside them, thoughts that are another model's.
 */
import type { JsonObject } from "../../core/json-value.ts";
import type {
  AssistantPart,
  CacheMark,
  MediaPart,
  ReasoningPart,
  TextPart,
  ToolResultPart,
  UserPart,
} from "../../wire/conversation.ts";
import { fitToolCallId, nineCharacterId } from "../call-ids.ts";
import { canRead } from "../carried.ts";
import type { EncodeTarget } from "../codec.ts";
import { argumentsObject } from "../tool-arguments.ts";
import type { Turn } from "../turns.ts";
import type { ModelTraits } from "./families.ts";
import { encodeMedia, makeDocumentNames, type NameDocument } from "./media.ts";

/** Blocks of one message; the lists are ours, so that cache points can be taken out again. */
export interface EncodedMessage {
  readonly role: "user" | "assistant";
  readonly content: JsonObject[];
}

/** Stands where Converse wants a text and the conversation has none. */
const placeholder = "…";
const emptyResult = "(no output)";
const besideDocument = "See the document.";

const toolCallIds = /^[a-zA-Z0-9_-]{1,64}$/u;

interface Encoding {
  readonly target: EncodeTarget;
  readonly traits: ModelTraits;
  readonly nameDocument: NameDocument;
}

/** A cache point; none where the model has no cache. */
export function cachePoint(mark: CacheMark | undefined, taken: boolean): JsonObject[] {
  if (mark === undefined || !taken) return [];
  return [{ cachePoint: { type: "default", ...(mark.ttl === "1h" ? { ttl: "1h" } : {}) } }];
}

/** A text block with its cache point; of a blank text, which Converse refuses, only the point stays. */
export function encodeText(part: TextPart, traits: ModelTraits): JsonObject[] {
  const point = cachePoint(part.cache, traits.caches);
  return part.text.trim() === "" ? point : [{ text: part.text }, ...point];
}

/** Takes out cache points that have nothing of their own before them, which Converse refuses. */
export function settleCachePoints(blocks: readonly JsonObject[]): JsonObject[] {
  return blocks.filter((block, index) => {
    const before = blocks[index - 1];
    return !("cachePoint" in block) || (before !== undefined && !("cachePoint" in before));
  });
}

function toolUseId(id: string, { target, traits }: Encoding): string {
  const nine = traits.family === "mistral" || target.quirks.includes("nine-character-ids");
  return nine ? nineCharacterId(id) : fitToolCallId(id, toolCallIds);
}

/** Only what this model signed goes back to it: unsigned thoughts and others' are refused. */
function encodeReasoning(part: ReasoningPart, { target }: Encoding): JsonObject[] {
  const { carried } = part;
  if (carried === undefined || !canRead(carried, "bedrock-converse", target.model)) return [];
  if (part.redacted === true) return [{ reasoningContent: { redactedContent: carried.data } }];
  return [{ reasoningContent: { reasoningText: { text: part.text, signature: carried.data } } }];
}

function encodeAssistantPart(part: AssistantPart, encoding: Encoding): JsonObject[] {
  const { traits, nameDocument } = encoding;
  if (part.kind === "text") return encodeText(part, traits);
  if (part.kind === "refusal") return encodeText({ kind: "text", text: part.text }, traits);
  if (part.kind === "reasoning") return encodeReasoning(part, encoding);
  if (part.kind === "media") return [encodeMedia(part, nameDocument)];
  if (part.kind === "foreign") return [];
  const toolUse = {
    toolUseId: toolUseId(part.id, encoding),
    name: part.name,
    input: argumentsObject(part.arguments),
  };
  return [{ toolUse }, ...cachePoint(part.cache, traits.caches)];
}

function encodeResultContent(part: TextPart | MediaPart, encoding: Encoding): JsonObject[] {
  if (part.kind === "media") return [encodeMedia(part, encoding.nameDocument)];
  return part.text.trim() === "" ? [] : [{ text: part.text }];
}

function encodeResult(part: ToolResultPart, encoding: Encoding): JsonObject[] {
  const { traits } = encoding;
  const content = part.content.flatMap((item) => encodeResultContent(item, encoding));
  if (content.length === 0) content.push({ text: emptyResult });
  if (part.isError && !traits.takesResultStatus) content.unshift({ text: "Error:" });
  const status = part.isError && traits.takesResultStatus ? { status: "error" } : {};
  const toolResult = { toolUseId: toolUseId(part.callId, encoding), content, ...status };
  return [{ toolResult }, ...cachePoint(part.cache, traits.caches)];
}

function encodeUserPart(part: ToolResultPart | UserPart, encoding: Encoding): JsonObject[] {
  if (part.kind === "tool-result") return encodeResult(part, encoding);
  if (part.kind === "text") return encodeText(part, encoding.traits);
  if (part.kind === "foreign") return [];
  const cache = cachePoint(part.cache, encoding.traits.caches);
  return [encodeMedia(part, encoding.nameDocument), ...cache];
}

function encodeTurn(turn: Turn, encoding: Encoding): EncodedMessage {
  const content = settleCachePoints(
    turn.role === "assistant"
      ? turn.parts.flatMap((part) => encodeAssistantPart(part, encoding))
      : turn.parts.flatMap((part) => encodeUserPart(part, encoding)),
  );
  if (content.length === 0) return { role: turn.role, content: [{ text: placeholder }] };
  const document = content.findIndex((block) => "document" in block);
  if (document !== -1 && !content.some((block) => "text" in block))
    content.splice(document, 0, { text: besideDocument });
  // Claude refuses a turn that ends with thoughts (the answer was stopped there).
  if ("reasoningContent" in (content.at(-1) ?? {})) content.push({ text: placeholder });
  return { role: turn.role, content };
}

/** An answer begun by the caller must not end in white space. */
function trimBegun(messages: readonly EncodedMessage[]): void {
  const last = messages.at(-1);
  const block = last?.content.at(-1);
  if (last?.role !== "assistant" || typeof block?.["text"] !== "string") return;
  last.content.splice(-1, 1, { ...block, text: block["text"].trimEnd() });
}

/** Messages that alternate, a user's first where the model wants it so (Claude continues either). */
export function encodeTurns(
  turns: readonly Turn[],
  target: EncodeTarget,
  traits: ModelTraits,
): EncodedMessage[] {
  const encoding = { target, traits, nameDocument: makeDocumentNames() };
  const messages = turns.map((turn) => encodeTurn(turn, encoding));
  const first = messages[0]?.role;
  if (first === undefined || (first === "assistant" && traits.family !== "claude"))
    messages.unshift({ role: "user", content: [{ text: placeholder }] });
  trimBegun(messages);
  return messages;
}
