/** OpenAI's batches as their files and documents are, and as no vendor should write them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fastCheck from "fast-check";
import { GatewayError } from "../core/errors.ts";
import type { JsonObject } from "../core/json-value.ts";
import type { BatchInput, BatchRequest, BatchResult } from "./contract.ts";
import { openaiBatches } from "./openai-batches.ts";
import { getDialect } from "./registry.ts";

const toChat: BatchInput = { file: "file-1", requests: [], path: "/v1/chat/completions" };
const anywhere: BatchInput = { file: "file-1", requests: [], path: null };
const read = (line: string, input = toChat): BatchRequest | undefined =>
  openaiBatches.readRequest(Buffer.from(line), input);
const result = (line: unknown): BatchResult | undefined =>
  openaiBatches.readResult(Buffer.from(typeof line === "string" ? line : JSON.stringify(line)));
const answer = (body: unknown, status: unknown = 200): unknown => ({
  id: "batch_req_1",
  custom_id: "request-1",
  response: { status_code: status, request_id: "req_1", body },
  error: null,
});
const chatReply = {
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1724858089,
  model: "gpt-4o-mini-2024-07-18",
  choices: [
    { index: 0, message: { role: "assistant", content: "2 + 2 equals 4." }, finish_reason: "stop" },
  ],
  usage: {
    prompt_tokens: 24,
    completion_tokens: 8,
    total_tokens: 32,
    prompt_tokens_details: { cached_tokens: 4 },
  },
  service_tier: "default",
};

test("the dialect's door shows them", () => {
  assert.equal(getDialect("openai-chat").batches, openaiBatches);
});

test("the file and the path that a batch names", () => {
  const body = `{ "input_file_id":"file-1", "endpoint": "/v1/responses", "completion_window":"24h" }`;
  assert.deepEqual(openaiBatches.inputOf(Buffer.from(body)), {
    file: "file-1",
    requests: [],
    path: "/v1/responses",
  });
  const empty = { file: null, requests: [], path: null };
  assert.deepEqual(openaiBatches.inputOf(Buffer.from(`{"input_file_id":7}`)), empty);
  for (const broken of ["[]", "{", `{"input_file_id":"a","input_file_id":"b"}`])
    assert.throws(
      () => openaiBatches.inputOf(Buffer.from(broken)),
      (thrown) => thrown instanceof GatewayError && thrown.kind === "invalid_request",
    );
});

test("a line's request is cut out as the bytes that stand there", () => {
  const own = `{ "model" : "gpt-4o-mini","n":1.0, "messages":[{"role":"user","content":"\\u00e9 }\\" é"}] }`;
  const line = `{"custom_id": "r-\\u0031","method":"POST","url":"/v1/chat/completions","body":${own} }\r`;
  const request = read(line);
  assert.deepEqual(
    [request?.name, request?.dialect, request?.operation, request?.body.toString()],
    ["r-1", "openai-chat", "chat", own],
  );
});

test("paths name dialect and operation; a line without one goes where its batch goes", () => {
  const target = (url: string): string => {
    const request = read(JSON.stringify({ custom_id: "a", url, body: {} }), anywhere);
    return request === undefined ? "none" : `${request.dialect} ${request.operation}`;
  };
  const expected = {
    "/v1/chat/completions": "openai-chat chat",
    "/v1/completions": "openai-chat completions",
    "/v1/embeddings": "openai-chat embeddings",
    "/v1/responses": "openai-responses chat",
    "/v1/moderations": "openai-media moderations",
    "/v1/images/generations": "openai-media image-generation",
    "/v1/images/edits": "openai-media image-edit",
    "/chat/completions": "openai-chat chat",
    "/openai/v1/responses": "openai-responses chat",
    "/v4/chat/completions": "openai-chat chat",
    "/v1/videos": "none",
    "/v1/files": "none",
    "v1/chat/completions": "none",
    "/v1/v1/chat/completions": "none",
    "/v1/chat/completions/../embeddings": "none",
    constructor: "none",
    "/v1__proto__": "none",
  };
  for (const [url, name] of Object.entries(expected)) assert.equal(target(url), name, url);
  assert.equal(read(`{"body":{}}`)?.operation, "chat");
  assert.equal(read(`{"body":{}}`)?.name, "");
  assert.equal(read(`{"body":{}}`, anywhere), undefined);
  // The batch says chat, the line embeddings.
  assert.equal(read(`{"url":"/v1/embeddings","body":{}}`), undefined);
  assert.equal(read(`{"url":"/chat/completions","body":{}}`)?.operation, "chat");
  assert.equal(read(`{"body":{}}`, { ...toChat, path: "/v1/videos" }), undefined);
});

test("a batch has ended when nothing of it runs any more, and has results where a file is named", () => {
  const state = (document: JsonObject): unknown => {
    const { ended, results } = openaiBatches.readState(document);
    return [ended, results];
  };
  for (const status of ["validating", "in_progress", "finalizing", "cancelling", "unheard", 4])
    assert.deepEqual(state({ status, output_file_id: "file-2" }), [false, null]);
  for (const status of ["completed", "expired", "cancelled", "failed", "COMPLETED"]) {
    const told = state({ status, output_file_id: "file-2", error_file_id: "file-3" });
    assert.deepEqual(told, [true, { file: "file-2" }]);
    assert.deepEqual(state({ status, error_file_id: "file-3" }), [true, null]);
    assert.deepEqual(state({ status, output_file_id: null }), [true, null]);
  }
  assert.deepEqual(state({}), [false, null]);
});

test("a batch of newer days tells what all its requests used together", () => {
  const usage = {
    input_tokens: 100,
    input_tokens_details: { cached_tokens: 40 },
    output_tokens: 7,
    output_tokens_details: { reasoning_tokens: 2 },
    total_tokens: 107,
  };
  const { told } = openaiBatches.readState({
    status: "completed",
    model: "gpt-4o-2024-08-06",
    usage,
  });
  assert.equal(told?.model, "gpt-4o-2024-08-06");
  const { input, cacheRead, output, reasoning, serviceTier, estimated } = told!.usage;
  assert.deepEqual(
    { input, cacheRead, output, reasoning, serviceTier, estimated },
    { input: 60, cacheRead: 40, output: 7, reasoning: 2, serviceTier: "batch", estimated: false },
  );
  assert.equal(openaiBatches.readState({ status: "completed" }).told, null);
});

test("an answer's usage is what its own dialect reads of it, in the tier of batches", () => {
  const chat = result(answer(chatReply));
  assert.deepEqual([chat?.name, chat?.model], ["request-1", "gpt-4o-mini-2024-07-18"]);
  const { input, cacheRead, output, serviceTier, estimated } = chat?.usage ?? {};
  assert.deepEqual([input, cacheRead, output, serviceTier, estimated], [20, 4, 8, "batch", false]);
  const response = result(
    answer({
      object: "response",
      status: "completed",
      model: "gpt-5.1",
      output: [
        { type: "web_search_call", id: "ws_1", status: "completed" },
        { type: "message", content: [{ type: "output_text", text: "hi" }] },
      ],
      usage: {
        input_tokens: 1000,
        input_tokens_details: { cached_tokens: 400 },
        output_tokens: 50,
        output_tokens_details: { reasoning_tokens: 30 },
      },
    }),
  );
  assert.deepEqual(
    [response?.usage.input, response?.usage.cacheRead, response?.usage.reasoning],
    [600, 400, 30],
  );
  assert.equal(response?.usage.kinds?.webSearches, 1);
  const vectors = result(
    answer({
      object: "list",
      data: [{ object: "embedding", embedding: [0.1], index: 0 }],
      model: "text-embedding-3-small",
      usage: { prompt_tokens: 8, total_tokens: 8 },
    }),
  );
  assert.deepEqual([vectors?.model, vectors?.usage.input], ["text-embedding-3-small", 8]);
  const picture = result(
    answer({
      created: 1,
      data: [{ b64_json: "aa" }, { b64_json: "bb" }],
      size: "1024x1024",
      quality: "high",
      usage: { input_tokens: 9, output_tokens: 200, total_tokens: 209 },
    }),
  );
  assert.deepEqual(picture?.usage.kinds?.imageSizes, { "1024x1024/high": 2 });
  assert.equal(picture?.usage.serviceTier, "batch");
});

test("an answer that tells no usage is estimated by its text, four bytes a token", () => {
  const { usage: _left, ...silent } = chatReply;
  // "assistant", "2 + 2 equals 4.", "stop": what the dialect weighs as text.
  const weighed = getDialect("openai-chat").textBytes(Buffer.from(JSON.stringify(silent)));
  const told = result(answer(silent))?.usage;
  assert.deepEqual(
    [told?.input, told?.output, told?.estimated, told?.serviceTier],
    [0, Math.ceil(weighed / 4), true, "batch"],
  );
  assert.ok(weighed >= 15);
  // A judgement has no text; what its price says of a call holds nevertheless.
  const judged = result(answer({ id: "modr-1", model: "omni", results: [{ flagged: false }] }));
  assert.deepEqual([judged?.model, judged?.usage.output], ["omni", 0]);
});

test("what failed costs nothing", () => {
  const error = { error: { message: "no", type: "invalid_request_error" } };
  assert.equal(result(answer(error, 400)), undefined);
  for (const status of [400, 429, 500]) assert.equal(result(answer(chatReply, status)), undefined);
  assert.equal(result(answer(error)), undefined);
  const expired = { code: "batch_expired", message: "This request could not be executed" };
  assert.equal(result({ custom_id: "a", response: null, error: expired }), undefined);
  assert.equal(
    result({ ...(answer(chatReply) as object), error: { code: "x", message: "y" } }),
    undefined,
  );
  assert.equal(result(answer(null)), undefined);
  assert.equal(result(answer("{}")), undefined);
});

const hostile: readonly string[] = [
  "",
  "\u0000",
  "not json",
  "[]",
  "null",
  "{}",
  `{"custom_id":`,
  `{"response":{"status_code":200,"body":{`,
  `{"response":{},"response":{}}`,
  `{"custom_id":{},"response":[{"status_code":200}]}`,
  `{"response":{"status_code":200,"body":{"choices":[{}],"usage":{},"usage":{"prompt_tokens":5}}}}`,
  `{"response":{"status_code":200,"body":${"[".repeat(600)}${"]".repeat(600)}}}`,
  `{"custom_id":"a","body":{"model":"m"},"body":{"model":"n"}}`,
];

test("no line makes it throw, whatever stands in it", () => {
  for (const line of hostile) {
    assert.equal(read(line), undefined, line.slice(0, 80));
    assert.equal(result(line), undefined, line.slice(0, 80));
  }
  fastCheck.assert(
    fastCheck.property(
      fastCheck.oneof(
        fastCheck.string(),
        fastCheck.json(),
        fastCheck.jsonValue().map((body) => JSON.stringify(answer(body))),
        fastCheck
          .jsonValue()
          .map((usage) => JSON.stringify(answer({ choices: [{}], usage, model: usage }))),
      ),
      (line) => {
        read(line);
        const usage = result(line)?.usage;
        for (const count of usage === undefined ? [] : [usage.input, usage.output])
          assert.ok(Number.isInteger(count) && count >= 0 && count <= 1e12);
      },
    ),
    { numRuns: 500 },
  );
});

test("numbers that no answer can have used are none, or an estimate", () => {
  const usageOf = (usage: string): unknown => {
    const line = `{"response":{"status_code":200,"body":{"choices":[{"message":{"content":"abcd"}}],"usage":${usage}}}}`;
    const told = result(line)?.usage;
    return [told?.input, told?.output, told?.estimated];
  };
  assert.deepEqual(usageOf(`{"prompt_tokens":-5,"completion_tokens":10}`), [0, 10, true]);
  assert.deepEqual(usageOf(`{"prompt_tokens":1e308,"completion_tokens":10}`), [0, 10, true]);
  assert.deepEqual(usageOf(`{"prompt_tokens":"9","completion_tokens":10}`), [0, 10, true]);
  assert.deepEqual(usageOf(`{"prompt_tokens":7,"completion_tokens":1e999}`), [7, 0, true]);
  // Nothing that can be counted was told: its text is.
  assert.deepEqual(usageOf(`{"prompt_tokens":-1,"completion_tokens":-1}`), [0, 1, true]);
  assert.deepEqual(usageOf(`"many"`), [0, 1, true]);
  assert.equal(result(answer({ ...chatReply, model: "m".repeat(10_000) }))?.model, null);
  assert.equal(result(answer({ ...chatReply, model: { name: "m" } }))?.model, null);
  assert.equal(result(answer(chatReply, "400"))?.usage.output, 8);
});

test("a line of eight megabytes is read in a moment, and not copied", () => {
  const content = `a\\"${"x".repeat(8 * 1024 * 1024)}`;
  const line = Buffer.from(
    `{"custom_id":"big","response":{"status_code":200,"body":{"choices":[{"message":{"content":"${content}"}}],` +
      `"usage":{"prompt_tokens":3,"completion_tokens":2000000,"total_tokens":2000003}}}}`,
  );
  const startedAt = performance.now();
  assert.equal(openaiBatches.readResult(line)?.usage.output, 2_000_000);
  const request = Buffer.from(`{"custom_id":"big","body":{"input":"${content}"}}`);
  const body = openaiBatches.readRequest(request, toChat)?.body;
  assert.equal(body?.buffer, request.buffer);
  assert.ok(performance.now() - startedAt < 2_000);
});
