/** Rerank as its dialects have it in common: what is read, what is refused, and what each tells. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../core/errors.ts";
import type { JsonObject } from "../core/json-value.ts";
import type { RerankReply, RerankRequest } from "../wire/media.ts";
import { noUsage } from "../wire/usage.ts";
import { cohere } from "./cohere/dialect.ts";
import { rerankCodec as cohereCodec } from "./cohere/rerank.ts";
import type { Dialect } from "./contract.ts";
import { jina } from "./jina/dialect.ts";
import { rerankCodec as jinaCodec } from "./jina/rerank.ts";
import type { MediaCodec } from "./media-codec.ts";
import { voyageRerank } from "./media/voyage.ts";
import { decodeRerankUsage } from "./rerank-shape.ts";

function decode(dialect: Dialect, value: JsonObject): RerankRequest {
  const request = dialect.media?.decodeRequest({
    operation: "rerank",
    model: "m",
    stream: false,
    query: {},
    body: { kind: "json", value },
  });
  assert.ok(request?.kind === "rerank");
  return request;
}

const sent = (codec: MediaCodec, request: RerankRequest): unknown => {
  const { body } = codec.encodeRequest(request, { model: "sent", settings: {} });
  return body.kind === "json" ? body.value : undefined;
};

test("requests are read from each dialect and sent in every other", () => {
  const documents = ["a", { text: "b", extra: 1 }];
  const read = decode(jina, { query: { text: "q" }, documents, top_k: 1 });
  assert.deepEqual(read, {
    kind: "rerank",
    model: "m",
    query: "q",
    documents: ["a", "b"],
    top: 1,
    returnDocuments: true,
    maxTokensPerDocument: null,
  });
  const plain = { model: "sent", query: "q", documents: ["a", "b"] };
  assert.deepEqual(sent(jinaCodec, read), { ...plain, top_n: 1, return_documents: false });
  assert.deepEqual(sent(voyageRerank, read), { ...plain, top_k: 1 });
  const limited = decode(cohere, { query: "q", documents: ["a", "b"], max_tokens_per_doc: 99 });
  assert.equal(limited.returnDocuments, false);
  assert.deepEqual(sent(cohereCodec, limited), { ...plain, max_tokens_per_doc: 99 });
});

test("Cohere's older callers may name the fields that are judged", () => {
  const read = decode(cohere, {
    query: "q",
    documents: [{ title: "T", body: "B", text: "unused" }, "plain", { text: "only" }],
    rank_fields: ["title", "body"],
    return_documents: true,
  });
  assert.deepEqual(read.documents, ["T\nB", "plain", "only"]);
  assert.equal(read.returnDocuments, true);
});

test("what is wrong is named by its field", () => {
  const cases: readonly (readonly [JsonObject, string])[] = [
    [{ documents: ["a"] }, "query"],
    [{ query: "q" }, "documents"],
    [{ query: "q", documents: [] }, "documents"],
    [{ query: "q", documents: ["a", { image: "https://x.test" }] }, "documents[1]"],
    [{ query: "q", documents: ["a"], top_n: 0 }, "top_n"],
    [{ query: "q", documents: ["a"], top_n: "2" }, "top_n"],
  ];
  for (const [body, field] of cases)
    assert.throws(
      () => decode(jina, body),
      (error) => error instanceof GatewayError && error.fields[0]?.field === field,
      field,
    );
});

test("replies are read from every vendor's shape, best first", () => {
  const shapes: readonly object[] = [
    {
      results: [
        { index: 0, relevance_score: 0.1 },
        { index: 1, relevance_score: 0.9 },
      ],
    },
    {
      data: [
        { index: 1, relevance_score: 0.9 },
        { index: 0, relevance_score: 0.1 },
      ],
    },
    {
      results: [
        { index: 1, score: 0.9 },
        { index: 0, score: 0.1, document: {} },
      ],
    },
  ];
  for (const shape of shapes) {
    const decoded = jinaCodec.decodeReply(
      { headers: {}, body: Buffer.from(JSON.stringify(shape)) },
      {
        request: decode(jina, { query: "q", documents: ["a", "b"] }),
        target: { model: "m", settings: {} },
      },
    );
    assert.ok(decoded.kind === "reply" && decoded.reply.kind === "rerank");
    assert.deepEqual(decoded.reply.results, [
      { index: 1, score: 0.9 },
      { index: 0, score: 0.1 },
    ]);
  }
});

test("usage is tokens or search units, wherever they are told", () => {
  const read = (usage: unknown, meta?: unknown): unknown => {
    const told = decodeRerankUsage(usage, meta);
    return told && [told.input, told.output, told.kinds?.searchUnits];
  };
  assert.deepEqual(read({ total_tokens: 12 }), [12, 0, undefined]);
  assert.deepEqual(read({ prompt_tokens: 9, completion_tokens: 1, total_tokens: 10 }), [
    9,
    1,
    undefined,
  ]);
  assert.deepEqual(read(undefined, { billed_units: { search_units: 2 } }), [0, 0, 2]);
  assert.deepEqual(read(undefined, { tokens: { input_tokens: 8, output_tokens: 0 } }), [
    8,
    0,
    undefined,
  ]);
  for (const nothing of [null, {}, { total_tokens: -1 }, { total_tokens: "9" }])
    assert.equal(read(nothing), null);
});

test("each dialect tells its own shape, with the documents it was asked to bring back", () => {
  const reply: RerankReply = {
    kind: "rerank",
    id: null,
    results: [{ index: 1, score: 0.9 }],
    model: null,
    usage: { ...noUsage, input: 5 },
  };
  const tell = (dialect: Dialect): unknown => {
    const request = decode(dialect, { query: "q", documents: ["a", "b"] });
    const context = {
      operation: "rerank",
      request,
      model: "m",
      callId: "c1",
      createdAtS: 1,
    } as const;
    return JSON.parse(dialect.media?.encodeReply(reply, context).body.toString() ?? "null");
  };
  assert.deepEqual(tell(jina), {
    model: "m",
    object: "list",
    usage: { total_tokens: 5, prompt_tokens: 5 },
    results: [{ index: 1, relevance_score: 0.9, document: { text: "b" } }],
  });
  assert.deepEqual(tell(cohere), {
    id: "c1",
    results: [{ index: 1, relevance_score: 0.9 }],
    meta: { api_version: { version: "2" }, billed_units: { input_tokens: 5 } },
  });
});

test("errors of each shape are read, and only the dialect's own are passed on", () => {
  const read = (dialect: Dialect, text: string): unknown => {
    const { message, native } = dialect.readError(Buffer.from(text));
    return [message, native];
  };
  assert.deepEqual(read(jina, '{"detail":"no"}'), ["no", true]);
  assert.deepEqual(read(jina, '{"detail":[{"loc":["body"],"msg":"a"},{"msg":"b"}]}'), [
    "a; b",
    true,
  ]);
  assert.deepEqual(read(jina, '{"error":{"message":"m","code":1}}'), ["m", false]);
  assert.deepEqual(read(jina, '{"code":20012,"message":"m","data":null}'), ["m", false]);
  assert.deepEqual(read(cohere, '{"id":"x","message":"m"}'), ["m", true]);
  assert.deepEqual(read(cohere, "<html>"), ["<html>", false]);
});
