import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../core/errors.ts";
import type { BodyEdits, CallFacts, ParseInput } from "../contract.ts";
import { editBody } from "./edit.ts";
import { parseCall } from "./parse.ts";

const none: BodyEdits = {
  model: "gemini-2.5-flash",
  askUsage: true,
  parameters: {},
  extraBody: {},
  systemPrompt: null,
  omit: [],
  add: {},
};

function factsOf(body: string, more: Partial<ParseInput> = {}): CallFacts {
  return parseCall({
    operation: "chat",
    body: Buffer.from(body),
    pathModel: "gemini-2.5-flash",
    pathAction: "generateContent",
    query: {},
    ...more,
  });
}

function edited(body: string, edits: Partial<BodyEdits>): unknown {
  return JSON.parse(editBody(Buffer.from(body), factsOf(body), { ...none, ...edits }).toString());
}

test("the path names model, action and form; its prefixes are tolerated", () => {
  const body = '{"contents":[],"generation_config":{"max_output_tokens":7},"tools":[{}]}';
  const facts = factsOf(body, {
    pathModel: "models/gemini-x",
    pathAction: "streamGenerateContent",
    query: { alt: "sse" },
  });
  assert.equal(facts.model, "gemini-x");
  assert.equal(facts.maxOutputTokens, 7);
  assert.deepEqual([facts.stream, facts.streamForm], [true, "sse"]);
  assert.deepEqual([facts.usesTools, facts.usageAsked], [true, true]);
  const plain = factsOf('{"generationConfig":{"maxOutputTokens":9},"tools":[]}', {
    pathModel: "tunedModels/mine",
    pathAction: "streamGenerateContent",
  });
  assert.deepEqual([plain.model, plain.maxOutputTokens], ["mine", 9]);
  assert.deepEqual([plain.streamForm, plain.usesTools], ["json-array", false]);
  assert.equal(factsOf("{}").stream, false);
});

test("a member in both spellings, or twice, is refused by name", () => {
  const twice = [
    '{"generationConfig":{},"generation_config":{}}',
    '{"systemInstruction":{},"system_instruction":{}}',
    '{"generationConfig":{"maxOutputTokens":1,"max_output_tokens":2}}',
    '{"tools":[],"tools":[]}',
  ];
  for (const body of twice)
    assert.throws(
      () => factsOf(body),
      (error) => error instanceof GatewayError && error.kind === "invalid_request",
      body,
    );
});

test("a body without edits goes on as the same buffer", () => {
  const text = '{ "contents":[{"parts":[{"text":"\\u00e4"}]}], "x": 12345678901234567890 }';
  const body = Buffer.from(text);
  assert.equal(editBody(body, factsOf(text), none), body);
});

test("only models that a body repeats are edited, and only to another name", () => {
  const batch =
    '{"requests":[{"model":"models/a","content":{}}, {"content":{},"model":"a"},{"content":{}}]}';
  const facts = factsOf(batch, { operation: "embeddings", pathModel: "a" });
  const same = editBody(Buffer.from(batch), facts, { ...none, model: "a" });
  assert.equal(same.toString(), batch);
  const mapped = editBody(Buffer.from(batch), facts, { ...none, model: "b" });
  assert.equal(
    mapped.toString(),
    '{"requests":[{"model":"models/b","content":{}}, {"content":{},"model":"models/b"},{"content":{}}]}',
  );
  const counted =
    '{"generateContentRequest":{"model":"models/a","contents":[]},"model":"models/a"}';
  assert.deepEqual(edited(counted, { model: "b" }), {
    generateContentRequest: { model: "models/b", contents: [] },
    model: "models/b",
  });
});

test("parameters go over, extra members beneath, inside generationConfig one by one in either spelling", () => {
  const body = '{"contents":[],"generation_config":{"top_k":3,"temperature":1},"store":true}';
  const over = edited(body, {
    parameters: { generationConfig: { temperature: 0, topP: 0.5 }, model: "x", contents: [] },
    extraBody: { store: false, labels: { a: "b" }, generationConfig: { topK: 9, seed: 1 } },
  });
  assert.deepEqual(over, {
    contents: [],
    generation_config: { top_k: 3, temperature: 0, topP: 0.5, seed: 1 },
    store: true,
    labels: { a: "b" },
  });
  assert.deepEqual(edited(body, { omit: ["generationConfig"], add: { store: 1 } }), {
    contents: [],
    store: 1,
  });
});

test("a channel's instructions are spliced before, behind or in place of none", () => {
  const text = "be brief";
  const put = (body: string, place: "before" | "after" | "if-none"): unknown =>
    edited(body, { systemPrompt: { text, place } });
  const parts = (...texts: string[]): object => ({ parts: texts.map((one) => ({ text: one })) });
  for (const place of ["before", "after", "if-none"] as const) {
    assert.deepEqual(put('{"contents":[]}', place), {
      contents: [],
      systemInstruction: parts(text),
    });
    assert.deepEqual(put('{"contents":[],"system_instruction":null}', place), {
      contents: [],
      system_instruction: parts(text),
    });
  }
  const own = '{"contents":[],"system_instruction":{"parts":[ {"text":"a"},{"text":"b"} ]}}';
  const read = (body: unknown): unknown =>
    (body as { system_instruction: unknown }).system_instruction;
  assert.deepEqual(read(put(own, "before")), parts(text, "a", "b"));
  assert.deepEqual(read(put(own, "after")), parts("a", "b", text));
  assert.deepEqual(read(put(own, "if-none")), parts("a", "b"));
  const single = '{"contents":[],"system_instruction":{"parts":{"text":"a"}}}';
  assert.deepEqual(read(put(single, "before")), parts(text, "a"));
  assert.deepEqual(read(put(single, "after")), parts("a", text));
  assert.deepEqual(
    read(put('{"contents":[],"system_instruction":{"parts":[]}}', "after")),
    parts(text),
  );
  assert.deepEqual(read(put('{"contents":[],"system_instruction":{}}', "after")), parts(text));
  assert.deepEqual(
    read(put('{"contents":[],"system_instruction":"a"}', "after")),
    parts("a", text),
  );
  assert.deepEqual(put('{"requests":[]}', "before"), { requests: [] });
});
