/** Rerank in Jina's shape, which SiliconFlow, Together, Voyage (nearly) and most local servers share; both ways. */
import type { JsonObject } from "../../core/json-value.ts";
import type { MediaCodec, MediaFront } from "../media-codec.ts";
import { parseObject } from "../parse-object.ts";
import {
  asRerank,
  decodeRerankReply,
  decodeRerankRequest,
  encodeRerank,
  renderRerank,
} from "../rerank-shape.ts";
import { decodeError } from "./errors.ts";

export const rerankFront: MediaFront = {
  decodeRequest: ({ body, model }) =>
    // Jina returns the documents unless told otherwise.
    decodeRerankRequest(
      { return_documents: true, ...(body.kind === "json" ? body.value : {}) },
      model,
    ),
  encodeReply: (reply, { request, model }) => {
    const { told, results } = renderRerank(reply, request);
    const { usage } = told;
    const tokens = usage === null ? 0 : usage.input + usage.output;
    const units = usage?.kinds?.searchUnits;
    const value = {
      model,
      object: "list",
      usage: {
        total_tokens: tokens,
        prompt_tokens: usage?.input ?? 0,
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
    const asked = asRerank(request);
    const value: JsonObject = {
      ...encodeRerank(asked, model),
      ...(asked.top === null ? {} : { top_n: asked.top }),
      // The documents are known here: they need not come back.
      return_documents: false,
    };
    return { body: { kind: "json", value } };
  },
  decodeReply: ({ body }) => ({ kind: "reply", reply: decodeRerankReply(parseObject(body)) }),
  decodeError: (body) => ({ ...decodeError(body), status: null }),
};
