/**
 * Amazon's own embeddings on Bedrock (Titan), by invoke: one text a request.
 * docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html, autumn 2026.
 */
import type { JsonObject } from "../../core/json-value.ts";
import type { EmbeddingReply, EmbeddingRequest } from "../../wire/embedding.ts";
import type { EmbeddingCodec, EncodedEmbedding } from "../embedding-codec.ts";
import { droppedWishes, inputUsage, oneInput, wholeVectors } from "../embedding-vectors.ts";
import { fieldsOf, listOf } from "../loose-fields.ts";
import { decodeError } from "./decode.ts";

/** The first generation takes the text alone. */
const fixedLength = /titan-embed-(?:text-v1|g1)/;
const ofImages = /titan-embed-image/;

function encodeDimensions(dimensions: number | null, model: string): JsonObject {
  if (dimensions === null || fixedLength.test(model)) return {};
  return ofImages.test(model)
    ? { embeddingConfig: { outputEmbeddingLength: dimensions } }
    : { dimensions };
}

function encodeRequest(request: EmbeddingRequest, model: string): EncodedEmbedding {
  const body = { inputText: oneInput(request), ...encodeDimensions(request.dimensions, model) };
  const lost = fixedLength.test(model) ? (["dimensions"] as const) : [];
  const untold = ["task", "title", "endUser", "truncate", ...lost] as const;
  return { body, dropped: droppedWishes(request, untold) };
}

function decodeReply(body: JsonObject, inputs: number): EmbeddingReply {
  const vector = body["embedding"] ?? listOf(fieldsOf(body["embeddingsByType"])["float"]);
  // The body holds the vector too, which is no usage.
  const { inputTextTokenCount = null } = body;
  const usage = inputUsage({ inputTextTokenCount }, "inputTextTokenCount");
  return { model: null, vectors: wholeVectors([vector], inputs), usage };
}

export const titanEmbeddings: EmbeddingCodec = {
  front: null,
  upstream: { encodeRequest, decodeReply, decodeError },
};
