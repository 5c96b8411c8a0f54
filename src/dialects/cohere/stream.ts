/**
 * Reads the events of Cohere's streamed chat. Promise kept here: a text stays open until something else begins, as its
 * citations may come behind its end, and calls without arguments still have an object.
 */
import { lookUp } from "../../core/look-up.ts";
import type { BlockStart, ReplyEvent } from "../../wire/chat-reply.ts";
import { mintToolCallId } from "../call-ids.ts";
import type { DecodeEvent, ReadContext } from "../codec.ts";
import { parsePayload } from "../framing.ts";
import { type Fields, fieldsOf, findText, textOf } from "../loose-fields.ts";
import {
  isFailure,
  markThoughts,
  readCitations,
  readFinish,
  readLogprobs,
  readUsage,
  type ThoughtPlace,
} from "./words.ts";

type Emit = (event: ReplyEvent) => void;

interface OpenBlock {
  readonly kind: "text" | ThoughtPlace | "tool-call";
  readonly block: number;
  /** Its end has come; only citations may still follow. */
  ended: boolean;
  /** Text so far, by which places of citations are counted. */
  text: string;
  /** Arguments that may still turn out to be `null`; undefined once they cannot. */
  doubtful: string | undefined;
}

interface StreamState {
  readonly context: ReadContext;
  open: OpenBlock | undefined;
  started: boolean;
  nextBlock: number;
  calls: number;
}

type Handler = (fields: Fields, state: StreamState, emit: Emit) => void;

function messageOf(fields: Fields): Fields {
  return fieldsOf(fieldsOf(fields["delta"])["message"]);
}

function start(id: string | null, state: StreamState, emit: Emit): void {
  if (state.started) return;
  state.started = true;
  emit({ type: "start", id, model: null, createdAtS: null });
}

function close(state: StreamState, emit: Emit): void {
  const { open } = state;
  if (open === undefined) return;
  state.open = undefined;
  const { block, kind } = open;
  if (kind === "tool-call" && open.doubtful !== undefined)
    emit({ type: "delta", block, text: "{}" });
  if (kind === "thinking" || kind === "tool_plan")
    emit({ type: "carried", block, carried: markThoughts(kind, state.context.model) });
  emit({ type: "block-end", block });
}

function begin(
  kind: OpenBlock["kind"],
  blockStart: BlockStart,
  state: StreamState,
  emit: Emit,
): OpenBlock {
  close(state, emit);
  const doubtful = kind === "tool-call" ? "" : undefined;
  const open: OpenBlock = { kind, block: state.nextBlock, ended: false, text: "", doubtful };
  state.nextBlock += 1;
  state.open = open;
  emit({ type: "block", choice: 0, block: open.block, start: blockStart });
  return open;
}

function tell(kind: "text" | ThoughtPlace, text: string, state: StreamState, emit: Emit): void {
  if (text === "") return;
  const blockStart: BlockStart = kind === "text" ? { kind } : { kind: "reasoning" };
  const goesOn = state.open?.kind === kind && !state.open.ended;
  const open =
    goesOn && state.open !== undefined ? state.open : begin(kind, blockStart, state, emit);
  if (kind === "text") open.text += text;
  emit({ type: "delta", block: open.block, text });
}

function tellArguments(open: OpenBlock, fragment: string, emit: Emit): void {
  if (fragment === "") return;
  const text = (open.doubtful ?? "") + fragment;
  if (open.doubtful !== undefined && "null".startsWith(text.trim())) {
    open.doubtful = text;
    return;
  }
  open.doubtful = undefined;
  emit({ type: "delta", block: open.block, text });
}

const onContent: Handler = (fields, state, emit) => {
  const { text, thinking } = fieldsOf(messageOf(fields)["content"]);
  tell("thinking", textOf(thinking), state, emit);
  tell("text", textOf(text), state, emit);
  const tokens = readLogprobs(fields["logprobs"]);
  if (tokens.length > 0) emit({ type: "logprobs", choice: 0, tokens });
};

const onToolStart: Handler = (fields, state, emit) => {
  const call = fieldsOf(messageOf(fields)["tool_calls"]);
  const told = fieldsOf(call["function"]);
  const id = findText(call["id"]) ?? mintToolCallId(state.context.callId, state.calls);
  state.calls += 1;
  const name = textOf(told["name"]);
  const open = begin("tool-call", { kind: "tool-call", id, name }, state, emit);
  tellArguments(open, textOf(told["arguments"]), emit);
};

const onToolDelta: Handler = (fields, state, emit) => {
  const call = fieldsOf(messageOf(fields)["tool_calls"]);
  const fragment = textOf(fieldsOf(call["function"])["arguments"]);
  if (state.open?.kind === "tool-call") tellArguments(state.open, fragment, emit);
};

const onCitation: Handler = (fields, state, emit) => {
  const { open } = state;
  if (open?.kind !== "text") return;
  for (const citation of readCitations(messageOf(fields)["citations"], open.text))
    emit({ type: "citation", block: open.block, citation });
};

const onEnd: Handler = (fields, state, emit) => {
  const delta = fieldsOf(fields["delta"]);
  const reason = delta["finish_reason"];
  const message = findText(delta["error"]);
  if (message !== null || isFailure(reason)) {
    const told = message ?? "The upstream failed to answer";
    const error = { message: told, type: findText(reason), code: null, status: null };
    return emit({ type: "error", error });
  }
  close(state, emit);
  emit({ type: "finish", choice: 0, finish: readFinish(reason) });
  const usage = readUsage(delta["usage"]);
  if (usage !== null) emit({ type: "usage", usage });
  emit({ type: "done" });
};

const handlers: Readonly<Record<string, Handler>> = {
  "message-start": () => undefined,
  "content-start": onContent,
  "content-delta": onContent,
  "content-end": (_fields, state) => {
    if (state.open !== undefined) state.open.ended = true;
  },
  "tool-plan-delta": (fields, state, emit) =>
    tell("tool_plan", textOf(messageOf(fields)["tool_plan"]), state, emit),
  "tool-call-start": onToolStart,
  "tool-call-delta": onToolDelta,
  "tool-call-end": (_fields, state, emit) => close(state, emit),
  "citation-start": onCitation,
  "message-end": onEnd,
};

/** A reader of one stream; see codec.ts. `message-end` is the terminator. */
export function makeEventDecoder(context: ReadContext): DecodeEvent {
  const state: StreamState = { context, open: undefined, started: false, nextBlock: 0, calls: 0 };
  return (event, emit) => {
    if (event.payload === "[DONE]") return;
    const fields = parsePayload(event.payload);
    const type = textOf(fields["type"]) || (event.name ?? "");
    const handler = lookUp(handlers, type);
    if (handler !== undefined) {
      start(findText(fields["id"]), state, emit);
      return handler(fields, state, emit);
    }
    const message = findText(fields["message"]);
    if (message === null) return;
    emit({ type: "error", error: { message, type: findText(type), code: null, status: null } });
  };
}
