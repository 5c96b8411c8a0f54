/**
 * What the chat dialect renders, held against OpenAI's own OpenAPI document and read by OpenAI's own client: from every
 * recorded reply of every dialect that there is a decoder for.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import OpenAI from "openai";
import type { JsonObject } from "../../src/core/json-value.ts";
import type { FrontCodec, ReplyContext, UpstreamCodec } from "../../src/dialects/codec.ts";
import { makeFramer } from "../../src/dialects/framing.ts";
import { findUpstreamCodec, getDialect } from "../../src/dialects/registry.ts";
import type { DialectId } from "../../src/wire/call.ts";
import type { ReplyEvent } from "../../src/wire/chat-reply.ts";
import type { AssistantPart } from "../../src/wire/conversation.ts";
import type { Usage } from "../../src/wire/usage.ts";
import { loadRecordings } from "../fakes/recordings.ts";
import { joinEvents } from "../fakes/reply-events.ts";

const front = getDialect("openai-chat").front as FrontCodec;
const document = fileURLToPath(
  new URL("../../../shared/fixtures/openai-openapi/openapi.json", import.meta.url),
);
const skip = existsSync(document)
  ? false
  : "no OpenAPI document and recordings beside the checkout";

const replyContext: ReplyContext = {
  callId: "0abc",
  replyId: null,
  model: "asked",
  createdAtS: 1_700_000_000,
  request: {},
  usageAsked: true,
  inputTokensEstimate: 0,
};

/** `nullable` is OpenAPI 3.0's; custom tools are in the SDK's chunks, not in the document's. */
function readDocument(): object {
  return JSON.parse(readFileSync(document, "utf8"), (_name, value: unknown) => {
    if (typeof value !== "object" || value === null || !("nullable" in value)) return value;
    const { nullable, ...rest } = value;
    return nullable === true ? { anyOf: [rest, { type: "null" }] } : rest;
  }) as object;
}

function openSchemas(): (name: string) => ValidateFunction {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema(readDocument(), "openai");
  return (name) => ajv.compile({ $ref: `openai#/components/schemas/${name}` });
}

interface Case {
  readonly id: string;
  readonly events: readonly ReplyEvent[];
}

function decode(codec: UpstreamCodec, body: Buffer): ReplyEvent[] {
  const events: ReplyEvent[] = [];
  const read = codec.makeEventDecoder({ model: "sent", callId: "0abc", quirks: [] });
  const framer = makeFramer(codec.framing, (event) => read(event, (told) => events.push(told)));
  framer.push(body);
  framer.end();
  // Where the end of the body is the terminator, the gateway adds it.
  if (events.at(-1)?.type !== "done") events.push({ type: "done" });
  return events;
}

const dialects: readonly (readonly [DialectId, string])[] = [
  ["openai-chat", "openai-chat"],
  ["openai-responses", "openai-responses"],
  ["anthropic-messages", "anthropic"],
  ["gemini-content", "gemini"],
  ["bedrock-converse", "bedrock-converse"],
  ["cohere-v2", "cohere"],
];

function isStream(type: string): boolean {
  return /event-stream|eventstream/.test(type);
}

function streams(): Case[] {
  return dialects.flatMap(([dialect, recordings]) => {
    const codec = findUpstreamCodec(dialect);
    if (codec === undefined) return [];
    return (loadRecordings(recordings) ?? [])
      .filter(({ response }) => response.status === 200)
      .filter(({ response }) => isStream(response.headers["content-type"] ?? ""))
      .map(({ id, response }) => ({ id: `${dialect} ${id}`, events: decode(codec, response.body) }))
      .filter(({ events }) => !events.some(({ type }) => type === "error"));
  });
}

function encode(events: readonly ReplyEvent[], context = replyContext): string {
  const write = front.makeEventEncoder(context);
  return events.map((event) => write(event) ?? "").join("");
}

function payloads(text: string): JsonObject[] {
  const lines = text.split("\n\n").filter((event) => event !== "");
  assert.equal(lines.at(-1), "data: [DONE]");
  return lines.slice(0, -1).map((line) => JSON.parse(line.slice("data: ".length)) as JsonObject);
}

test("every chunk is one that OpenAI's document allows", { skip }, () => {
  const validate = openSchemas()("CreateChatCompletionStreamResponse");
  let chunks = 0;
  for (const { id, events } of streams())
    for (const chunk of payloads(encode(events))) {
      chunks += 1;
      if (validate(chunk)) continue;
      const faults = (validate.errors ?? []).filter(
        // The document lags behind the API: custom tools' deltas are only in the client's types.
        ({ instancePath }) => !instancePath.endsWith("/type"),
      );
      assert.deepEqual(faults, [], `${id}: ${JSON.stringify(chunk)}`);
    }
  assert.ok(chunks > 3000, `${chunks} chunks`);
});

test("every whole reply is one that OpenAI's document allows", { skip }, () => {
  const validate = openSchemas()("CreateChatCompletionResponse");
  let replies = 0;
  for (const [dialect, recordings] of dialects)
    for (const { id, response } of loadRecordings(recordings) ?? []) {
      const codec = findUpstreamCodec(dialect);
      if (codec === undefined || response.status !== 200 || response.body[0] !== 0x7b) continue;
      const body = JSON.parse(response.body.toString()) as JsonObject;
      let reply;
      try {
        reply = codec.decodeReply(body, { model: "sent", callId: "0abc", quirks: [] });
      } catch {
        continue;
      }
      replies += 1;
      const written = front.encodeReply(reply, replyContext);
      assert.ok(validate(written), `${dialect} ${id}: ${JSON.stringify(validate.errors)}`);
    }
  assert.ok(replies > 500, `${replies} replies`);
});

function textOf(parts: readonly AssistantPart[], kind: "text" | "refusal"): string {
  return parts.map((part) => (part.kind === kind ? part.text : "")).join("");
}

function total(usage: Usage): number {
  return usage.input + usage.cacheRead + usage.cacheWrite5m + usage.cacheWrite1h;
}

/** OpenAI's client over a reply that is already there. */
function clientOf(body: string): OpenAI {
  const headers = { "content-type": "text/event-stream" };
  const fetch = async (): Promise<Response> => new Response(body, { headers });
  return new OpenAI({ apiKey: "none", baseURL: "http://127.0.0.1:1/v1", fetch, maxRetries: 0 });
}

test("OpenAI's client puts every stream together to what the vendor said", { skip }, async () => {
  let read = 0;
  for (const { id, events } of streams()) {
    const direct = joinEvents(events);
    // A stream that ends without a finish is a broken one; the client says so too.
    if (direct.finish === null) continue;
    const stream = clientOf(encode(events)).chat.completions.stream({
      model: "asked",
      messages: [{ role: "user", content: "x" }],
    });
    const completion = await stream.finalChatCompletion();
    const [choice] = completion.choices;
    assert.ok(choice !== undefined, id);
    assert.equal(choice.message.content ?? "", textOf(direct.parts, "text"), id);
    assert.equal(choice.message.refusal ?? "", textOf(direct.parts, "refusal"), id);
    const calls = direct.parts.filter((part) => part.kind === "tool-call");
    const told = (choice.message.tool_calls ?? []).map((call) =>
      call.type === "function"
        ? [call.id, call.function.name, call.function.arguments]
        : [call.id, call.custom.name, call.custom.input],
    );
    assert.deepEqual(
      told,
      calls.map(({ id: callId, name, arguments: text }) => [callId, name, text]),
      id,
    );
    const usage = direct.usage;
    assert.equal(completion.usage?.prompt_tokens, usage === null ? undefined : total(usage), id);
    assert.equal(completion.usage?.completion_tokens, usage?.output, id);
    read += 1;
  }
  assert.ok(read > 70, `${read} streams`);
});

test("usage stands in one last chunk where it is asked for, and nowhere else", { skip }, () => {
  for (const { id, events } of streams()) {
    const asked = payloads(encode(events));
    const told = asked.filter(({ usage }) => usage !== null);
    const hasUsage = events.some(({ type }) => type === "usage");
    assert.equal(told.length, hasUsage ? 1 : 0, id);
    if (hasUsage) assert.deepEqual(asked.at(-1)?.["choices"], [], id);
    const unasked = payloads(encode(events, { ...replyContext, usageAsked: false }));
    assert.ok(
      unasked.every((chunk) => !("usage" in chunk)),
      id,
    );
    assert.equal(unasked.length, asked.length - told.length, id);
  }
});
