/** Official clients hear that the money is used up as they hear it from their own vendor, and do not try again. */
import assert from "node:assert/strict";
import { type TestContext, before, after, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { createOpenAI } from "@ai-sdk/openai";
import { GoogleGenAI } from "@google/genai";
import { generateText } from "ai";
import OpenAI from "openai";
import type { FakeUpstream } from "../fakes/upstream.ts";
import { applied, channelTo, write } from "../e2e/cluster.ts";
import { type GatewayNode, startNode } from "../e2e/nodes.ts";
import { openVendor } from "../e2e/vendor.ts";

let node: GatewayNode;
let upstream: FakeUpstream;
let key: string;

before(async () => {
  upstream = await openVendor();
  node = await startNode();
  await write(node, "POST", "/api/channels", channelTo(upstream, ["flat"]));
  await write(node, "POST", "/api/prices", { model: "flat", mode: "call", perCall: "0.01" });
  const made = await write<{ id: number; key: string }>(node, "POST", "/api/keys", {
    name: "poor",
    budget: { amount: "0.001" },
  });
  key = made.data.key;
  await applied(node, made.revision);
});

after(async () => {
  await node[Symbol.asyncDispose]();
  await upstream.close();
});

/** Counts what a client sends. */
function counting(): { readonly fetch: typeof fetch; readonly count: () => number } {
  let count = 0;
  const send = globalThis.fetch;
  return {
    count: () => count,
    fetch: (...parts) => {
      count += 1;
      return send(...parts);
    },
  };
}

async function failureOf(work: Promise<unknown>): Promise<Record<string, unknown>> {
  try {
    await work;
  } catch (error) {
    return error as Record<string, unknown>;
  }
  return assert.fail("it was answered");
}

const messages = [{ role: "user" as const, content: "hi" }];

async function askedOnce(
  t: TestContext,
  ask: (own: typeof fetch) => Promise<unknown>,
): Promise<Record<string, unknown>> {
  const { fetch: own, count } = counting();
  const failure = await failureOf(ask(own));
  t.diagnostic(String(failure["message"]).slice(0, 200));
  assert.equal(count(), 1, "it was not tried again");
  assert.match(
    String(failure["message"]),
    /budget of this API key has \$0\.001 left.*cost up to \$0\.01/,
  );
  return failure;
}

test("openai: chat and responses", async (t) => {
  const client = (own: typeof fetch): OpenAI =>
    new OpenAI({ apiKey: key, baseURL: `${node.url}/v1`, fetch: own, maxRetries: 3 });
  for (const ask of [
    (own: typeof fetch) => client(own).chat.completions.create({ model: "flat", messages }),
    (own: typeof fetch) => client(own).responses.create({ model: "flat", input: "hi" }),
  ]) {
    const failure = await askedOnce(t, ask);
    assert.ok(failure instanceof OpenAI.RateLimitError);
    assert.deepEqual([failure.status, failure.code], [429, "insufficient_quota"]);
    assert.equal(failure.type, "insufficient_quota");
  }
});

test("@anthropic-ai/sdk: a billing error", async (t) => {
  const failure = await askedOnce(t, (own) =>
    new Anthropic({ apiKey: key, baseURL: node.url, fetch: own, maxRetries: 3 }).messages.create({
      model: "flat",
      max_tokens: 10,
      messages,
    }),
  );
  assert.equal(failure["status"], 402);
  const told = failure["error"] as { readonly error: { readonly type: string } };
  assert.equal(told.error.type, "billing_error");
});

test("@google/genai: a quota that no retry helps", async (t) => {
  const { fetch: own, count } = counting();
  const usual = globalThis.fetch;
  globalThis.fetch = own;
  try {
    const client = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: node.url } });
    const failure = await failureOf(
      client.models.generateContent({ model: "flat", contents: "hi" }),
    );
    t.diagnostic(String(failure["message"]).slice(0, 200));
    assert.equal(failure["status"], 429);
    const { error } = JSON.parse(String(failure["message"])) as {
      error: { status: string; details: { "@type": string }[] };
    };
    assert.equal(error.status, "RESOURCE_EXHAUSTED");
    assert.ok(error.details.some((detail) => detail["@type"].endsWith("QuotaFailure")));
    assert.equal(count(), 1);
  } finally {
    globalThis.fetch = usual;
  }
});

test("AI SDK: without a retry where its client is told not to", async (t) => {
  const { fetch: own, count } = counting();
  const provider = createOpenAI({ apiKey: key, baseURL: `${node.url}/v1`, fetch: own });
  const failure = await failureOf(
    generateText({ model: provider.chat("flat"), prompt: "hi", maxRetries: 0 }),
  );
  t.diagnostic(String(failure["message"]).slice(0, 200));
  assert.equal(count(), 1);
  assert.equal(failure["statusCode"], 429);
});
