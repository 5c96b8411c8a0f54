/**
 * How embeddings are translated: a caller's dialect decodes requests and encodes replies, an upstream's encodes
 * requests and decodes replies. Pure, as the codecs of conversations are (codec.ts).
 */
import type { JsonObject } from "../core/json-value.ts";
import type { ReplyError } from "../wire/chat-reply.ts";
import type { EmbeddingReply, EmbeddingRequest } from "../wire/embedding.ts";

export interface EmbeddingContext {
  /** Name the caller asked for; shown in the reply. */
  readonly model: string;
  /** What Gemini's paths name behind the model: `embedContent` has one input, `batchEmbedContents` several. */
  readonly pathAction: string | null;
}

/** A dialect as the caller's side. */
export interface EmbeddingFront {
  /** Throws `invalid_request` naming the field and the mend. */
  decodeRequest(body: JsonObject, context: EmbeddingContext): EmbeddingRequest;
  encodeReply(
    reply: EmbeddingReply,
    request: EmbeddingRequest,
    context: EmbeddingContext,
  ): JsonObject;
}

/** A body to send, and what of the request it cannot say, in the caller's own names. */
export interface EncodedEmbedding {
  readonly body: JsonObject;
  readonly dropped: readonly string[];
}

/** A dialect as the upstream's side. */
export interface EmbeddingUpstream {
  /** `model`: the name that is sent. Throws `invalid_request` for inputs that the dialect cannot say. */
  encodeRequest(request: EmbeddingRequest, model: string): EncodedEmbedding;
  /** Throws `upstream_invalid` unless there is one vector for each of the `inputs`. */
  decodeReply(body: JsonObject, inputs: number): EmbeddingReply;
  /** An error body; left out: as the dialect's conversations tell errors. */
  decodeError?(body: Buffer): ReplyError;
}

export interface EmbeddingCodec {
  /** Null: callers of the dialect have no embeddings here. */
  readonly front: EmbeddingFront | null;
  /** Null: upstreams of the dialect have none. */
  readonly upstream: EmbeddingUpstream | null;
}
