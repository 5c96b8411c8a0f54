/** Cohere's embeddings (`/v2/embed`), as an upstream. */
import type { JsonObject } from "../../core/json-value.ts";
import type { EmbeddingReply, EmbeddingRequest, EmbeddingTask } from "../../wire/embedding.ts";
import type { EmbeddingCodec, EncodedEmbedding } from "../embedding-codec.ts";
import { droppedWishes, inputUsage, textInputs, wholeVectors } from "../embedding-vectors.ts";
import { fieldsOf, listOf } from "../loose-fields.ts";

/** What Cohere calls the uses; it wants one with every request. */
const inputTypes: Readonly<Record<EmbeddingTask, string>> = {
  query: "search_query",
  question: "search_query",
  fact: "search_query",
  "code-query": "search_query",
  document: "search_document",
  classification: "classification",
  clustering: "clustering",
  similarity: "clustering",
};

/** Whoever does not say what for most often fills an index. */
const usualType = "search_document";

function encodeRequest(request: EmbeddingRequest, model: string): EncodedEmbedding {
  const { dimensions, task, truncate } = request;
  const body = {
    model,
    input_type: task === null ? usualType : inputTypes[task],
    texts: textInputs(request),
    embedding_types: ["float"],
    ...(dimensions === null ? {} : { output_dimension: dimensions }),
    ...(truncate === null ? {} : { truncate: truncate.toUpperCase() }),
  };
  return { body, dropped: droppedWishes(request, ["title", "endUser"]) };
}

function decodeReply(body: JsonObject, inputs: number): EmbeddingReply {
  const embeddings = body["embeddings"];
  // The older form, without types, is a bare list.
  const vectors = Array.isArray(embeddings) ? embeddings : listOf(fieldsOf(embeddings)["float"]);
  const billed = fieldsOf(fieldsOf(body["meta"])["billed_units"]);
  const usage = inputUsage(billed, "input_tokens");
  return { model: null, vectors: wholeVectors(vectors, inputs), usage };
}

export const cohereEmbeddings: EmbeddingCodec = {
  front: null,
  upstream: { encodeRequest, decodeReply },
};
