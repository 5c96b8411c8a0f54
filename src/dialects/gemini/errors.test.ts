import assert from "node:assert/strict";
import { test } from "node:test";
import { bareUsage } from "../../../test/fakes/bare-usage.ts";
import { GatewayError } from "../../core/errors.ts";
import { decodeError, decodeReplyError, renderError, renderErrorEvent } from "./errors.ts";
import { renderModel, renderModels, renderTokenCount } from "./models.ts";
import { readReply, textBytes } from "./reply.ts";

const telling = { locale: "en", requestId: "call_1" } as const;

test("errors are told in Google's shape with our code as the reason", () => {
  const error = new GatewayError("rate_limit_exceeded", "slow", { retryAfterS: 2.5 });
  const reply = renderError(error, telling);
  assert.equal(reply.status, 429);
  assert.equal(reply.headers["retry-after"], "3");
  const { error: told } = JSON.parse(reply.body.toString()) as {
    error: { code: number; status: string; details: Record<string, unknown>[] };
  };
  assert.deepEqual([told.code, told.status], [429, "RESOURCE_EXHAUSTED"]);
  assert.equal(told.details[0]?.["reason"], "rate_limit_exceeded");
  assert.ok(told.details.some((detail) => detail["retryDelay"] === "2.5s"));
  assert.ok(told.details.some((detail) => detail["requestId"] === "call_1"));
  const event = renderErrorEvent(error, telling).toString();
  assert.match(event, /^data: \{"error":.*\}\r\n\r\n$/);
});

test("fields at fault are told as violations", () => {
  const fields = [{ field: "contents[0]", message: "mend it" }];
  const body = renderError(new GatewayError("invalid_request", "x", { fields }), telling).body;
  const { error } = JSON.parse(body.toString()) as {
    error: { details: Record<string, unknown>[] };
  };
  assert.deepEqual(error.details[1]?.["fieldViolations"], [
    { field: "contents[0]", description: "mend it" },
  ]);
});

test("upstream errors are understood: status, delay, an operator's wrong key, arrays, plain text", () => {
  const quota = {
    error: {
      code: 429,
      message: "quota",
      status: "RESOURCE_EXHAUSTED",
      details: [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "34.4s" }],
    },
  };
  assert.deepEqual(decodeError(JSON.stringify(quota)), {
    message: "quota",
    type: "RESOURCE_EXHAUSTED",
    code: "429",
    native: true,
    retryAfterS: 34.4,
  });
  assert.equal(decodeError(JSON.stringify([quota])).code, "429");
  const key = {
    error: {
      code: 400,
      message: "API key not valid. Please pass a valid API key.",
      status: "INVALID_ARGUMENT",
      details: [{ reason: "API_KEY_INVALID" }],
    },
  };
  assert.equal(decodeError(JSON.stringify(key)).code, "invalid_api_key");
  assert.deepEqual(decodeReplyError('{"error":{"status":"UNAVAILABLE","message":"busy"}}'), {
    message: "busy",
    type: "UNAVAILABLE",
    code: null,
    status: 503,
  });
  assert.equal(decodeError("<html>").native, false);
  assert.equal(decodeError("null").message, "null");
});

test("models are listed with the methods that clients pick them by", () => {
  const list = JSON.parse(
    renderModels([
      { id: "gemini-x", ownedBy: "google" },
      { id: "text-embedding-1", ownedBy: "" },
    ]).body.toString(),
  ) as { models: { name: string; supportedGenerationMethods: string[] }[] };
  assert.deepEqual(
    list.models.map(({ name }) => name),
    ["models/gemini-x", "models/text-embedding-1"],
  );
  assert.ok(list.models[0]?.supportedGenerationMethods.includes("generateContent"));
  assert.ok(list.models[1]?.supportedGenerationMethods.includes("embedContent"));
  const one = JSON.parse(renderModel({ id: "m", ownedBy: "x" }).body.toString()) as {
    name: string;
  };
  assert.equal(one.name, "models/m");
  const page = { hasMore: true, nextToken: "t" };
  const paged = JSON.parse(renderModels([], page).body.toString()) as object;
  assert.deepEqual(paged, { models: [], nextPageToken: "t" });
  assert.equal(renderTokenCount(3).body.toString(), '{"totalTokens":3}');
});

test("whole replies tell usage, model and errors", () => {
  const body = Buffer.from(
    '{"candidates":[{"groundingMetadata":{"webSearchQueries":["q"]}}],"usageMetadata":{"promptTokenCount":10,"cachedContentTokenCount":4,"candidatesTokenCount":5,"thoughtsTokenCount":7,"toolUsePromptTokenCount":2},"modelVersion":"gemini-x"}',
  );
  const facts = readReply(body);
  assert.deepEqual(bareUsage(facts?.usage), {
    input: 8,
    cacheRead: 4,
    cacheWrite5m: 0,
    cacheWrite1h: 0,
    output: 12,
    reasoning: 7,
    estimated: false,
    kinds: { webSearches: 1, inputTool: 2 },
  });
  assert.equal(facts?.model, "gemini-x");
  assert.equal(readReply(Buffer.from('{"error":{"code":500}}'))?.isError, true);
  assert.equal(
    readReply(Buffer.from('{"embeddings":[],"usageMetadata":{"promptTokenCount":3}}'))?.usage
      ?.input,
    3,
  );
  assert.equal(readReply(Buffer.from("[")), undefined);
  const request =
    '{"contents":[{"role":"user","parts":[{"text":"abcd"},{"inlineData":{"data":"AAAA"}}]}]}';
  assert.equal(textBytes(Buffer.from(request)), 4);
});
