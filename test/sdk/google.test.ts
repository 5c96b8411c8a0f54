/**
 * Google's own client against a node, over upstreams of every API: what its users write works as it does with Google,
 * chats and functions that it calls by itself included, and what goes wrong arrives as they catch it.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import {
  ApiError,
  type CallableTool,
  FinishReason,
  FunctionCallingConfigMode,
  type FunctionDeclaration,
  GoogleGenAI,
  Type,
} from "@google/genai";
import { testKey } from "../e2e/call-harness.ts";
import { openMind } from "../fakes/scripted/mind.ts";
import type { Vendor } from "../fakes/scripted/vendor.ts";
import {
  type UpstreamId,
  channelTo,
  model,
  openScriptedYard,
  upstreamIds,
} from "./scripted-yard.ts";

interface Stage {
  readonly google: GoogleGenAI;
  readonly vendor: Vendor;
  readonly url: string;
}

function clientTo(url: string, apiKey = testKey): GoogleGenAI {
  return new GoogleGenAI({ apiKey, vertexai: false, httpOptions: { baseUrl: url } });
}

async function stage(t: TestContext, upstream: UpstreamId): Promise<Stage> {
  const { yard, vendor } = await openScriptedYard(t, upstream, openMind());
  return { google: clientTo(yard.url), vendor, url: yard.url };
}

const capital = { model, contents: "What is the capital of Japan?" };
const declaration: FunctionDeclaration = {
  name: "weather",
  description: "The weather of a city",
  parameters: {
    type: Type.OBJECT,
    properties: { city: { type: Type.STRING } },
    required: ["city"],
  },
};

/** A tool that the client calls by itself. */
function weatherTool(asked: unknown[]): CallableTool {
  return {
    tool: () => Promise.resolve({ functionDeclarations: [declaration] }),
    callTool: (calls) => {
      asked.push(...calls.map(({ args }) => args));
      const parts = calls.map(({ id, name }) => ({
        functionResponse: {
          ...(id === undefined ? {} : { id }),
          name: name ?? "",
          response: { output: "18 °C in Bonn" },
        },
      }));
      return Promise.resolve(parts);
    },
  };
}

async function failure(call: Promise<unknown>): Promise<ApiError> {
  const thrown = await call.then(
    () => assert.fail("it should have failed"),
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof ApiError, String(thrown));
  return thrown;
}

/** The error that the client quotes in its own message. */
const quoted = ({ message }: ApiError): { status: string; message: string; details: unknown } =>
  (JSON.parse(message) as { error: { status: string; message: string; details: unknown } }).error;

for (const upstream of upstreamIds) {
  test(`contents are generated over ${upstream}`, async (t) => {
    const { google } = await stage(t, upstream);
    const whole = await google.models.generateContent(capital);
    assert.equal(whole.text, "Tokyo");
    assert.equal(whole.candidates?.[0]?.finishReason, FinishReason.STOP);
    assert.ok((whole.usageMetadata?.totalTokenCount ?? 0) > 0);
    let text = "";
    let last: FinishReason | undefined;
    for await (const chunk of await google.models.generateContentStream(capital)) {
      text += chunk.text ?? "";
      last = chunk.candidates?.[0]?.finishReason ?? last;
    }
    assert.deepEqual([text, last], ["Tokyo", FinishReason.STOP]);
    const cut = await google.models.generateContent({
      model,
      contents: "Write an essay.",
      config: { maxOutputTokens: 20 },
    });
    assert.equal(cut.candidates?.[0]?.finishReason, FinishReason.MAX_TOKENS);
  });

  test(`chats, thoughts and instructions over ${upstream}`, async (t) => {
    const { google } = await stage(t, upstream);
    const chat = google.chats.create({
      model,
      config: { thinkingConfig: { includeThoughts: true, thinkingBudget: 1024 } },
    });
    assert.equal((await chat.sendMessage({ message: "My name is Ada." })).text, "Copper Lantern");
    let text = "";
    for await (const chunk of await chat.sendMessageStream({ message: "What is my name?" }))
      text += chunk.text ?? "";
    assert.equal(text, "Ada");
    const instructed = await google.models.generateContent({
      ...capital,
      config: { systemInstruction: 'The model replies with exactly the word "quartz".' },
    });
    assert.equal(instructed.text, "quartz");
  });

  test(`its client calls functions by itself over ${upstream}`, async (t) => {
    const { google, vendor } = await stage(t, upstream);
    const asked: unknown[] = [];
    const question = {
      model,
      contents: "What is the weather in Bonn?",
      config: { tools: [weatherTool(asked)] },
    };
    const whole = await google.models.generateContent(question);
    assert.match(whole.text ?? "", /18 °C in Bonn/u);
    let text = "";
    for await (const chunk of await google.models.generateContentStream(question))
      text += chunk.candidates?.[0]?.content?.parts?.map((part) => part.text ?? "").join("") ?? "";
    assert.match(text, /18 °C in Bonn/u);
    assert.deepEqual(asked, [{ city: "Bonn" }, { city: "Bonn" }]);
    assert.equal(vendor.heard.length, 4);
    const forced = await google.models.generateContent({
      ...capital,
      config: {
        tools: [{ functionDeclarations: [declaration] }],
        toolConfig: {
          functionCallingConfig: {
            mode: FunctionCallingConfigMode.ANY,
            allowedFunctionNames: ["weather"],
          },
        },
      },
    });
    assert.equal(forced.functionCalls?.[0]?.name, "weather");
  });

  test(`structured output and counts over ${upstream}`, async (t) => {
    const { google } = await stage(t, upstream);
    const properties = { city: { type: Type.STRING }, people: { type: Type.INTEGER } };
    const structured = await google.models.generateContent({
      model,
      contents: "How many live in Bonn: 330000?",
      config: {
        responseMimeType: "application/json",
        responseSchema: { type: Type.OBJECT, properties, required: ["city", "people"] },
      },
    });
    assert.deepEqual(JSON.parse(structured.text ?? ""), { city: "Bonn", people: 330_000 });
    const counted = await google.models.countTokens(capital);
    assert.ok((counted.totalTokens ?? 0) > 0);
  });

  test(`what goes wrong over ${upstream} is what its users catch`, async (t) => {
    const { google, vendor, url } = await stage(t, upstream);
    const stranger = clientTo(url, "sk-nobody-0123456789abcdef0123456789ab");
    const unknown = await failure(stranger.models.generateContent(capital));
    assert.equal(unknown.status, 401);
    assert.equal(quoted(unknown).status, "UNAUTHENTICATED");
    const absent = await failure(google.models.get({ model: "no-such-model" }));
    assert.deepEqual([absent.status, quoted(absent).status], [404, "NOT_FOUND"]);
    vendor.failNext({ status: 429 }, { status: 500 });
    const busy = await failure(google.models.generateContent(capital));
    assert.deepEqual([busy.status, quoted(busy).status], [429, "RESOURCE_EXHAUSTED"]);
    const broken = await failure(google.models.generateContent(capital));
    assert.ok(broken.status >= 500, String(broken.status));
    vendor.failNext({ cutBehind: 4 });
    await failure(
      (async () => {
        const essay = { model, contents: "An essay." };
        for await (const _chunk of await google.models.generateContentStream(essay));
      })(),
    );
  });
}

test("a wrong field is named to its users", async (t) => {
  const { google } = await stage(t, "openai-chat");
  const refused = await failure(
    google.models.generateContent({ ...capital, config: { temperature: "hot" as never } }),
  );
  assert.equal(refused.status, 400);
  assert.match(quoted(refused).message, /generationConfig\.temperature/u);
});

test("its client embeds over every upstream that does", async (t) => {
  for (const upstream of ["openai-chat", "gemini-content", "cohere-v2", "ollama-chat"] as const) {
    const { google } = await stage(t, upstream);
    const { embeddings } = await google.models.embedContent({
      model,
      contents: ["one", "three"],
      config: { outputDimensionality: 4 },
    });
    assert.deepEqual(
      embeddings?.map(({ values }) => values?.length),
      [4, 4],
      upstream,
    );
  }
});

test("its client pages through the models", async (t) => {
  const models = Array.from(
    { length: 25 },
    (_, index) => `model-${String(index).padStart(2, "0")}`,
  );
  const { yard, vendor } = await openScriptedYard(t, "openai-chat", openMind());
  await yard.use({ channels: [channelTo(vendor, "openai-chat", { models })] });
  const listed: string[] = [];
  for await (const { name } of await clientTo(yard.url).models.list({ config: { pageSize: 7 } }))
    listed.push(name ?? "");
  assert.deepEqual(
    listed,
    models.map((name) => `models/${name}`),
  );
});

test("time-outs and aborts end the call at the vendor too", async (t) => {
  const { google, vendor } = await stage(t, "openai-chat");
  vendor.failNext({ hangs: true }, { hangs: true });
  await assert.rejects(
    google.models.generateContent({ ...capital, config: { httpOptions: { timeout: 100 } } }),
  );
  const gone = new AbortController();
  const call = google.models.generateContent({ ...capital, config: { abortSignal: gone.signal } });
  const refused = assert.rejects(call);
  await vendor.until(() => vendor.heard.length === 2);
  gone.abort();
  await refused;
  await vendor.until(() => vendor.left === 2);
});
