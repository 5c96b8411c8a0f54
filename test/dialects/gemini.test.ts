/** Gemini's recorded traffic through the dialect and its codecs: there and back again, and cut anywhere. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../../src/core/json-value.ts";
import { SseFramer } from "../../src/core/sse.ts";
import type { DecodeContext, EncodeTarget } from "../../src/dialects/codec.ts";
import { decodeReply } from "../../src/dialects/gemini/decode-reply.ts";
import { decodeRequest } from "../../src/dialects/gemini/decode-request.ts";
import { geminiContent } from "../../src/dialects/gemini/dialect.ts";
import { makeEventEncoder } from "../../src/dialects/gemini/encode-events.ts";
import { encodeReply } from "../../src/dialects/gemini/encode-reply.ts";
import { encodeRequest } from "../../src/dialects/gemini/encode-request.ts";
import { cleanParameters, cleanSchema } from "../../src/dialects/gemini/schema-for-gemini.ts";
import { arrangeTurns } from "../../src/dialects/turns.ts";
import type { ChatReply } from "../../src/wire/chat-reply.ts";
import type { Conversation } from "../../src/wire/conversation.ts";
import type { Usage } from "../../src/wire/usage.ts";
import { loadRecordings, type Recording } from "../fakes/recordings.ts";
import {
  asObject,
  cutEvents,
  decodeStream,
  joined,
  loadShippedStreams,
  readContext,
  replyContext,
} from "./gemini-streams.ts";
import { bareUsage } from "../fakes/bare-usage.ts";

const recordings = loadRecordings("gemini");
const shipped = loadShippedStreams();
const absent = { skip: recordings === undefined || shipped === undefined };

function modelOf({ request }: Recording): string {
  return /models\/([^:]*)/.exec(request.path)?.[1] ?? "";
}

function isStream({ response }: Recording): boolean {
  return response.body.subarray(0, 5).toString() === "data:";
}

function contextOf(recording: Recording): DecodeContext {
  return { model: modelOf(recording), stream: isStream(recording), headers: {} };
}

function targetOf(recording: Recording): EncodeTarget {
  return { model: modelOf(recording), stream: false, askUsage: false, quirks: [] };
}

/** All streams there are, as bytes. */
function streams(): { name: string; bytes: Buffer }[] {
  const recorded = (recordings ?? []).filter(isStream);
  return [
    ...recorded.map(({ id, response }) => ({ name: id, bytes: response.body })),
    ...(shipped ?? []),
  ];
}

/** What of a conversation survives the strict order and the schema subset of this dialect. */
function essence(conversation: Conversation): object {
  const { messages, tools, responseFormat, metadata: _labels, uses: _uses, ...rest } = conversation;
  const schema = responseFormat?.kind === "schema" ? cleanSchema(responseFormat.schema) : null;
  return {
    ...rest,
    responseFormat: schema === null ? responseFormat : { ...responseFormat, schema },
    tools: tools.map((tool) => ({ ...tool, parameters: cleanParameters(tool.parameters) })),
    turns: arrangeTurns(messages),
  };
}

test(
  "every recorded request is decoded, encoded and decoded to the same conversation",
  absent,
  () => {
    assert.equal(recordings?.length, 222);
    for (const recording of recordings ?? []) {
      const context = contextOf(recording);
      const first = decodeRequest(asObject(recording.request.body), context);
      const sent = encodeRequest(first, targetOf(recording));
      const second = decodeRequest(sent, context);
      // What only Google knows of a configuration has no place in ours.
      assert.deepEqual(essence(second), essence(first), recording.id);
      assert.deepEqual(encodeRequest(second, targetOf(recording)), sent, recording.id);
    }
  },
);

test("every recorded request passes through untouched and tells its facts", absent, () => {
  for (const { request, id } of recordings ?? []) {
    const pathModel = /models\/([^:]*)/.exec(request.path)?.[1] ?? "";
    const pathAction = /:(\w+)/.exec(request.path)?.[1] ?? "";
    const facts = geminiContent.parse({
      operation: "chat",
      body: request.body,
      pathModel,
      pathAction,
      query: { alt: "sse" },
    });
    assert.equal(facts.model, pathModel);
    assert.equal(facts.stream, pathAction === "streamGenerateContent");
    const edits = { model: pathModel, askUsage: true, parameters: {}, extraBody: {} };
    const more = { systemPrompt: null, omit: [], add: {} };
    assert.equal(geminiContent.edit(request.body, facts, { ...edits, ...more }), request.body, id);
  }
});

function comparable(reply: ChatReply): object {
  const { model: _model, id: _id, createdAtS: _time, serviceTier: _tier, usage, ...rest } = reply;
  // What Google's own tools did is told to nobody who did not ask Google.
  const { webSearches: _searches, inputTool: _tool, ...kinds } = usage?.kinds ?? {};
  return { ...rest, usage: usage === null ? null : bareUsage({ ...usage, kinds }) };
}

test("every recorded reply is decoded, encoded and decoded to the same answer", absent, () => {
  let read = 0;
  for (const recording of recordings ?? []) {
    if (isStream(recording) || recording.response.status !== 200) continue;
    const context = { ...readContext, model: modelOf(recording) };
    const first = decodeReply(asObject(recording.response.body), context);
    const second = decodeReply(encodeReply(first, replyContext), context);
    assert.deepEqual(comparable(second), comparable(first), recording.id);
    read += 1;
  }
  assert.equal(read, 210);
});

test("every stream is decoded, encoded and decoded to the same events", absent, () => {
  const told = streams();
  assert.ok(told.length >= 18, String(told.length));
  for (const { name, bytes } of told) {
    const events = decodeStream([bytes]);
    const encode = makeEventEncoder(replyContext);
    const written = events.map((event) => encode(event) ?? "").join("");
    const again = decodeStream([Buffer.from(written)]);
    const kept = ({ type }: { type: string }): boolean => type !== "usage" && type !== "start";
    assert.deepEqual(joined(again.filter(kept)), joined(events.filter(kept)), name);
    assert.equal(events.at(-1)?.type, "done", name);
    const usages = [events, again].map((list) => list.findLast(({ type }) => type === "usage"));
    const counts = usages.map((event) => (event?.type === "usage" ? event.usage.output : null));
    assert.equal(counts[1], counts[0], name);
  }
});

test(
  "streams tell the same whole as at once, and blocks open, close and end in order",
  absent,
  () => {
    for (const { name, bytes } of streams()) {
      const open = new Set<number>();
      let ended = false;
      for (const event of decodeStream([bytes])) {
        if (event.type === "block") {
          assert.ok(!ended && !open.has(event.block), name);
          open.add(event.block);
        } else if ("block" in event) assert.ok(open.has(event.block), name);
        if (event.type === "delta") assert.notEqual(event.text, "", name);
        if (event.type === "block-end") open.delete(event.block);
        if (event.type !== "finish") continue;
        assert.equal(open.size, 0, name);
        ended = true;
      }
      assert.ok(ended, name);
    }
  },
);

test("streams cut at every byte give the same events", absent, () => {
  for (const { name, bytes } of streams()) {
    if (bytes.length > 16 * 1024) continue;
    const whole = cutEvents([bytes]);
    assert.ok(whole.length > 1, name);
    for (let at = 1; at < bytes.length; at += 1) {
      const cut = cutEvents([bytes.subarray(0, at), bytes.subarray(at)]);
      assert.deepEqual(cut, whole, `${name} cut at ${at}`);
    }
    const bytewise = Array.from(bytes, (_byte, at) => bytes.subarray(at, at + 1));
    assert.deepEqual(decodeStream(bytewise), decodeStream([bytes]), name);
  }
});

test("the reader of bytes agrees with the decoder about content, ends and usage", absent, () => {
  for (const { name, bytes } of streams()) {
    const read = geminiContent.makeEventReader();
    const kinds: string[] = [];
    let usage: Usage | null = null;
    const framer = new SseFramer((event) => {
      if (event.toString().trim() === "") return;
      const reading = read(event);
      kinds.push(reading.kind);
      if (reading.hasUsage) usage = geminiContent.eventUsage(event, usage);
    });
    framer.push(bytes);
    const decoded = decodeStream([bytes]);
    assert.equal(kinds.filter((kind) => kind === "finish").length >= 1, true, name);
    assert.equal(kinds.includes("error"), false, name);
    const last = decoded.findLast((event) => event.type === "usage");
    assert.deepEqual(usage, last?.usage ?? null, name);
  }
});

test("streamed calls are JSON objects, whatever form they came in", absent, () => {
  let calls = 0;
  for (const { name, bytes } of streams()) {
    const text = new Map<number, string>();
    for (const event of decodeStream([bytes])) {
      if (event.type === "block" && event.start.kind === "tool-call") text.set(event.block, "");
      if (event.type === "delta" && text.has(event.block))
        text.set(event.block, (text.get(event.block) ?? "") + event.text);
    }
    for (const one of text.values()) {
      const parsed: unknown = JSON.parse(one);
      assert.ok(typeof parsed === "object" && parsed !== null && !Array.isArray(parsed), name);
      calls += 1;
    }
  }
  assert.ok(calls >= 12, String(calls));
});

test("errors recorded are told with their status", absent, () => {
  const failed = (recordings ?? []).filter(({ response }) => response.status !== 200);
  assert.equal(failed.length, 3);
  for (const { response } of failed) {
    const told = geminiContent.readError(response.body);
    assert.equal(told.code, String(response.status));
    assert.equal(told.native, true);
    assert.equal(geminiContent.readReply(response.body)?.isError, true);
    const body: JsonObject = asObject(response.body);
    assert.ok(told.message.length > 0 && JSON.stringify(body).includes(told.type ?? "?"));
  }
});
