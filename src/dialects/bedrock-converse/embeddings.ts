/**
 * Amazon's own embeddings on Bedrock (Titan), by invoke: one text a request.
 * docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html, autumn 2026.
 */
import type { JsonObject } from "../../core/json-value.ts";
import type { EmbeddingReply, EmbeddingRequest } from "../../wire/embedding.ts";
import type { EmbeddingCodec, EncodedEmbedding } from "../embedding-codec.ts";
import { droppedWishes, inputUsage, oneInput, wholeVectors } from "../embedding-vectors.ts";
import { fieldsOf, findCount, listOf } from "../loose-fields.ts";
import { decodeError } from "./decode.ts";

/** The first generation takes the text alone. */
const firstGeneration = /titan-embed-(?:g1-)?text-(?:0\d|v1)|titan-embed-g1/;

function encodeRequest(request: EmbeddingRequest, model: string): EncodedEmbedding {
  const { dimensions } = request;
  const fixed = firstGeneration.test(model);
  const body = {
    inputText: oneInput(request),
    ...(dimensions === null || fixed ? {} : { dimensions }),
  };
  const lost = fixed ? (["dimensions"] as const) : [];
  return {
    body,
    dropped: droppedWishes(request, ["task", "title", "endUser", "truncate", ...lost]),
  };
}

function decodeReply(body: JsonObject, inputs: number): EmbeddingReply {
  const vector = body["embedding"] ?? listOf(fieldsOf(body["embeddingsByType"])["float"]);
  const tokens = findCount(body["inputTextTokenCount"]);
  return { model: null, vectors: wholeVectors([vector], inputs), usage: inputUsage(tokens) };
}

export const titanEmbeddings: EmbeddingCodec = {
  front: null,
  upstream: { encodeRequest, decodeReply, decodeError },
};
