/**
 * What the Responses dialect renders, held against OpenAI's own OpenAPI document and read by OpenAI's own client; and
 * the members that the Open Responses specification requires, which that document does not.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import OpenAI, { APIError } from "openai";
import { GatewayError } from "../../src/core/errors.ts";
import type { JsonObject } from "../../src/core/json-value.ts";
import type { StreamEvent } from "../../src/dialects/codec.ts";
import { makeFramer } from "../../src/dialects/framing.ts";
import { getDialect, findUpstreamCodec } from "../../src/dialects/registry.ts";
import type { DialectId } from "../../src/wire/call.ts";
import type { ReplyEvent } from "../../src/wire/chat-reply.ts";
import { loadRecordings } from "../fakes/recordings.ts";
import { fullEvents, fullRequest, replyContext } from "../fakes/responses-cases.ts";
import { loadVendorStreams } from "../fakes/vendor-streams.ts";

const dialect = getDialect("openai-responses");
const document = fileURLToPath(
  new URL("../../../shared/fixtures/openai-openapi/openapi.json", import.meta.url),
);
const lacking = existsSync(document)
  ? false
  : "OpenAI's OpenAPI document is not beside the checkout";

/** Members that a response must have in the Open Responses specification of 2026-04-24. */
const openResponsesMembers = [
  "id object created_at completed_at status incomplete_details model previous_response_id",
  "instructions output error tools tool_choice truncation parallel_tool_calls text top_p",
  "presence_penalty frequency_penalty top_logprobs temperature reasoning usage",
  "max_output_tokens max_tool_calls store background service_tier metadata safety_identifier",
  "prompt_cache_key",
].flatMap((line) => line.split(" "));

type Validate = (name: string, value: unknown) => void;

/** Its `oneOf`s overlap (two forms of a message), so that they are taken for `anyOf`. */
function readDocument(): object {
  const text = readFileSync(document, "utf8");
  return JSON.parse(text, (_name, value: unknown) => {
    if (typeof value !== "object" || value === null || !("oneOf" in value)) return value;
    const { oneOf, ...rest } = value;
    return Array.isArray(oneOf) ? { ...rest, anyOf: oneOf } : value;
  }) as object;
}

function openSchemas(): { readonly validate: Validate; readonly validateEvent: Validate } {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: false });
  const known = readDocument();
  ajv.addSchema(known, "openai");
  const compiled = new Map<string, ValidateFunction>();
  const find = (name: string): ValidateFunction => {
    const ready = compiled.get(name);
    if (ready !== undefined) return ready;
    const made = ajv.compile({ $ref: `openai#/components/schemas/${name}` });
    compiled.set(name, made);
    return made;
  };
  const validate: Validate = (name, value) => {
    const check = find(name);
    const about = (): string =>
      `${name}: ${JSON.stringify(check.errors?.slice(0, 3))} in ${JSON.stringify(value).slice(0, 600)}`;
    assert.ok(check(value), about());
  };
  const schemas = (
    known as {
      components: {
        schemas: Record<string, { properties?: { type?: { enum?: string[] } } }>;
      };
    }
  ).components.schemas;
  const eventNames = new Map(
    Object.entries(schemas)
      .filter(([name]) => /^Response.*Event$/.test(name))
      .map(([name, schema]) => [schema.properties?.type?.enum?.[0], name]),
  );
  const validateEvent: Validate = (type, value) => {
    const name = eventNames.get(type);
    assert.ok(name !== undefined, `the document knows no event ${type}`);
    validate(name, value);
  };
  return { validate, validateEvent };
}

/** Payloads of a rendered stream without its terminator; each event's name is its type. */
function payloads(stream: string): JsonObject[] {
  const events: StreamEvent[] = [];
  const framer = makeFramer("sse", (event) => events.push(event));
  framer.push(Buffer.from(stream));
  framer.end();
  return events
    .filter(({ payload }) => payload !== "[DONE]")
    .map(({ name, payload }) => {
      const value = JSON.parse(payload) as JsonObject;
      assert.equal(name, value["type"]);
      return value;
    });
}

function encode(events: readonly ReplyEvent[], request: JsonObject): string {
  const encoder = dialect.front?.makeEventEncoder(replyContext(request));
  assert.ok(encoder !== undefined);
  return events.map((event) => encoder(event) ?? "").join("");
}

/** OpenAI tells `usage: null` while there is none, and so does Open Responses; the document has no word for that. */
function withoutNullUsage(value: JsonObject): JsonObject {
  const { response } = value;
  if (typeof response !== "object" || response === null || !("usage" in response)) return value;
  const { usage, ...rest } = response as JsonObject;
  return usage === null ? { ...value, response: rest } : value;
}

function checkStream(stream: string, schemas: ReturnType<typeof openSchemas>): void {
  const values = payloads(stream);
  for (const [index, value] of values.entries()) {
    assert.equal(value["sequence_number"], index);
    schemas.validateEvent(String(value["type"]), withoutNullUsage(value));
  }
  const response = values.at(-1)?.["response"] as JsonObject;
  for (const name of openResponsesMembers) assert.ok(name in response, `${name} is missing`);
}

function decode(from: DialectId, body: Buffer): ReplyEvent[] {
  const codec = findUpstreamCodec(from);
  assert.ok(codec !== undefined);
  const events: ReplyEvent[] = [];
  const read = codec.makeEventDecoder({ model: "sent", callId: "0abc", quirks: [] });
  const framer = makeFramer(codec.framing, (event) => read(event, (told) => events.push(told)));
  framer.push(body);
  framer.end();
  return events;
}

test(
  "every event of a stream that tells everything is as OpenAI's document says",
  { skip: lacking },
  () => {
    const schemas = openSchemas();
    checkStream(encode(fullEvents, fullRequest), schemas);
    checkStream(encode(fullEvents, { model: "asked", input: "Hello" }), schemas);
    for (const reason of ["length", "content-filter", "refusal", "pause", "other"] as const)
      checkStream(
        encode(
          [
            { type: "start", id: null, model: null, createdAtS: null },
            { type: "finish", choice: 0, finish: { reason, stopSequence: null, raw: null } },
            { type: "done" },
          ],
          {},
        ),
        schemas,
      );
  },
);

test("whole replies of recorded vendors are as OpenAI's document says", { skip: lacking }, () => {
  const schemas = openSchemas();
  const recordings = loadRecordings("openai-responses") ?? [];
  const codec = findUpstreamCodec("openai-responses");
  let checked = 0;
  for (const { response, request } of recordings) {
    if (response.status !== 200 || response.body[0] !== 0x7b) continue;
    const body = JSON.parse(response.body.toString()) as JsonObject;
    const asked = JSON.parse(request.body.toString()) as JsonObject;
    const reply = codec?.decodeReply(body, { model: "sent", callId: "0abc", quirks: [] });
    assert.ok(reply !== undefined);
    const told = dialect.front?.encodeReply(reply, replyContext(asked));
    for (const name of openResponsesMembers) assert.ok(name in (told ?? {}), name);
    // Items of the vendor's own tools go on as they came, and not every vendor keeps to the document.
    if (reply.choices[0]?.parts.some(({ kind }) => kind === "foreign")) continue;
    schemas.validate("Response", told);
    checked += 1;
  }
  assert.ok(checked > 100, `${checked} replies`);
});

test("recorded requests, translated, are as OpenAI's document says", { skip: lacking }, () => {
  const schemas = openSchemas();
  const codec = findUpstreamCodec("openai-responses");
  let checked = 0;
  for (const { request, response } of loadRecordings("openai-responses") ?? []) {
    if (response.status !== 200) continue;
    const body = JSON.parse(request.body.toString()) as JsonObject;
    const asked = { model: "asked", stream: body["stream"] === true, headers: {} };
    const conversation = dialect.front?.decodeRequest(body, asked);
    assert.ok(conversation !== undefined);
    const own = conversation.messages.some(({ parts }) =>
      parts.some((part) => part.kind === "foreign"),
    );
    if (own || conversation.messages.length === 0) continue;
    const target = { model: "sent", stream: asked.stream, askUsage: true, quirks: [] };
    schemas.validate("CreateResponse", codec?.encodeRequest(conversation, target));
    checked += 1;
  }
  assert.ok(checked > 130, `${checked} requests`);
});

const vendorFolders = ["openai/responses", "azure", "open-responses/responses", "xai/responses"];

test("recorded streams told again are as OpenAI's document says", { skip: lacking }, () => {
  const schemas = openSchemas();
  const bodies = vendorFolders.flatMap((folder) => loadVendorStreams(folder) ?? []);
  const recorded = (loadRecordings("openai-responses") ?? []).filter(
    ({ response }) => response.body[0] !== 0x7b,
  );
  bodies.push(...recorded.map(({ id, response }) => ({ id, body: response.body })));
  let checked = 0;
  for (const { body } of bodies) {
    const events = decode("openai-responses", body);
    if (events.at(-1)?.type !== "done") continue;
    const own = events.some((event) => event.type === "block" && event.start.kind === "part");
    const stream = encode(events, fullRequest);
    if (!own) checkStream(stream, schemas);
    checked += own ? 0 : 1;
  }
  assert.ok(checked > 30, `${checked} streams`);
});

function clientOf(stream: string): OpenAI {
  const headers = { "content-type": "text/event-stream" };
  return new OpenAI({
    apiKey: "none",
    maxRetries: 0,
    fetch: () => Promise.resolve(new Response(stream, { headers })),
  });
}

test("OpenAI's client puts the stream together to the very response it ends with", async () => {
  const stream = encode(fullEvents, fullRequest);
  const last = payloads(stream).at(-1)?.["response"] as JsonObject;
  const helper = clientOf(stream).responses.stream({ model: "asked", input: "Hello" });
  const seen: string[] = [];
  for await (const event of helper) seen.push(event.type);
  assert.equal(seen.at(-1), "response.completed");
  const response = await helper.finalResponse();
  assert.equal(response.output_text, "Hello\n\nthere é😀Second part");
  const calls = response.output.filter((item) => item.type === "function_call");
  assert.deepEqual(
    calls.map(({ name, namespace, arguments: text }) => [name, namespace, text]),
    [
      ["look_up", undefined, '{"a":1}'],
      ["read", "files", "{}"],
      ["look_up", undefined, "{}"],
      ["look_up", undefined, "{}"],
    ],
  );
  assert.equal(response.usage?.total_tokens, 25);
  assert.deepEqual(
    response.output.map(({ type }) => type),
    (last["output"] as { type: string }[]).map(({ type }) => type),
  );
});

test("an error within a stream is raised by OpenAI's client", async () => {
  const error = new GatewayError("upstream_truncated", "broke off");
  const begun = encode(fullEvents.slice(0, 5), fullRequest);
  const end = dialect.renderErrorEvent(error, { locale: "en", requestId: "0abc" });
  const stream = await clientOf(begun + end.toString()).responses.create({
    model: "asked",
    input: "Hello",
    stream: true,
  });
  const reading = (async () => {
    for await (const event of stream) assert.notEqual(event.type, "response.completed");
  })();
  await assert.rejects(reading, (thrown: unknown) => {
    assert.ok(thrown instanceof APIError);
    assert.equal(thrown.code, "upstream_truncated");
    return true;
  });
});

test("the last events of a broken stream are as OpenAI's document says", { skip: lacking }, () => {
  const schemas = openSchemas();
  const error = new GatewayError("invalid_request", "no");
  const bytes = dialect.renderErrorEvent(error, { locale: "en", requestId: "0abc" });
  const [first, second] = payloads(bytes.toString());
  schemas.validateEvent("error", first);
  schemas.validateEvent("response.failed", withoutNullUsage(second ?? {}));
});
