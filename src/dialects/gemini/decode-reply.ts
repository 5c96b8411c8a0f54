/** Google's replies, whole and streamed. Promise kept here: a blocked prompt is an answer that was filtered, no crash. */
import { GatewayError } from "../../core/errors.ts";
import { isObject, type JsonObject } from "../../core/json-value.ts";
import type { ChatReply, ReplyEvent } from "../../wire/chat-reply.ts";
import type { DecodeEvent, ReadContext } from "../codec.ts";
import { type Fields, fieldsOf, findText, listOf } from "../loose-fields.ts";
import { collect, collectedChoices, openCollection } from "./collect-reply.ts";
import {
  choiceOf,
  endChoice,
  openState,
  readCandidate,
  type StreamState,
} from "./decode-candidates.ts";
import { decodeReplyError } from "./errors.ts";
import { decodeBlock, decodeFinish } from "./finish-words.ts";
import { decodeTier, findUsage, joinUsage } from "./usage.ts";

function createdAtS(chunk: Fields): number | null {
  const time = Date.parse(findText(chunk["createTime"]) ?? "");
  return Number.isNaN(time) ? null : Math.floor(time / 1000);
}

function begin(state: StreamState, chunk: Fields): void {
  if (state.begun) return;
  state.begun = true;
  const id = findText(chunk["responseId"]);
  const model = findText(chunk["modelVersion"]);
  state.emit({ type: "start", id, model, createdAtS: createdAtS(chunk) });
}

function tellUsage(state: StreamState, chunk: Fields): void {
  const counted = findUsage(chunk);
  if (counted === null) return;
  const usage = joinUsage(counted, state.usage);
  state.usage = usage;
  const tier = decodeTier(chunk["usageMetadata"]);
  state.emit({ type: "usage", usage, ...(tier === null ? {} : { serviceTier: tier }) });
}

/** A prompt that was blocked has no candidates; it is the one answer there is. */
function readBlock(state: StreamState, chunk: Fields): void {
  const feedback = fieldsOf(chunk["promptFeedback"]);
  const word = findText(feedback["blockReason"]);
  if (word === null || listOf(chunk["candidates"]).length > 0) return;
  const choice = choiceOf(state, 0);
  if (choice.ended) return;
  endChoice(state, choice, decodeBlock(word, findText(feedback["blockReasonMessage"])));
}

/** Reads one chunk; whole replies are streams of one chunk. */
function readChunk(state: StreamState, chunk: Fields): void {
  if (isObject(chunk["error"])) {
    state.emit({ type: "error", error: decodeReplyError(JSON.stringify(chunk)) });
    return;
  }
  begin(state, chunk);
  tellUsage(state, chunk);
  for (const candidate of listOf(chunk["candidates"])) readCandidate(state, fieldsOf(candidate));
  readBlock(state, chunk);
}

function parseChunk(payload: string): Fields {
  let parsed: unknown;
  try {
    parsed = JSON.parse(payload);
  } catch (cause) {
    throw new GatewayError("upstream_invalid", "a chunk of the stream is not JSON", { cause });
  }
  return fieldsOf(parsed);
}

/** The body's end is the terminator: `done` is the gateway's to add behind the last `finish`. */
export function makeEventDecoder(context: ReadContext): DecodeEvent {
  let state: StreamState | undefined;
  return ({ payload }, emit) => {
    if (payload.trim() === "" || payload.trim() === "[DONE]") return;
    state ??= openState(context, emit, false);
    state.emit = emit;
    readChunk(state, parseChunk(payload));
  };
}

/** Candidates without a reason to end, which only whole replies can have. */
function endAll(state: StreamState): void {
  for (const choice of state.choices)
    if (!choice.ended) endChoice(state, choice, decodeFinish("OTHER", null, choice.called));
}

/** Throws `upstream_invalid` where nothing was answered and nothing says why. */
export function decodeReply(body: JsonObject, context: ReadContext): ChatReply {
  const told: ReplyEvent[] = [];
  const collection = openCollection();
  const state = openState(
    context,
    (event) => {
      collect(collection, event);
      told.push(event);
    },
    true,
  );
  readChunk(state, body);
  endAll(state);
  const choices = collectedChoices(collection);
  const start = told.find((event) => event.type === "start");
  const usage = told.find((event) => event.type === "usage");
  if (choices.length === 0)
    throw new GatewayError("upstream_invalid", "the reply has neither candidates nor a reason");
  return {
    id: start?.id ?? null,
    model: start?.model ?? null,
    createdAtS: start?.createdAtS ?? null,
    choices,
    usage: usage?.usage ?? null,
    serviceTier: usage?.serviceTier ?? null,
  };
}
