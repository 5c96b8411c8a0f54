/**
 * Google's own client reads what we tell: the same as it reads of Google itself. Its token counts are those that an
 * independent reader of usage finds.
 */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { ApiError, type GenerateContentResponse, GoogleGenAI, type Part } from "@google/genai";
import { extractUsage, findProvider } from "@pydantic/genai-prices";
import { GatewayError } from "../../src/core/errors.ts";
import type { JsonObject } from "../../src/core/json-value.ts";
import { findEmbeddingCodec } from "../../src/dialects/embedding-registry.ts";
import { decodeReply } from "../../src/dialects/gemini/decode-reply.ts";
import { decodeRequest } from "../../src/dialects/gemini/decode-request.ts";
import { geminiContent } from "../../src/dialects/gemini/dialect.ts";
import { makeEventEncoder } from "../../src/dialects/gemini/encode-events.ts";
import { encodeReply } from "../../src/dialects/gemini/encode-reply.ts";
import { encodeRequest } from "../../src/dialects/gemini/encode-request.ts";
import type { Usage } from "../../src/wire/usage.ts";
import {
  asObject,
  decodeStream,
  loadShippedStreams,
  readContext,
  replyContext,
} from "../dialects/gemini-streams.ts";
import { loadRecordings, type Recording } from "../fakes/recordings.ts";

const recordings = loadRecordings("gemini");
const shipped = loadShippedStreams();
const absent = { skip: recordings === undefined || shipped === undefined };

interface Answer {
  readonly type: string;
  readonly body: Buffer | string;
  readonly status?: number;
}

interface Yard {
  readonly client: GoogleGenAI;
  /** What the client sent last. */
  asked: { path: string; body: JsonObject };
  answer: Answer;
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}

/** The client, and a server that answers it with the bytes at hand. */
async function openYard(context: TestContext): Promise<Yard> {
  const yard: { -readonly [K in keyof Yard]?: Yard[K] } = {
    asked: { path: "", body: {} },
    answer: { type: "application/json", body: "{}" },
  };
  const server = createServer((request, response) => {
    void readBody(request).then((text) => {
      yard.asked = {
        path: request.url ?? "",
        body: JSON.parse(text === "" ? "{}" : text) as JsonObject,
      };
      const { type, body, status } = yard.answer ?? { type: "", body: "" };
      response.writeHead(status ?? 200, { "content-type": type }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const httpOptions = { baseUrl: `http://127.0.0.1:${port}` };
  yard.client = new GoogleGenAI({ apiKey: "key", vertexai: false, httpOptions });
  return yard as Yard;
}

interface Read {
  text: string;
  thoughts: string;
  calls: unknown[];
  finish: string | undefined;
  output: number;
  thought: number;
}

function add(read: Read, response: GenerateContentResponse): Read {
  const [candidate] = response.candidates ?? [];
  for (const part of candidate?.content?.parts ?? []) addPart(read, part);
  read.finish = candidate?.finishReason ?? read.finish;
  const { usageMetadata: usage } = response;
  // The last counts hold, all of them together.
  if (usage?.totalTokenCount === undefined) return read;
  read.output = usage.candidatesTokenCount ?? 0;
  read.thought = usage.thoughtsTokenCount ?? 0;
  return read;
}

function addPart(read: Read, part: Part): void {
  if (part.thought === true) read.thoughts += part.text ?? "";
  else read.text += part.text ?? "";
  const { functionCall: call } = part;
  if (call?.name !== undefined) read.calls.push([call.name, call.args ?? {}]);
}

const nothing = (): Read => ({
  text: "",
  thoughts: "",
  calls: [],
  finish: undefined,
  output: 0,
  thought: 0,
});

async function readStream(yard: Yard, body: Buffer | string): Promise<Read> {
  yard.answer = { type: "text/event-stream", body };
  const read = nothing();
  const stream = await yard.client.models.generateContentStream({ model: "m", contents: "hi" });
  for await (const chunk of stream) add(read, chunk);
  return read;
}

async function readWhole(yard: Yard, body: JsonObject): Promise<Read> {
  yard.answer = { type: "application/json", body: JSON.stringify(body) };
  return add(nothing(), await yard.client.models.generateContent({ model: "m", contents: "hi" }));
}

function isStream({ response }: Recording): boolean {
  return response.body.subarray(0, 5).toString() === "data:";
}

test(
  "its client reads every stream through us as it reads it directly",
  absent,
  async (context) => {
    const yard = await openYard(context);
    const recorded = (recordings ?? []).filter(isStream);
    const streams = [
      ...recorded.map(({ id, response }) => ({ name: id, bytes: response.body })),
      ...(shipped ?? []),
    ];
    for (const { name, bytes } of streams) {
      const encode = makeEventEncoder(replyContext);
      const told = decodeStream([bytes]).map((event) => encode(event) ?? "");
      const direct = await readStream(yard, bytes);
      const through = await readStream(yard, told.join(""));
      // Calls whose arguments come value by value are told whole by us.
      const partial = bytes.includes("partialArgs");
      if (!partial) assert.deepEqual(through, direct, name);
      else assert.deepEqual([through.text, through.finish], [direct.text, direct.finish], name);
    }
  },
);

test(
  "its client reads every whole reply through us as it reads it directly",
  absent,
  async (context) => {
    const yard = await openYard(context);
    const whole = (recordings ?? []).filter((one) => !isStream(one) && one.response.status === 200);
    assert.equal(whole.length, 210);
    for (const { id, response } of whole) {
      const body = asObject(response.body);
      const through = encodeReply(decodeReply(body, readContext), replyContext);
      assert.deepEqual(await readWhole(yard, through), await readWhole(yard, body), id);
    }
  },
);

test("its client's own chats keep their turns, calls and signatures through us", async (context) => {
  const yard = await openYard(context);
  const chat = yard.client.chats.create({ model: "gemini-3-flash-preview" });
  const encode = makeEventEncoder(replyContext);
  const carried = { issuer: "anthropic-messages/claude", data: "sig" };
  const written = [
    { type: "block", choice: 0, block: 0, start: { kind: "tool-call", id: "call-9", name: "f" } },
    { type: "delta", block: 0, text: '{"a":1}' },
    { type: "carried", block: 0, carried },
    { type: "block-end", block: 0 },
    { type: "finish", choice: 0, finish: { reason: "tool-calls", stopSequence: null, raw: null } },
    { type: "done" },
  ] as const;
  yard.answer = {
    type: "text/event-stream",
    body: written.map((event) => encode(event) ?? "").join(""),
  };
  const first = await chat.sendMessageStream({ message: "call it" });
  for await (const _chunk of first);
  const response = { name: "f", id: "call-9", response: { result: "done" } };
  const second = await chat.sendMessageStream({ message: [{ functionResponse: response }] });
  for await (const _chunk of second);
  const decoded = decodeRequest(yard.asked.body, { model: "m", stream: true, headers: {} });
  const parts = decoded.messages.flatMap((message) => [...message.parts]);
  const call = parts.find((part) => part.kind === "tool-call");
  assert.deepEqual([call?.id, call?.carried], ["call-9", carried]);
  const result = parts.find((part) => part.kind === "tool-result");
  assert.equal(result?.callId, "call-9");
});

test("what its client sends is taken whole, and what we send is what it would", async (context) => {
  const yard = await openYard(context);
  await yard.client.models.generateContent({
    model: "gemini-2.5-flash",
    contents: ["hi", { inlineData: { mimeType: "image/png", data: "AAAA" } }],
    config: {
      systemInstruction: "s",
      temperature: 0.5,
      maxOutputTokens: 5,
      stopSequences: ["x"],
      thinkingConfig: { thinkingBudget: 10, includeThoughts: true },
      responseMimeType: "application/json",
      responseJsonSchema: { type: "object", properties: { a: { type: "string" } } },
      tools: [
        {
          functionDeclarations: [
            { name: "f", parametersJsonSchema: { type: "object", properties: { a: {} } } },
          ],
        },
      ],
    },
  });
  assert.match(yard.asked.path, /^\/v1(?:beta)?\/models\/gemini-2\.5-flash:generateContent/);
  const { body } = yard.asked;
  const decoded = decodeRequest(body, { model: "m", stream: false, headers: {} });
  const target = { model: "gemini-2.5-flash", stream: false, askUsage: false, quirks: [] };
  const sent = encodeRequest(decoded, target);
  for (const name of ["contents", "generationConfig", "tools"])
    assert.deepEqual(sent[name], body[name], name);
});

test("errors raise in its client, before a stream and inside one", async (context) => {
  const yard = await openYard(context);
  const telling = { locale: "en", requestId: "r" } as const;
  const error = new GatewayError("upstream_overloaded", "busy", { retryAfterS: 3 });
  const rendered = geminiContent.renderError(error, telling);
  yard.answer = { type: "application/json", body: rendered.body, status: rendered.status };
  const failed = (thrown: unknown): boolean => thrown instanceof ApiError && thrown.status === 429;
  await assert.rejects(yard.client.models.generateContent({ model: "m", contents: "hi" }), failed);
  const event = geminiContent.renderErrorEvent(error, telling);
  const chunk = `data: {"candidates":[{"content":{"parts":[{"text":"a"}]}}]}\r\n\r\n`;
  const body = Buffer.concat([Buffer.from(chunk), geminiContent.ping, event]);
  await assert.rejects(readStream(yard, body), failed);
});

test("its client embeds through us", async (context) => {
  const yard = await openYard(context);
  const front = findEmbeddingCodec("gemini-content")?.front;
  const vectors = [
    [1, 2],
    [3, 4],
  ];
  const asked = { model: "m", pathAction: "batchEmbedContents" };
  const request = front?.decodeRequest(
    { requests: [{ content: { parts: [{ text: "a" }] } }] },
    asked,
  );
  assert.ok(front && request);
  const reply = front.encodeReply({ model: null, vectors, usage: null }, request, asked);
  yard.answer = { type: "application/json", body: JSON.stringify(reply) };
  const config = { outputDimensionality: 2, taskType: "RETRIEVAL_QUERY" };
  const read = await yard.client.models.embedContent({ model: "m", contents: ["a", "b"], config });
  assert.deepEqual(
    read.embeddings?.map(({ values }) => values),
    vectors,
  );
  const decoded = front.decodeRequest(yard.asked.body, asked);
  assert.deepEqual([decoded.inputs, decoded.dimensions, decoded.task], [["a", "b"], 2, "query"]);
});

function counted({ input, cacheRead, output }: Usage): object {
  return { input: input + cacheRead, cacheRead, output };
}

test("token counts are those of an independent reader", absent, () => {
  const provider = findProvider({ providerId: "google" });
  assert.ok(provider);
  let read = 0;
  for (const { id, response } of recordings ?? []) {
    const text = response.body.toString();
    const last = text.startsWith("data:")
      ? (
          text
            .trim()
            .split(/\r?\n\r?\n/)
            .at(-1) ?? ""
        ).slice(5)
      : text;
    const body = JSON.parse(last) as JsonObject;
    const fields = body["usageMetadata"] as JsonObject | undefined;
    const event = Buffer.from(`data: ${last}\r\n\r\n`);
    const usage = geminiContent.eventUsage(event, null);
    if (fields?.["promptTokenCount"] === undefined || usage === null) continue;
    const { usage: theirs } = extractUsage(provider, body, "default");
    assert.deepEqual(
      counted(usage),
      {
        input: theirs["input_tokens"] ?? 0,
        cacheRead: theirs["cache_read_tokens"] ?? 0,
        output: theirs["output_tokens"] ?? 0,
      },
      id,
    );
    assert.equal(usage.kinds?.outputImage ?? 0, theirs["output_image_tokens"] ?? 0, id);
    const cachedAudio = usage.kinds?.cacheReadAudio ?? 0;
    assert.equal(
      (usage.kinds?.inputAudio ?? 0) + cachedAudio,
      theirs["input_audio_tokens"] ?? 0,
      id,
    );
    read += 1;
  }
  assert.ok(read >= 215, String(read));
});
