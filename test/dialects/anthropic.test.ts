/**
 * Holds the Messages dialect to recorded traffic: requests, replies and streams that Anthropic has seen and sent go
 * through our own shape and back without a word lost, wherever their bytes are cut.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { GatewayError } from "../../src/core/errors.ts";
import type { JsonObject } from "../../src/core/json-value.ts";
import { anthropicFront as front } from "../../src/dialects/anthropic/front-codec.ts";
import { anthropicMessages as dialect } from "../../src/dialects/anthropic/dialect.ts";
import { anthropicUpstream as upstream } from "../../src/dialects/anthropic/upstream-codec.ts";
import type { DecodeContext, ReplyContext, StreamEvent } from "../../src/dialects/codec.ts";
import { makeFramer } from "../../src/dialects/framing.ts";
import type { Conversation } from "../../src/wire/conversation.ts";
import type { ReplyEvent } from "../../src/wire/chat-reply.ts";
import type { Usage } from "../../src/wire/usage.ts";
import { SseFramer } from "../../src/core/sse.ts";
import { type Recording, loadRecordings } from "../fakes/recordings.ts";
import { anyContext, decodeChunks, joinEvents } from "../fakes/reply-events.ts";
import { type VendorStream, loadVendorStreams } from "../fakes/vendor-streams.ts";
import { bareUsage } from "../fakes/bare-usage.ts";

const recordings = loadRecordings("anthropic");
const vendorStreams = loadVendorStreams("anthropic");
const skip = recordings === undefined ? "no recordings beside this checkout" : false;
const skipVendor = vendorStreams === undefined ? "no vendor bodies beside this checkout" : false;

/** Two messages spliced into one stream: told as broken, see below. */
const broken = "spliced-message-start.chunks.txt";

function bodyOf(recording: Recording): JsonObject {
  return JSON.parse(recording.request.body.toString()) as JsonObject;
}

function isStream(recording: Recording): boolean {
  return recording.response.body.toString("latin1", 0, 6) === "event:";
}

const stopEvent = 'data: {"type":"message_stop"}\n\n';

/** Files of the vendors' own may hold several answers one behind another. */
function answersIn({ id, body }: VendorStream): VendorStream[] {
  const answers = body.toString().split(stopEvent).slice(0, -1);
  return answers.map((text, index) => ({
    id: `${id}#${index}`,
    body: Buffer.from(text + stopEvent),
  }));
}

function streams(): VendorStream[] {
  const recorded = (recordings ?? []).filter(isStream);
  return [
    ...recorded.map(({ id, response }) => ({ id, body: response.body })),
    ...(vendorStreams ?? []).filter(({ id }) => !id.startsWith(broken)).flatMap(answersIn),
  ];
}

/** Whole replies, recorded and of vendors. */
function replies(): { id: string; body: JsonObject }[] {
  const recorded = (recordings ?? [])
    .filter((recording) => !isStream(recording) && recording.response.status === 200)
    .map(({ id, response }) => ({ id, text: response.body.toString() }));
  const root = fileURLToPath(new URL("../../../shared/fixtures/vendor/anthropic", import.meta.url));
  const names = existsSync(root) ? readdirSync(root).filter((name) => name.endsWith(".json")) : [];
  const vendor = names.map((id) => ({ id, text: readFileSync(`${root}/${id}`, "utf8") }));
  return [...recorded, ...vendor].map(({ id, text }) => ({
    id,
    body: JSON.parse(text) as JsonObject,
  }));
}

function decodeContext(body: JsonObject): DecodeContext {
  return { model: String(body["model"]), stream: body["stream"] === true, headers: {} };
}

function encode(conversation: Conversation): JsonObject {
  const { model, stream } = conversation;
  return upstream.encodeRequest(conversation, { model, stream, askUsage: true, quirks: [] });
}

const replyContext: ReplyContext = {
  callId: "call0",
  replyId: null,
  model: "shown",
  createdAtS: 0,
  request: {},
  usageAsked: true,
  inputTokensEstimate: 5,
};

test("requests come out of our own shape as they went in", { skip }, () => {
  let decoded = 0;
  for (const recording of recordings ?? []) {
    const body = bodyOf(recording);
    const first = front.decodeRequest(body, decodeContext(body));
    // What only Anthropic knows is refused before an encoder sees it; here it is not judged.
    const sent = encode(first);
    const second = front.decodeRequest(sent, decodeContext(sent));
    const again = encode(second);
    assert.equal(JSON.stringify(again), JSON.stringify(sent), recording.id);
    decoded += 1;
  }
  assert.ok(decoded >= 100, `${decoded} requests`);
});

/** What a message says, without marks and members that our shape does not have. */
function saying(block: unknown): unknown {
  const { cache_control: _mark, caller: _caller, citations: _cites, ...rest } = block as JsonObject;
  if (rest["type"] !== "tool_result") return rest;
  const { is_error: isError, content, ...result } = rest;
  const list = typeof content === "string" ? [{ type: "text", text: content }] : content;
  const said = (list as JsonObject[] | undefined)?.map((item) =>
    item["type"] === "tool_reference"
      ? { type: "text", text: `Tool ${String(item["tool_name"])} can be called now.` }
      : item,
  );
  return { ...result, ...(isError === true ? { is_error: true } : {}), content: said };
}

test("text, tools, results and thoughts of requests arrive unchanged", { skip }, () => {
  let compared = 0;
  for (const recording of recordings ?? []) {
    const body = bodyOf(recording);
    const messages = body["messages"] as { role: string; content: JsonObject[] | string }[];
    const blocks = messages.flatMap(({ role, content }) =>
      typeof content === "string" || role === "system" ? [] : content.map(saying),
    );
    const sent = encode(front.decodeRequest(body, decodeContext(body)));
    const after = (sent["messages"] as { role: string; content: JsonObject[] }[]).flatMap(
      ({ role, content }) => (role === "system" ? [] : content.map(saying)),
    );
    const said = blocks.filter((block) => !isBlank(block as JsonObject) && !isTold(block));
    const told = after.filter(
      (block) => !(block as JsonObject)["text"]?.toString().startsWith("<system>"),
    );
    assert.deepEqual(told.slice(0, said.length), said, recording.id);
    compared += said.length;
  }
  assert.ok(compared > 250, `${compared} blocks`);
});

/** Instructions of the middle of a conversation, told by the user to models that have no other way. */
function isTold(block: unknown): boolean {
  const { text } = block as JsonObject;
  return typeof text === "string" && text.startsWith("<system>");
}

function isBlank({ type, text }: JsonObject): boolean {
  return type === "text" && String(text).trim() === "";
}

test("whole replies come out of our own shape as they went in", { skip }, () => {
  let compared = 0;
  for (const { id, body } of replies()) {
    const reply = upstream.decodeReply(body, anyContext);
    const told = front.encodeReply(reply, replyContext);
    const content = body["content"] as JsonObject[];
    const expected = content.filter((block) => !(block["type"] === "text" && block["text"] === ""));
    const plain = (block: JsonObject): JsonObject =>
      block["type"] === "tool_use" ? (saying(block) as JsonObject) : withoutNulls(block);
    assert.deepEqual((told["content"] as JsonObject[]).map(plain), expected.map(plain), id);
    const raw = body["stop_reason"];
    if (raw !== "compaction") assert.equal(told["stop_reason"], raw, id);
    const again = dialect.readReply(Buffer.from(JSON.stringify(told)))?.usage;
    assert.deepEqual(bareUsage(again), bareUsage(reply.usage), id);
    compared += 1;
  }
  assert.ok(compared > 120, `${compared} replies`);
});

/** The vendor writes `citations: null`, we leave it out. */
function withoutNulls(block: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(block).filter(([, value]) => value !== null));
}

function encodeStream(events: readonly ReplyEvent[]): Buffer {
  const tell = front.makeEventEncoder(replyContext);
  return Buffer.from(events.map((event) => tell(event) ?? "").join(""));
}

test("streams come out of our own shape as they went in", { skip }, () => {
  const all = streams();
  for (const { id, body } of all) {
    const first = joinEvents(decodeChunks(upstream, [body]));
    assert.ok(first.done && first.finish !== null, id);
    const second = joinEvents(
      decodeChunks(upstream, [encodeStream(decodeChunks(upstream, [body]))]),
    );
    assert.deepEqual(second.parts, first.parts.filter(saysSomething), id);
    // Where nothing was counted, our estimate stands.
    if (first.usage !== null) assert.deepEqual(bareUsage(second.usage), bareUsage(first.usage), id);
    const { raw: _raw, ...finish } = second.finish ?? { raw: null };
    const { raw: _vendor, ...expected } = first.finish;
    assert.deepEqual(finish, expected, id);
  }
  assert.ok(all.length > 25, `${all.length} streams`);
});

/** Blocks that were begun and never said anything are not told on. */
function saysSomething(part: { kind: string; text?: string; carried?: unknown }): boolean {
  return part.text !== "" || part.carried !== undefined;
}

/** The events that chunks are cut into; what decoders make of them depends on nothing else. */
function cutInto(chunks: readonly Buffer[]): string {
  const events: StreamEvent[] = [];
  const framer = makeFramer("sse", (event) => events.push(event));
  for (const chunk of chunks) framer.push(chunk);
  framer.end();
  return JSON.stringify(events);
}

test("streams mean the same wherever their bytes are cut", { skip }, () => {
  const small = streams().filter(({ body }) => body.length <= 16 * 1024);
  for (const { id, body } of small) {
    const bytes = Array.from(body, (_, at) => body.subarray(at, at + 1));
    const whole = JSON.stringify(decodeChunks(upstream, [body]));
    assert.equal(JSON.stringify(decodeChunks(upstream, bytes)), whole, id);
    // One cut at each place of the smaller ones; of the greater ones, all at once.
    if (body.length > 4096) continue;
    const expected = cutInto([body]);
    for (let cut = 1; cut < body.length; cut += 1)
      if (cutInto([body.subarray(0, cut), body.subarray(cut)]) !== expected)
        assert.fail(`${id} cut at ${cut}`);
  }
  assert.ok(small.length > 25, `${small.length} streams`);
});

test("the reader on bytes and the decoder agree on every stream", { skip }, () => {
  for (const { id, body } of streams()) {
    const read = dialect.makeEventReader();
    const kinds: string[] = [];
    let usage: Usage | null = null;
    let model: string | null = null;
    const framer = new SseFramer((event) => {
      const reading = read(event);
      kinds.push(reading.kind);
      model ??= dialect.eventModel(event, reading);
      if (reading.hasUsage) usage = dialect.eventUsage(event, usage);
    });
    framer.push(body);
    const joined = joinEvents(decodeChunks(upstream, [body]));
    assert.deepEqual(usage, joined.usage, id);
    assert.equal(model, joined.model, id);
    assert.equal(kinds.filter((kind) => kind === "finish").length, 1, id);
    assert.equal(kinds.at(-1), "done", id);
    const speaks = joined.parts.some(saysSomething);
    // Calls that come within message_start come with the end of the answer.
    assert.equal(kinds.includes("content") || kinds[0] === "finish", speaks, id);
  }
});

test("an answer that begins anew in the middle of another is broken", { skip: skipVendor }, () => {
  const stream = (vendorStreams ?? []).find(({ id }) => id.startsWith(broken));
  assert.ok(stream !== undefined);
  assert.throws(() => decodeChunks(upstream, [stream.body]), { kind: "upstream_invalid" });
});

/** Paths of all that stands in a value, long texts of their own not entered. */
function pathsIn(value: unknown, path: readonly (string | number)[] = []): (string | number)[][] {
  if (typeof value !== "object" || value === null) return [];
  const names = Array.isArray(value) ? [...value.keys()].slice(0, 4) : Object.keys(value);
  return names.flatMap((name) => {
    const here = [...path, name];
    return [here, ...pathsIn((value as Record<string | number, unknown>)[name], here)];
  });
}

/** The value with another in place of what stands at a path. */
function replaced(value: unknown, path: readonly (string | number)[], put: unknown): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return put;
  const inner = replaced((value as Record<string | number, unknown>)[name], rest, put);
  if (!Array.isArray(value)) return { ...(value as object), [name]: inner };
  return value.map((item: unknown, index) => (index === name ? inner : item));
}

const oddities = [null, 7, -1, true, "", "x", [], {}, [null], [{}], { type: "x" }];

/** Runs what may only throw our own errors of a kind. */
function survives(kind: string, where: string, run: () => void): boolean {
  try {
    run();
    return true;
  } catch (thrown) {
    assert.ok(
      thrown instanceof GatewayError && thrown.kind === kind,
      `${where}: ${String(thrown)}`,
    );
    return false;
  }
}

test("whatever stands in a request, it is read or refused by its path", { skip }, () => {
  let tried = 0;
  const shapes = new Set<string>();
  for (const recording of recordings ?? []) {
    const body = bodyOf(recording);
    for (const path of pathsIn(body)) {
      const shape = path.filter((name) => typeof name === "string").join(".");
      if (shapes.has(shape)) continue;
      shapes.add(shape);
      for (const oddity of oddities) {
        const odd = replaced(body, path, oddity) as JsonObject;
        const where = `${recording.id} ${path.join(".")} = ${JSON.stringify(oddity)}`;
        survives("invalid_request", where, () =>
          encode(front.decodeRequest(odd, decodeContext(odd))),
        );
        tried += 1;
      }
    }
  }
  assert.ok(tried > 1000, `${tried} oddities`);
});

test("whatever an upstream sends, it is read or told as broken", { skip }, () => {
  let tried = 0;
  const shapes = new Set<string>();
  for (const { id, body } of streams()) {
    const lines = body
      .toString()
      .split("\n")
      .filter((line) => line.startsWith("data:"));
    for (const [at, line] of lines.entries()) {
      const event = JSON.parse(line.slice(5)) as JsonObject;
      for (const path of pathsIn(event)) {
        const shape = `${String(event["type"])}.${path.filter((name) => typeof name === "string").join(".")}`;
        if (shapes.has(shape)) continue;
        shapes.add(shape);
        for (const oddity of oddities) {
          const odd = [...lines];
          odd[at] = `data: ${JSON.stringify(replaced(event, path, oddity))}`;
          const where = `${id} ${shape} = ${JSON.stringify(oddity)}`;
          survives("upstream_invalid", where, () => {
            encodeStream(
              decodeChunks(upstream, [Buffer.from(odd.map((data) => `${data}\n\n`).join(""))]),
            );
          });
          tried += 1;
        }
      }
    }
  }
  for (const { id, body } of replies())
    for (const path of pathsIn(body)) {
      const shape = `reply.${path.filter((name) => typeof name === "string").join(".")}`;
      if (shapes.has(shape)) continue;
      shapes.add(shape);
      for (const oddity of oddities) {
        const odd = replaced(body, path, oddity) as JsonObject;
        survives("upstream_invalid", `${id} ${shape}`, () => {
          front.encodeReply(upstream.decodeReply(odd, anyContext), replyContext);
        });
        tried += 1;
      }
    }
  assert.ok(tried > 1000, `${tried} oddities`);
});
