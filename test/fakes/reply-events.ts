/** Runs an upstream's decoder over bytes, holds its events to the order they promise, and joins them to a reply. */
import assert from "node:assert/strict";
import type { ReadContext, StreamEvent, UpstreamCodec } from "../../src/dialects/codec.ts";
import { makeFramer } from "../../src/dialects/framing.ts";
import type { Finish, ReplyEvent } from "../../src/wire/chat-reply.ts";
import type { AssistantPart, Citation } from "../../src/wire/conversation.ts";
import type { Usage } from "../../src/wire/usage.ts";

export const anyContext: ReadContext = { model: "model-sent", callId: "call0", quirks: [] };

/** The events that the chunks of a body cause. */
export function decodeChunks(codec: UpstreamCodec, chunks: readonly Buffer[]): ReplyEvent[] {
  const events: ReplyEvent[] = [];
  const decode = codec.makeEventDecoder(anyContext);
  const onEvent = (event: StreamEvent): void => decode(event, (told) => events.push(told));
  const framer = makeFramer(codec.framing, onEvent);
  for (const chunk of chunks) framer.push(chunk);
  framer.end();
  return events;
}

/** What a stream told, put together. */
export interface JoinedReply {
  readonly parts: AssistantPart[];
  finish: Finish | null;
  usage: Usage | null;
  error: string | null;
  id: string | null;
  model: string | null;
  done: boolean;
}

interface Growing {
  text: string;
  readonly part: AssistantPart;
  readonly citations: Citation[];
  ended: boolean;
}

function emptyPart(start: Extract<ReplyEvent, { type: "block" }>["start"]): AssistantPart {
  if (start.kind === "part") return start.part;
  if (start.kind === "tool-call") return { ...start, arguments: "" };
  return { ...start, text: "" };
}

function finishedPart({ part, text, citations }: Growing): AssistantPart {
  if (part.kind === "tool-call") return { ...part, arguments: text };
  if (part.kind === "text")
    return { ...part, text, ...(citations.length > 0 ? { citations } : {}) };
  return part.kind === "reasoning" || part.kind === "refusal" ? { ...part, text } : part;
}

/** Joins events, asserting on the way all that wire/chat-reply.ts says of their order. */
export function joinEvents(events: readonly ReplyEvent[]): JoinedReply {
  const blocks = new Map<number, Growing>();
  const joined: JoinedReply = {
    parts: [],
    finish: null,
    usage: null,
    error: null,
    id: null,
    model: null,
    done: false,
  };
  const open = (block: number): Growing => {
    const growing = blocks.get(block);
    assert.ok(growing !== undefined && !growing.ended, `block ${block} is not open`);
    return growing;
  };
  for (const [index, event] of events.entries()) {
    assert.equal(joined.done, false, "nothing follows done");
    assert.equal(joined.error, null, "nothing follows an error");
    assert.equal(event.type === "start", index === 0 && event.type !== "error", `start is first`);
    if (event.type === "start") Object.assign(joined, { id: event.id, model: event.model });
    if (event.type === "block") {
      assert.equal(joined.finish, null, "no block begins behind the finish");
      assert.equal(event.block, blocks.size, "blocks are numbered through");
      const part = emptyPart(event.start);
      blocks.set(event.block, { text: "", part, citations: [], ended: false });
    }
    if (event.type === "delta") {
      assert.notEqual(event.text, "");
      open(event.block).text += event.text;
    }
    if (event.type === "citation") open(event.block).citations.push(event.citation);
    if (event.type === "carried") Object.assign(open(event.block).part, { carried: event.carried });
    if (event.type === "block-end") open(event.block).ended = true;
    if (event.type === "finish") {
      assert.equal(joined.finish, null, "one finish");
      assert.ok(
        [...blocks.values()].every(({ ended }) => ended),
        "blocks end before the finish",
      );
      joined.finish = event.finish;
    }
    if (event.type === "usage") joined.usage = event.usage;
    if (event.type === "error") joined.error = event.error.message;
    if (event.type === "done") joined.done = true;
  }
  joined.parts.push(...[...blocks.values()].map(finishedPart));
  return joined;
}

/** Asserts that a body's events are the same wherever its chunks are cut; answers them. */
export function decodeAtEveryCut(codec: UpstreamCodec, body: Buffer): ReplyEvent[] {
  const events = decodeChunks(codec, [body]);
  const expected = JSON.stringify(events);
  const assertSame = (chunks: readonly Buffer[], where: string): void =>
    assert.equal(JSON.stringify(decodeChunks(codec, chunks)), expected, where);
  const bytes = Array.from(body, (_, at) => body.subarray(at, at + 1));
  assertSame(bytes, "cut everywhere");
  for (let cut = 1; cut < body.length; cut += 1)
    assertSame([body.subarray(0, cut), body.subarray(cut)], `cut at ${cut}`);
  return events;
}
