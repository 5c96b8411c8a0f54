/**
 * Reads the chunks of one reply, or a whole reply as if it were one chunk, into events.
 * Promise kept here: every vendor's way to tell the same thing becomes the same events, in the order that
 * wire/chat-reply.ts promises.
 */
import type { JsonObject } from "../../core/json-value.ts";
import type { ReplyError, TokenLogprob } from "../../wire/chat-reply.ts";
import { issuerOf } from "../carried.ts";
import type { ReadContext } from "../codec.ts";
import { findCount, findText, jsonOf, objectsOf, textOf } from "../loose-fields.ts";
import { closeChoice, readDelta, readSources } from "./delta-handlers.ts";
import { decodeFinish, faultStatus } from "./finish-reasons.ts";
import { type ChoiceState, type ReplyState, getChoice } from "./open-blocks.ts";
import { readReplyError } from "./reply-errors.ts";
import { hasCalls } from "./tool-deltas.ts";
import { findUsage } from "./usage.ts";

/** The state before the first chunk. */
export function makeReplyState(context: ReadContext, whole: boolean): ReplyState {
  return {
    context,
    issuer: issuerOf("openai-chat", context.model),
    whole,
    choices: new Map(),
    emit: () => undefined,
    nextBlock: 0,
    started: false,
    ended: false,
    serviceTier: null,
  };
}

/** Azure's first chunk has no choices and no names: it begins nothing. */
export function tellStart(state: ReplyState, chunk: JsonObject): void {
  if (state.started) return;
  state.started = true;
  const created = findCount(chunk["created"]) ?? 0;
  state.emit({
    type: "start",
    id: findText(chunk["id"]),
    model: findText(chunk["model"]),
    createdAtS: created > 0 ? created : null,
  });
}

/** Ends the reply with an error; nothing is read after it. */
export function tellError(state: ReplyState, error: ReplyError): void {
  if (state.ended) return;
  state.ended = true;
  state.emit({ type: "error", error });
}

function readUsage(state: ReplyState, chunk: JsonObject): void {
  const apart = state.context.quirks.includes("reasoning-outside-output");
  const usage = findUsage(chunk, apart);
  if (usage === null) return;
  const { serviceTier } = state;
  state.emit({ type: "usage", usage, ...(serviceTier === null ? {} : { serviceTier }) });
}

function readBytes(value: unknown): readonly number[] | null {
  return Array.isArray(value) ? value.filter((byte) => typeof byte === "number") : null;
}

function readToken(entry: JsonObject): TokenLogprob {
  const one = (fields: JsonObject) => ({
    token: textOf(fields["token"]),
    logprob: typeof fields["logprob"] === "number" ? fields["logprob"] : -9999,
    bytes: readBytes(fields["bytes"]),
  });
  return { ...one(entry), top: objectsOf(entry["top_logprobs"]).map(one) };
}

function readLogprobs(state: ReplyState, choice: ChoiceState, value: unknown): void {
  const entries = objectsOf(jsonOf(value)["content"]);
  if (entries.length === 0) return;
  state.emit({ type: "logprobs", choice: choice.index, tokens: entries.map(readToken) });
}

/** Closes a choice and tells why it ended. */
function finish(state: ReplyState, choice: ChoiceState, word: string | null, stopReason: unknown) {
  if (choice.finished) return;
  choice.finished = true;
  closeChoice(state, choice);
  const told = { hasCalls: hasCalls(choice), hasRefusal: choice.hasRefusal, stopReason };
  state.emit({ type: "finish", choice: choice.index, finish: decodeFinish(word, told) });
}

/** A fault told by a choice: its own error, or a finish reason that is one. */
function choiceFault(entry: JsonObject, word: string | null): ReplyError | undefined {
  const status = faultStatus(word);
  const told = jsonOf(entry["error"]);
  if (status === undefined && Object.keys(told).length === 0) return undefined;
  const error = readReplyError(told);
  const message =
    error.message === "" ? `The upstream ended with ${word ?? "an error"}` : error.message;
  return { ...error, message, code: error.code ?? word, status: error.status ?? status ?? null };
}

function readChoice(state: ReplyState, entry: JsonObject, chunk: JsonObject): void {
  const choice = getChoice(state, findCount(entry["index"]) ?? 0);
  if (choice.finished) return;
  const delta = entry["delta"] ?? entry["message"];
  readDelta(state, choice, jsonOf(delta));
  readSources(state, choice, chunk);
  readLogprobs(state, choice, entry["logprobs"]);
  const word = findText(entry["finish_reason"]);
  const fault = choiceFault(entry, word);
  if (fault !== undefined) tellError(state, fault);
  else if (word !== null) finish(state, choice, word, entry["stop_reason"]);
}

/** Reads one chunk. */
export function readChunk(state: ReplyState, chunk: JsonObject): void {
  const entries = objectsOf(chunk["choices"]);
  state.serviceTier = findText(chunk["service_tier"]) ?? state.serviceTier;
  if (entries.length > 0) tellStart(state, chunk);
  for (const entry of entries) if (!state.ended) readChoice(state, entry, chunk);
  if (!state.ended) readUsage(state, chunk);
}

/** The reply is over: choices that ended without a word (Snowflake's) ended by themselves. */
export function endChoices(state: ReplyState): void {
  for (const choice of state.choices.values()) finish(state, choice, null, undefined);
}
