/**
 * Writes a history as messages. Promise kept here: no empty text, no stranger's signature, no id that Anthropic
 * refuses, no call without its result.
 */
import type { Json, JsonObject } from "../../core/json-value.ts";
import type {
  AssistantPart,
  Conversation,
  MediaPart,
  MediaSource,
  Message,
  ReasoningPart,
  TextPart,
  ToolResultPart,
  UserPart,
} from "../../wire/conversation.ts";
import { fitToolCallId } from "../call-ids.ts";
import { canRead } from "../carried.ts";
import { type Turn, arrangeTurns } from "../turns.ts";
import type { MutableBlock } from "./cache-marks.ts";
import { encodeMark } from "./cache-marks.ts";
import { encodeCitation } from "./citations.ts";
import { inputOf } from "./cut-json.ts";
import type { ModelTraits } from "./model-traits.ts";

const dialect = "anthropic-messages";

/** A message as it is being written. */
export interface WrittenMessage {
  readonly role: "user" | "assistant" | "system";
  readonly content: MutableBlock[];
}

/** What writing a history needs to know. */
export interface HistoryContext {
  readonly model: string;
  readonly traits: ModelTraits;
}

interface Writing extends HistoryContext {
  /** Parts that were instructions in the middle of the conversation. */
  readonly instructions: ReadonlySet<unknown>;
  /** How often each id of a call has been used; Anthropic wants each once. */
  readonly used: Map<string, number>;
  /** Ids sent for the calls of the turn before, in order, with the ids they have here. */
  calls: (readonly [own: string, sent: string])[];
}

function isBlank(text: string): boolean {
  return text.trim() === "";
}

export function encodeText(part: TextPart): MutableBlock[] {
  if (isBlank(part.text)) return [];
  return [{ type: "text", text: part.text, ...encodeMark(part.cache) }];
}

function isReadable(mediaType: string): boolean {
  return mediaType.startsWith("text/") || /[/+](?:json|xml|yaml)$/u.test(mediaType);
}

/** Text that comes as a file becomes a text source: of other documents the API takes PDFs alone. */
export function encodeSource(source: MediaSource, medium: MediaPart["medium"]): JsonObject {
  switch (source.kind) {
    case "text":
      return { type: "text", media_type: "text/plain", data: source.text };
    case "url":
      return { type: "url", url: source.url };
    case "file":
      return { type: "file", file_id: source.fileId };
    case "data": {
      const { mediaType, data } = source;
      if (medium === "document" && isReadable(mediaType)) {
        const text = Buffer.from(data, "base64").toString();
        return { type: "text", media_type: "text/plain", data: text };
      }
      return { type: "base64", media_type: mediaType, data };
    }
  }
}

function encodeMedia(part: MediaPart): MutableBlock[] {
  const { medium, title, context, citationsAsked } = part;
  if (medium !== "image" && medium !== "document") return [];
  const source = encodeSource(part.source, medium);
  const mark = encodeMark(part.cache);
  if (medium === "image") return [{ type: "image", source, ...mark }];
  const about: Record<string, Json> = {
    ...(title === undefined ? {} : { title }),
    ...(context === undefined ? {} : { context }),
    ...(citationsAsked === true ? { citations: { enabled: true } } : {}),
  };
  return [{ type: "document", source, ...about, ...mark }];
}

function encodeContent(part: TextPart | MediaPart): MutableBlock[] {
  return part.kind === "text" ? encodeText(part) : encodeMedia(part);
}

/** Beside `is_error` Anthropic takes text alone: of a failure that shows something the text tells that it is one. */
function settledFailure(part: ToolResultPart): ToolResultPart {
  if (!part.isError || part.content.every(({ kind }) => kind === "text")) return part;
  return { ...part, isError: false, content: [{ kind: "text", text: "Error:" }, ...part.content] };
}

function encodeResult(given: ToolResultPart, sent: string): MutableBlock {
  const part = settledFailure(given);
  const content = part.content.flatMap(encodeContent);
  return {
    type: "tool_result",
    tool_use_id: sent,
    ...(content.length === 0 ? {} : { content }),
    ...(part.isError ? { is_error: true } : {}),
    ...encodeMark(part.cache),
  };
}

/** Only thoughts that this model can read; vendors that only speak the dialect want their own back unsigned. */
function encodeThought(part: ReasoningPart, { model, traits }: HistoryContext): MutableBlock[] {
  const { carried } = part;
  if (carried === undefined)
    return traits.own || part.text === ""
      ? []
      : [{ type: "thinking", thinking: part.text, signature: "" }];
  if (!canRead(carried, dialect, model)) return [];
  return part.redacted === true
    ? [{ type: "redacted_thinking", data: carried.data }]
    : [{ type: "thinking", thinking: part.text, signature: carried.data }];
}

/** An id that Anthropic takes and that no earlier call has. */
function sentId(id: string, writing: Writing): string {
  const fitted = fitToolCallId(id, /^[a-zA-Z0-9_-]+$/u);
  const times = writing.used.get(fitted) ?? 0;
  writing.used.set(fitted, times + 1);
  return times === 0 ? fitted : `${fitted}_${times + 1}`;
}

function encodeAssistantPart(part: AssistantPart, writing: Writing): MutableBlock[] {
  switch (part.kind) {
    case "text": {
      const cited = part.citations?.filter(({ raw }) => raw?.dialect === dialect) ?? [];
      const blocks = encodeText(part);
      if (cited.length > 0)
        for (const block of blocks) block["citations"] = cited.map(encodeCitation);
      return blocks;
    }
    case "refusal":
      return encodeText({ kind: "text", text: part.text });
    case "reasoning":
      return encodeThought(part, writing);
    case "foreign":
      return part.dialect === dialect ? [{ ...part.value }] : [];
    case "tool-call": {
      const id = sentId(part.id, writing);
      writing.calls.push([part.id, id]);
      const input = part.custom === true ? { input: part.arguments } : inputOf(part.arguments);
      return [{ type: "tool_use", id, name: part.name, input, ...encodeMark(part.cache) }];
    }
    default:
      return [];
  }
}

function encodeUserPart(part: ToolResultPart | UserPart, writing: Writing): MutableBlock[] {
  if (part.kind === "foreign") return part.dialect === dialect ? [{ ...part.value }] : [];
  if (part.kind !== "tool-result") return encodeContent(part);
  // Results come in the order of the calls; calls that share an id are told apart by it.
  const at = writing.calls.findIndex(([own]) => own === part.callId);
  const [call] = at === -1 ? [] : writing.calls.splice(at, 1);
  return [encodeResult(part, call?.[1] ?? part.callId)];
}

function told(blocks: readonly MutableBlock[]): MutableBlock[] {
  return blocks.map((block) => ({
    ...block,
    text: `<system>\n${String(block["text"])}\n</system>`,
  }));
}

/** A user's turn, and behind it the instructions given in it where this model takes them as such. */
function encodeUser(turn: Extract<Turn, { role: "user" }>, writing: Writing): WrittenMessage[] {
  const content: MutableBlock[] = [];
  const instructions: MutableBlock[] = [];
  for (const part of turn.parts) {
    const blocks = encodeUserPart(part, writing);
    if (!writing.instructions.has(part)) content.push(...blocks);
    else if (writing.traits.midSystem) instructions.push(...blocks);
    else content.push(...told(blocks));
  }
  if (content.length === 0) content.push(...told(instructions.splice(0)));
  return [
    ...(content.length === 0 ? [] : [{ role: "user" as const, content }]),
    ...(instructions.length === 0 ? [] : [{ role: "system" as const, content: instructions }]),
  ];
}

function encodeTurn(turn: Turn, writing: Writing): WrittenMessage[] {
  if (turn.role === "user") return encodeUser(turn, writing);
  writing.calls = [];
  const content = turn.parts.flatMap((part) => encodeAssistantPart(part, writing));
  return content.length === 0 ? [] : [{ role: "assistant", content }];
}

/** Where a turn between was empty, its neighbours become one, with their instructions behind it. */
function joined(messages: readonly WrittenMessage[]): WrittenMessage[] {
  const all: WrittenMessage[] = [];
  for (const message of messages) {
    const last = all.at(-1);
    const before = all.at(-2);
    if (last?.role === message.role) last.content.push(...message.content);
    else if (last?.role === "system" && message.role === "user" && before !== undefined)
      before.content.push(...message.content);
    else all.push(message);
  }
  return all;
}

/** Instructions before the first turn, whether told as such or as messages. */
export function leadingSystem(conversation: Conversation): readonly TextPart[] {
  const first = conversation.messages.findIndex(({ role }) => role !== "system");
  const leading = conversation.messages.slice(0, first === -1 ? undefined : first);
  const parts = leading.flatMap((message) => (message.role === "system" ? message.parts : []));
  return [...conversation.system, ...parts];
}

/** Instructions in the middle become parts of the user's turn, so that they come behind results of tools. */
function withoutSystem(messages: readonly Message[], instructions: Set<unknown>): Message[] {
  const first = messages.findIndex(({ role }) => role !== "system");
  return messages.slice(first === -1 ? messages.length : first).map((message) => {
    if (message.role !== "system") return message;
    for (const part of message.parts) instructions.add(part);
    return { role: "user", parts: message.parts };
  });
}

/** The messages of a history: a user's first, and ending with the assistant's only where the model goes on from there. */
export function encodeHistory(
  conversation: Conversation,
  context: HistoryContext,
): WrittenMessage[] {
  const instructions = new Set<unknown>();
  const turns = arrangeTurns(withoutSystem(conversation.messages, instructions));
  const writing: Writing = { ...context, instructions, used: new Map(), calls: [] };
  const messages = joined(turns.flatMap((turn) => encodeTurn(turn, writing)));
  if (messages[0]?.role !== "user")
    messages.unshift({
      role: "user",
      content: [{ type: "text", text: "(The conversation begins.)" }],
    });
  return finish(messages, context.traits);
}

function finish(messages: WrittenMessage[], traits: ModelTraits): WrittenMessage[] {
  const last = messages.at(-1);
  if (last?.role !== "assistant") return messages;
  if (!traits.prefill) {
    messages.push({ role: "user", content: [{ type: "text", text: "Go on." }] });
    return messages;
  }
  // White space at the end of words to go on from is refused.
  const block = last.content.at(-1);
  if (block !== undefined && typeof block["text"] === "string")
    block["text"] = block["text"].trimEnd();
  return messages;
}
