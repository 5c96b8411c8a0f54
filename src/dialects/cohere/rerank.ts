/** Cohere's rerank, both ways: v2 as it is, and what callers of v1 send and want back beside it. */
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

/** A document of the v1 API may be an object whose `rank_fields` are judged one behind the other. */
function rankedText(document: unknown, fields: readonly string[]): unknown {
  if (typeof document !== "object" || document === null) return document;
  const members = document as Readonly<Record<string, unknown>>;
  const told = fields.map((name) => members[name]).filter((value) => typeof value === "string");
  return told.length === 0 ? document : told.join("\n");
}

function withRankedTexts(body: JsonObject): JsonObject {
  const { rank_fields: names, documents } = body;
  if (!Array.isArray(names) || !Array.isArray(documents)) return body;
  const fields = names.filter((name) => typeof name === "string");
  return {
    ...body,
    documents: documents.map((one: unknown) => rankedText(one, fields)),
  } as JsonObject;
}

export const rerankFront: MediaFront = {
  decodeRequest: ({ body, model }) =>
    decodeRerankRequest(withRankedTexts(body.kind === "json" ? body.value : {}), model),
  encodeReply: (reply, { request, callId }) => {
    const { told, results } = renderRerank(reply, request);
    const { usage } = told;
    const units = usage?.kinds?.searchUnits;
    const value = {
      id: told.id ?? callId,
      results,
      meta: {
        api_version: { version: "2" },
        billed_units:
          units === undefined ? { input_tokens: usage?.input ?? 0 } : { search_units: units },
      },
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
      ...(asked.maxTokensPerDocument === null
        ? {}
        : { max_tokens_per_doc: asked.maxTokensPerDocument }),
    };
    return { body: { kind: "json", value } };
  },
  decodeReply: ({ body }) => ({ kind: "reply", reply: decodeRerankReply(parseObject(body)) }),
  decodeError: (body) => ({ ...decodeError(body), status: null }),
};
