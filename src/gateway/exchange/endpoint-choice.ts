/** Which endpoint an attempt goes to, and how its request gets into what that speaks. */
import type { UpstreamCodec } from "../../dialects/codec.ts";
import type { EmbeddingFront, EmbeddingUpstream } from "../../dialects/embedding-codec.ts";
import type { EncodedMedia, MediaCodec, MediaTarget } from "../../dialects/media-codec.ts";
import type { Endpoint } from "../../providers/contract.ts";
import type { Conversation } from "../../wire/conversation.ts";
import type { EmbeddingRequest } from "../../wire/embedding.ts";
import type { MediaRequest } from "../../wire/media.ts";

/** How a conversation gets into another dialect and back. */
export interface Translation {
  readonly codec: UpstreamCodec;
  /** The caller's fields that are left out. */
  readonly dropped: readonly string[];
  /** The request with its media inline; left out: as the caller made it. */
  readonly conversation?: Conversation;
}

/** How embeddings get into another dialect and back. */
export interface EmbeddingTurn {
  readonly front: EmbeddingFront;
  readonly upstream: EmbeddingUpstream;
  /** Reads the dialect's errors. */
  readonly codec: Pick<UpstreamCodec, "decodeError">;
  readonly request: EmbeddingRequest;
}

/** A request on its way to a vendor's own API, and what its reply is read by. */
export interface MediaTurn {
  readonly codec: MediaCodec;
  readonly request: MediaRequest;
  readonly target: MediaTarget;
  readonly encoded: EncodedMedia;
}

export interface EndpointChoice {
  readonly endpoint: Endpoint;
  /** Null: the body passes through. */
  readonly translation: Translation | null;
  /** How rerank or media get into a vendor's own API; left out: they do not. */
  readonly media?: MediaCodec;
  /** How embeddings get into another dialect; left out: they do not. */
  readonly embedding?: EmbeddingTurn;
}
