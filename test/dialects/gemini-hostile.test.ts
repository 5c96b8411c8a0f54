/**
 * Whatever stands anywhere in a request is read or refused by its path, and whatever comes from an upstream is read or
 * told as broken: never a fault of ours.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../src/core/errors.ts";
import type { Json, JsonObject } from "../../src/core/json-value.ts";
import { decodeReply } from "../../src/dialects/gemini/decode-reply.ts";
import { decodeRequest } from "../../src/dialects/gemini/decode-request.ts";
import { geminiContent } from "../../src/dialects/gemini/dialect.ts";
import { encodeReply } from "../../src/dialects/gemini/encode-reply.ts";
import { encodeRequest } from "../../src/dialects/gemini/encode-request.ts";
import { readContext, replyContext } from "./gemini-streams.ts";

const request: JsonObject = {
  contents: [
    {
      role: "user",
      parts: [
        { text: "hi" },
        { inlineData: { mimeType: "image/png", data: "AAAA" } },
        { file_data: { file_uri: "https://x.test/a.pdf", mime_type: "application/pdf" } },
      ],
    },
    {
      role: "model",
      parts: [
        { text: "hm", thought: true, thoughtSignature: "AAAA" },
        { functionCall: { id: "1", name: "f", args: { a: [1] } }, thoughtSignature: "AAAA" },
        { executableCode: { code: "1", language: "PYTHON" } },
      ],
    },
    {
      parts: [
        {
          functionResponse: {
            id: "1",
            name: "f",
            response: { result: "x" },
            parts: [{ inlineData: { mimeType: "image/png", data: "AAAA" } }],
          },
        },
      ],
    },
  ],
  systemInstruction: { parts: [{ text: "s" }] },
  tools: [
    {
      functionDeclarations: [
        {
          name: "f",
          description: "d",
          parameters: { type: "OBJECT", properties: { a: { type: "STRING", nullable: true } } },
        },
        {
          name: "g",
          parametersJsonSchema: {
            type: "object",
            properties: { a: { $ref: "#/$defs/b" } },
            $defs: { b: { allOf: [{}] } },
          },
        },
      ],
    },
    { googleSearch: {} },
  ],
  toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["f"] } },
  generationConfig: {
    temperature: 1,
    seed: 1,
    stopSequences: ["x"],
    candidateCount: 1,
    responseLogprobs: true,
    logprobs: 1,
    maxOutputTokens: 5,
    thinkingConfig: { thinkingBudget: 1, includeThoughts: true },
    responseMimeType: "application/json",
    responseSchema: { type: "STRING", anyOf: [{ type: "STRING" }] },
    responseModalities: ["TEXT"],
    speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: "v" } } },
  },
  serviceTier: "flex",
  labels: { a: "b" },
};

const reply: JsonObject = {
  candidates: [
    {
      index: 0,
      content: {
        role: "model",
        parts: [
          { text: "a", thoughtSignature: "AAAA" },
          { functionCall: { name: "f", args: { a: 1 }, id: "1" } },
          { functionCall: { name: "g", willContinue: true } },
          {
            functionCall: {
              partialArgs: [{ jsonPath: "$.a", stringValue: "b" }],
              willContinue: true,
            },
          },
          { functionCall: {} },
          { inlineData: { mimeType: "image/png", data: "AAAA" } },
          { executableCode: { code: "1" } },
        ],
      },
      finishReason: "STOP",
      finishMessage: "m",
      groundingMetadata: {
        groundingChunks: [{ web: { uri: "https://a.test", title: "t" } }],
        groundingSupports: [{ segment: { endIndex: 1, text: "a" }, groundingChunkIndices: [0] }],
        webSearchQueries: ["q"],
      },
      citationMetadata: { citations: [{ startIndex: 0, endIndex: 1, uri: "https://b.test" }] },
      logprobsResult: {
        chosenCandidates: [{ token: "a", logProbability: -1 }],
        topCandidates: [{ candidates: [{ token: "a", logProbability: -1 }] }],
      },
    },
  ],
  promptFeedback: { blockReason: "SAFETY" },
  usageMetadata: {
    promptTokenCount: 3,
    candidatesTokenCount: 2,
    promptTokensDetails: [{ modality: "AUDIO", tokenCount: 1 }],
    serviceTier: "standard",
  },
  modelVersion: "m",
  responseId: "r",
  createTime: "2026-01-01T00:00:00Z",
};

const odd: readonly Json[] = [
  null,
  -1.5,
  "",
  "x",
  "\u0000",
  true,
  [],
  [[]],
  {},
  [null],
  { a: null },
  { __proto__x: 1 },
  "9".repeat(40),
];

/** The value with each of its members, at whatever depth, replaced by each odd value in turn. */
function* mangled(value: Json): Generator<Json> {
  yield* odd;
  if (Array.isArray(value))
    for (const [index, item] of (value as readonly Json[]).entries())
      for (const other of mangled(item)) yield (value as readonly Json[]).with(index, other);
  else if (typeof value === "object" && value !== null)
    for (const [name, item] of Object.entries(value))
      for (const other of mangled(item)) yield { ...value, [name]: other };
}

function* mangledObjects(value: JsonObject): Generator<JsonObject> {
  for (const [name, item] of Object.entries(value))
    for (const other of mangled(item)) yield { ...value, [name]: other };
}

/** Answers whether it went well; anything but the one kind of refusal fails. */
function borne(kind: string, run: () => void, what: JsonObject): boolean {
  try {
    run();
    return true;
  } catch (thrown) {
    const known = thrown instanceof GatewayError && thrown.kind === kind;
    assert.ok(known, `${String(thrown)} at ${JSON.stringify(what).slice(0, 3000)}`);
    if (kind === "invalid_request") assert.notEqual((thrown as GatewayError).fields.length, 0);
    return false;
  }
}

test("a mangled request is read or refused by its path", () => {
  let taken = 0;
  let refused = 0;
  for (const body of mangledObjects(request)) {
    const went = borne(
      "invalid_request",
      () => {
        const decoded = decodeRequest(body, { model: "m", stream: false, headers: {} });
        for (const model of ["gemini-2.5-pro", "gemini-3-flash"])
          JSON.stringify(
            encodeRequest(decoded, { model, stream: false, askUsage: false, quirks: [] }),
          );
      },
      body,
    );
    if (went) taken += 1;
    else refused += 1;
  }
  assert.ok(taken > 200 && refused > 500, `${taken} ${refused}`);
});

test("a mangled request passes through or is refused, whatever the channel orders", () => {
  for (const body of mangledObjects(request)) {
    const bytes = Buffer.from(JSON.stringify(body));
    borne(
      "invalid_request",
      () => {
        const input = {
          operation: "chat",
          body: bytes,
          pathModel: "m",
          pathAction: "generateContent",
        } as const;
        const facts = geminiContent.parse({ ...input, query: {} });
        const edited = geminiContent.edit(bytes, facts, {
          model: "n",
          askUsage: true,
          parameters: { generationConfig: { temperature: 0 } },
          extraBody: { generation_config: { top_k: 1 }, labels: {} },
          systemPrompt: { text: "t", place: "before" },
          omit: ["service_tier"],
          add: { store: false },
        });
        JSON.parse(edited.toString());
      },
      body,
    );
  }
});

test("a mangled reply is read or told as broken", () => {
  let read = 0;
  for (const body of mangledObjects(reply)) {
    const went = borne(
      "upstream_invalid",
      () => JSON.stringify(encodeReply(decodeReply(body, readContext), replyContext)),
      body,
    );
    if (went) read += 1;
    const bytes = Buffer.from(JSON.stringify(body));
    geminiContent.readReply(bytes);
    geminiContent.readError(bytes);
    const event = Buffer.from(`data: ${bytes.toString()}\r\n\r\n`);
    geminiContent.makeEventReader()(event);
    geminiContent.eventUsage(event, null);
  }
  assert.ok(read > 1000, String(read));
});
