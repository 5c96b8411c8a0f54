/**
 * Reads the events of a stream. Promise kept here: blocks are told as they come, each is closed before its answer
 * ends, and a stream that begins anew in the middle is told as broken, never as one answer.
 */
import { GatewayError } from "../../core/errors.ts";
import { isObject, type JsonObject } from "../../core/json-value.ts";
import type { ReplyEvent } from "../../wire/chat-reply.ts";
import type { Usage } from "../../wire/usage.ts";
import { unsignedSlot } from "../carried.ts";
import type { DecodeEvent, ReadContext } from "../codec.ts";
import { parsePayload } from "../framing.ts";
import { type Fields, fieldsOf, findText, listOf, textOf } from "../loose-fields.ts";
import { decodeCitation } from "./citations.ts";
import { callIdOf, carriedOf, decodeFinish } from "./decode-reply.ts";
import { answerTool } from "./encode-tools.ts";
import { decodeError } from "./errors.ts";
import { decodeServiceTier, decodeUsage } from "./usage.ts";

type Emit = (event: ReplyEvent) => void;

/** A block that is open upstream. */
interface OpenBlock {
  /** Its number here; foreign blocks get theirs when they are told. */
  readonly block: number;
  readonly kind: "text" | "answer" | "thinking" | "tool-call" | "foreign";
  /** What the start told; of foreign blocks, what all told. */
  readonly fields: Record<string, unknown>;
  signature: string;
  /** Arguments that came in fragments. */
  input: string;
}

interface StreamState {
  readonly context: ReadContext;
  readonly open: Map<unknown, OpenBlock>;
  nextBlock: number;
  started: boolean;
  id: string | null;
  calls: boolean;
  finished: boolean;
  done: boolean;
  usage: Usage | null;
  tier: string | null;
}

function nextBlock(state: StreamState): number {
  state.nextBlock += 1;
  return state.nextBlock - 1;
}

/** Counts told anew; the last event of them holds. */
function tellUsage(state: StreamState, value: unknown, emit: Emit): void {
  if (!isObject(value)) return;
  state.tier = decodeServiceTier(value) ?? state.tier;
  state.usage = decodeUsage(value, state.usage);
  if (state.usage === null) return;
  const tier = state.tier === null ? {} : { serviceTier: state.tier };
  emit({ type: "usage", usage: state.usage, ...tier });
}

function onMessageStart(state: StreamState, event: Fields, emit: Emit): void {
  const message = fieldsOf(event["message"]);
  const id = findText(message["id"]);
  if (state.started) {
    // Some proxies repeat the event; another message within the stream is another answer.
    if (id === state.id) return;
    throw new GatewayError("upstream_invalid", "A second message began within the stream");
  }
  state.started = true;
  state.id = id;
  emit({ type: "start", id, model: findText(message["model"]), createdAtS: null });
  tellUsage(state, message["usage"], emit);
  // Calls that a vendor's own tool makes come whole, with the end of the answer.
  for (const block of listOf(message["content"])) {
    onBlockStart(state, { index: "whole", content_block: block }, emit);
    onBlockStop(state, { index: "whole" }, emit);
  }
  tellFinish(state, message, emit);
}

function tellFinish(state: StreamState, fields: Fields, emit: Emit): void {
  if (state.finished || findText(fields["stop_reason"]) === null) return;
  for (const opened of state.open.values()) closeBlock(state, opened, emit);
  state.open.clear();
  state.finished = true;
  emit({ type: "finish", choice: 0, finish: decodeFinish(fields, state.calls) });
}

function kindOf(fields: Fields): OpenBlock["kind"] {
  const { type } = fields;
  if (type === "text" || type === "thinking") return type;
  if (type !== "tool_use") return "foreign";
  return fields["name"] === answerTool ? "answer" : "tool-call";
}

function onBlockStart(state: StreamState, event: Fields, emit: Emit): void {
  const fields = fieldsOf(event["content_block"]);
  if (fields["type"] === "redacted_thinking") return tellRedacted(state, fields, emit);
  const kind = kindOf(fields);
  const block = kind === "foreign" ? -1 : nextBlock(state);
  const opened: OpenBlock = {
    block,
    kind,
    fields: { ...fields },
    signature: textOf(fields["signature"]),
    input: "",
  };
  const earlier = state.open.get(event["index"]);
  if (earlier !== undefined) closeBlock(state, earlier, emit);
  state.open.set(event["index"], opened);
  if (kind === "tool-call") {
    state.calls = true;
    const id = callIdOf(fields, state.context, block);
    emit({ type: "block", choice: 0, block, start: { kind, id, name: textOf(fields["name"]) } });
  } else if (kind === "thinking")
    emit({ type: "block", choice: 0, block, start: { kind: "reasoning" } });
  else if (kind !== "foreign") emit({ type: "block", choice: 0, block, start: { kind: "text" } });
  tellText(opened, textOf(fields[kind]), emit);
}

function tellRedacted(state: StreamState, fields: Fields, emit: Emit): void {
  const block = nextBlock(state);
  emit({ type: "block", choice: 0, block, start: { kind: "reasoning", redacted: true } });
  emit({ type: "carried", block, carried: carriedOf(textOf(fields["data"]), state.context) });
  emit({ type: "block-end", block });
}

function tellText({ block, kind }: OpenBlock, text: string, emit: Emit): void {
  if (text !== "" && kind !== "foreign") emit({ type: "delta", block, text });
}

/** Joins what a delta tells to a block that is handed on whole. */
function gather(opened: OpenBlock, delta: Fields): void {
  for (const [name, value] of Object.entries(delta)) {
    if (name === "type") continue;
    const before = opened.fields[name];
    const joins = typeof before === "string" && typeof value === "string";
    opened.fields[name] = joins ? before + value : value;
  }
}

function onBlockDelta(state: StreamState, event: Fields, emit: Emit): void {
  const opened = state.open.get(event["index"]);
  if (opened === undefined) return;
  const delta = fieldsOf(event["delta"]);
  switch (delta["type"]) {
    case "text_delta":
      return tellText(opened, textOf(delta["text"]), emit);
    case "thinking_delta":
      return tellText(opened, textOf(delta["thinking"]), emit);
    case "signature_delta":
      opened.signature = textOf(delta["signature"]);
      return;
    case "input_json_delta":
      opened.input += textOf(delta["partial_json"]);
      return tellText(opened, textOf(delta["partial_json"]), emit);
    case "citations_delta":
      if (isObject(delta["citation"]) && opened.kind === "text") {
        const citation = decodeCitation(delta["citation"] as JsonObject);
        emit({ type: "citation", block: opened.block, citation });
      }
      return;
    default:
      if (opened.kind === "foreign") gather(opened, delta);
  }
}

function parseInput(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** What only this dialect knows comes whole. */
function tellForeign(state: StreamState, value: JsonObject, emit: Emit): void {
  const block = nextBlock(state);
  const part = { kind: "foreign", dialect: "anthropic-messages", value } as const;
  emit({ type: "block", choice: 0, block, start: { kind: "part", part } });
  emit({ type: "block-end", block });
}

function closeBlock(state: StreamState, opened: OpenBlock, emit: Emit): void {
  const { block, kind, fields, signature, input } = opened;
  if (kind === "foreign") {
    const value = input === "" ? fields : { ...fields, input: parseInput(input) };
    return tellForeign(state, value as JsonObject, emit);
  }
  // No fragments: there are no arguments, or the start has told them.
  const isCall = kind === "tool-call" || kind === "answer";
  if (isCall && input === "") tellText(opened, JSON.stringify(fields["input"] ?? {}), emit);
  if (kind === "thinking" && signature !== "" && signature !== unsignedSlot)
    emit({ type: "carried", block, carried: carriedOf(signature, state.context) });
  emit({ type: "block-end", block });
}

function onBlockStop(state: StreamState, event: Fields, emit: Emit): void {
  const opened = state.open.get(event["index"]);
  if (opened === undefined) return;
  state.open.delete(event["index"]);
  closeBlock(state, opened, emit);
}

function onMessageDelta(state: StreamState, event: Fields, emit: Emit): void {
  tellFinish(state, fieldsOf(event["delta"]), emit);
  tellUsage(state, event["usage"], emit);
}

function onMessageStop(state: StreamState, _event: Fields, emit: Emit): void {
  if (!state.done) emit({ type: "done" });
  state.done = true;
}

function onError(_state: StreamState, event: Fields, emit: Emit): void {
  emit({ type: "error", error: decodeError(JSON.stringify(event)) });
}

type Handler = (state: StreamState, event: Fields, emit: Emit) => void;

const handlers: Readonly<Record<string, Handler>> = {
  message_start: onMessageStart,
  content_block_start: onBlockStart,
  content_block_delta: onBlockDelta,
  content_block_stop: onBlockStop,
  message_delta: onMessageDelta,
  message_stop: onMessageStop,
  error: onError,
};

/** A reader for one stream. */
export function makeEventDecoder(context: ReadContext): DecodeEvent {
  const state: StreamState = {
    context,
    open: new Map(),
    nextBlock: 0,
    started: false,
    id: null,
    calls: false,
    finished: false,
    done: false,
    usage: null,
    tier: null,
  };
  return ({ name, payload }, emit) => {
    if (payload.trim() === "[DONE]") return onMessageStop(state, {}, emit);
    if (name === "error") return emit({ type: "error", error: decodeError(payload) });
    const event = parsePayload(payload);
    const type = textOf(event["type"]);
    if (Object.hasOwn(handlers, type)) handlers[type]?.(state, event, emit);
    else if (isObject(event["error"])) onError(state, event, emit);
  };
}
