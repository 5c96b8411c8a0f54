/** Holds the telling of replies and streams: blocks, ends, counts, and what must never be told twice or half. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../../core/json-value.ts";
import type { ChatReply, Finish, FinishReason, ReplyEvent } from "../../wire/chat-reply.ts";
import type { AssistantPart } from "../../wire/conversation.ts";
import { type Usage, noUsage } from "../../wire/usage.ts";
import { packCarried, packForCall } from "../carried.ts";
import type { ReplyContext } from "../codec.ts";
import { makeEventEncoder } from "./encode-events.ts";
import { encodeReply } from "./encode-reply.ts";

const context: ReplyContext = {
  callId: "c1",
  replyId: null,
  model: "shown",
  createdAtS: 0,
  request: {},
  usageAsked: true,
  inputTokensEstimate: 7,
};

const finished = (reason: FinishReason, more: Partial<Finish> = {}): Finish => ({
  reason,
  stopSequence: null,
  raw: null,
  ...more,
});

function reply(
  parts: readonly AssistantPart[],
  finish = finished("stop"),
  usage: Usage | null = null,
): JsonObject {
  const whole: ChatReply = {
    id: "up",
    model: "up",
    createdAtS: null,
    choices: [{ index: 0, parts, finish, logprobs: null }],
    usage,
    serviceTier: null,
  };
  return encodeReply(whole, context);
}

const gemini = { issuer: "gemini-content/g", data: "sig" };
const call: AssistantPart = { kind: "tool-call", id: "t1", name: "look", arguments: '{"a":1}' };

test("tells a whole reply with all the members that clients look for", () => {
  const usage = { ...noUsage, input: 3, cacheRead: 2, cacheWrite1h: 4, output: 5, reasoning: 1 };
  assert.deepEqual(
    reply([{ kind: "text", text: "hi" }], finished("stop-sequence", { stopSequence: "x" }), usage),
    {
      id: "msg_c1",
      type: "message",
      role: "assistant",
      model: "shown",
      content: [{ type: "text", text: "hi" }],
      stop_reason: "stop_sequence",
      stop_sequence: "x",
      stop_details: null,
      usage: {
        input_tokens: 3,
        cache_creation_input_tokens: 4,
        cache_read_input_tokens: 2,
        output_tokens: 5,
        output_tokens_details: { thinking_tokens: 1 },
        server_tool_use: null,
        cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 4 },
        service_tier: "standard",
        inference_geo: null,
        speed: null,
      },
    },
  );
});

test("tells thoughts, calls and refusals; what says nothing is left out", () => {
  const parts: AssistantPart[] = [
    { kind: "text", text: "" },
    { kind: "reasoning", text: "" },
    { kind: "reasoning", text: "hm", carried: gemini },
    {
      kind: "reasoning",
      text: "",
      redacted: true,
      carried: { issuer: "anthropic-messages", data: "r" },
    },
    { ...call, id: "a.b", carried: gemini },
    { kind: "refusal", text: "no" },
    { kind: "foreign", dialect: "openai-responses", value: {} },
  ];
  const { content } = reply(parts);
  const [thought, hidden, beside, use, refusal, ...rest] = content as JsonObject[];
  assert.deepEqual(thought, { type: "thinking", thinking: "hm", signature: packCarried(gemini) });
  assert.deepEqual(hidden, { type: "redacted_thinking", data: "r" });
  assert.match(String(use?.["id"]), /^[a-zA-Z0-9_-]+$/u);
  const signature = packForCall(gemini, String(use?.["id"]));
  assert.deepEqual(beside, { type: "thinking", thinking: "", signature });
  assert.deepEqual(refusal, { type: "text", text: "no" });
  assert.deepEqual(rest, []);
});

test("ends are told in Anthropic's words, also where the vendor's own do not fit", () => {
  const stop = (
    reason: FinishReason,
    parts: AssistantPart[] = [],
    raw: string | null = null,
  ): unknown => reply(parts, finished(reason, { raw }))["stop_reason"];
  assert.equal(stop("stop"), "end_turn");
  assert.equal(stop("length"), "max_tokens");
  assert.equal(stop("context"), "model_context_window_exceeded");
  assert.equal(stop("pause"), "pause_turn");
  assert.equal(stop("content-filter"), "refusal");
  assert.equal(stop("tool-calls", [call]), "tool_use");
  assert.equal(stop("tool-calls"), "end_turn");
  assert.equal(stop("stop", [call]), "tool_use");
  assert.equal(stop("stop", [call], "end_turn"), "end_turn");
  assert.equal(stop("length", [call]), "max_tokens");
  assert.equal(stop("stop", [{ kind: "refusal", text: "no" }]), "refusal");
  const refused = reply([], finished("refusal", { detail: "why" }));
  assert.deepEqual(refused["stop_details"], {
    type: "refusal",
    category: null,
    explanation: "why",
  });
});

test("arguments are always an object, with as much of them as came", () => {
  const input = (text: string): unknown => {
    const { content } = reply([{ ...call, arguments: text } as AssistantPart], finished("length"));
    return (content as JsonObject[])[0]?.["input"];
  };
  assert.deepEqual(input(""), {});
  assert.deepEqual(input('{"a":[1,{"b":"c"'), { a: [1, {}] });
  assert.deepEqual(input('{"a":"x","b":"hal'), { a: "x" });
  assert.deepEqual(input('{"a":"}\\"","b":[1,2'), { a: '}"', b: [1] });
  assert.deepEqual(input('{"a":1}'), { a: 1 });
  assert.deepEqual(input("[1,2]"), {});
  assert.deepEqual(input('"x"'), {});
  assert.deepEqual(input("nonsense{"), {});
});

interface Told {
  readonly name: string;
  readonly data: JsonObject;
}

/** What the events cause, each told event apart. */
function tell(...events: ReplyEvent[]): Told[] {
  const encode = makeEventEncoder(context);
  const text = events.map((event) => encode(event) ?? "").join("");
  return text
    .split("\n\n")
    .filter((event) => event !== "")
    .map((event) => {
      const [, name = "", data = "null"] = /^event: (\w+)\ndata: (.*)$/u.exec(event) ?? [];
      return { name, data: JSON.parse(data) as JsonObject };
    });
}

const start: ReplyEvent = { type: "start", id: null, model: null, createdAtS: null };
const done: ReplyEvent = { type: "done" };
const finish = (reason: FinishReason): ReplyEvent => ({
  type: "finish",
  choice: 0,
  finish: finished(reason),
});
const begin = (block: number, kind: "text" | "reasoning" | "refusal", choice = 0): ReplyEvent => ({
  type: "block",
  choice,
  block,
  start: { kind },
});
const begins = (block: number, id: string): ReplyEvent => ({
  type: "block",
  choice: 0,
  block,
  start: { kind: "tool-call", id, name: "look" },
});
const delta = (block: number, text: string): ReplyEvent => ({ type: "delta", block, text });
const endOf = (block: number): ReplyEvent => ({ type: "block-end", block });

function stopReason(told: readonly Told[]): unknown {
  const ending = told.find(({ name }) => name === "message_delta")?.data["delta"];
  return (ending as JsonObject | undefined)?.["stop_reason"];
}

/** The told blocks put together as a client does it. */
function joined(told: readonly Told[]): JsonObject[] {
  const blocks: Record<string, unknown>[] = [];
  for (const { name, data } of told) {
    if (name === "content_block_start") {
      assert.equal(data["index"], blocks.length);
      blocks.push({ ...(data["content_block"] as JsonObject) });
    }
    if (name !== "content_block_delta") continue;
    const block = blocks[Number(data["index"])];
    const { type: _type, ...fields } = data["delta"] as JsonObject;
    for (const [key, value] of Object.entries(fields))
      if (block !== undefined)
        block[key] = `${(block[key] as string | undefined) ?? ""}${String(value)}`;
  }
  return blocks as JsonObject[];
}

test("a stream is a message with its blocks, its end and its counts", () => {
  const told = tell(
    start,
    begin(0, "text"),
    delta(0, "a"),
    delta(0, "b"),
    endOf(0),
    finish("stop"),
    { type: "usage", usage: { ...noUsage, input: 3, output: 2 } },
    done,
  );
  assert.deepEqual(
    told.map(({ name }) => name),
    [
      "message_start",
      "ping",
      "content_block_start",
      "content_block_delta",
      "content_block_delta",
      "content_block_stop",
      "message_delta",
      "message_stop",
    ],
  );
  for (const { name, data } of told) assert.equal(data["type"], name);
  const message = told[0]?.data["message"] as JsonObject;
  assert.equal((message["usage"] as JsonObject)["input_tokens"], 7);
  assert.deepEqual(joined(told), [{ type: "text", text: "ab" }]);
  const { delta: ending, usage } = told.at(-2)?.data ?? {};
  assert.deepEqual(ending, { stop_reason: "end_turn", stop_sequence: null, stop_details: null });
  assert.equal((usage as JsonObject)["input_tokens"], 3);
  assert.equal((usage as JsonObject)["output_tokens"], 2);
});

test("the last counts hold, whether they come before the end or behind it", () => {
  const counted = (output: number): ReplyEvent => ({
    type: "usage",
    usage: { ...noUsage, input: 1, output },
  });
  const output = (...events: ReplyEvent[]): unknown => {
    const ends = tell(start, ...events, done).filter(({ name }) => name === "message_delta");
    assert.equal(ends.length, 1);
    return (ends[0]?.data["usage"] as JsonObject | undefined)?.["output_tokens"];
  };
  assert.equal(output(counted(1), counted(2), finish("stop")), 2);
  assert.equal(output(counted(1), finish("stop"), counted(3)), 3);
  assert.equal(output(finish("stop")), 0);
});

test("a signature alone opens a thought, and no text is told twice", () => {
  const own = { issuer: "anthropic-messages/x", data: "S" };
  const told = tell(
    start,
    begin(0, "reasoning"),
    { type: "carried", block: 0, carried: own },
    endOf(0),
    begin(1, "reasoning"),
    delta(1, "hm"),
    { type: "carried", block: 1, carried: own },
    endOf(1),
    { type: "block", choice: 0, block: 2, start: { kind: "reasoning", redacted: true } },
    { type: "carried", block: 2, carried: own },
    endOf(2),
    finish("stop"),
    done,
  );
  assert.deepEqual(joined(told), [
    { type: "thinking", thinking: "", signature: "S" },
    { type: "thinking", thinking: "hm", signature: "S" },
    { type: "redacted_thinking", data: "S" },
  ]);
});

test("what a call carries is told in a thought before it, or behind it where it comes late", () => {
  const carried: ReplyEvent = { type: "carried", block: 0, carried: gemini };
  const kinds = (...events: ReplyEvent[]): unknown[] =>
    joined(tell(start, ...events, endOf(0), finish("tool-calls"), done)).map(({ type }) => type);
  assert.deepEqual(kinds(begins(0, "t"), carried, delta(0, "{}")), ["thinking", "tool_use"]);
  assert.deepEqual(kinds(begins(0, "t"), delta(0, "{}"), carried), ["tool_use", "thinking"]);
});

test("blocks that overlap keep their own index, and ones that say nothing are never begun", () => {
  const told = tell(
    start,
    begin(0, "text"),
    begins(1, "t1"),
    begins(2, "t2"),
    delta(2, '{"b"'),
    delta(1, '{"a"'),
    delta(2, ":2}"),
    endOf(2),
    delta(1, ":1}"),
    endOf(0),
    endOf(1),
    begins(3, "t3"),
    endOf(3),
    finish("tool-calls"),
    done,
  );
  const uses = joined(told).map(({ id, partial_json: text }) => [id, text]);
  assert.deepEqual(uses, [
    ["t2", '{"b":2}'],
    ["t1", '{"a":1}'],
    ["t3", ""],
  ]);
  const count = (wanted: string): number => told.filter(({ name }) => name === wanted).length;
  assert.equal(count("content_block_stop"), count("content_block_start"));
});

test("choices behind the first are not mixed into it", () => {
  const told = tell(
    start,
    begin(0, "text"),
    begin(1, "text", 1),
    delta(0, "a"),
    delta(1, "b"),
    endOf(1),
    { type: "finish", choice: 1, finish: finished("length") },
    endOf(0),
    finish("stop"),
    done,
  );
  assert.deepEqual(joined(told), [{ type: "text", text: "a" }]);
  assert.equal(stopReason(told), "end_turn");
});

test("a refusal is told as text and as the end", () => {
  const told = tell(start, begin(0, "refusal"), delta(0, "no"), endOf(0), finish("stop"), done);
  assert.deepEqual(joined(told), [{ type: "text", text: "no" }]);
  assert.equal(stopReason(told), "refusal");
});

test("citations of others become search results, Anthropic's own stay", () => {
  const value = { type: "char_location", cited_text: "x", document_index: 0 };
  const citation = { url: "https://x", title: "T", citedText: "c", start: 0, end: 1 };
  const told = tell(
    start,
    begin(0, "text"),
    delta(0, "a"),
    { type: "citation", block: 0, citation },
    {
      type: "citation",
      block: 0,
      citation: { ...citation, raw: { dialect: "anthropic-messages", value } },
    },
    endOf(0),
    finish("stop"),
    done,
  );
  const cited = told
    .map(({ data }) => (data["delta"] as JsonObject | undefined)?.["citation"])
    .filter((item) => item !== undefined);
  assert.deepEqual(cited, [
    {
      type: "web_search_result_location",
      url: "https://x",
      title: "T",
      cited_text: "c",
      encrypted_index: "",
    },
    value,
  ]);
});
