/** Every vendor's API for rerank and media that requests are translated for. To add one, add its line. */
import type { DialectId } from "../wire/call.ts";
import { rerankCodec as cohereRerank } from "./cohere/rerank.ts";
import { rerankCodec as jinaRerank } from "./jina/rerank.ts";
import type { MediaCodec } from "./media-codec.ts";
import { voyageRerank } from "./media/voyage.ts";

const mediaCodecs: Readonly<Partial<Record<DialectId, MediaCodec>>> = {
  "cohere-v2": cohereRerank,
  "jina-v1": jinaRerank,
  "voyage-rerank": voyageRerank,
};

/** How rerank and media are translated for upstreams of a dialect; undefined: they are not. */
export function findMediaCodec(id: DialectId): MediaCodec | undefined {
  return mediaCodecs[id];
}
