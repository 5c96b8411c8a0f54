/** Rerank in Jina's shape, which SiliconFlow, Together, Voyage (nearly) and most local servers share; both ways. */
import type { JsonObject } from "../../core/json-value.ts";
import type { MediaCodec, MediaFront } from "../media-codec.ts";
import { parseObject } from "../parse-object.ts";
import { decodeRerankReply, decodeRerankRequest } from "../rerank-shape.ts";
import { decodeError } from "./errors.ts";

export const rerankFront: MediaFront = {
  decodeRequest: ({ body, model }) =>
    // Jina returns the documents unless told otherwise.
    decodeRerankRequest(
      { return_documents: true, ...(body.kind === "json" ? body.value : {}) },
      model,
    ),
  encodeReply: (reply, { request, model }) => {
    if (reply.kind !== "rerank" || request.kind !== "rerank")
      throw new TypeError("not a rerank reply");
    const results = reply.results.map(({ index, score }) => ({
      index,
      relevance_score: score,
      ...(request.returnDocuments ? { document: { text: request.documents[index] ?? "" } } : {}),
    }));
    const tokens = reply.usage === null ? 0 : reply.usage.input + reply.usage.output;
    const units = reply.usage?.kinds?.searchUnits;
    const value = {
      model,
      object: "list",
      usage: {
        total_tokens: tokens,
        prompt_tokens: reply.usage?.input ?? 0,
        ...(units === undefined ? {} : { search_units: units }),
      },
      results,
    };
    return { contentType: "application/json", body: Buffer.from(JSON.stringify(value)) };
  },
};

export const rerankCodec: MediaCodec = {
  serves: ["rerank"],
  encodeRequest: (request, { model }) => {
    if (request.kind !== "rerank") throw new TypeError("not a rerank request");
    const value: JsonObject = {
      model,
      query: request.query,
      documents: request.documents,
      ...(request.top === null ? {} : { top_n: request.top }),
      // The documents are known here: they need not come back.
      return_documents: false,
    };
    return { body: { kind: "json", value } };
  },
  decodeReply: ({ body }) => ({ kind: "reply", reply: decodeRerankReply(parseObject(body)) }),
  decodeError: (body) => ({ ...decodeError(body), status: null }),
};
