/**
 * Chat completions over what vendors really sent: requests survive a round trip, streams and replies say the same after
 * they were told again, wherever the network cuts them, and pass-through reads them as their own events say.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SseFramer } from "../../src/core/sse.ts";
import type { JsonObject } from "../../src/core/json-value.ts";
import type { FrontCodec, ReplyContext, UpstreamCodec } from "../../src/dialects/codec.ts";
import { fidelityOf } from "../../src/dialects/fidelity.ts";
import { makeFramer } from "../../src/dialects/framing.ts";
import type { QuirkId } from "../../src/dialects/quirk-ids.ts";
import { findUpstreamCodec, getDialect } from "../../src/dialects/registry.ts";
import type { ReplyEvent } from "../../src/wire/chat-reply.ts";
import type { AssistantPart, Conversation, TextPart } from "../../src/wire/conversation.ts";
import type { Usage } from "../../src/wire/usage.ts";
import { loadRecordings } from "../fakes/recordings.ts";
import { anyContext, decodeChunks, joinEvents } from "../fakes/reply-events.ts";
import { loadVendorStreams, type VendorStream } from "../fakes/vendor-streams.ts";
import { bareUsage } from "../fakes/bare-usage.ts";

const dialect = getDialect("openai-chat");
const front = dialect.front as FrontCodec;
const codec = findUpstreamCodec("openai-chat") as UpstreamCodec;
const recordings = loadRecordings("openai-chat");
const skip = recordings === undefined ? "no recordings beside the checkout" : false;
const vendorFolders = [
  "alibaba",
  "azure",
  "deepseek/chat",
  "groq",
  "mistral",
  "moonshotai",
  "openai/chat",
  "openai-compatible/chat",
  "perplexity",
  "xai",
];

const replyContext: ReplyContext = {
  callId: "0abc",
  replyId: null,
  model: "asked",
  createdAtS: 1_700_000_000,
  request: {},
  usageAsked: true,
  inputTokensEstimate: 0,
};

function streams(): VendorStream[] {
  const recorded = (recordings ?? [])
    .filter(({ response }) => response.status === 200 && response.body[0] !== 0x7b)
    .map(({ id, response }) => ({ id, body: response.body }));
  const vendors = vendorFolders
    .flatMap((folder) => loadVendorStreams(folder) ?? [])
    .filter(({ body }) => body.includes('"choices"'))
    .map(({ id, body }) => ({ id, body: Buffer.concat([body, Buffer.from("data: [DONE]\n\n")]) }));
  return [...recorded, ...vendors].filter(({ body }) => body.includes("data:"));
}

function parse(body: Buffer): JsonObject {
  return JSON.parse(body.toString()) as JsonObject;
}

function decodeRequest(body: JsonObject): Conversation {
  const stream = body["stream"] === true;
  return front.decodeRequest(body, { model: String(body["model"]), stream, headers: {} });
}

/** The ways of those vendors whose recorded requests use them. */
function quirksOf(body: JsonObject): readonly QuirkId[] {
  const text = JSON.stringify(body);
  if (text.includes('"reasoning_content"') || "thinking" in body)
    return ["thinking-member", "replay-reasoning", "effort-beside-thinking"];
  if ("reasoning" in body || text.includes('"cache_control"'))
    return ["reasoning-object", "cache-control"];
  return text.includes('"reasoning":"') ? ["replay-as-reasoning"] : [];
}

/** Several plain instructions may arrive as one: many vendors take no lists there. */
function joined(parts: readonly TextPart[]): readonly TextPart[] {
  if (parts.some((part) => part.cache !== undefined)) return parts;
  return [{ kind: "text", text: parts.map(({ text }) => text).join("\n\n") }];
}

/** What must survive: all but what the table drops or refuses, and whether thoughts are to be shown. */
function comparable({ uses, reasoning, system, ...rest }: Conversation): object {
  const arrives = ["exact", "lossy"];
  const kept = uses.filter(({ feature }) => arrives.includes(fidelityOf(feature, "openai-chat")));
  const thinks = reasoning !== null && { ...reasoning, show: null };
  const asks =
    thinks && (thinks.effort !== null || thinks.budgetTokens !== null || thinks.adaptive);
  return {
    ...rest,
    system: joined(system),
    reasoning: asks ? thinks : null,
    features: kept.map(({ feature }) => feature),
  };
}

test("requests survive decoding, encoding and decoding again", { skip }, () => {
  let survived = 0;
  for (const { id, request } of recordings ?? []) {
    const body = parse(request.body);
    const read = decodeRequest(body);
    const target = { model: read.model, stream: read.stream, askUsage: true };
    const sent = codec.encodeRequest(read, { ...target, quirks: quirksOf(body) });
    assert.deepEqual(comparable(decodeRequest(sent)), comparable(read), id);
    const again = codec.encodeRequest(decodeRequest(sent), { ...target, quirks: quirksOf(body) });
    assert.equal(JSON.stringify(again), JSON.stringify(sent), `${id}: the same bytes again`);
    survived += 1;
  }
  assert.equal(survived, 272);
});

function textOf(parts: readonly AssistantPart[], kind: "text" | "reasoning" | "refusal"): string {
  return parts.map((part) => (part.kind === kind ? part.text : "")).join("");
}

/** What a reader of chat completions can tell. */
function told(events: readonly ReplyEvent[]): object {
  const { parts, finish, usage, error, done } = joinEvents(events);
  const calls = parts.filter((part) => part.kind === "tool-call");
  return {
    text: textOf(parts, "text"),
    reasoning: textOf(parts, "reasoning"),
    refusal: textOf(parts, "refusal"),
    calls: calls.map(({ id, name, arguments: text }) => [id, name, text]),
    reason: finish?.reason,
    usage: bareUsage(usage),
    error,
    done,
  };
}

function encode(events: readonly ReplyEvent[]): Buffer {
  const write = front.makeEventEncoder(replyContext);
  return Buffer.from(events.map((event) => write(event) ?? "").join(""));
}

test("streams say the same after they were told again", { skip }, () => {
  const all = streams();
  for (const { id, body } of all) {
    const events = decodeChunks(codec, [body]);
    const again = decodeChunks(codec, [encode(events)]);
    assert.deepEqual(told(again), told(events), id);
    assert.equal(joinEvents(events).done, true, id);
  }
  assert.equal(all.length, 55);
});

test("streams are read alike by pass-through and by translation", { skip }, () => {
  for (const { id, body } of streams()) {
    const read = dialect.makeEventReader();
    let usage: Usage | null = null;
    const onEvent = (event: Buffer): void => {
      if (read(event).hasUsage) usage = dialect.eventUsage(event, usage) ?? usage;
    };
    new SseFramer(onEvent).push(body);
    assert.deepEqual(joinEvents(decodeChunks(codec, [body])).usage, usage, id);
  }
});

test("where the network cuts a stream changes nothing", { skip }, () => {
  const payloads = (chunks: readonly Buffer[]): string => {
    let text = "";
    const framer = makeFramer("sse", ({ name, payload }) => {
      text += `${name} ${payload}\n`;
    });
    for (const chunk of chunks) framer.push(chunk);
    framer.end();
    return text;
  };
  let cuts = 0;
  for (const { id, body } of streams().filter((stream) => stream.body.length <= 16_384)) {
    const whole = decodeChunks(codec, [body]);
    const bytes = Array.from(body, (_byte, index) => body.subarray(index, index + 1));
    assert.deepEqual(decodeChunks(codec, bytes), whole, id);
    cuts += bytes.length;
    // A cut between two long chunks takes other ways through the framer than single bytes do.
    const step = body.length > 4096 ? 7 : 1;
    const framed = payloads([body]);
    for (let cut = 1; cut < body.length; cut += step)
      assert.equal(
        payloads([body.subarray(0, cut), body.subarray(cut)]),
        framed,
        `${id} at ${cut}`,
      );
  }
  assert.ok(cuts > 100_000, `${cuts} cuts`);
});

function withoutKinds({ kinds: _kinds, ...usage }: Usage): Usage {
  return usage;
}

/** What is counted, but for the vendor's own tools, which OpenAI's callers are told nothing of. */
function counted(usage: Usage | null): unknown {
  if (usage?.kinds === undefined) return bareUsage(usage);
  const { webSearches: _searches, ...kinds } = usage.kinds;
  return bareUsage(Object.keys(kinds).length === 0 ? withoutKinds(usage) : usage);
}

test("whole replies say the same after they were told again", { skip }, () => {
  let compared = 0;
  for (const { id, response } of recordings ?? []) {
    if (response.status !== 200 || response.body[0] !== 0x7b) continue;
    const body = parse(response.body);
    if (!Array.isArray(body["choices"])) continue;
    const reply = codec.decodeReply(body, anyContext);
    const again = codec.decodeReply(front.encodeReply(reply, replyContext), anyContext);
    const tell = ({ choices }: typeof reply): object[] =>
      choices.map(({ index, parts, finish, logprobs }) => ({
        index,
        text: textOf(parts, "text"),
        reasoning: textOf(parts, "reasoning"),
        calls: parts
          .filter(({ kind }) => kind === "tool-call")
          .map((part) => ({ ...part, carried: 0 })),
        media: parts.filter(({ kind }) => kind === "media"),
        reason: finish.reason,
        logprobs,
      }));
    assert.deepEqual(tell(again), tell(reply), id);
    assert.deepEqual(counted(again.usage), counted(reply.usage), id);
    assert.deepEqual(dialect.readReply(response.body)?.usage ?? null, reply.usage, id);
    compared += 1;
  }
  assert.ok(compared > 200, `${compared} replies`);
});
