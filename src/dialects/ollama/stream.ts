/** Reads the lines of Ollama's streamed chat. Promise kept here: thoughts, text and calls each have blocks of their own. */
import type { ReplyEvent } from "../../wire/chat-reply.ts";
import type { DecodeEvent, ReadContext } from "../codec.ts";
import { parsePayload } from "../framing.ts";
import { type Fields, fieldsOf, findCount, findText, listOf, textOf } from "../loose-fields.ts";
import { markThoughts, readCall, readFinish, readTime, readUsage } from "./decode.ts";

type Emit = (event: ReplyEvent) => void;

interface StreamState {
  readonly context: ReadContext;
  open: { readonly kind: "text" | "reasoning"; readonly block: number } | undefined;
  started: boolean;
  nextBlock: number;
  calls: number;
}

function close(state: StreamState, emit: Emit): void {
  const { open } = state;
  if (open === undefined) return;
  state.open = undefined;
  const { block } = open;
  if (open.kind === "reasoning")
    emit({ type: "carried", block, carried: markThoughts(state.context.model) });
  emit({ type: "block-end", block });
}

function tell(kind: "text" | "reasoning", text: string, state: StreamState, emit: Emit): void {
  if (text === "") return;
  if (state.open?.kind !== kind) {
    close(state, emit);
    state.open = { kind, block: state.nextBlock };
    state.nextBlock += 1;
    emit({ type: "block", choice: 0, block: state.open.block, start: { kind } });
  }
  emit({ type: "delta", block: state.open.block, text });
}

/** Calls come whole. */
function tellCall(value: unknown, state: StreamState, emit: Emit): void {
  const call = readCall(value, state.calls, state.context.callId);
  if (call === undefined) return;
  close(state, emit);
  const block = state.nextBlock;
  state.nextBlock += 1;
  state.calls += 1;
  const { id, name } = call;
  emit({ type: "block", choice: 0, block, start: { kind: "tool-call", id, name } });
  emit({ type: "delta", block, text: call.arguments });
  emit({ type: "block-end", block });
}

function start(fields: Fields, state: StreamState, emit: Emit): void {
  if (state.started) return;
  state.started = true;
  const createdAtS = readTime(fields["created_at"]);
  emit({ type: "start", id: null, model: findText(fields["model"]), createdAtS });
}

function finish(fields: Fields, state: StreamState, emit: Emit): void {
  close(state, emit);
  const told = readFinish(fields["done_reason"], state.calls > 0);
  emit({ type: "finish", choice: 0, finish: told });
  const usage = readUsage(fields);
  if (usage !== null) emit({ type: "usage", usage });
}

/** A reader of one stream; see codec.ts. The end of the body is the terminator, so it tells no `done`. */
export function makeEventDecoder(context: ReadContext): DecodeEvent {
  const state: StreamState = { context, open: undefined, started: false, nextBlock: 0, calls: 0 };
  return (event, emit) => {
    const fields = parsePayload(event.payload);
    const message = findText(fields["error"]);
    if (message !== null) {
      const status = findCount(fields["status_code"]) ?? null;
      return emit({ type: "error", error: { message, type: null, code: null, status } });
    }
    start(fields, state, emit);
    const told = fieldsOf(fields["message"]);
    tell("reasoning", textOf(told["thinking"]), state, emit);
    tell("text", textOf(told["content"]), state, emit);
    for (const call of listOf(told["tool_calls"])) tellCall(call, state, emit);
    if (fields["done"] === true) finish(fields, state, emit);
  };
}
