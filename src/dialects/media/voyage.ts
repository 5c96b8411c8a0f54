/** Voyage's rerank: Jina's shape with `top_k` in and `data` out. */
import type { JsonObject } from "../../core/json-value.ts";
import type { MediaCodec } from "../media-codec.ts";
import { parseObject } from "../parse-object.ts";
import { decodeRerankReply } from "../rerank-shape.ts";
import { decodeVendorError } from "./vendor-error.ts";

export const voyageRerank: MediaCodec = {
  serves: ["rerank"],
  encodeRequest: (request, { model }) => {
    if (request.kind !== "rerank") throw new TypeError("not a rerank request");
    const value: JsonObject = {
      model,
      query: request.query,
      documents: request.documents,
      ...(request.top === null ? {} : { top_k: request.top }),
    };
    return { body: { kind: "json", value } };
  },
  decodeReply: ({ body }) => ({ kind: "reply", reply: decodeRerankReply(parseObject(body)) }),
  decodeError: decodeVendorError,
};
