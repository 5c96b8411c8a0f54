/** What Vertex's embeddings are asked, and what their replies become. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { EmbeddingRequest } from "../../wire/embedding.ts";
import { vertexEmbed, vertexPredict } from "./vertex-embeddings.ts";

const request: EmbeddingRequest = {
  model: "asked",
  inputs: ["one", "two"],
  paths: ["input[0]", "input[1]"],
  dimensions: null,
  task: null,
  title: null,
  truncate: null,
  form: "numbers",
  endUser: null,
  named: {},
};
const named = { dimensions: "d", task: "t", title: "title", endUser: "user", truncate: "cut" };
const wishes: EmbeddingRequest = {
  ...request,
  dimensions: 64,
  task: "document",
  title: "Book",
  truncate: "end",
  endUser: "u",
  named,
};
const predict = vertexPredict.upstream!;
const embed = vertexEmbed.upstream!;

test("predict has an instance for each text", () => {
  assert.deepEqual(predict.encodeRequest(request, "text-embedding-005"), {
    body: { instances: [{ content: "one" }, { content: "two" }] },
    dropped: [],
  });
  const told = { task_type: "RETRIEVAL_DOCUMENT", title: "Book" };
  assert.deepEqual(predict.encodeRequest(wishes, "text-embedding-005"), {
    body: {
      instances: [
        { content: "one", ...told },
        { content: "two", ...told },
      ],
      parameters: { autoTruncate: true, outputDimensionality: 64 },
    },
    dropped: ["user"],
  });
  const query = { ...wishes, task: "query", truncate: "start" } as const;
  const { body, dropped } = predict.encodeRequest(query, "text-embedding-005");
  assert.deepEqual(body["instances"], [
    { content: "one", task_type: "RETRIEVAL_QUERY" },
    { content: "two", task_type: "RETRIEVAL_QUERY" },
  ]);
  assert.deepEqual(dropped, ["user", "cut", "title"]);
});

test("who takes one text is not sent two", () => {
  const one = { ...request, inputs: ["one"], paths: ["input"] };
  for (const encode of [
    (of: EmbeddingRequest) => predict.encodeRequest(of, "gemini-embedding-001"),
    (of: EmbeddingRequest) => predict.encodeRequest(of, "models/gemini-embedding-001"),
    (of: EmbeddingRequest) => embed.encodeRequest(of, "gemini-embedding-2"),
  ]) {
    assert.ok(encode(one));
    assert.throws(() => encode(request), { kind: "invalid_request", message: /`input\[1\]`/ });
    const tokens = { ...one, inputs: [[1, 2]] };
    assert.throws(() => encode(tokens), { kind: "invalid_request", message: /tokens/ });
  }
  assert.deepEqual(
    embed.encodeRequest({ ...wishes, inputs: ["one"], paths: ["input"] }, "gemini-embedding-2"),
    {
      body: {
        content: { parts: [{ text: "one" }] },
        taskType: "RETRIEVAL_DOCUMENT",
        title: "Book",
        autoTruncate: true,
        outputDimensionality: 64,
      },
      dropped: ["user"],
    },
  );
});

test("vectors and tokens are read, and a missing one is no reply", () => {
  const prediction = (values: readonly number[], tokens: number) => ({
    embeddings: { values, statistics: { token_count: tokens, truncated: false } },
  });
  const body = { predictions: [prediction([1, 2], 3), prediction([3, 4], 4)] };
  const reply = predict.decodeReply(body, 2);
  assert.deepEqual(reply.vectors, [
    [1, 2],
    [3, 4],
  ]);
  assert.equal(reply.usage?.input, 7);
  for (const broken of [{}, { predictions: [null] }, { predictions: [prediction([1], 1)] }])
    assert.throws(() => predict.decodeReply(broken, 2), { kind: "upstream_invalid" });
  const told = { embedding: { values: [0.5] }, usageMetadata: { promptTokenCount: 9 } };
  const single = embed.decodeReply(told, 1);
  assert.deepEqual([single.vectors, single.usage?.input], [[[0.5]], 9]);
  assert.equal(embed.decodeReply({ embedding: { values: [0.5] } }, 1).usage, null);
  assert.throws(() => embed.decodeReply({}, 1), { kind: "upstream_invalid" });
  const error = predict.decodeError?.(
    Buffer.from('{"error":{"code":404,"message":"no model","status":"NOT_FOUND"}}'),
  );
  assert.deepEqual([error?.status, error?.message], [404, "no model"]);
});
