import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../core/errors.ts";
import type { JsonObject } from "../core/json-value.ts";
import type { DialectId } from "../wire/call.ts";
import type { EmbeddingFront, EmbeddingUpstream } from "./embedding-codec.ts";
import { findEmbeddingCodec } from "./embedding-registry.ts";

function frontOf(id: DialectId): EmbeddingFront {
  const front = findEmbeddingCodec(id)?.front;
  assert.ok(front);
  return front;
}

function upstreamOf(id: DialectId): EmbeddingUpstream {
  const upstream = findEmbeddingCodec(id)?.upstream;
  assert.ok(upstream);
  return upstream;
}

const context = { model: "mine", pathAction: null };
const fromOpenai = (body: JsonObject) => frontOf("openai-chat").decodeRequest(body, context);

test("OpenAI's inputs come in four forms", () => {
  assert.deepEqual(fromOpenai({ input: "a" }).inputs, ["a"]);
  assert.deepEqual(fromOpenai({ input: ["a", "b"] }).inputs, ["a", "b"]);
  assert.deepEqual(fromOpenai({ input: [1, 2] }).inputs, [[1, 2]]);
  assert.deepEqual(fromOpenai({ input: [[1], [2, 3]] }).inputs, [[1], [2, 3]]);
});

test("wrong requests are refused by the field's path", () => {
  const wrong: [JsonObject, string][] = [
    [{}, "input"],
    [{ input: "" }, "input"],
    [{ input: [] }, "input"],
    [{ input: ["a", ""] }, "input[1]"],
    [{ input: ["a", 3] }, "input[1]"],
    [{ input: [[1.5]] }, "input[0]"],
    [{ input: { a: 1 } }, "input"],
    [{ input: "a", dimensions: 0 }, "dimensions"],
    [{ input: "a", encoding_format: "hex" }, "encoding_format"],
    [{ input: "a", user: 1 }, "user"],
  ];
  for (const [body, field] of wrong)
    assert.throws(
      () => fromOpenai(body),
      (error) => error instanceof GatewayError && error.fields[0]?.field === field,
      field,
    );
});

test("each upstream is asked in its own words, and what it cannot do is named", () => {
  const request = fromOpenai({ input: ["a", "b"], dimensions: 8, user: "u" });
  assert.deepEqual(upstreamOf("gemini-content").encodeRequest(request, "gem"), {
    body: {
      requests: ["a", "b"].map((text) => ({
        model: "models/gem",
        content: { parts: [{ text }] },
        outputDimensionality: 8,
      })),
    },
    dropped: ["user"],
  });
  assert.deepEqual(upstreamOf("cohere-v2").encodeRequest(request, "embed-v4.0"), {
    body: {
      model: "embed-v4.0",
      input_type: "search_document",
      texts: ["a", "b"],
      embedding_types: ["float"],
      output_dimension: 8,
    },
    dropped: ["user"],
  });
  assert.deepEqual(upstreamOf("ollama-chat").encodeRequest(request, "nomic"), {
    body: { model: "nomic", input: ["a", "b"], dimensions: 8 },
    dropped: ["user"],
  });
  assert.deepEqual(upstreamOf("openai-chat").encodeRequest(request, "small"), {
    body: { model: "small", input: ["a", "b"], dimensions: 8, user: "u" },
    dropped: [],
  });
});

test("tokens are refused by their path where only texts are read", () => {
  const request = fromOpenai({ input: [[1], [2]] });
  for (const id of ["gemini-content", "cohere-v2", "ollama-chat"] as const)
    assert.throws(
      () => upstreamOf(id).encodeRequest(request, "m"),
      (error) => error instanceof GatewayError && error.fields[0]?.field === "input[0]",
      id,
    );
  assert.deepEqual(upstreamOf("openai-chat").encodeRequest(request, "m").body["input"], [[1], [2]]);
});

test("vectors come back in order, as numbers or packed, and their number is checked", () => {
  const request = fromOpenai({ input: ["a", "b"], encoding_format: "base64" });
  const replies: [DialectId, JsonObject][] = [
    [
      "openai-chat",
      {
        data: [
          { index: 1, embedding: "AACAPwAAAEA=" },
          { index: 0, embedding: [0.5, -2] },
        ],
        usage: { prompt_tokens: 3 },
      },
    ],
    [
      "gemini-content",
      {
        embeddings: [{ values: [0.5, -2] }, { values: [1, 2] }],
        usageMetadata: { promptTokenCount: 3 },
      },
    ],
    [
      "cohere-v2",
      {
        embeddings: {
          float: [
            [0.5, -2],
            [1, 2],
          ],
        },
        meta: { billed_units: { input_tokens: 3 } },
      },
    ],
    [
      "ollama-chat",
      {
        embeddings: [
          [0.5, -2],
          [1, 2],
        ],
        prompt_eval_count: 3,
      },
    ],
  ];
  for (const [id, body] of replies) {
    const reply = upstreamOf(id).decodeReply(body, 2);
    assert.deepEqual(
      reply.vectors,
      [
        [0.5, -2],
        [1, 2],
      ],
      id,
    );
    assert.equal(reply.usage?.input, 3, id);
    const told = frontOf("openai-chat").encodeReply(reply, request, context);
    assert.deepEqual(told, {
      object: "list",
      data: [
        { object: "embedding", index: 0, embedding: "AAAAPwAAAMA=" },
        { object: "embedding", index: 1, embedding: "AACAPwAAAEA=" },
      ],
      model: "mine",
      usage: { prompt_tokens: 3, total_tokens: 3 },
    });
    for (const broken of [{}, { data: [null], embeddings: [null] }])
      assert.throws(
        () => upstreamOf(id).decodeReply(broken, 2),
        (error) => error instanceof GatewayError && error.kind === "upstream_invalid",
        id,
      );
  }
});

test("Gemini's callers ask for one or several, in either spelling", () => {
  const front = frontOf("gemini-content");
  const one = { model: "m", pathAction: "embedContent" };
  const single = front.decodeRequest(
    {
      model: "models/m",
      content: { parts: [{ text: "a" }, { text: "b" }] },
      task_type: "RETRIEVAL_DOCUMENT",
      title: "t",
      output_dimensionality: 4,
    },
    one,
  );
  assert.deepEqual(
    [single.inputs, single.task, single.title, single.dimensions],
    [["a\nb"], "document", "t", 4],
  );
  const cohere = upstreamOf("cohere-v2").encodeRequest(single, "c");
  assert.deepEqual(cohere.dropped, ["title"]);
  assert.equal(cohere.body["input_type"], "search_document");
  assert.deepEqual(upstreamOf("openai-chat").encodeRequest(single, "o").dropped, [
    "task_type",
    "title",
  ]);
  const reply = { model: null, vectors: [[1]], usage: null };
  assert.deepEqual(front.encodeReply(reply, single, one), { embedding: { values: [1] } });

  const several = { model: "m", pathAction: "batchEmbedContents" };
  const content = (text: string): JsonObject => ({ parts: [{ text }] });
  const batch = front.decodeRequest(
    { requests: [{ content: content("a") }, { content: content("b") }] },
    several,
  );
  assert.deepEqual(batch.inputs, ["a", "b"]);
  assert.deepEqual(front.encodeReply({ ...reply, vectors: [[1], [2]] }, batch, several), {
    embeddings: [{ values: [1] }, { values: [2] }],
  });
});

test("a batch whose requests differ, or hold no text, is refused by its path", () => {
  const front = frontOf("gemini-content");
  const several = { model: "m", pathAction: "batchEmbedContents" };
  const content = { parts: [{ text: "a" }] };
  const wrong: [JsonObject, string][] = [
    [{}, "requests"],
    [{ requests: [] }, "requests"],
    [{ requests: [{}] }, "requests[0].content"],
    [{ requests: [{ content, taskType: "X" }] }, "requests[0].taskType"],
    [{ requests: [{ content }, { content, taskType: "CLUSTERING" }] }, "requests[1]"],
    [{ requests: [{ content: { parts: [{ inlineData: {} }] } }] }, "requests[0].content.parts[0]"],
  ];
  for (const [body, field] of wrong)
    assert.throws(
      () => front.decodeRequest(body, several),
      (error) => error instanceof GatewayError && error.fields[0]?.field === field,
      field,
    );
});

test("dialects without embeddings have no codec", () => {
  assert.equal(findEmbeddingCodec("anthropic-messages"), undefined);
});
