/** Gemini's recorded and shipped traffic, read the way the gateway reads it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { JsonObject } from "../../src/core/json-value.ts";
import type { ReadContext, ReplyContext } from "../../src/dialects/codec.ts";
import { makeFramer } from "../../src/dialects/framing.ts";
import { makeEventDecoder } from "../../src/dialects/gemini/decode-reply.ts";
import type { ReplyEvent } from "../../src/wire/chat-reply.ts";

const vendorFolder = new URL("../../../shared/fixtures/vendor/google/", import.meta.url);

export interface ShippedStream {
  readonly name: string;
  /** The stream's bytes, framed as Google does. */
  readonly bytes: Buffer;
}

/** Streams that the AI SDK ships for its own tests; undefined where the checkout has none. */
export function loadShippedStreams(): ShippedStream[] | undefined {
  if (!existsSync(fileURLToPath(vendorFolder))) return undefined;
  return readdirSync(fileURLToPath(vendorFolder))
    .filter((name) => name.endsWith(".chunks.txt"))
    .map((name) => {
      const lines = readFileSync(new URL(name, vendorFolder), "utf8").split("\n");
      const events = lines.filter((line) => line.trim() !== "");
      return { name, bytes: Buffer.from(events.map((line) => `data: ${line}\r\n\r\n`).join("")) };
    });
}

export const readContext: ReadContext = { model: "gemini-x", callId: "call-1", quirks: [] };

export const replyContext: ReplyContext = {
  callId: "call-1",
  replyId: null,
  model: "gemini-x",
  createdAtS: 1_700_000_000,
  request: {},
  usageAsked: true,
  inputTokensEstimate: 1,
};

/** Payloads that the framer hands over of a stream cut as told. */
export function cutEvents(chunks: readonly Buffer[]): string[] {
  const payloads: string[] = [];
  const framer = makeFramer("sse", ({ payload }) => void payloads.push(payload));
  for (const chunk of chunks) framer.push(chunk);
  framer.end();
  return payloads;
}

/** Events of a stream, cut where told; `done` is added as the gateway adds it. */
export function decodeStream(chunks: readonly Buffer[]): ReplyEvent[] {
  const events: ReplyEvent[] = [];
  const decode = makeEventDecoder(readContext);
  const framer = makeFramer("sse", (event) => decode(event, (told) => void events.push(told)));
  for (const chunk of chunks) framer.push(chunk);
  framer.end();
  if (events.some(({ type }) => type === "finish")) events.push({ type: "done" });
  return events;
}

/** Joins deltas that follow each other in one block: how a text was cut says nothing. */
export function joined(events: readonly ReplyEvent[]): ReplyEvent[] {
  const out: ReplyEvent[] = [];
  for (const event of events) {
    const last = out.at(-1);
    if (event.type === "delta" && last?.type === "delta" && last.block === event.block)
      out[out.length - 1] = { ...last, text: last.text + event.text };
    else out.push(event);
  }
  return out;
}

/** The body of a recording, where it is a conversation. */
export function asObject(bytes: Buffer): JsonObject {
  return JSON.parse(bytes.toString()) as JsonObject;
}
