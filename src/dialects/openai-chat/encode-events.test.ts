/** What callers are sent: the chunks of a stream and whole completions, and that both can be brought back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../../core/json-value.ts";
import type { ChatReply, ReplyEvent } from "../../wire/chat-reply.ts";
import type { AssistantPart } from "../../wire/conversation.ts";
import { noUsage } from "../../wire/usage.ts";
import { packCarried, packWithText } from "../carried.ts";
import type { ReplyContext } from "../codec.ts";
import { jsonOf } from "../loose-fields.ts";
import { openaiChatFront } from "./front.ts";

const context: ReplyContext = {
  callId: "7",
  replyId: null,
  model: "asked",
  createdAtS: 9,
  request: {},
  usageAsked: false,
  inputTokensEstimate: 0,
};

function write(events: readonly ReplyEvent[], fields: Partial<ReplyContext> = {}): string {
  const encode = openaiChatFront.makeEventEncoder({ ...context, ...fields });
  return events.map((event) => encode(event) ?? "").join("");
}

interface Chunk {
  readonly choices: readonly {
    readonly index: number;
    readonly delta: JsonObject;
    readonly finish_reason: string | null;
  }[];
}

/** Deltas of the chunks, with their finish where they have one. */
function deltas(events: readonly ReplyEvent[], fields: Partial<ReplyContext> = {}): unknown[] {
  return write(events, fields)
    .split("\n\n")
    .filter((line) => line.startsWith("data: {"))
    .map((line) => JSON.parse(line.slice(6)) as Chunk)
    .flatMap(({ choices }) => choices.map(({ delta, finish_reason }) => finish_reason ?? delta));
}

const start: ReplyEvent = { type: "start", id: "up", model: "served", createdAtS: 5 };
const finish = (reason: "stop" | "tool-calls", choice = 0): ReplyEvent => ({
  type: "finish",
  choice,
  finish: { reason, stopSequence: null, raw: null },
});
const open = (
  block: number,
  begins: Extract<ReplyEvent, { type: "block" }>["start"],
  choice = 0,
): ReplyEvent => ({
  type: "block",
  choice,
  block,
  start: begins,
});
const delta = (block: number, text: string): ReplyEvent => ({ type: "delta", block, text });
const end = (block: number): ReplyEvent => ({ type: "block-end", block });
const role = { role: "assistant", content: "", refusal: null };
const carried = { issuer: "gemini-content/g", data: "SIG" };

test("the bytes of a plain stream", () => {
  const events = [start, open(0, { kind: "text" }), delta(0, "hé"), end(0), finish("stop")];
  const usage: ReplyEvent = {
    type: "usage",
    usage: { ...noUsage, input: 2, output: 1 },
    serviceTier: "flex",
  };
  const head =
    '{"id":"chatcmpl-7","object":"chat.completion.chunk","created":5,"model":"asked","choices":[';
  const line = (fields: string, finished = "null"): string =>
    `data: ${head}{"index":0,"delta":${fields},"logprobs":null,"finish_reason":${finished}}]`;
  const lines = [line(JSON.stringify(role)), line('{"content":"hé"}'), line("{}", '"stop"')];
  assert.equal(
    write([...events, usage, { type: "done" }]),
    [...lines.map((each) => `${each}}`), "data: [DONE]", ""].join("\n\n"),
  );
  const told =
    '"usage":{"prompt_tokens":2,"completion_tokens":1,"total_tokens":3,"prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}';
  assert.equal(
    write([...events, usage, { type: "done" }], { usageAsked: true }),
    [
      ...lines.map((each) => `${each},"usage":null}`),
      `data: ${head}],${told},"service_tier":"flex"}`,
      "data: [DONE]",
      "",
    ].join("\n\n"),
  );
  assert.match(write([start], { replyId: "sealed" }), /"id":"sealed"/);
});

test("tool calls are numbered within their choice, however they are interleaved", () => {
  const call = (block: number, choice: number): ReplyEvent =>
    open(block, { kind: "tool-call", id: `id${block}`, name: "f" }, choice);
  const told = deltas([
    start,
    open(0, { kind: "text" }),
    delta(0, "x"),
    end(0),
    call(1, 0),
    call(2, 0),
    call(3, 1),
    delta(2, "{}"),
    delta(1, "{"),
    delta(3, "{}"),
    delta(1, "}"),
    end(1),
    end(2),
    end(3),
    finish("stop"),
    finish("tool-calls", 1),
  ]);
  const begun = (index: number, id: string) => ({
    tool_calls: [{ index, id, type: "function", function: { name: "f", arguments: "" } }],
  });
  const piece = (index: number, text: string) => ({
    tool_calls: [{ index, function: { arguments: text } }],
  });
  assert.deepEqual(told, [
    role,
    { content: "x" },
    role,
    begun(1, "id2"),
    piece(1, "{}"),
    begun(0, "id1"),
    piece(0, "{"),
    begun(0, "id3"),
    piece(0, "{}"),
    piece(0, "}"),
    "tool_calls",
    "tool_calls",
  ]);
});

test("a signature stands beside the name of its call, or behind it if it comes late", () => {
  const call = open(0, { kind: "tool-call", id: "1", name: "f" });
  const sign: ReplyEvent = { type: "carried", block: 0, carried };
  const extra = { extra_content: { google: { thought_signature: packCarried(carried) } } };
  const begun = { index: 0, id: "1", type: "function", function: { name: "f", arguments: "" } };
  assert.deepEqual(deltas([start, call, sign, delta(0, "{}"), end(0)]).slice(1), [
    { tool_calls: [{ ...begun, ...extra }] },
    { tool_calls: [{ index: 0, function: { arguments: "{}" } }] },
  ]);
  assert.deepEqual(deltas([start, call, delta(0, "{}"), sign, end(0)]).slice(3), [
    { tool_calls: [{ index: 0, ...extra }] },
  ]);
  assert.deepEqual(deltas([start, call, end(0)]).slice(1), [{ tool_calls: [begun] }]);
});

test("thoughts, custom tools, refusals, images, speech and sources", () => {
  const sign: ReplyEvent = { type: "carried", block: 0, carried };
  const detail = { type: "reasoning.text", text: "r", index: 0 };
  const packed = packCarried(carried);
  assert.deepEqual(
    deltas([start, open(0, { kind: "reasoning" }), delta(0, "r"), sign, end(0)]).slice(1),
    [
      { reasoning_content: "r", reasoning_details: [detail] },
      {
        reasoning_details: [
          {
            type: "reasoning.text",
            text: "",
            signature: packWithText(carried, "r"),
            id: null,
            format: "unknown",
            index: 0,
          },
        ],
      },
    ],
  );
  assert.deepEqual(
    deltas([start, open(0, { kind: "reasoning", redacted: true }), sign, end(0)]).slice(1),
    [
      {
        reasoning_details: [
          { type: "reasoning.encrypted", data: packed, id: null, format: "unknown", index: 0 },
        ],
      },
    ],
  );
  const custom = open(0, { kind: "tool-call", id: "1", name: "c", custom: true });
  assert.deepEqual(deltas([start, custom, delta(0, "free"), end(0)]).slice(1), [
    { tool_calls: [{ index: 0, id: "1", type: "custom", custom: { name: "c", input: "" } }] },
    { tool_calls: [{ index: 0, custom: { input: "free" } }] },
  ]);
  assert.deepEqual(deltas([start, open(0, { kind: "refusal" }), delta(0, "no"), end(0)]).slice(1), [
    { refusal: "no" },
  ]);
  const media = (medium: "image" | "audio", mediaType: string): ReplyEvent =>
    open(0, {
      kind: "part",
      part: { kind: "media", medium, source: { kind: "data", mediaType, data: "AA" } },
    });
  assert.deepEqual(deltas([start, media("image", "image/png"), end(0)]).slice(1), [
    {
      images: [{ type: "image_url", image_url: { url: "data:image/png;base64,AA" }, index: 0 }],
    },
  ]);
  assert.deepEqual(deltas([start, media("audio", "audio/wav"), end(0)]).slice(1), [
    { audio: { id: "audio_7", data: "AA", expires_at: 3609, transcript: "" } },
  ]);
  const cite = (from: number | null, url: string | null): ReplyEvent => ({
    type: "citation",
    block: 1,
    citation: {
      url,
      title: null,
      citedText: null,
      start: from,
      end: from === null ? null : from + 1,
    },
  });
  const cited = deltas([
    start,
    open(0, { kind: "text" }),
    delta(0, "abc"),
    end(0),
    open(1, { kind: "text" }),
    cite(null, "u"),
    delta(1, "defg"),
    cite(1, "v"),
    cite(0, null),
    end(1),
  ]);
  assert.deepEqual(cited.at(-1), {
    annotations: [
      {
        type: "url_citation",
        url_citation: { start_index: 3, end_index: 7, url: "u", title: "u" },
      },
      {
        type: "url_citation",
        url_citation: { start_index: 4, end_index: 5, url: "v", title: "v" },
      },
    ],
  });
});

test("callers who offered functions in the legacy form are answered in it", () => {
  const request = { functions: [{ name: "f" }] };
  const call = open(0, { kind: "tool-call", id: "1", name: "f" });
  const other = open(1, { kind: "tool-call", id: "2", name: "f" });
  const events = [
    start,
    call,
    delta(0, "{}"),
    other,
    delta(1, "{}"),
    end(0),
    end(1),
    finish("tool-calls"),
  ];
  assert.deepEqual(deltas(events, { request }).slice(1), [
    { function_call: { name: "f", arguments: "" } },
    { function_call: { arguments: "{}" } },
    "function_call",
  ]);
  const part: AssistantPart = { kind: "tool-call", id: "1", name: "f", arguments: "{}" };
  const [choice] = whole([part], { request })["choices"] as JsonObject[];
  assert.equal(choice?.["finish_reason"], "function_call");
  assert.deepEqual(jsonOf(choice?.["message"])["function_call"], {
    name: "f",
    arguments: "{}",
  });
});

function whole(parts: readonly AssistantPart[], fields: Partial<ReplyContext> = {}): JsonObject {
  const reply: ChatReply = {
    id: "up",
    model: "served",
    createdAtS: null,
    choices: [
      {
        index: 0,
        parts,
        finish: { reason: "stop", stopSequence: null, raw: null },
        logprobs: null,
      },
    ],
    usage: null,
    serviceTier: "on_demand",
  };
  return openaiChatFront.encodeReply(reply, { ...context, ...fields });
}

test("a whole completion, and its message brought back in the next request", () => {
  const parts: AssistantPart[] = [
    { kind: "reasoning", text: "r1", carried },
    {
      kind: "reasoning",
      text: "",
      redacted: true,
      carried: { issuer: "anthropic-messages/c", data: "X" },
    },
    { kind: "text", text: "a" },
    { kind: "text", text: "b", carried },
    { kind: "tool-call", id: "1", name: "f", arguments: "{}", carried },
    { kind: "foreign", dialect: "anthropic-messages", value: {} },
  ];
  const reply = whole(parts);
  assert.deepEqual(Object.keys(reply), ["id", "object", "created", "model", "choices"]);
  const [choice] = reply["choices"] as JsonObject[];
  assert.equal(choice?.["finish_reason"], "tool_calls");
  const message = jsonOf(choice?.["message"]);
  assert.equal(message["content"], "ab");
  assert.equal(message["reasoning_content"], "r1");
  const body = { model: "m", messages: [{ role: "user", content: "x" }, message] };
  const { messages } = openaiChatFront.decodeRequest(body, {
    model: "m",
    stream: false,
    headers: {},
  });
  assert.deepEqual(messages[1]?.parts, [
    parts[0],
    parts[1],
    { kind: "text", text: "ab", carried },
    parts[4],
  ]);
});
