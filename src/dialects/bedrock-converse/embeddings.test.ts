/** What Titan is asked, and what its replies become. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { EmbeddingRequest } from "../../wire/embedding.ts";
import { titanEmbeddings } from "./embeddings.ts";

const titan = titanEmbeddings.upstream!;
const request: EmbeddingRequest = {
  model: "asked",
  inputs: ["one"],
  paths: ["input"],
  dimensions: 256,
  task: null,
  title: null,
  truncate: null,
  form: "numbers",
  endUser: "u",
  named: { dimensions: "dimensions", endUser: "user" },
};

test("one text a request; the first generation takes nothing else", () => {
  assert.deepEqual(titan.encodeRequest(request, "amazon.titan-embed-text-v2:0"), {
    body: { inputText: "one", dimensions: 256 },
    dropped: ["user"],
  });
  for (const model of ["amazon.titan-embed-text-v1", "amazon.titan-embed-g1-text-02"])
    assert.deepEqual(titan.encodeRequest(request, model), {
      body: { inputText: "one" },
      dropped: ["user", "dimensions"],
    });
  const image = titan.encodeRequest(request, "amazon.titan-embed-image-v1").body;
  assert.deepEqual(image["embeddingConfig"], { outputEmbeddingLength: 256 });
  const two = { ...request, inputs: ["one", "two"], paths: ["input[0]", "input[1]"] };
  assert.throws(() => titan.encodeRequest(two, "amazon.titan-embed-text-v2:0"), {
    kind: "invalid_request",
    message: /`input\[1\]`/,
  });
});

test("replies of both generations are read", () => {
  const v2 = { embedding: [1, 2], inputTextTokenCount: 5, embeddingsByType: { float: [1, 2] } };
  const reply = titan.decodeReply(v2, 1);
  assert.deepEqual([reply.vectors, reply.usage?.input, reply.model], [[[1, 2]], 5, null]);
  assert.deepEqual(titan.decodeReply({ embeddingsByType: { float: [3] } }, 1).vectors, [[3]]);
  for (const broken of [{}, { embedding: [] }, { embedding: ["x"] }])
    assert.throws(() => titan.decodeReply(broken, 1), { kind: "upstream_invalid" });
  const error = titan.decodeError?.(Buffer.from('{"message":"Malformed input request"}'));
  assert.equal(error?.message, "Malformed input request");
});
