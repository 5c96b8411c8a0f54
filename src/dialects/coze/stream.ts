/**
 * Coze's streams in our own shape. Promise kept here: what the bot says to itself (calls of its own tools, questions it
 * suggests) is not told as its answer.
 */
import { GatewayError } from "../../core/errors.ts";
import { isObject } from "../../core/json-value.ts";
import type { ReplyEvent } from "../../wire/chat-reply.ts";
import type { Usage } from "../../wire/usage.ts";
import type { DecodeEvent } from "../codec.ts";
import { type Fields, fieldsOf, findCount, findText, textOf } from "../loose-fields.ts";
import { makeUsage } from "../make-usage.ts";
import { makeUsageReader } from "../usage-number.ts";
import { readError } from "./errors.ts";

/** The blocks of one message of the bot; null: not opened. */
interface Answer {
  reasoning: number | null;
  text: number | null;
}

interface StreamState {
  started: boolean;
  ended: boolean;
  blocks: number;
  readonly open: Map<string, Answer>;
  /** Messages that were told to their end. */
  readonly closed: string[];
  emit: (event: ReplyEvent) => void;
}

function start(state: StreamState, chat: Fields): void {
  if (state.started) return;
  state.started = true;
  const { emit } = state;
  emit({
    type: "start",
    id: findText(chat["id"]) ?? findText(chat["chat_id"]),
    model: findText(chat["bot_id"]),
    createdAtS: findCount(chat["created_at"]) ?? null,
  });
}

function tell(state: StreamState, answer: Answer, kind: "reasoning" | "text", text: string): void {
  if (text === "") return;
  let block = answer[kind];
  if (block === null) {
    block = state.blocks;
    state.blocks += 1;
    answer[kind] = block;
    state.emit({ type: "block", choice: 0, block, start: { kind } });
  }
  state.emit({ type: "delta", block, text });
}

function close(state: StreamState, id: string): void {
  const answer = state.open.get(id);
  state.open.delete(id);
  state.closed.push(id);
  for (const block of [answer?.reasoning, answer?.text])
    if (block != null) state.emit({ type: "block-end", block });
}

function onDelta(state: StreamState, message: Fields): void {
  if (message["type"] !== "answer" || message["content_type"] === "audio") return;
  const id = textOf(message["id"]);
  if (state.closed.includes(id)) return;
  start(state, message);
  const answer = state.open.get(id) ?? { reasoning: null, text: null };
  state.open.set(id, answer);
  tell(state, answer, "reasoning", textOf(message["reasoning_content"]));
  tell(state, answer, "text", textOf(message["content"]));
}

/** Repeats the whole message: told only where no piece of it was. */
function onMessage(state: StreamState, message: Fields): void {
  if (message["type"] !== "answer") return;
  const id = textOf(message["id"]);
  if (!state.open.has(id)) onDelta(state, message);
  if (state.open.has(id)) close(state, id);
}

function fail(state: StreamState, event: Extract<ReplyEvent, { type: "error" }>): void {
  state.ended = true;
  state.emit(event);
}

/** Null where nothing was counted. */
function readUsage(value: unknown): Usage | null {
  const fields = fieldsOf(value);
  const reader = makeUsageReader();
  const input = reader.count(fields, "input_count");
  return makeUsage({ input, output: reader.count(fields, "output_count"), raw: value }, reader);
}

function onCompleted(state: StreamState, chat: Fields): void {
  start(state, chat);
  for (const id of state.open.keys()) close(state, id);
  const finish = { reason: "stop", stopSequence: null, raw: findText(chat["status"]) } as const;
  state.emit({ type: "finish", choice: 0, finish });
  const usage = readUsage(chat["usage"]);
  if (usage !== null) state.emit({ type: "usage", usage });
}

function onFailed(state: StreamState, chat: Fields): void {
  const error = readError(chat["last_error"], "The bot failed");
  fail(state, { type: "error", error: { ...error, status: error.status ?? 500 } });
}

function onActionWanted(state: StreamState): void {
  const message =
    "The bot waits for results of a tool that runs outside of Coze; none can be given";
  const error = { message, type: null, code: "requires_action", status: 400 };
  fail(state, { type: "error", error });
}

function onError(state: StreamState, fields: Fields): void {
  const error = readError(fields, "The vendor told an error");
  fail(state, { type: "error", error: { ...error, status: error.status ?? 500 } });
}

function onDone(state: StreamState): void {
  state.ended = true;
  state.emit({ type: "done" });
}

const handlers: Readonly<Record<string, (state: StreamState, fields: Fields) => void>> = {
  "conversation.chat.created": start,
  "conversation.chat.in_progress": start,
  "conversation.message.delta": onDelta,
  "conversation.message.completed": onMessage,
  "conversation.chat.completed": onCompleted,
  "conversation.chat.failed": onFailed,
  "conversation.chat.requires_action": onActionWanted,
  error: onError,
  done: onDone,
};

function parsePayload(payload: string): Fields {
  let parsed: unknown;
  try {
    parsed = JSON.parse(payload);
  } catch (cause) {
    throw new GatewayError("upstream_invalid", "An event of the stream is no JSON", { cause });
  }
  return isObject(parsed) ? parsed : {};
}

/** Reads one stream; see codec.ts. */
export function makeEventDecoder(): DecodeEvent {
  const state: StreamState = {
    started: false,
    ended: false,
    blocks: 0,
    open: new Map(),
    closed: [],
    emit: () => undefined,
  };
  return ({ name, payload }, emit) => {
    const handler = name !== null && Object.hasOwn(handlers, name) ? handlers[name] : undefined;
    if (state.ended || handler === undefined) return;
    state.emit = emit;
    // The terminator's payload is `[DONE]`, with and without quotes, or where the run can be looked at.
    handler(state, name === "done" ? {} : parsePayload(payload));
  };
}
