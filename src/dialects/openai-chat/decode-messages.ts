/** Reads a caller's messages into the instructions before the first turn and the turns themselves. */
import { isObject, type Json, type JsonObject } from "../../core/json-value.ts";
import type {
  AssistantPart,
  Message,
  TextPart,
  ToolCallPart,
  ToolResultPart,
} from "../../wire/conversation.ts";
import { readCarried } from "../carried.ts";
import { refuse } from "../refuse.ts";
import {
  entryOf,
  findList,
  findObject,
  findText,
  type Note,
  noteUnknown,
  requireName,
  requireObject,
} from "../request-members.ts";
import { decodeImages } from "./decode-media.ts";
import {
  decodeAssistantContent,
  decodeResultContent,
  decodeTexts,
  decodeUserContent,
} from "./decode-parts.ts";
import { decodeThoughts } from "./decode-thoughts.ts";
import { decodeToolCalls } from "./decode-tool-calls.ts";

/** What `messages` say. */
export interface History {
  readonly system: readonly TextPart[];
  readonly messages: readonly Message[];
}

/** The history while it is read. */
interface Reading {
  readonly note: Note;
  system: readonly TextPart[];
  readonly messages: Message[];
  /** Tool calls so far, by id; and the latest of each function, by name. */
  readonly calls: Map<string, ToolCallPart>;
  readonly latest: Map<string, ToolCallPart>;
  /** Results of the turn at hand, until somebody else speaks. */
  results: ToolResultPart[] | null;
}

type DecodeMessage = (message: JsonObject, path: string, reading: Reading) => void;

function nameOf(message: JsonObject, path: string, note: Note): { readonly name?: string } {
  const name = findText(message, "name", path);
  if (name === undefined || name === "") return {};
  note("message-name", `${path}.name`);
  return { name };
}

function decodeSystem(message: JsonObject, path: string, reading: Reading): void {
  const { note, messages } = reading;
  const parts = decodeTexts(message["content"], `${path}.content`, note);
  const name = nameOf(message, path, note);
  noteUnknown(message, ["role", "content", "name"], path, note);
  if (messages.length === 0) {
    reading.system = reading.system.concat(parts);
    return;
  }
  note("system-in-conversation", path);
  messages.push({ role: "system", parts, ...name });
}

function decodeUser(message: JsonObject, path: string, { note, messages }: Reading): void {
  const parts = decodeUserContent(message["content"], `${path}.content`, note);
  messages.push({ role: "user", parts, ...nameOf(message, path, note) });
  noteUnknown(message, ["role", "content", "name"], path, note);
}

const assistantMembers = [
  "role",
  "content",
  "name",
  "refusal",
  "audio",
  "images",
  "tool_calls",
  "function_call",
  "reasoning",
  "reasoning_content",
  "reasoning_details",
  "thinking_blocks",
  "extra_content",
  // What a vendor's answer holds beside, sent back as it came: it tells the model nothing.
  "annotations",
  "thought_signature",
  "provider_specific_fields",
];

/** A signature on the text itself, where Google's compatible endpoint puts one. */
function signText(parts: AssistantPart[], message: JsonObject, path: string): AssistantPart[] {
  const google = findObject(
    findObject(message, "extra_content", path) ?? {},
    "google",
    `${path}.extra_content`,
  );
  const signature = google?.["thought_signature"];
  const index = parts.findIndex((part) => part.kind === "text");
  const part = parts[index];
  if (typeof signature !== "string" || part?.kind !== "text") return parts;
  return parts.with(index, { ...part, carried: readCarried(signature, "gemini-content") });
}

function decodeAssistant(message: JsonObject, path: string, reading: Reading): void {
  const { note, messages, calls, latest } = reading;
  const content = decodeAssistantContent(message["content"], `${path}.content`, note);
  const refusal = findText(message, "refusal", path) ?? "";
  const images = findList(message, "images", path) ?? [];
  // Spoken answers are brought back by the vendor's own id alone.
  if (isObject(message["audio"])) note("item-reference", `${path}.audio`);
  const toolCalls = decodeToolCalls(message, path, messages.length);
  const parts: AssistantPart[] = [
    ...decodeThoughts(message, path, note),
    ...signText(content, message, path),
    ...(refusal === "" ? [] : [{ kind: "refusal" as const, text: refusal }]),
    ...decodeImages(images, `${path}.images`, note),
    ...toolCalls,
  ];
  for (const call of toolCalls) {
    if (call.custom === true) note("custom-tools", `${path}.tool_calls`);
    calls.set(call.id, call);
    latest.set(call.name, call);
  }
  messages.push({ role: "assistant", parts, ...nameOf(message, path, note) });
  noteUnknown(message, assistantMembers, path, note);
}

/** Results of one turn go together: several tool messages behind each other are one of ours. */
function pushResult(reading: Reading, part: ToolResultPart): void {
  if (reading.results === null) {
    reading.results = [];
    reading.messages.push({ role: "tool", parts: reading.results });
  }
  reading.results.push(part);
}

function decodeResult(message: JsonObject, path: string, reading: Reading): void {
  const { note, calls } = reading;
  const callId = requireName(message, "tool_call_id", path);
  const call = calls.get(callId);
  pushResult(reading, {
    kind: "tool-result",
    callId,
    name: findText(message, "name", path) ?? call?.name ?? null,
    content: decodeResultContent(message["content"], `${path}.content`, note),
    isError: false,
    ...(call?.custom === true ? { custom: true } : {}),
  });
  noteUnknown(message, ["role", "content", "name", "tool_call_id"], path, note);
}

/** The legacy way: a function's result names the function, the latest call of it is the one answered. */
function decodeFunctionResult(message: JsonObject, path: string, reading: Reading): void {
  const name = requireName(message, "name", path);
  const call = reading.latest.get(name);
  const content = message["content"] ?? "";
  pushResult(reading, {
    kind: "tool-result",
    callId: call?.id ?? `call_${name}`,
    name,
    content: decodeTexts(content, `${path}.content`, reading.note),
    isError: false,
  });
  noteUnknown(message, ["role", "content", "name"], path, reading.note);
}

const decoders: Readonly<Record<string, DecodeMessage>> = {
  system: decodeSystem,
  developer: decodeSystem,
  user: decodeUser,
  assistant: decodeAssistant,
  tool: decodeResult,
  function: decodeFunctionResult,
};

function decodeMessage(value: Json, path: string, reading: Reading): void {
  const message = requireObject(value, path);
  const decode = entryOf(decoders, message["role"]);
  if (decode === undefined)
    throw refuse(`${path}.role`, `must be one of ${Object.keys(decoders).join(", ")}`);
  if (decode !== decodeResult && decode !== decodeFunctionResult) reading.results = null;
  decode(message, path, reading);
}

/** Reads `messages`; throws `invalid_request` where there are none. */
export function decodeMessages(body: JsonObject, note: Note): History {
  const list = findList(body, "messages", "");
  if (list === undefined || list.length === 0)
    throw refuse("messages", "must be a list of at least one message");
  const reading: Reading = {
    note,
    system: [],
    messages: [],
    calls: new Map(),
    latest: new Map(),
    results: null,
  };
  for (const [index, value] of list.entries()) decodeMessage(value, `messages[${index}]`, reading);
  return reading;
}
