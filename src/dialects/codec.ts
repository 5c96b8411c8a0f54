/**
 * How dialects are translated into each other: a caller's dialect decodes requests and encodes replies, an upstream's
 * encodes requests and decodes replies; our own shape (wire/conversation.ts, wire/chat-reply.ts) stands between them.
 * All of it is pure: no clock, no randomness, no I/O. The same input gives the same bytes, member order included
 * (else vendors' prompt caches miss).
 */
import type { JsonObject } from "../core/json-value.ts";
import type { ChatReply, ReplyError, ReplyEvent } from "../wire/chat-reply.ts";
import type { Conversation, MediaPart } from "../wire/conversation.ts";
import type { HeaderMap } from "../wire/call.ts";
import type { QuirkId } from "./quirk-ids.ts";

/** What decoders need beside the body. */
export interface DecodeContext {
  /** Name the caller asked for (from path or body), after suffixes were cut off. */
  readonly model: string;
  readonly stream: boolean;
  /** The caller's headers that carry meaning (`anthropic-beta`). */
  readonly headers: HeaderMap;
}

/** What an encoder of replies needs beside the reply. */
export interface ReplyContext {
  /** The call's id, from which all ids are minted that the upstream does not give: `chatcmpl-<id>`, `msg_<id>`, …. */
  readonly callId: string;
  /** To use as the reply's own id in place of a minted one (a sealed or stored response); null: mint. */
  readonly replyId: string | null;
  /** Name of the model shown to the caller. */
  readonly model: string;
  /** Seconds since 1970, where the reply's dialect wants a time and the upstream told none. */
  readonly createdAtS: number;
  /** The caller's body, which Responses echo. */
  readonly request: JsonObject;
  /** Whether the caller wants usage in the stream (chat completions; the others always tell). */
  readonly usageAsked: boolean;
  /** Whether the gateway keeps the reply (Responses tell it as `store`); left out: it does not. */
  readonly stored?: boolean;
  /** Our estimate, for dialects that tell input tokens first (Anthropic's message_start). */
  readonly inputTokensEstimate: number;
}

/** Encodes the events of one stream: takes an event, answers the bytes it causes (whole SSE events), if any. */
export type EncodeEvent = (event: ReplyEvent) => string | undefined;

/** A dialect as the caller's side. */
export interface FrontCodec {
  /** Throws `invalid_request` naming the field and the mend. Checks all it reads: types, ranges, references. */
  decodeRequest(body: JsonObject, context: DecodeContext): Conversation;
  encodeReply(reply: ChatReply, context: ReplyContext): JsonObject;
  /** `error` events are not handed to it (the gateway renders errors); `done` writes what closes a stream. */
  makeEventEncoder(context: ReplyContext): EncodeEvent;
}

/** Where a request goes. */
export interface EncodeTarget {
  /** Name that is sent. */
  readonly model: string;
  readonly stream: boolean;
  /** Whether to ask for usage in the stream, where the dialect has such a wish. */
  readonly askUsage: boolean;
  /** What this vendor does its own way. */
  readonly quirks: readonly QuirkId[];
}

/** One event as it came off the wire. */
export interface StreamEvent {
  /** SSE's `event`, the event type of an AWS frame; null: none. */
  readonly name: string | null;
  /** JSON text, or a terminator such as `[DONE]`. */
  readonly payload: string;
}

/** What decoders of replies need to know of the request. */
export interface ReadContext {
  /** Name that was sent; tags what is carried. */
  readonly model: string;
  /** Seeds minted ids of tool calls where the upstream gives none: unique for each call, same on each try. */
  readonly callId: string;
  readonly quirks: readonly QuirkId[];
}

/** Reads the events of one stream one by one. Unknown events are passed over; broken ones throw `upstream_invalid`. */
export type DecodeEvent = (event: StreamEvent, emit: (event: ReplyEvent) => void) => void;

/** How a stream is cut into events. */
export type Framing = "sse" | "ndjson" | "aws-event-stream" | "aws-invoke";

/** A dialect as the upstream's side. */
export interface UpstreamCodec {
  readonly framing: Framing;
  /** The judge has passed it (fidelity.ts): what the table drops is left out here, what it keeps must arrive. */
  encodeRequest(conversation: Conversation, target: EncodeTarget): JsonObject;
  /**
   * Fields in the caller's words that this model or vendor refuses and that are therefore left out, though the table
   * has them arrive; left out: none are.
   */
  droppedBy?(conversation: Conversation, target: EncodeTarget): readonly string[];
  /**
   * Whether media at a web address must be fetched by the gateway and sent inline; left out: the dialect's vendors fetch
   * all that they take.
   */
  inlines?(part: MediaPart): boolean;
  /**
   * A body of the dialect, well-formed JSON of anybody's, without what models have signed in it: asked for when a vendor
   * refuses a signature. Left out: nothing is signed in this dialect.
   */
  unsigned?(body: JsonObject, model: string): JsonObject;
  /** Throws `upstream_invalid` where the reply lacks what every reply of the dialect has. */
  decodeReply(body: JsonObject, context: ReadContext): ChatReply;
  /**
   * A stream's reader. Where the dialect has a terminator, the reader emits `done` on it; where the end of the body is
   * the terminator (Gemini, Ollama, Bedrock), the gateway adds `done` behind the last `finish`.
   */
  makeEventDecoder(context: ReadContext): DecodeEvent;
  /** An error body, plain JSON or not. */
  decodeError(body: Buffer): ReplyError;
}
