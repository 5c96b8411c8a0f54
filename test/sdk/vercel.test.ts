/**
 * The AI SDK's providers against a node, each over upstreams of every API: they check every chunk against their own
 * schemas, so that what they take is what their vendor would have sent.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createCohere } from "@ai-sdk/cohere";
import { createGoogle } from "@ai-sdk/google";
import { createMistral } from "@ai-sdk/mistral";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import {
  APICallError,
  type LanguageModel,
  Output,
  embedMany,
  generateText,
  isStepCount,
  jsonSchema,
  rerank,
  streamText,
  tool,
} from "ai";
import { openMind } from "../fakes/scripted/mind.ts";
import {
  type ScriptedNode,
  type UpstreamId,
  openScriptedNode,
  upstreamIds,
} from "./scripted-yard.ts";

Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });

/** Each model has the name of its upstream. */
interface Asked {
  readonly url: string;
  readonly apiKey: string;
  readonly model: UpstreamId;
}

interface Caller {
  readonly name: string;
  readonly open: (asked: Asked) => LanguageModel;
  /** It does not ask for usage in streams, as its vendor tells it always. */
  readonly silent?: true;
}

/** Each provider whose vendor's API we serve. */
const callers: readonly Caller[] = [
  {
    name: "openai chat",
    open: ({ url, apiKey, model }) => createOpenAI({ baseURL: `${url}/v1`, apiKey }).chat(model),
  },
  {
    name: "openai responses",
    open: ({ url, apiKey, model }) =>
      createOpenAI({ baseURL: `${url}/v1`, apiKey }).responses(model),
  },
  {
    name: "anthropic",
    open: ({ url, apiKey, model }) => createAnthropic({ baseURL: `${url}/v1`, apiKey })(model),
  },
  {
    name: "google",
    open: ({ url, apiKey, model }) => createGoogle({ baseURL: `${url}/v1beta`, apiKey })(model),
  },
  {
    name: "mistral",
    open: ({ url, apiKey, model }) => createMistral({ baseURL: `${url}/v1`, apiKey })(model),
    silent: true,
  },
  {
    name: "openai-compatible",
    open: ({ url, apiKey, model }) =>
      createOpenAICompatible({
        name: "switchyard",
        baseURL: `${url}/v1`,
        apiKey,
        includeUsage: true,
        supportsStructuredOutputs: true,
      })(model),
  },
];

let node: ScriptedNode;
before(async () => void (node = await openScriptedNode(openMind())));
after(() => node.close());

const modelOf = (caller: Caller, upstream: UpstreamId, apiKey = node.key): LanguageModel =>
  caller.open({ url: node.url, apiKey, model: upstream });

const schema = jsonSchema<{ city: string; people: number }>({
  type: "object",
  properties: { city: { type: "string" }, people: { type: "integer" } },
  required: ["city", "people"],
  additionalProperties: false,
});

const cityOnly = jsonSchema<{ city: string }>({
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
});

async function failure(call: Promise<unknown>): Promise<APICallError> {
  const thrown = await call.then(
    () => assert.fail("it should have failed"),
    (error: unknown) => error,
  );
  assert.ok(APICallError.isInstance(thrown), String(thrown));
  return thrown;
}

/** Throws what a stream tells as an error. */
async function drain(told: {
  readonly stream: AsyncIterable<{ type: string; text?: string; error?: unknown }>;
}): Promise<string> {
  let text = "";
  for await (const part of told.stream) {
    if (part.type === "error") throw part.error;
    if (part.type === "text-delta") text += part.text ?? "";
  }
  return text;
}

const prompt = "What is the capital of Japan?";
const quiet = { maxRetries: 0, onError: () => undefined };

for (const caller of callers)
  for (const upstream of upstreamIds)
    test(`${caller.name} over ${upstream}`, async () => {
      const { vendor } = node;
      const asked = { model: modelOf(caller, upstream), maxRetries: 0 };
      const whole = await generateText({ ...asked, prompt, system: "Be brief." });
      assert.deepEqual([whole.text, whole.finishReason], ["Tokyo", "stop"]);
      assert.ok((whole.usage.totalTokens ?? 0) > 0);
      const streamed = streamText({ ...asked, ...quiet, prompt });
      assert.equal(await drain(streamed), "Tokyo");
      assert.equal(await streamed.finishReason, "stop");
      const { outputTokens = 0 } = await streamed.totalUsage;
      if (caller.silent !== true) assert.ok(outputTokens > 0);
      const cut = await generateText({ ...asked, prompt: "An essay.", maxOutputTokens: 20 });
      assert.equal(cut.finishReason, "length");
      const asks: unknown[] = [];
      const weather = tool({
        description: "The weather of a city",
        inputSchema: cityOnly,
        execute: ({ city }) => {
          asks.push(city);
          return `18 °C in ${city}`;
        },
      });
      const loop = {
        ...asked,
        prompt: "What is the weather in Bonn?",
        tools: { weather },
        stopWhen: isStepCount(3),
      };
      const looped = await generateText(loop);
      assert.match(looped.text, /18 °C in Bonn/u);
      assert.equal(looped.steps.length, 2);
      assert.match(await drain(streamText({ ...loop, ...quiet })), /18 °C in Bonn/u);
      assert.deepEqual(asks, ["Bonn", "Bonn"]);
      const question = {
        ...asked,
        output: Output.object({ schema }),
        prompt: "How many live in Bonn: 330000?",
      };
      const made = await generateText(question);
      assert.deepEqual(made.output, { city: "Bonn", people: 330_000 });
      const making = streamText({ ...question, ...quiet });
      await drain(making);
      assert.deepEqual(await making.output, { city: "Bonn", people: 330_000 });
      vendor.failNext({ status: 429, headers: { "retry-after": "3" } }, { status: 400 });
      const busy = await failure(generateText({ ...asked, prompt }));
      assert.deepEqual([busy.statusCode, busy.isRetryable], [429, true]);
      assert.equal(busy.responseHeaders?.["retry-after"], "3");
      const refused = await failure(generateText({ ...asked, prompt }));
      assert.deepEqual([refused.statusCode, refused.isRetryable], [400, false]);
      assert.match(refused.responseBody ?? "", /played 400/u);
    });

for (const caller of callers)
  test(`what goes wrong is what users of ${caller.name} catch`, async () => {
    const { vendor } = node;
    const model = modelOf(caller, "anthropic-messages");
    const stranger = modelOf(caller, "openai-chat", "sk-nobody-0123456789abcdef0123456789ab");
    const unknown = await failure(generateText({ model: stranger, prompt, maxRetries: 0 }));
    assert.deepEqual([unknown.statusCode, unknown.isRetryable], [401, false]);
    vendor.failNext({ status: 503, headers: { "retry-after": "1" } });
    assert.equal((await generateText({ model, prompt, maxRetries: 1 })).text, "Tokyo");
    vendor.failNext({ cutBehind: 5 });
    await assert.rejects(drain(streamText({ model, prompt: "An essay.", ...quiet })));
    vendor.failNext({ hangs: true });
    const { left } = vendor;
    const count = vendor.heard.length;
    const gone = new AbortController();
    const asked = { model, prompt, maxRetries: 0, abortSignal: gone.signal };
    const refused = assert.rejects(generateText(asked));
    await vendor.until(() => vendor.heard.length > count);
    gone.abort();
    await refused;
    await vendor.until(() => vendor.left === left + 1);
  });

test("embeddings", async () => {
  const { url, key: apiKey } = node;
  for (const upstream of ["openai-chat", "gemini-content", "cohere-v2", "ollama-chat"] as const)
    for (const model of [
      createOpenAI({ baseURL: `${url}/v1`, apiKey }).embedding(upstream),
      createGoogle({ baseURL: `${url}/v1beta`, apiKey }).embedding(upstream),
    ]) {
      const { embeddings } = await embedMany({ model, values: ["one", "three"] });
      assert.deepEqual(
        embeddings.map(({ length }) => length),
        [8, 8],
        upstream,
      );
    }
});

test("Cohere's rerank", async () => {
  const { url, key: apiKey } = node;
  const { ranking } = await rerank({
    model: createCohere({ baseURL: `${url}/v2`, apiKey }).reranking("cohere-v2"),
    query: "capital of Japan",
    documents: ["Bonn lies on the Rhine.", "The capital of Japan is Tokyo."],
    topN: 1,
  });
  assert.deepEqual(
    ranking.map(({ originalIndex }) => originalIndex),
    [1],
  );
});
