/** Voyage's rerank: Jina's shape with `top_k` in and `data` out. */
import type { JsonObject } from "../../core/json-value.ts";
import type { MediaCodec } from "../media-codec.ts";
import { parseObject } from "../parse-object.ts";
import { asRerank, decodeRerankReply, encodeRerank } from "../rerank-shape.ts";
import { decodeVendorError } from "./vendor-error.ts";

export const voyageRerank: MediaCodec = {
  serves: ["rerank"],
  encodeRequest: (request, { model }) => {
    const asked = asRerank(request);
    const value: JsonObject = {
      ...encodeRerank(asked, model),
      ...(asked.top === null ? {} : { top_k: asked.top }),
    };
    return { body: { kind: "json", value } };
  },
  decodeReply: ({ body }) => ({ kind: "reply", reply: decodeRerankReply(parseObject(body)) }),
  decodeError: decodeVendorError,
};
