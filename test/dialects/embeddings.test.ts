/** Recorded embeddings of four vendors: each request is asked in its vendor's words again, each reply told to the other callers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../../src/core/json-value.ts";
import { findEmbeddingCodec } from "../../src/dialects/embedding-registry.ts";
import { loadRecordings, type Recording } from "../fakes/recordings.ts";

const recordings = loadRecordings("embeddings");
const absent = { skip: recordings === undefined };

function bodyOf(message: { readonly body: Buffer }): JsonObject {
  return JSON.parse(message.body.toString()) as JsonObject;
}

function ofPath(pattern: RegExp): Recording[] {
  return (recordings ?? []).filter(
    ({ request, response }) => pattern.test(request.path) && response.status === 200,
  );
}

test("Gemini's recorded batches are decoded and encoded to the same body", absent, () => {
  const batches = ofPath(/:batchEmbedContents/);
  assert.equal(batches.length, 9);
  const codec = findEmbeddingCodec("gemini-content");
  for (const { request, response } of batches) {
    const model = /models\/([^:]*)/.exec(request.path)?.[1] ?? "";
    const context = { model, pathAction: "batchEmbedContents" };
    const asked = codec?.front?.decodeRequest(bodyOf(request), context);
    assert.ok(asked);
    assert.deepEqual(codec?.upstream?.encodeRequest(asked, model).body, bodyOf(request));
    const reply = codec?.upstream?.decodeReply(bodyOf(response), asked.inputs.length);
    assert.ok(reply);
    const again = codec?.front?.encodeReply(reply, asked, context);
    assert.deepEqual(again?.["embeddings"], bodyOf(response)["embeddings"]);
  }
});

test("OpenAI's recorded vectors are packed to the same bytes", absent, () => {
  const codec = findEmbeddingCodec("openai-chat");
  const all = ofPath(/\/v1\/embeddings/);
  assert.ok(all.length >= 6);
  for (const { request, response } of all) {
    const context = { model: String(bodyOf(request)["model"]), pathAction: null };
    const asked = codec?.front?.decodeRequest(bodyOf(request), context);
    assert.ok(asked);
    const reply = codec?.upstream?.decodeReply(bodyOf(response), asked.inputs.length);
    assert.ok(reply);
    const told = codec?.front?.encodeReply(reply, asked, context)?.["data"];
    const vectors = (data: unknown): unknown[] =>
      (data as { embedding: unknown }[]).map(({ embedding }) => embedding);
    assert.deepEqual(vectors(told), vectors(bodyOf(response)["data"]));
    const usage = bodyOf(response)["usage"] as { total_tokens: number };
    assert.equal(reply.usage?.input, usage.total_tokens);
  }
});

test(
  "Cohere's recorded replies have a vector for each text and their billed tokens",
  absent,
  () => {
    const codec = findEmbeddingCodec("cohere-v2");
    const all = ofPath(/\/v2\/embed/);
    assert.equal(all.length, 2);
    for (const { request, response } of all) {
      const texts = bodyOf(request)["texts"] as string[];
      const reply = codec?.upstream?.decodeReply(bodyOf(response), texts.length);
      assert.equal(reply?.vectors.length, texts.length);
      assert.ok((reply?.usage?.input ?? 0) > 0);
    }
  },
);
