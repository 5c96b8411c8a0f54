/**
 * The frames that callers of Responses send over a WebSocket, as bodies of ordinary requests.
 * developers.openai.com/api/docs/guides/websocket-mode, autumn 2026.
 * Promise kept here: what a body says beside the envelope stays the same bytes.
 */
import {
  type ByteEdit,
  type ByteRange,
  type MemberScan,
  memberInsertion,
  readBoolean,
  readString,
  scanMembers,
  splice,
} from "../../core/json.ts";
import { isObject, type Json, type JsonObject } from "../../core/json-value.ts";
import { memberRemovals } from "../member-edits.ts";
import { refuse } from "../refuse.ts";
import { emptyState, renderResponse } from "./response-object.ts";

/** What a caller's frame asks. */
export interface ClientFrame {
  readonly type: string;
  /** The lane that it belongs to; null: the one without a name. */
  readonly streamId: string | null;
  readonly data: Buffer;
  readonly scan: MemberScan;
}

/** A frame that asks for a response. */
export interface CreateFrame extends ClientFrame {
  /** False: the state is prepared, and nothing is generated. */
  readonly generates: boolean;
  readonly previousResponseId: string | null;
  /** Whether the caller wants the response kept. */
  readonly stores: boolean;
}

const names = [
  "type",
  "stream_id",
  "generate",
  "background",
  "stream",
  "store",
  "input",
  "previous_response_id",
  "response_id",
] as const;

function isNull(data: Buffer, range: ByteRange | undefined): boolean {
  return range === undefined || data.toString("latin1", range.start, range.end) === "null";
}

function readFlag(frame: ClientFrame, name: string, otherwise: boolean): boolean {
  const range = frame.scan.members[name];
  if (range === undefined || isNull(frame.data, range)) return otherwise;
  const flag = readBoolean(frame.data, range);
  if (flag === undefined) throw refuse(name, "must be true or false");
  return flag;
}

function readText(frame: ClientFrame, name: string): string | null {
  const range = frame.scan.members[name];
  if (range === undefined || isNull(frame.data, range)) return null;
  const text = readString(frame.data, range);
  if (text === undefined) throw refuse(name, "must be a string");
  return text;
}

/** Throws `invalid_request` for what is no JSON object with a type. */
export function parseFrame(data: Buffer): ClientFrame {
  const scan = scanMembers(data, names);
  const frame = { type: "", streamId: null, data, scan };
  const type = readText(frame, "type");
  if (type === null) throw refuse("type", "must be a string that says what the frame asks");
  const streamId = readText(frame, "stream_id");
  if (streamId !== null && !/^[\w.-]{1,256}$/.test(streamId))
    throw refuse("stream_id", "must be 1 to 256 letters, digits, `_`, `.` or `-`");
  return { ...frame, type, streamId };
}

/** Throws `invalid_request` for what this transport cannot do. */
export function parseCreate(frame: ClientFrame): CreateFrame {
  if (readFlag(frame, "background", false))
    throw refuse("background", "is not supported over a WebSocket");
  return {
    ...frame,
    generates: readFlag(frame, "generate", true),
    previousResponseId: readText(frame, "previous_response_id"),
    stores: readFlag(frame, "store", true),
  };
}

/** The response that a frame is about; null: it names none. */
export function namedResponse(frame: ClientFrame): string | null {
  return readText(frame, "response_id");
}

/** The items of a frame's input as the text between an array's brackets; empty: none. */
export function inputElements({ data, scan }: ClientFrame): Buffer {
  const range = scan.members["input"];
  if (range === undefined || isNull(data, range)) return Buffer.alloc(0);
  const first = data[range.start];
  if (first === 0x5b) return trimmed(data.subarray(range.start + 1, range.end - 1));
  if (first !== 0x22) throw refuse("input", "must be a string or an array of items");
  const text = data.subarray(range.start, range.end);
  const before = Buffer.from('{"type":"message","role":"user","content":');
  return Buffer.concat([before, text, Buffer.from("}")]);
}

function trimmed(bytes: Buffer): Buffer {
  return /\S/.test(bytes.toString("latin1", 0, 64)) ? bytes : Buffer.from(bytes.toString().trim());
}

/** What goes before a frame's own input. */
export interface History {
  /** Items as {@link inputElements} gives them, oldest first. */
  readonly elements: readonly Buffer[];
  /** The response before the oldest of them, which somebody else keeps; null: none. */
  readonly before: string | null;
}

/** The frame as the body of a streamed request; `history` in place of the response that it continues. */
export function bodyOfFrame(frame: CreateFrame, history: History | null): Buffer {
  const cut = ["type", "stream_id", "generate"];
  if (history?.before === null) cut.push("previous_response_id");
  const body = splice(frame.data, memberRemovals(frame.data, cut));
  const scan = scanMembers(body, names);
  const edits: ByteEdit[] = [];
  const inserted: [name: string, value: string][] = [];
  const put = (name: string, value: string | Buffer): void => {
    const range = scan.members[name];
    if (range === undefined) inserted.push([name, value.toString()]);
    else edits.push({ ...range, bytes: value });
  };
  put("stream", "true");
  if (history !== null) {
    if (history.before !== null) put("previous_response_id", JSON.stringify(history.before));
    put("input", arrayOf([...history.elements, inputElements(frame)]));
  }
  return splice(body, [...insertions(scan, inserted), ...edits]);
}

/** Members put in before all others. */
function insertions(
  scan: MemberScan,
  inserted: readonly (readonly [name: string, value: string])[],
): ByteEdit[] {
  const [first, ...others] = inserted;
  if (first === undefined) return [];
  const one = memberInsertion(scan, ...first);
  const before = others.map(([name, value]) => `${JSON.stringify(name)}:${value},`).join("");
  return [{ ...one, bytes: before + String(one.bytes) }];
}

function arrayOf(elements: readonly Buffer[]): Buffer {
  const pieces: Buffer[] = [];
  for (const piece of elements)
    if (piece.length > 0) pieces.push(Buffer.from(pieces.length === 0 ? "[" : ","), piece);
  if (pieces.length === 0) return Buffer.from("[]");
  return Buffer.concat([...pieces, Buffer.from("]")]);
}

/**
 * The items of a response's output that can be sent again where nobody keeps them. Reasoning that only a keeper could
 * find is left out, and then what followed from it loses the ids by which it would be missed.
 */
export function keptElements(response: JsonObject): Buffer {
  const { output } = response;
  const items = Array.isArray(output) ? (output as readonly Json[]).filter(isObject) : [];
  const isBare = (item: JsonObject): boolean =>
    item["type"] === "reasoning" && typeof item["encrypted_content"] !== "string";
  if (!items.some(isBare)) return Buffer.from(items.map((item) => JSON.stringify(item)).join(","));
  const others = items.filter((item) => !isBare(item));
  return Buffer.from(others.map((item) => JSON.stringify(withoutId(item))).join(","));
}

function withoutId(item: JsonObject): JsonObject {
  if (item["type"] === "item_reference") return item;
  const { id: _, ...rest } = item;
  return rest;
}

/** What is told of a frame for which nothing was to be generated: a whole response without output. */
export function renderPrepared(
  frame: CreateFrame,
  told: { readonly responseId: string; readonly model: string; readonly createdAtS: number },
): readonly string[] {
  const context = {
    callId: "",
    replyId: told.responseId,
    model: told.model,
    createdAtS: told.createdAtS,
    request: JSON.parse(frame.data.toString()) as JsonObject,
    usageAsked: true,
    inputTokensEstimate: 0,
  };
  const states = ["in_progress", "completed"] as const;
  const types = ["response.created", "response.completed"] as const;
  return types.map((type, index) => {
    const state = { ...emptyState, status: states[index] ?? "completed" };
    const response = renderResponse(context, state, false);
    const usage = type === "response.created" ? {} : { usage: noTokens };
    return JSON.stringify({ type, sequence_number: index, response: { ...response, ...usage } });
  });
}

const noTokens = {
  input_tokens: 0,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 0,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 0,
} as const;
