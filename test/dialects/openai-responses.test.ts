/**
 * The Responses dialect over what vendors really sent: requests survive a round trip, streams say the same after they
 * were told again, wherever the network cuts them, and pass-through reads them as their own events say.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SseFramer, eventData } from "../../src/core/sse.ts";
import type { JsonObject } from "../../src/core/json-value.ts";
import type { FrontCodec, UpstreamCodec } from "../../src/dialects/codec.ts";
import { unpackCarried } from "../../src/dialects/carried.ts";
import { makeFramer } from "../../src/dialects/framing.ts";
import {
  inputItems,
  makeResponseStream,
  outputItems,
  terminalResponse,
} from "../../src/dialects/openai-responses-state.ts";
import { findUpstreamCodec, getDialect } from "../../src/dialects/registry.ts";
import type { ReplyEvent } from "../../src/wire/chat-reply.ts";
import type { Conversation } from "../../src/wire/conversation.ts";
import { loadRecordings } from "../fakes/recordings.ts";
import { replyContext } from "../fakes/responses-cases.ts";
import { loadVendorStreams, type VendorStream } from "../fakes/vendor-streams.ts";
import { bareUsage } from "../fakes/bare-usage.ts";

const dialect = getDialect("openai-responses");
const front = dialect.front as FrontCodec;
const codec = findUpstreamCodec("openai-responses") as UpstreamCodec;
const recordings = loadRecordings("openai-responses");
const skip = recordings === undefined ? "no recordings beside the checkout" : false;
const vendorFolders = ["openai/responses", "azure", "open-responses/responses", "xai/responses"];

function streams(): VendorStream[] {
  const recorded = (recordings ?? [])
    .filter(({ response }) => response.status === 200 && response.body[0] !== 0x7b)
    .map(({ id, response }) => ({ id, body: response.body }));
  return [...recorded, ...vendorFolders.flatMap((folder) => loadVendorStreams(folder) ?? [])];
}

function parse(body: Buffer): JsonObject {
  return JSON.parse(body.toString()) as JsonObject;
}

function decodeRequest(body: JsonObject): Conversation {
  const stream = body["stream"] === true;
  return front.decodeRequest(body, { model: "asked", stream, headers: {} });
}

function decodeStream(chunks: readonly Buffer[]): ReplyEvent[] {
  const events: ReplyEvent[] = [];
  const read = codec.makeEventDecoder({ model: "sent", callId: "0abc", quirks: [] });
  const framer = makeFramer("sse", (event) => read(event, (told) => events.push(told)));
  for (const chunk of chunks) framer.push(chunk);
  framer.end();
  return events;
}

const kept: readonly string[] = ["previous-response", "conversation-object"];

test("requests survive decoding, encoding and decoding again", { skip }, () => {
  let survived = 0;
  for (const { id, request, response } of recordings ?? []) {
    const body = parse(request.body);
    if (response.status === 400 && body["temperature"] === -1) {
      assert.throws(() => decodeRequest(body), /`temperature` must be a number 0 to 2/);
      continue;
    }
    const first = decodeRequest(body);
    // What goes on with something that the vendor keeps is never encoded: the judge refuses it.
    if (first.uses.some(({ feature }) => kept.includes(feature))) continue;
    const target = { model: "asked", stream: first.stream, askUsage: true, quirks: [] };
    const sent = JSON.stringify(codec.encodeRequest(first, target));
    const second = decodeRequest(JSON.parse(sent) as JsonObject);
    // Names of fields follow the body they stand in, and what is left out of it is no use any more.
    assert.deepEqual({ ...second, uses: [] }, { ...first, uses: [] }, id);
    assert.equal(JSON.stringify(codec.encodeRequest(second, target)), sent, id);
    survived += 1;
  }
  assert.equal(survived, 160);
});

/** What is told of a stream, but for what the gateway tells in its own words. */
function essence(events: readonly ReplyEvent[], toldAgain: boolean): unknown[] {
  return events.flatMap((event): unknown[] => {
    if (event.type === "start") return [];
    if (event.type === "finish") return [event.finish.reason];
    if (event.type === "usage") {
      const { kinds: _kinds, ...usage } = bareUsage(event.usage);
      return [usage, event.serviceTier];
    }
    if (event.type !== "carried" || !toldAgain) return [event];
    // The front packs what the upstream wants back; the upstream's reader sees it as that upstream's encryption.
    const [, encrypted] = JSON.parse(event.carried.data) as [string, string];
    return [{ ...event, carried: unpackCarried(encrypted) }];
  });
}

test("streams say the same after they were told again", { skip }, () => {
  let same = 0;
  for (const { id, body } of streams()) {
    const events = decodeStream([body]);
    if (events.at(-1)?.type === "error") continue;
    const encode = front.makeEventEncoder(replyContext({}));
    const again = events.map((event) => encode(event) ?? "").join("");
    const second = decodeStream([Buffer.from(again)]);
    const tier = events.find((event) => event.type === "usage")?.serviceTier;
    const expected = essence(events, false).map((one) =>
      one === undefined ? (tier ?? "default") : one,
    );
    assert.deepEqual(essence(second, true), expected, id);
    same += 1;
  }
  assert.ok(same >= 70, `${same} streams`);
});

test("a whole reply and its stream are the same response", { skip }, () => {
  let compared = 0;
  for (const { id, body } of streams()) {
    const events = decodeStream([body]);
    const last = body
      .toString()
      .split("\n")
      .findLast((line) => line.includes('"response":{'));
    const whole = terminalResponse(Buffer.from(`${last}\n\n`));
    const items = whole?.["output"];
    if (whole === undefined || !Array.isArray(items)) continue;
    const done = events.filter((event) => event.type === "block");
    const reply = codec.decodeReply(whole, { model: "sent", callId: "0abc", quirks: [] });
    // Some vendors tell items by their events alone, or change their encryption from one to the other.
    const parts = reply.choices[0]?.parts ?? [];
    if (parts.length !== done.length) continue;
    const encoder = makeResponseStream(replyContext({}));
    for (const event of events) if (event.type !== "done") encoder.encode(event);
    const text = (value: unknown): string =>
      JSON.stringify(value, (name, member: unknown) =>
        name === "encrypted_content" || name === "content_index" ? undefined : member,
      );
    const told = encoder.complete().response["output"];
    const expected = front.encodeReply(reply, replyContext({}))["output"];
    const foreign = parts.some(({ kind }) => kind === "foreign");
    if (!foreign) assert.equal(text(told), text(expected), id);
    compared += foreign ? 0 : 1;
  }
  assert.ok(compared >= 30, `${compared} streams`);
});

function framed(chunks: readonly Buffer[]): string {
  let text = "";
  const framer = makeFramer("sse", ({ name, payload }) => (text += `${name}|${payload}\n`));
  for (const chunk of chunks) framer.push(chunk);
  framer.end();
  return text;
}

/** Each event together with the one behind it: a cut within the first changes nothing that lies farther off. */
function eventPairs(body: Buffer): [pair: Buffer, length: number][] {
  const events: Buffer[] = [];
  const framer = new SseFramer((event) => events.push(event));
  framer.push(body);
  return events.map((event, index) => [
    Buffer.concat([event, events[index + 1] ?? Buffer.alloc(0)]),
    event.length,
  ]);
}

test("every small stream, cut at every byte, says the same", { skip }, () => {
  let cuts = 0;
  for (const { id, body } of streams()) {
    if (body.length > 16 * 1024) continue;
    for (const [pair, length] of eventPairs(body)) {
      const events = framed([pair]);
      for (let at = 1; at <= length; at += 1)
        if (framed([pair.subarray(0, at), pair.subarray(at)]) !== events)
          assert.fail(`${id}: ${pair.toString()} cut at ${at}`);
      cuts += length;
    }
    // What is decoded follows from the events; every chunk of one byte shows that it really does.
    const bytes = Array.from(body, (_byte, at) => body.subarray(at, at + 1));
    assert.deepEqual(decodeStream(bytes), decodeStream([body]), id);
  }
  assert.ok(cuts > 200_000, `${cuts} cuts`);
});

test("pass-through reads what the events say of themselves", { skip }, () => {
  for (const { id, body } of streams()) {
    const read = dialect.makeEventReader();
    const shown: string[] = [];
    let text = 0;
    let kinds = "";
    const framer = new SseFramer((event) => {
      const reading = read(event);
      const payload = eventData(event)?.toString() ?? "";
      const value = payload.startsWith("{") ? (JSON.parse(payload) as JsonObject) : {};
      const response = value["response"] as JsonObject | undefined;
      const model = dialect.eventModel(event, reading);
      assert.equal(model, response?.["model"] ?? null, id);
      if (model !== null) {
        shown.push(model);
        assert.equal(
          event.toString("utf8", reading.modelStart, reading.modelEnd),
          JSON.stringify(model),
        );
      }
      assert.equal(
        reading.hasUsage,
        typeof response?.["usage"] === "object" && response["usage"] !== null,
      );
      if (String(value["type"]).endsWith(".delta"))
        text += Buffer.byteLength(JSON.stringify(value["delta"])) - 2;
      assert.ok(reading.textBytes <= payload.length);
      if (!kinds.endsWith(reading.kind)) kinds += ` ${reading.kind}`;
    });
    framer.push(body);
    if (!body.includes('"response.created"')) continue;
    assert.match(kinds, /^ preamble (content )?(preamble content )*(done|error)( preamble)?$/, id);
    assert.ok(shown.length >= 1 && text >= 0, id);
  }
});

test("usage and errors are taken from the events that tell them", { skip }, () => {
  let told = 0;
  for (const { id, body } of streams()) {
    const decoded = decodeStream([body]);
    const usage = decoded.find((event) => event.type === "usage")?.usage ?? null;
    const read = dialect.makeEventReader();
    const framer = new SseFramer((event) => {
      const { kind } = read(event);
      if (kind === "done") assert.deepEqual(dialect.eventUsage(event, null), usage, id);
      if (kind === "error") assert.equal(dialect.eventError(event).code, "insufficient_quota");
      told += kind === "done" && usage !== null ? 1 : 0;
    });
    framer.push(body);
  }
  assert.ok(told >= 60, `${told} streams`);
});

test("what is kept of a response is what the next request may stand on", { skip }, () => {
  for (const { id, response } of recordings ?? []) {
    if (response.status !== 200 || response.body[0] !== 0x7b) continue;
    const reply = codec.decodeReply(parse(response.body), {
      model: "sent",
      callId: "0abc",
      quirks: [],
    });
    const items = outputItems(front.encodeReply(reply, replyContext({})));
    const input = [...inputItems({ input: "And now?" }), ...items];
    const { messages } = decodeRequest({ model: "asked", input });
    const kinds = messages.flatMap(({ parts }) => parts.map(({ kind }) => kind));
    const expected = reply.choices[0]?.parts.map(({ kind }) => kind) ?? [];
    assert.deepEqual(kinds, ["text", ...expected], id);
  }
});

test("compactions and token counts pass through as they are", { skip }, () => {
  const compacted = loadRecordings("openai-compact") ?? [];
  const counted = (loadRecordings("count-tokens") ?? []).filter(({ request }) =>
    request.path.endsWith("/responses/input_tokens"),
  );
  assert.ok(compacted.length > 0 && counted.length > 0);
  for (const { request, response } of [...compacted, ...counted]) {
    const facts = dialect.parse({ operation: "compact", body: request.body, query: {} });
    assert.deepEqual([facts.stream, facts.model], [false, parse(request.body)["model"]]);
    const told = dialect.readReply(response.body);
    assert.equal(told?.isError, response.status !== 200);
    const usage = parse(response.body)["usage"] as JsonObject | undefined;
    const input = told?.usage ?? null;
    assert.equal(
      input === null ? undefined : input.input + input.cacheRead,
      usage?.["input_tokens"] ?? 0,
    );
  }
});
