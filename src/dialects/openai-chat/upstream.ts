/** Chat completions as the upstream's side: OpenAI, and all vendors that speak its API in their own way. */
import { GatewayError } from "../../core/errors.ts";
import { isObject, type JsonObject } from "../../core/json-value.ts";
import type { ChatReply } from "../../wire/chat-reply.ts";
import type { DecodeEvent, ReadContext, UpstreamCodec } from "../codec.ts";
import { foldEvents } from "../fold-events.ts";
import { objectsOf } from "../loose-fields.ts";
import { encodeRequest } from "./encode-request.ts";
import { droppedByTraits } from "./model-traits.ts";
import { endChoices, makeReplyState, readChunk, tellError, tellStart } from "./read-chunk.ts";
import { decodeErrorBody, findReplyError } from "./reply-errors.ts";

/** A whole reply is read as one chunk. */
function decodeReply(body: JsonObject, context: ReadContext): ChatReply {
  if (objectsOf(body["choices"]).length === 0) {
    const error = findReplyError(body);
    if (error !== undefined) throw new GatewayError("upstream_failed", error.message);
  }
  if (!Array.isArray(body["choices"]))
    throw new GatewayError("upstream_invalid", "The reply has no list of `choices`");
  return foldEvents((emit) => {
    const state = makeReplyState(context, true);
    state.emit = emit;
    tellStart(state, body);
    readChunk(state, body);
    endChoices(state);
  });
}

function parseChunk(payload: string): JsonObject | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(payload);
  } catch (cause) {
    throw new GatewayError("upstream_invalid", "An event of the stream is no JSON", { cause });
  }
  return isObject(parsed) ? parsed : undefined;
}

function makeEventDecoder(context: ReadContext): DecodeEvent {
  const state = makeReplyState(context, false);
  return ({ name, payload }, emit) => {
    if (state.ended) return;
    state.emit = emit;
    if (payload.trimEnd() === "[DONE]") {
      tellStart(state, {});
      endChoices(state);
      state.ended = true;
      emit({ type: "done" });
      return;
    }
    const chunk = parseChunk(payload);
    if (chunk === undefined) return;
    const error = findReplyError(name === "error" ? { error: chunk["error"] ?? chunk } : chunk);
    if (error === undefined) readChunk(state, chunk);
    else tellError(state, error);
  };
}

export const openaiChatUpstream: UpstreamCodec = {
  framing: "sse",
  encodeRequest,
  droppedBy: droppedByTraits,
  // Addresses are taken of images alone.
  inlines: ({ medium }) => medium === "document" || medium === "audio",
  decodeReply,
  makeEventDecoder,
  decodeError: decodeErrorBody,
};
