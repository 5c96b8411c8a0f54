/** Ollama's embeddings (`/api/embed`), as an upstream. */
import type { JsonObject } from "../../core/json-value.ts";
import type { EmbeddingReply, EmbeddingRequest } from "../../wire/embedding.ts";
import type { EmbeddingCodec, EncodedEmbedding } from "../embedding-codec.ts";
import { droppedWishes, inputUsage, textInputs, wholeVectors } from "../embedding-vectors.ts";
import { findText, listOf } from "../loose-fields.ts";

/** Ollama cuts at the end, or fails. */
function encodeRequest(request: EmbeddingRequest, model: string): EncodedEmbedding {
  const { dimensions, truncate } = request;
  const tells = truncate === "none" || truncate === "end";
  const body = {
    model,
    input: textInputs(request),
    ...(dimensions === null ? {} : { dimensions }),
    ...(tells ? { truncate: truncate === "end" } : {}),
  };
  const lost = tells ? [] : (["truncate"] as const);
  return { body, dropped: droppedWishes(request, ["task", "title", "endUser", ...lost]) };
}

function decodeReply(body: JsonObject, inputs: number): EmbeddingReply {
  return {
    model: findText(body["model"]),
    vectors: wholeVectors(listOf(body["embeddings"]), inputs),
    usage: inputUsage({ prompt_eval_count: body["prompt_eval_count"] }, "prompt_eval_count"),
  };
}

export const ollamaEmbeddings: EmbeddingCodec = {
  front: null,
  upstream: { encodeRequest, decodeReply },
};
