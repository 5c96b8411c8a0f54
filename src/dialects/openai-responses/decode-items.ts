/**
 * Reads the items of a caller's input into messages: what an assistant did in one turn becomes one message.
 * Promise kept here: items that only OpenAI's own servers can read are told as such, never taken for text.
 */
import type { Json, JsonObject } from "../../core/json-value.ts";
import type {
  AssistantPart,
  Carried,
  Message,
  TextPart,
  ToolResultPart,
  UserPart,
} from "../../wire/conversation.ts";
import { unsignedSlot } from "../carried.ts";
import { refuse } from "../refuse.ts";
import { carryNative, dialectId, readSlot } from "./carried-slot.ts";
import { type Note, decodeInput, decodeSaid } from "./decode-content.ts";
import { asObject, optionalArray, optionalString, requiredString } from "./fields.ts";
import { flatName } from "./tool-names.ts";

/** A message while its parts come in. */
type Building =
  | { readonly role: "system"; readonly parts: TextPart[] }
  | { readonly role: "user"; readonly parts: UserPart[] }
  | { readonly role: "assistant"; readonly parts: AssistantPart[] }
  | { readonly role: "tool"; readonly parts: ToolResultPart[] };

/** A history while it is read. */
interface History {
  readonly system: TextPart[];
  readonly messages: Building[];
  readonly note: Note;
  /** Names of the calls so far, by call id. */
  readonly names: Map<string, string>;
}

type ReadItem = (history: History, item: JsonObject, path: string) => void;

function addSaid(history: History, parts: readonly AssistantPart[]): void {
  const last = history.messages.at(-1);
  if (last?.role === "assistant") last.parts.push(...parts);
  else history.messages.push({ role: "assistant", parts: [...parts] });
}

function addResult(history: History, part: ToolResultPart): void {
  const last = history.messages.at(-1);
  if (last?.role === "tool") last.parts.push(part);
  else history.messages.push({ role: "tool", parts: [part] });
}

function readSystem(history: History, item: JsonObject, path: string): void {
  const parts = decodeInput(item["content"], `${path}.content`, history.note);
  const texts = parts.map((part, index) => {
    if (part.kind === "text") return part;
    throw refuse(`${path}.content[${index}]`, "must be text in system and developer messages");
  });
  if (history.messages.length === 0) return void history.system.push(...texts);
  history.note("system-in-conversation", path);
  history.messages.push({ role: "system", parts: texts });
}

function readMessage(history: History, item: JsonObject, path: string): void {
  const content = item["content"];
  switch (item["role"]) {
    case "user": {
      const parts: UserPart[] = decodeInput(content, `${path}.content`, history.note);
      return void history.messages.push({ role: "user", parts });
    }
    case "assistant":
      return addSaid(history, decodeSaid(content, `${path}.content`, history.note));
    case "system":
    case "developer":
      return readSystem(history, item, path);
    default:
      throw refuse(`${path}.role`, "must be user, assistant, system or developer");
  }
}

function readCall(history: History, item: JsonObject, path: string): void {
  const custom = item["type"] === "custom_tool_call";
  const id = requiredString(item, "call_id", path);
  const told = requiredString(item, "name", path);
  const name = flatName(optionalString(item, "namespace", path), told);
  const text = optionalString(item, custom ? "input" : "arguments", path) ?? "";
  if (custom) history.note("custom-tools", path);
  history.names.set(id, name);
  const input = text === "" && !custom ? "{}" : text;
  addSaid(history, [
    { kind: "tool-call", id, name, arguments: input, ...(custom ? { custom } : {}) },
  ]);
}

function readResult(history: History, item: JsonObject, path: string): void {
  const custom = item["type"] === "custom_tool_call_output";
  const callId = requiredString(item, "call_id", path);
  const content = decodeInput(item["output"] ?? "", `${path}.output`, history.note);
  if (content.some(({ kind }) => kind === "media"))
    history.note("tool-result-media", `${path}.output`);
  const told = optionalString(item, "name", path);
  const name = told === null ? null : flatName(optionalString(item, "namespace", path), told);
  addResult(history, {
    kind: "tool-result",
    callId,
    name: history.names.get(callId) ?? name,
    content,
    isError: false,
    ...(custom ? { custom } : {}),
  });
}

function textsOf(item: JsonObject, name: string, path: string): string[] {
  const parts = optionalArray(item, name, path) ?? [];
  return parts.map((part, index) => {
    const here = `${path}.${name}[${index}]`;
    return optionalString(asObject(part, here), "text", here) ?? "";
  });
}

/** Puts what was carried onto the last part that an assistant said. */
function carryOnto(history: History, carried: Carried): void {
  const last = history.messages.at(-1);
  const part = last?.role === "assistant" ? last.parts.at(-1) : undefined;
  if (last?.role !== "assistant") return;
  if (part?.kind === "tool-call" || part?.kind === "text" || part?.kind === "media")
    last.parts[last.parts.length - 1] = { ...part, carried };
}

function readReasoning(history: History, item: JsonObject, path: string): void {
  const id = optionalString(item, "id", path) ?? "";
  const encrypted = optionalString(item, "encrypted_content", path);
  const content = textsOf(item, "content", path);
  const text = (content.length > 0 ? content : textsOf(item, "summary", path)).join("\n\n");
  const isSigned = encrypted !== null && encrypted !== "" && encrypted !== unsignedSlot;
  const slot = isSigned ? readSlot(id, encrypted) : undefined;
  // Vendors that do not encrypt their thoughts want the raw text back.
  const raw = content.length > 0 ? carryNative({ id, encrypted: null }, null) : undefined;
  const carried = slot?.carried ?? raw;
  if (slot?.ofPrevious === true) return carryOnto(history, slot.carried);
  history.note("reasoning-history", path);
  const part: AssistantPart = {
    kind: "reasoning",
    text,
    ...(carried === undefined ? {} : { carried }),
    ...(slot?.redacted === true ? { redacted: true } : {}),
  };
  addSaid(history, [part]);
}

function readForeign(history: History, item: JsonObject): void {
  addSaid(history, [{ kind: "foreign", dialect: dialectId, value: item }]);
}

/** Traces of the vendor's own tools that say nothing which the answer behind them does not. */
const readTrace: ReadItem = (history, item, path) => {
  history.note("server-tool-trace", path);
  readForeign(history, item);
};

const readServerItem: ReadItem = (history, item, path) => {
  history.note("foreign-content", path);
  readForeign(history, item);
};

const readReference: ReadItem = (history, item, path) => {
  history.note("item-reference", path);
  readForeign(history, item);
};

const readers: Readonly<Record<string, ReadItem>> = {
  message: readMessage,
  function_call: readCall,
  custom_tool_call: readCall,
  function_call_output: readResult,
  custom_tool_call_output: readResult,
  reasoning: readReasoning,
  item_reference: readReference,
  web_search_call: readTrace,
  tool_search_call: readTrace,
  tool_search_output: readTrace,
  additional_tools: readTrace,
  mcp_list_tools: readTrace,
};

function readItem(history: History, value: Json, path: string): void {
  const item = asObject(value, path);
  const type = item["type"] ?? (item["role"] === undefined ? "item_reference" : "message");
  if (typeof type !== "string") throw refuse(`${path}.type`, "must be a string");
  if (item["type"] == null && item["role"] === undefined && item["id"] === undefined)
    throw refuse(path, "must have a type, or a role and content");
  const read = Object.hasOwn(readers, type) ? readers[type] : undefined;
  (read ?? readServerItem)(history, item, path);
}

/** The instructions before the first turn, and all turns. */
export function decodeItems(
  input: Json,
  note: Note,
): { readonly system: readonly TextPart[]; readonly messages: readonly Message[] } {
  const history: History = { system: [], messages: [], note, names: new Map() };
  if (typeof input === "string")
    history.messages.push({ role: "user", parts: [{ kind: "text", text: input }] });
  else if (Array.isArray(input))
    for (const [index, item] of (input as readonly Json[]).entries())
      readItem(history, item, `input[${index}]`);
  else throw refuse("input", "must be a string or an array of items");
  return history;
}
