import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { Conversation } from "../../wire/conversation.ts";
import { packCarried } from "../carried.ts";
import { decodeRequest } from "./decode-request.ts";
import { sentinel, writeSignature } from "./signature.ts";

const context = { model: "asked", stream: true, headers: {} };

function decoded(body: JsonObject): Conversation {
  return decodeRequest(body, context);
}

function ofParts(...parts: JsonObject[]): JsonObject {
  return { contents: [{ parts }] };
}

const hello = { parts: [{ text: "hi" }] };

function usesOf(body: JsonObject): string[] {
  return decoded(body).uses.map(({ feature, field }) => `${feature} ${field}`);
}

test("contents come with or without a role, as a list or as one, with instructions beside", () => {
  const user = [{ role: "user", parts: [{ kind: "text", text: "hi" }] }];
  for (const contents of [[hello], hello, [{ ...hello, role: "user" }], { parts: { text: "hi" } }])
    assert.deepEqual(decoded({ contents }).messages, user);
  const { system, model, stream } = decoded({
    contents: [hello],
    system_instruction: { role: "system", parts: [{ text: "a" }, { text: "" }, { text: "b" }] },
  });
  assert.deepEqual(
    system.map(({ text }) => text),
    ["a", "b"],
  );
  assert.deepEqual([model, stream], ["asked", true]);
  assert.equal(decoded({ contents: hello, systemInstruction: "s" }).system[0]?.text, "s");
  const counted = decoded({ generateContentRequest: { model: "models/x", contents: [hello] } });
  assert.deepEqual(counted.messages, user);
});

test("media keep their kind and place, in either spelling; what is told of them is noted", () => {
  const body = ofParts(
    { inlineData: { mimeType: "image/png", data: "_-8" } },
    { inline_data: { mime_type: "application/pdf", data: "AAAA" } },
    { fileData: { fileUri: "https://x.test/a.jpg?x=1" } },
    { file_data: { file_uri: "gs://bucket/a", mime_type: "audio/wav" } },
    { fileData: { fileUri: "https://youtu.be/abc" }, videoMetadata: { fps: 1 } },
    {
      fileData: {
        fileUri: "https://generativelanguage.googleapis.com/v1beta/files/x",
        mimeType: "text/plain",
      },
    },
  );
  const [first] = decoded(body).messages;
  assert.deepEqual(first?.parts, [
    {
      kind: "media",
      medium: "image",
      source: { kind: "data", mediaType: "image/png", data: "/+8=" },
    },
    {
      kind: "media",
      medium: "document",
      source: { kind: "data", mediaType: "application/pdf", data: "AAAA" },
    },
    {
      kind: "media",
      medium: "image",
      source: { kind: "url", url: "https://x.test/a.jpg?x=1", mediaType: "image/jpeg" },
    },
    {
      kind: "media",
      medium: "audio",
      source: { kind: "file", fileId: "gs://bucket/a", mediaType: "audio/wav" },
    },
    {
      kind: "media",
      medium: "video",
      source: { kind: "url", url: "https://youtu.be/abc", mediaType: "video/mp4" },
    },
    {
      kind: "media",
      medium: "document",
      source: {
        kind: "file",
        fileId: "https://generativelanguage.googleapis.com/v1beta/files/x",
        mediaType: "text/plain",
      },
    },
  ]);
  const uses = usesOf(body);
  for (const one of [
    "document-input contents[0].parts[1].inline_data",
    "image-url contents[0].parts[2].fileData.fileUri",
    "file-id contents[0].parts[3].file_data.file_uri",
    "audio-input contents[0].parts[3].file_data",
    "video-input contents[0].parts[4].fileData",
    "unknown-member contents[0].parts[4].videoMetadata",
  ])
    assert.ok(uses.includes(one), one);
});

const call = (name: string, id?: string): JsonObject => ({
  functionCall: { name, args: { a: 1 }, ...(id === undefined ? {} : { id }) },
});
const answer = (name: string, response: JsonObject, id?: string): JsonObject => ({
  functionResponse: { name, response, ...(id === undefined ? {} : { id }) },
});

function resultsOf(model: JsonObject[], user: JsonObject[]): unknown[] {
  const { messages } = decoded({ contents: [{ role: "model", parts: model }, { parts: user }] });
  const calls = messages[0]?.parts.map((part) => (part.kind === "tool-call" ? part.id : null));
  const results = messages[1]?.parts.flatMap((part) =>
    part.kind === "tool-result" ? [[calls?.indexOf(part.callId), part.content[0]]] : [],
  );
  return results ?? [];
}

const text = (value: string): object => ({ kind: "text", text: value });

test("responses find their calls by id, else by name, else by order", () => {
  assert.deepEqual(
    resultsOf(
      [call("f", "x"), call("f", "y")],
      [answer("f", { result: "Y" }, "y"), answer("f", { result: "X" }, "x")],
    ),
    [
      [1, text("Y")],
      [0, text("X")],
    ],
  );
  assert.deepEqual(
    resultsOf(
      [call("f"), call("g"), call("f")],
      [answer("g", { output: "G" }), answer("f", { result: "1" }), answer("f", { result: "2" })],
    ),
    [
      [1, text("G")],
      [0, text("1")],
      [2, text("2")],
    ],
  );
  // The client made up ids of its own, and names a function in another way.
  assert.deepEqual(resultsOf([call("f")], [answer("f", { result: "1" }, "own")]), [[0, text("1")]]);
  assert.deepEqual(resultsOf([call("f")], [answer("other", { result: "1" })]), [[0, text("1")]]);
});

test("minted ids are the same each time a history is sent, and longer histories keep them", () => {
  const turn = [{ role: "model", parts: [call("f")] }, { parts: [answer("f", { result: "1" })] }];
  const ids = (contents: JsonObject[]): string[] =>
    decoded({ contents }).messages.flatMap(({ parts }) =>
      parts.flatMap((part) => (part.kind === "tool-call" ? [part.id] : [])),
    );
  const once = ids(turn);
  assert.deepEqual(ids(turn), once);
  const twice = ids([...turn, ...turn]);
  assert.deepEqual(twice.slice(0, 1), once);
  assert.equal(new Set(twice).size, 2);
});

test("responses become texts, errors, and media", () => {
  const parts = [
    answer("f", { error: "no" }),
    answer("g", { temperature: 3 }),
    {
      function_response: {
        name: "h",
        response: {},
        parts: [{ inline_data: { mime_type: "image/png", data: "AAAA" } }],
      },
    },
  ];
  const body = {
    contents: [{ role: "model", parts: ["f", "g", "h"].map((name) => call(name)) }, { parts }],
  };
  const results = decoded(body).messages[1]?.parts;
  const told = results?.map((part) =>
    part.kind === "tool-result" ? [part.isError, part.content] : null,
  );
  assert.deepEqual(told, [
    [true, [text("no")]],
    [false, [text('{"temperature":3}')]],
    [
      false,
      [
        text("{}"),
        {
          kind: "media",
          medium: "image",
          source: { kind: "data", mediaType: "image/png", data: "AAAA" },
        },
      ],
    ],
  ]);
  const uses = usesOf(body);
  assert.ok(uses.includes("tool-result-error contents[1].parts[0].functionResponse.response"));
  assert.ok(uses.includes("tool-result-media contents[1].parts[2].function_response.parts[0]"));
});

test("thoughts and signatures: Google's own, ours packed, the stand-in that means none", () => {
  const foreign = { issuer: "anthropic-messages/claude", data: "sig" };
  const repacked = Buffer.from(Buffer.from(writeSignature(foreign), "base64")).toString(
    "base64url",
  );
  const parts = [
    { text: "hm", thought: true, thoughtSignature: "own" },
    { text: "", thoughtSignature: writeSignature(foreign, true) },
    { text: "x", thought_signature: repacked },
    { ...call("f"), thoughtSignature: sentinel },
    { ...call("f"), thoughtSignature: Buffer.from(sentinel).toString("base64") },
    { ...call("f"), thoughtSignature: "AAAA" },
    { text: "" },
  ];
  const read = decoded({ contents: [{ role: "model", parts }] }).messages[0]?.parts;
  const own = "gemini-content";
  assert.deepEqual(read?.slice(0, 3), [
    { kind: "reasoning", text: "hm", carried: { issuer: own, data: "own" } },
    { kind: "reasoning", text: "", carried: foreign, redacted: true },
    { kind: "text", text: "x", carried: foreign },
  ]);
  const signatures = read?.slice(3).map((part) => ("carried" in part ? part.carried : null));
  assert.deepEqual(signatures, [null, null, { issuer: own, data: "AAAA" }]);
  // Packed strings hold no byte that base64 lacks: clients decode the slot.
  assert.match(writeSignature(foreign), /^[A-Za-z0-9+/]+={0,2}$/);
  assert.ok(!writeSignature(foreign).includes(packCarried(foreign)));
});

test("tools come in Google's schemas or in plain ones; Google's own tools are noted", () => {
  const declaration = {
    name: "f",
    description: "d",
    parameters: {
      type: "OBJECT",
      properties: {
        b: { type: "STRING", nullable: true, enum: ["x"], format: "enum" },
        a: {
          any_of: [
            { type: "INTEGER", format: "int64" },
            { type: "ARRAY", items: { type: "NUMBER" }, max_items: "3" },
          ],
        },
        c: { nullable: true, anyOf: [{ type: "BOOLEAN" }] },
      },
      property_ordering: ["a", "b"],
      required: ["a"],
    },
  };
  const plain = { name: "g", parameters_json_schema: { type: "object", $defs: {} } };
  const body = {
    contents: [hello],
    tools: [
      { function_declarations: [declaration, plain] },
      { googleSearch: {} },
      { codeExecution: {} },
    ],
  };
  const { tools } = decoded(body);
  assert.deepEqual(
    tools.map(({ name, parameters }) => [name, JSON.stringify(parameters)]),
    [
      [
        "f",
        JSON.stringify({
          type: "object",
          properties: {
            a: {
              anyOf: [
                { type: "integer" },
                { type: "array", items: { type: "number" }, maxItems: 3 },
              ],
            },
            b: { type: ["string", "null"], enum: ["x", null] },
            c: { anyOf: [{ type: "boolean" }, { type: "null" }] },
          },
          required: ["a"],
        }),
      ],
      ["g", '{"type":"object","$defs":{}}'],
    ],
  );
  assert.deepEqual(usesOf(body), [
    "web-search tools[1].googleSearch",
    "server-tools tools[2].codeExecution",
  ]);
  assert.equal(
    decoded({ contents: hello, tools: { functionDeclarations: { name: "h" } } }).tools[0]?.name,
    "h",
  );
});

test("choices among tools are read by mode and names", () => {
  const choice = (config: JsonObject): unknown =>
    decoded({ contents: hello, toolConfig: { functionCallingConfig: config } }).toolChoice;
  assert.deepEqual(choice({ mode: "AUTO" }), { kind: "auto" });
  assert.deepEqual(choice({ mode: "none" }), { kind: "none" });
  assert.deepEqual(choice({ mode: "ANY" }), { kind: "required" });
  assert.deepEqual(choice({ mode: "ANY", allowedFunctionNames: ["f"] }), {
    kind: "named",
    name: "f",
  });
  assert.deepEqual(choice({ mode: "ANY", allowed_function_names: ["f", "g"] }), {
    kind: "allowed",
    names: ["f", "g"],
    required: true,
  });
  assert.deepEqual(choice({ mode: "VALIDATED", allowedFunctionNames: ["f"] }), {
    kind: "allowed",
    names: ["f"],
    required: false,
  });
});

test("the configuration is read, and each use of it is noted by its own name", () => {
  const body = {
    contents: hello,
    generation_config: {
      temperature: 0.5,
      top_p: 0.9,
      topK: 40,
      seed: 7,
      presencePenalty: 1,
      stopSequences: ["x"],
      candidateCount: 2,
      responseLogprobs: true,
      logprobs: 3,
      max_output_tokens: 99,
      thinkingConfig: { thinkingLevel: "low", includeThoughts: true },
      responseMimeType: "application/json",
      responseSchema: { type: "STRING" },
      responseModalities: ["TEXT", "AUDIO"],
      speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: "Kore" } } },
      newThing: 1,
    },
    serviceTier: "SERVICE_TIER_FLEX",
    labels: { team: "a" },
    safetySettings: [],
    modelArmorConfig: {},
  };
  const read = decoded(body);
  assert.deepEqual(read.sampling, {
    temperature: 0.5,
    topP: 0.9,
    topK: 40,
    presencePenalty: 1,
    seed: 7,
    stop: ["x"],
    choices: 2,
    topLogprobs: 3,
  });
  assert.equal(read.maxOutputTokens, 99);
  assert.deepEqual(read.reasoning, {
    effort: "low",
    budgetTokens: null,
    adaptive: false,
    show: true,
    summary: null,
  });
  assert.deepEqual(read.responseFormat, {
    kind: "schema",
    name: null,
    description: null,
    schema: { type: "string" },
    strict: null,
  });
  assert.deepEqual([read.modalities, read.audio], [["audio"], { voice: "Kore", format: "pcm16" }]);
  assert.deepEqual([read.serviceTier, read.metadata], ["flex", { team: "a" }]);
  const uses = usesOf(body);
  for (const one of [
    "top-p generation_config.top_p",
    "multiple-choices generation_config.candidateCount",
    "audio-output generation_config.responseModalities",
    "unknown-member generation_config.newThing",
    "unknown-member modelArmorConfig",
    "safety-settings safetySettings",
    "reasoning-summary generation_config.thinkingConfig.includeThoughts",
  ])
    assert.ok(uses.includes(one), one);
  const off = decoded({
    contents: hello,
    generationConfig: { thinkingConfig: { thinkingBudget: 0 } },
  });
  assert.deepEqual([off.reasoning?.effort, off.reasoning?.budgetTokens], ["none", 0]);
});

test("wrong values are refused by their path in the caller's spelling", () => {
  const config = (value: JsonObject): JsonObject => ({ contents: hello, generation_config: value });
  const wrong: [JsonObject, string][] = [
    [{}, "contents"],
    [{ contents: [] }, "contents"],
    [{ contents: "hi" }, "contents"],
    [{ contents: ["hi"] }, "contents[0]"],
    [{ contents: [{ role: "system", ...hello }] }, "contents[0].role"],
    [{ contents: [{ role: 3, ...hello }] }, "contents[0].role"],
    [{ contents: [{}] }, "contents[0]"],
    [ofParts({}), "contents[0].parts[0]"],
    [ofParts({ text: 3 }), "contents[0].parts[0].text"],
    [ofParts({ inline_data: { mime_type: "image/png" } }), "contents[0].parts[0].inline_data"],
    [
      ofParts({ inlineData: { mimeType: "image/png", data: "§" } }),
      "contents[0].parts[0].inlineData.data",
    ],
    [ofParts({ fileData: { fileUri: "" } }), "contents[0].parts[0].fileData.fileUri"],
    [ofParts(call("f")), "contents[0].parts[0]"],
    [ofParts(answer("", {})), "contents[0].parts[0].functionResponse.name"],
    [{ contents: [{ role: "model", parts: [answer("f", {})] }] }, "contents[0].parts[0]"],
    [
      { contents: [{ role: "model", parts: [{ functionCall: { name: "f", args: [] } }] }] },
      "contents[0].parts[0].functionCall.args",
    ],
    [ofParts({ text: "a", inlineData: {}, inline_data: {} }), "contents[0].parts[0].inlineData"],
    [
      { contents: hello, tools: [{ functionDeclarations: [{}] }] },
      "tools[0].functionDeclarations[0]",
    ],
    [{ contents: hello, tools: 3 }, "tools"],
    [
      { contents: hello, toolConfig: { functionCallingConfig: { mode: "SOME" } } },
      "toolConfig.functionCallingConfig.mode",
    ],
    [config({ temperature: "warm" }), "generation_config.temperature"],
    [config({ candidate_count: 0 }), "generation_config.candidate_count"],
    [config({ stopSequences: [1] }), "generation_config.stopSequences[0]"],
    [config({ logprobs: 2 }), "generation_config.logprobs"],
    [
      config({ thinkingConfig: { thinkingLevel: "vast" } }),
      "generation_config.thinkingConfig.thinkingLevel",
    ],
    [config({ responseMimeType: "text/x.enum" }), "generation_config.responseMimeType"],
    [{ contents: hello, systemInstruction: { parts: [{}] } }, "systemInstruction.parts[0]"],
  ];
  for (const [body, field] of wrong)
    assert.throws(
      () => decoded(body),
      (error) =>
        error instanceof GatewayError &&
        error.kind === "invalid_request" &&
        error.fields[0]?.field === field,
      field,
    );
});
