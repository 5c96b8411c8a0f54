/**
 * Reads the turns of a Messages request. Promise kept here: what only Anthropic knows is kept as it stands and named,
 * so that a target which cannot have it says so.
 */
import { isObject, type Json, type JsonObject } from "../../core/json-value.ts";
import type {
  AssistantPart,
  Carried,
  Citation,
  MediaPart,
  Message,
  ReasoningPart,
  TextPart,
  ToolCallPart,
  ToolResultPart,
  UserPart,
} from "../../wire/conversation.ts";
import { readCarried, unpackForCall, unsignedSlot } from "../carried.ts";
import { refuse } from "../refuse.ts";
import {
  findBoolean,
  findText,
  isUnset,
  type Note,
  requireList,
  requireName,
  requireObject,
  requireText,
} from "../request-members.ts";
import { decodeCitation } from "./citations.ts";
import {
  decodeDocument,
  decodeImage,
  decodeInstructions,
  decodeMark,
  decodeSearchResult,
  decodeText,
} from "./decode-content.ts";

/** What is remembered while the turns are read. */
interface Reading {
  readonly note: Note;
  /** Names of the tools called so far, by the call's id. */
  readonly names: Map<string, string>;
}

interface Block {
  readonly type: string;
  readonly fields: JsonObject;
  readonly path: string;
}

function decodeBlocks(content: Json | undefined, path: string): Block[] {
  if (typeof content === "string")
    return content === "" ? [] : [{ type: "text", fields: { text: content }, path }];
  return requireList(content, path).map((item, index) => {
    const field = `${path}[${index}]`;
    const fields = requireObject(item, field);
    return { type: requireText(fields, "type", field), fields, path: field };
  });
}

function foreign({ fields, path }: Block, { note }: Reading) {
  note("foreign-content", path);
  return { kind: "foreign", dialect: "anthropic-messages", value: fields } as const;
}

type ResultContent = TextPart | MediaPart;

/** One block of a tool's result. */
function decodeResultBlock({ type, fields, path }: Block, note: Note): ResultContent[] {
  if (type === "text") return [decodeText(fields, path, note)];
  if (type === "search_result") return [decodeSearchResult(fields, path, note)];
  if (type === "tool_reference")
    return [
      { kind: "text", text: `Tool ${requireText(fields, "tool_name", path)} can be called now.` },
    ];
  if (type !== "image" && type !== "document") {
    note("foreign-content", path);
    return [];
  }
  note("tool-result-media", path);
  return type === "image" ? [decodeImage(fields, path, note)] : decodeDocument(fields, path, note);
}

function decodeResult({ fields, path }: Block, { note, names }: Reading): ToolResultPart {
  const callId = requireName(fields, "tool_use_id", path);
  const isError = findBoolean(fields, "is_error", path) === true;
  if (isError) note("tool-result-error", `${path}.is_error`);
  const { content } = fields;
  const blocks = isUnset(content) ? [] : decodeBlocks(content, `${path}.content`);
  return {
    kind: "tool-result",
    callId,
    name: names.get(callId) ?? null,
    content: blocks.flatMap((block) => decodeResultBlock(block, note)),
    isError,
    ...decodeMark(fields, path, note),
  };
}

function decodeUserBlock(block: Block, reading: Reading): UserPart[] {
  const { type, fields, path } = block;
  if (type === "text") return [decodeText(fields, path, reading.note)];
  if (type === "image") return [decodeImage(fields, path, reading.note)];
  if (type === "document") return decodeDocument(fields, path, reading.note);
  if (type === "search_result") return [decodeSearchResult(fields, path, reading.note)];
  return [foreign(block, reading)];
}

/** A user's message: the results of tools in a message of their own, before all else the user says. */
function decodeUser(blocks: readonly Block[], reading: Reading): Message[] {
  const results = blocks
    .filter(({ type }) => type === "tool_result")
    .map((block) => decodeResult(block, reading));
  const parts = blocks
    .filter(({ type }) => type !== "tool_result")
    .flatMap((block) => decodeUserBlock(block, reading));
  return [
    ...(results.length === 0 ? [] : [{ role: "tool" as const, parts: results }]),
    ...(parts.length === 0 ? [] : [{ role: "user" as const, parts }]),
  ];
}

function decodeCitations(fields: JsonObject): { readonly citations?: readonly Citation[] } {
  const { citations } = fields;
  if (!Array.isArray(citations) || citations.length === 0) return {};
  return { citations: citations.filter(isObject).map(decodeCitation) };
}

function decodeCall({ fields, path }: Block, { note, names }: Reading): ToolCallPart {
  const id = requireName(fields, "id", path);
  const name = requireName(fields, "name", path);
  const { input } = fields;
  if (!isUnset(input)) requireObject(input, `${path}.input`);
  names.set(id, name);
  const text = JSON.stringify(input ?? {});
  return { kind: "tool-call", id, name, arguments: text, ...decodeMark(fields, path, note) };
}

function decodeThought({ type, fields, path }: Block, { note }: Reading): ReasoningPart {
  note("reasoning-history", path);
  if (type === "redacted_thinking") {
    const carried = readCarried(requireName(fields, "data", path), "anthropic-messages");
    return { kind: "reasoning", text: "", redacted: true, carried };
  }
  const text = requireText(fields, "thinking", path);
  const signature = findText(fields, "signature", path) ?? "";
  if (signature === "" || signature === unsignedSlot) return { kind: "reasoning", text };
  return { kind: "reasoning", text, carried: readCarried(signature, "anthropic-messages") };
}

function decodeAssistantBlock(block: Block, reading: Reading): AssistantPart {
  const { type, fields, path } = block;
  if (type === "text")
    return { ...decodeText(fields, path, reading.note), ...decodeCitations(fields) };
  if (type === "thinking" || type === "redacted_thinking") return decodeThought(block, reading);
  return type === "tool_use" ? decodeCall(block, reading) : foreign(block, reading);
}

function decodeAssistant(blocks: readonly Block[], reading: Reading): Message[] {
  const carried = new Map<string, Carried>();
  const parts: AssistantPart[] = [];
  for (const block of blocks) {
    const { signature } = block.fields;
    const ofCall = typeof signature === "string" ? unpackForCall(signature) : undefined;
    if (ofCall === undefined) parts.push(decodeAssistantBlock(block, reading));
    else carried.set(ofCall.callId, ofCall.carried);
  }
  if (parts.length === 0) return [];
  return [{ role: "assistant", parts: carried.size === 0 ? parts : withCarried(parts, carried) }];
}

/** Gives calls back what our encoder had put into a thought beside them. */
function withCarried(parts: readonly AssistantPart[], carried: ReadonlyMap<string, Carried>) {
  return parts.map((part) => {
    const own = part.kind === "tool-call" ? carried.get(part.id) : undefined;
    return own === undefined ? part : { ...part, carried: own };
  });
}

function decodeMessage(value: Json, path: string, reading: Reading): Message[] {
  const message = requireObject(value, path);
  const { role, content } = message;
  const field = `${path}.content`;
  if (role === "system") {
    reading.note("system-in-conversation", path);
    const parts = decodeInstructions(content, field, reading.note);
    return parts.length === 0 ? [] : [{ role, parts }];
  }
  if (role !== "user" && role !== "assistant")
    throw refuse(`${path}.role`, 'must be "user", "assistant" or "system"');
  const blocks = decodeBlocks(content, field);
  return role === "user" ? decodeUser(blocks, reading) : decodeAssistant(blocks, reading);
}

/** The turns of a request; empty messages are left out. */
export function decodeMessages(body: JsonObject, note: Note): Message[] {
  const list = requireList(body["messages"], "messages");
  const reading: Reading = { note, names: new Map() };
  const messages = list.flatMap((value, index) =>
    decodeMessage(value, `messages[${index}]`, reading),
  );
  if (messages.length === 0)
    throw refuse("messages", "must hold at least one message with content");
  return messages;
}
