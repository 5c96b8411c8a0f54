/** Reranking as all its dialects have it in common: what is read of a request, and what a reply's usage counts. */
import { GatewayError } from "../core/errors.ts";
import { readValue, scanMembers } from "../core/json.ts";
import { isObject, type JsonObject } from "../core/json-value.ts";
import type { MediaReply, MediaRequest, RerankReply, RerankRequest } from "../wire/media.ts";
import type { Usage } from "../wire/usage.ts";
import type { CallFacts, ParseInput, ReplyFacts } from "./contract.ts";
import { fieldsOf, findCount } from "./loose-fields.ts";
import { makeUsage } from "./make-usage.ts";
import { askedModel, checkModel, readModel } from "./parse-members.ts";
import { refuse } from "./refuse.ts";
import { isTold, modelFacts, scanReply, valueAt } from "./reply-members.ts";
import { makeUsageReader } from "./usage-number.ts";

/** The facts of a rerank request: only its model is ours to read. */
export function parseRerank({ body, pathModel }: ParseInput): CallFacts {
  const scan = scanMembers(body, ["model"]);
  const bodyModel = readModel(body, scan);
  return {
    model: checkModel(askedModel(pathModel, bodyModel)),
    bodyModel,
    stream: false,
    streamForm: "sse",
    usesTools: false,
    usageAsked: true,
    endUser: null,
    maxOutputTokens: null,
    scan,
  };
}

/** Usage in the words of any of the dialects: tokens, or Cohere's search units; null where nothing was counted. */
export function decodeRerankUsage(usage: unknown, meta: unknown): Usage | null {
  const told = fieldsOf(usage);
  const reader = makeUsageReader();
  const billed = fieldsOf(fieldsOf(meta)["billed_units"]);
  const tokens = fieldsOf(fieldsOf(meta)["tokens"]);
  const input =
    reader.count(told, "prompt_tokens", "total_tokens") ??
    reader.count(billed, "input_tokens") ??
    reader.count(tokens, "input_tokens");
  const searchUnits =
    reader.count(billed, "search_units") ?? reader.count(told, "search_units") ?? 0;
  const output = reader.count(told, "completion_tokens");
  const raw = isObject(usage) ? usage : meta;
  return makeUsage({ input, output, kinds: { searchUnits }, raw }, reader);
}

/** Reads a whole reply of any of the dialects; undefined where the bytes are not one JSON object. */
export function readRerankReply(body: Buffer): ReplyFacts | undefined {
  const scan = scanReply(body, ["model", "usage", "meta", "results", "data", "error"]);
  if (scan === undefined) return undefined;
  const { results, data, usage, meta, model, error } = scan.members;
  return {
    usage: decodeRerankUsage(valueAt(body, usage), valueAt(body, meta)),
    ...modelFacts(body, model),
    isError: isTold(body, error) || (results === undefined && data === undefined),
  };
}

function textIn(value: unknown): number {
  if (typeof value === "string") return value.startsWith("data:") ? 0 : Buffer.byteLength(value);
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + textIn(item), 0);
  return typeof value === "object" && value !== null ? textIn(fieldsOf(value)["text"]) : 0;
}

/** Bytes of text that are judged: the query once, and the documents. */
export function rerankTextBytes(body: Buffer): number {
  try {
    const { members } = scanMembers(body, ["query", "documents"]);
    return Object.values(members).reduce((sum, range) => sum + textIn(readValue(body, range)), 0);
  } catch {
    return 0;
  }
}

function decodeDocument(value: unknown, index: number): string {
  const text = typeof value === "string" ? value : fieldsOf(value)["text"];
  if (typeof text === "string") return text;
  const field = `documents[${index}]`;
  throw refuse(
    field,
    "must be a string or an object with a string `text`; this model's channel takes text alone",
  );
}

function decodeTop(body: JsonObject, name: string): number | null {
  const top = body[name];
  if (top === undefined || top === null) return null;
  if (typeof top === "number" && Number.isInteger(top) && top >= 1) return top;
  throw refuse(name, "must be a whole number of at least 1");
}

/** Reads a request for translation; the number of results is `top_n`, or `top_k` as Voyage's callers say. */
export function decodeRerankRequest(body: JsonObject, model: string): RerankRequest {
  const { query, documents } = body;
  const text = typeof query === "string" ? query : fieldsOf(query)["text"];
  if (typeof text !== "string") throw refuse("query", "must be a string");
  if (!Array.isArray(documents) || documents.length === 0)
    throw refuse("documents", "must be a list of at least one text");
  return {
    kind: "rerank",
    model,
    query: text,
    documents: documents.map(decodeDocument),
    top: decodeTop(body, "top_n") ?? decodeTop(body, "top_k"),
    returnDocuments: body["return_documents"] === true,
    maxTokensPerDocument: findCount(body["max_tokens_per_doc"]) ?? null,
  };
}

/** The request as one for rerank, which it must be. */
export function asRerank(request: MediaRequest): RerankRequest {
  if (request.kind !== "rerank") throw new TypeError("not a rerank request");
  return request;
}

/** The members of a request that every vendor names alike. */
export function encodeRerank({ query, documents }: RerankRequest, model: string): JsonObject {
  return { model, query, documents };
}

/** The reply as one of rerank, and its results as callers get them: with the documents, where they want them. */
export function renderRerank(
  reply: MediaReply,
  request: MediaRequest,
): { readonly told: RerankReply; readonly results: readonly JsonObject[] } {
  if (reply.kind !== "rerank") throw new TypeError("not a rerank reply");
  const { returnDocuments, documents } = asRerank(request);
  const results = reply.results.map(({ index, score }) => ({
    index,
    relevance_score: score,
    ...(returnDocuments ? { document: { text: documents[index] ?? "" } } : {}),
  }));
  return { told: reply, results };
}

/** Reads the results of a reply, whichever member holds them, best first. */
export function decodeRerankReply(body: JsonObject): RerankReply {
  const list = Array.isArray(body["results"]) ? body["results"] : body["data"];
  if (!Array.isArray(list))
    throw new GatewayError("upstream_invalid", "the reply has no list of results");
  const results = list.map((item: unknown) => {
    const fields = fieldsOf(item);
    const index = findCount(fields["index"]);
    const score = fields["relevance_score"] ?? fields["score"];
    if (index === undefined || typeof score !== "number")
      throw new GatewayError("upstream_invalid", "a result lacks its index or its score");
    return { index, score };
  });
  return {
    kind: "rerank",
    id: typeof body["id"] === "string" ? body["id"] : null,
    results: results.sort((left, right) => right.score - left.score),
    model: typeof body["model"] === "string" ? body["model"] : null,
    usage: decodeRerankUsage(body["usage"], body["meta"]),
  };
}
