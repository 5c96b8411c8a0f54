import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyConversation as empty } from "../../../test/fakes/conversations.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type {
  AssistantPart,
  Conversation,
  Message,
  ReasoningWish,
} from "../../wire/conversation.ts";
import { encodeRequest } from "./encode-request.ts";
import { readResult, writeResult } from "./function-results.ts";
import { cleanParameters, cleanSchema } from "./schema-for-gemini.ts";
import { sentinel } from "./signature.ts";

function encoded(parts: Partial<Conversation>, model = "gemini-3-flash-preview"): JsonObject {
  const target = { model, stream: false, askUsage: false, quirks: [] };
  return encodeRequest({ ...empty, ...parts }, target);
}

const user = (text: string): Message => ({ role: "user", parts: [{ kind: "text", text }] });

function history(...parts: AssistantPart[]): Message[] {
  return [user("q"), { role: "assistant", parts }];
}

/** Parts of the model's first turn. */
function modelParts(parts: AssistantPart[], model?: string): JsonObject[] {
  const contents = encoded({ messages: history(...parts) }, model)["contents"] as JsonObject[];
  return contents.find(({ role }) => role === "model")?.["parts"] as JsonObject[];
}

const call = (id: string, more: object = {}): AssistantPart => ({
  kind: "tool-call",
  id,
  name: "f",
  arguments: '{"a":1}',
  ...more,
});

test("neither model nor stream stand in the body, and nothing is said that was not", () => {
  assert.deepEqual(encoded({ messages: [user("hi")], stream: true }), {
    contents: [{ role: "user", parts: [{ text: "hi" }] }],
  });
});

test("the first call of a step is signed: with its own, or with the stand-in where the model checks", () => {
  const own = { issuer: "gemini-content/gemini-3-flash-preview", data: "SIG" };
  const signed = { carried: own };
  const signatures = (parts: AssistantPart[], model?: string): unknown[] =>
    modelParts(parts, model).map(({ thoughtSignature }) => thoughtSignature);
  assert.deepEqual(signatures([call("1", signed), call("2")]), ["SIG", undefined]);
  assert.deepEqual(signatures([call("1"), call("2")]), [sentinel, undefined]);
  assert.deepEqual(signatures([call("1", signed), call("2")], "gemini-3-pro-preview"), [
    sentinel,
    undefined,
  ]);
  assert.deepEqual(signatures([call("1"), call("2")], "gemini-2.5-flash"), [undefined, undefined]);
  const foreign = { carried: { issuer: "anthropic-messages/x", data: "other" } };
  assert.deepEqual(signatures([call("1", foreign)], "gemini-2.5-flash"), [undefined]);
});

test("a signature that came by itself, or with thoughts before an unsigned call, goes to the next part", () => {
  const carried = { issuer: "gemini-content", data: "SIG" };
  assert.deepEqual(
    modelParts([
      { kind: "reasoning", text: "", carried },
      { kind: "text", text: "a" },
    ]),
    [{ text: "a", thoughtSignature: "SIG" }],
  );
  assert.deepEqual(modelParts([{ kind: "reasoning", text: "hm", carried }, call("1")]), [
    { text: "hm", thought: true },
    { functionCall: { id: "1", name: "f", args: { a: 1 } }, thoughtSignature: "SIG" },
  ]);
  assert.deepEqual(
    modelParts([
      { kind: "text", text: "a" },
      { kind: "reasoning", text: "", carried },
    ]),
    [{ text: "a" }, { text: "", thoughtSignature: "SIG" }],
  );
  // Thoughts of others say nothing here.
  const claude = { issuer: "anthropic-messages/claude", data: "x" };
  assert.deepEqual(
    modelParts([
      { kind: "reasoning", text: "hm", carried: claude },
      { kind: "text", text: "a" },
    ]),
    [{ text: "a" }],
  );
});

test("results follow their calls, with media inside or behind as the model takes them", () => {
  const media = {
    kind: "media",
    medium: "image",
    source: { kind: "data", mediaType: "image/png", data: "AAAA" },
  } as const;
  const messages: Message[] = [
    ...history(call("1"), call("2")),
    {
      role: "tool",
      parts: [
        {
          kind: "tool-result",
          callId: "2",
          name: null,
          content: [{ kind: "text", text: "two" }],
          isError: true,
        },
        {
          kind: "tool-result",
          callId: "1",
          name: null,
          content: [{ kind: "text", text: '{"b":2}' }, media],
          isError: false,
        },
      ],
    },
    user("go on"),
  ];
  const last = (model: string): unknown =>
    (encoded({ messages }, model)["contents"] as JsonObject[]).at(-1);
  const inlineData = { mimeType: "image/png", data: "AAAA" };
  const one = { id: "1", name: "f", response: { b: 2 } };
  const two = { functionResponse: { id: "2", name: "f", response: { error: "two" } } };
  assert.deepEqual(last("gemini-3-flash"), {
    role: "user",
    parts: [{ functionResponse: { ...one, parts: [{ inlineData }] } }, two, { text: "go on" }],
  });
  assert.deepEqual(last("gemini-2.5-pro"), {
    role: "user",
    parts: [{ functionResponse: one }, two, { inlineData }, { text: "go on" }],
  });
});

test("a history that begins with the model, or holds nothing but instructions, is still taken", () => {
  const begun = encoded({
    messages: [{ role: "assistant", parts: [{ kind: "text", text: "a" }] }],
  });
  assert.deepEqual(
    (begun["contents"] as JsonObject[]).map(({ role }) => role),
    ["user", "model"],
  );
  assert.deepEqual(encoded({ system: [{ kind: "text", text: "s" }] }), {
    contents: [{ role: "user", parts: [{ text: "s" }] }],
  });
  const mid: Message = { role: "system", parts: [{ kind: "text", text: "now" }] };
  const { contents } = encoded({
    messages: [user("a"), mid],
    system: [{ kind: "text", text: "s" }],
  });
  assert.match(JSON.stringify(contents), /a.*now/);
});

const wish: ReasoningWish = {
  effort: null,
  budgetTokens: null,
  adaptive: false,
  show: null,
  summary: null,
};

test("thinking is wished for in the model's own way, within its bounds", () => {
  const thinking = (model: string, parts: Partial<ReasoningWish>): unknown =>
    (
      encoded({ messages: [user("q")], reasoning: { ...wish, ...parts } }, model)[
        "generationConfig"
      ] as JsonObject | undefined
    )?.["thinkingConfig"];
  assert.deepEqual(thinking("gemini-2.5-flash", { effort: "low" }), { thinkingBudget: 1024 });
  assert.deepEqual(thinking("gemini-2.5-flash", { effort: "none" }), { thinkingBudget: 0 });
  assert.deepEqual(thinking("gemini-2.5-pro", { effort: "none" }), { thinkingBudget: 128 });
  assert.deepEqual(thinking("gemini-2.5-pro", { budgetTokens: 99_999, show: true }), {
    includeThoughts: true,
    thinkingBudget: 32_768,
  });
  assert.deepEqual(thinking("gemini-2.5-flash-lite", { budgetTokens: 3 }), { thinkingBudget: 512 });
  assert.deepEqual(thinking("gemini-2.5-flash", { adaptive: true }), { thinkingBudget: -1 });
  assert.deepEqual(thinking("gemini-3-flash-preview", { effort: "minimal" }), {
    thinkingLevel: "MINIMAL",
  });
  assert.deepEqual(thinking("gemini-3-flash-preview", { effort: "max" }), {
    thinkingLevel: "HIGH",
  });
  assert.deepEqual(thinking("gemini-3-pro-preview", { effort: "medium" }), {
    thinkingLevel: "HIGH",
  });
  assert.deepEqual(thinking("gemini-3.1-pro-preview", { effort: "none" }), {
    thinkingLevel: "LOW",
  });
  assert.deepEqual(thinking("gemini-3-flash-preview", { budgetTokens: 512 }), {
    thinkingBudget: 512,
  });
  assert.deepEqual(thinking("gemini-3-flash-preview", { summary: "auto" }), {
    includeThoughts: true,
  });
  assert.equal(thinking("gemini-2.0-flash", { effort: "high" }), undefined);
  assert.equal(thinking("gemma-3-27b-it", { effort: "high" }), undefined);
});

test("sampling, tools, choice, form, tier and modalities arrive in Google's words", () => {
  const body = encoded(
    {
      messages: [user("q")],
      sampling: {
        temperature: 1,
        topP: 0.5,
        topK: 4,
        seed: 2 ** 31,
        stop: ["x"],
        choices: 2,
        topLogprobs: 0,
        presencePenalty: 1,
        frequencyPenalty: -1,
      },
      maxOutputTokens: 5,
      tools: [
        {
          name: "f",
          description: "d",
          parameters: { type: "object", properties: {} },
          strict: true,
        },
        {
          name: "g",
          description: null,
          parameters: { type: "object", properties: { a: { type: "string", minLength: 2 } } },
          strict: null,
        },
      ],
      toolChoice: { kind: "allowed", names: ["f"], required: false },
      responseFormat: {
        kind: "schema",
        name: "n",
        description: "told",
        schema: { type: "object" },
        strict: true,
      },
      serviceTier: "default",
      modalities: ["image"],
    },
    "gemini-2.5-flash-image",
  );
  assert.deepEqual(body["generationConfig"], {
    temperature: 1,
    topP: 0.5,
    topK: 4,
    seed: -(2 ** 31),
    presencePenalty: 1,
    frequencyPenalty: -1,
    stopSequences: ["x"],
    candidateCount: 2,
    responseLogprobs: true,
    maxOutputTokens: 5,
    responseMimeType: "application/json",
    responseJsonSchema: { type: "object", description: "told" },
    responseModalities: ["TEXT", "IMAGE"],
  });
  assert.deepEqual(body["tools"], [
    {
      functionDeclarations: [
        { name: "f", description: "d" },
        {
          name: "g",
          parametersJsonSchema: { type: "object", properties: { a: { type: "string" } } },
        },
      ],
    },
  ]);
  assert.deepEqual(body["toolConfig"], {
    functionCallingConfig: { mode: "VALIDATED", allowedFunctionNames: ["f"] },
  });
  assert.equal(body["serviceTier"], "standard");
});

test("schemas are cut to the subset: references alone, constants as enumerations, old definitions moved", () => {
  const schema = {
    $schema: "x",
    type: "object",
    definitions: { d: { const: 3, description: "c" } },
    properties: {
      default: { $ref: "#/definitions/d", description: "beside", default: 1 },
      pattern: { type: "string", pattern: "x", not: {} },
      only: { allOf: [{ type: "string", title: "t" }], description: "kept" },
      list: { prefixItems: [{ const: null }], oneOf: [{ type: "null", examples: [] }] },
    },
    additionalProperties: false,
    patternProperties: {},
  };
  assert.deepEqual(cleanSchema(schema), {
    type: "object",
    $defs: { d: { enum: [3], description: "c" } },
    properties: {
      default: { $ref: "#/$defs/d" },
      pattern: { type: "string" },
      only: { type: "string", title: "t", description: "kept" },
      list: { prefixItems: [{ enum: [null] }], oneOf: [{ type: "null" }] },
    },
    additionalProperties: false,
  });
  assert.equal(cleanParameters(null), undefined);
  assert.equal(
    cleanParameters({ type: "object", properties: {}, additionalProperties: false }),
    undefined,
  );
  assert.deepEqual(cleanParameters({ type: "object", additionalProperties: true }), {
    type: "object",
    additionalProperties: true,
  });
});

test("any text survives the way through a function's response", () => {
  const texts = [
    "",
    "plain",
    "{}",
    "[1]",
    "{not json",
    '{"a":1,"b":[null]}',
    '{"error":"x"}',
    '{"result":{"a":1}}',
    '{"id":12345678901234567890}',
    '{"x":1e400}',
    '{"result":null}',
    '"quoted"',
  ];
  for (const text of texts)
    for (const isError of [false, true])
      assert.deepEqual(readResult(writeResult({ text, isError })), { text, isError }, text);
});
