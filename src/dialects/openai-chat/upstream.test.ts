/** The odd ways in which vendors tell the same thing: each becomes the same parts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { ChatReply, ReplyEvent } from "../../wire/chat-reply.ts";
import type { AssistantPart } from "../../wire/conversation.ts";
import { foldEvents } from "../fold-events.ts";
import type { QuirkId } from "../quirk-ids.ts";
import { openaiChatUpstream } from "./upstream.ts";

const context = (quirks: readonly QuirkId[] = []) => ({ model: "m", callId: "c", quirks });

/** The events of chunks, given as payloads. */
function stream(payloads: readonly unknown[], quirks: readonly QuirkId[] = []): ReplyEvent[] {
  const events: ReplyEvent[] = [];
  const read = openaiChatUpstream.makeEventDecoder(context(quirks));
  for (const payload of payloads) {
    const text = typeof payload === "string" ? payload : JSON.stringify(payload);
    read({ name: null, payload: text }, (event) => events.push(event));
  }
  return events;
}

const chunk = (delta: object, more: object = {}): object => ({
  id: "x",
  model: "served",
  created: 5,
  choices: [{ index: 0, delta, finish_reason: null, ...more }],
});

/** The parts that deltas make. */
function parts(
  deltas: readonly object[],
  quirks: readonly QuirkId[] = [],
): readonly AssistantPart[] {
  const events = stream([...deltas.map((delta) => chunk(delta)), "[DONE]"], quirks);
  return foldEvents((take) => events.forEach(take)).choices[0]?.parts ?? [];
}

function whole(message: object, more: object = {}, quirks: readonly QuirkId[] = []): ChatReply {
  const body = { id: "x", choices: [{ index: 0, message, finish_reason: "stop", ...more }] };
  return openaiChatUpstream.decodeReply(body as JsonObject, context(quirks));
}

const calls = (...entries: readonly object[]): object => ({ tool_calls: entries });

/** Name and arguments of each call that deltas make. */
function callsOf(...deltas: readonly object[]): (readonly [string, string])[] {
  return parts(deltas).flatMap((part) =>
    part.kind === "tool-call" ? [[part.name, part.arguments] as const] : [],
  );
}

const f = (text: unknown, fields: object = {}): object => ({
  ...fields,
  function: { name: "f", arguments: text },
});
const g = (text: unknown, fields: object = {}): object => ({
  ...fields,
  function: { name: "g", arguments: text },
});
const more = (text: unknown, fields: object = {}): object => ({
  ...fields,
  function: { arguments: text },
});

test("tool calls in every odd kind of delta", () => {
  const one = [["f", '{"a":1}']];
  const two = [...one, ["g", '{"b":2}']];
  const cases: readonly [string, readonly object[], readonly (readonly string[])[]][] = [
    [
      "as OpenAI",
      [
        calls(f("", { index: 0, id: "1" })),
        calls(more('{"a"', { index: 0 })),
        calls(more(":1}", { index: 0 })),
      ],
      one,
    ],
    ["whole in one chunk", [calls(f('{"a":1}', { index: 0, id: "1" }))], one],
    ["no index, no id", [calls(f('{"a":1}')), calls(g('{"b":2}'))], two],
    [
      "two in one chunk, no index",
      [calls(f('{"a":1}', { id: "1" }), g('{"b":2}', { id: "2" }))],
      two,
    ],
    [
      "always index 0, ids differ",
      [calls(f('{"a":1}', { index: 0, id: "1" })), calls(g('{"b":2}', { index: 0, id: "2" }))],
      two,
    ],
    [
      "always index 0, no ids",
      [calls(f('{"a":1}', { index: 0 })), calls(g('{"b":2}', { index: 0 }))],
      two,
    ],
    [
      "always index 0, same function twice",
      [calls(f('{"a":1}', { index: 0 })), calls(f('{"b":2}', { index: 0 }))],
      [...one, ["f", '{"b":2}']],
    ],
    [
      "always index 0, no arguments",
      [calls(f("", { index: 0, id: "1" })), calls(g("", { index: 0, id: "2" }))],
      [
        ["f", "{}"],
        ["g", "{}"],
      ],
    ],
    [
      "name and id in each chunk",
      [calls(f('{"a"', { index: 0, id: "1" })), calls(f(":1}", { index: 0, id: "1" }))],
      one,
    ],
    [
      "a new id in each chunk",
      [calls(f('{"a"', { index: 0, id: "1" })), calls(more(":1}", { index: 0, id: "2" }))],
      one,
    ],
    [
      "a new id and the name in each chunk",
      [calls(f('{"a"', { index: 0, id: "1" })), calls(f(":1}", { index: 0, id: "2" }))],
      one,
    ],
    [
      "empty id and name later",
      [
        calls(f("", { index: 0, id: "1" })),
        calls({ index: 0, id: "", function: { name: "", arguments: '{"a":1}' } }),
      ],
      one,
    ],
    [
      "id first, name later",
      [calls({ index: 0, id: "1" }), calls(f('{"a":1}', { index: 0 }))],
      one,
    ],
    [
      "arguments before the name",
      [calls(more('{"a"', { index: 0, id: "1" })), calls(f(":1}", { index: 0 }))],
      one,
    ],
    [
      "interleaved",
      [
        calls(f("", { index: 0, id: "1" }), g("", { index: 1, id: "2" })),
        calls(more('{"b"', { index: 1 })),
        calls(more('{"a"', { index: 0 })),
        calls(more(":2}", { index: 1 }), more(":1}", { index: 0 })),
      ],
      two,
    ],
    [
      "null arguments",
      [calls(f(null, { index: 0, id: "1" })), calls(more(null, { index: 0 }))],
      [["f", "{}"]],
    ],
    ["arguments as object", [calls(f({ a: 1 }, { index: 0, id: "1" }))], one],
    ["index from 1", [calls(f('{"a":1}', { index: 1, id: "1" }))], one],
    [
      "empty deltas behind",
      [
        calls(f('{"a":1}', { index: 0, id: "1" })),
        calls(),
        calls({ index: 0, function: {} }),
        calls({ index: 1, function: { arguments: "" } }),
      ],
      one,
    ],
    ["cut off", [calls(f('{"a', { index: 0, id: "1" }))], [["f", '{"a']]],
    ["nothing with a name", [calls(more("x", { index: 0 })), calls({}), calls({ index: 4 })], []],
    [
      "legacy",
      [
        { function_call: { name: "f", arguments: "" } },
        { function_call: { arguments: '{"a":1}' } },
      ],
      one,
    ],
    [
      "legacy, empty as Snowflake tells it",
      [{ content: "x", function_call: { name: "", arguments: "" } }],
      [],
    ],
  ];
  for (const [name, deltas, expected] of cases)
    assert.deepEqual(callsOf(...deltas), expected, name);
});

test("ids of calls are the vendor's, or minted, and never twice", () => {
  const ids = (...entries: readonly object[]): string[] =>
    (whole({ tool_calls: entries }).choices[0]?.parts ?? []).map((part) =>
      part.kind === "tool-call" ? part.id : "",
    );
  assert.deepEqual(ids(f("{}", { id: "a" }), g("{}", { id: "b" })), ["a", "b"]);
  const minted = ids(f("{}", { id: "" }), g("{}", { id: "" }));
  assert.deepEqual(minted, ids(f("{}"), g("{}")), "the same call gives the same ids");
  assert.equal(new Set(minted).size, 2);
  assert.ok(minted.every((id) => /^call_[0-9a-f]{24}$/.test(id)));
  const [first, second] = ids(f("{}", { id: "same" }), g("{}", { id: "same" }));
  assert.equal(first, "same");
  assert.notEqual(second, "same");
});

test("custom tools", () => {
  const custom = { type: "custom", index: 0, id: "1", custom: { name: "c", input: "" } };
  assert.deepEqual(
    parts([
      calls(custom),
      calls({ index: 0, custom: { input: "free " } }),
      calls({ index: 0, custom: { input: "text" } }),
    ]),
    [{ kind: "tool-call", id: "1", name: "c", custom: true, arguments: "free text" }],
  );
});

test("a call is closed when the next one begins, if it is whole; all are before the finish", () => {
  const order = (first: string): string =>
    stream([
      chunk(calls(f(first, { index: 0, id: "1" }))),
      chunk(calls(g("{}", { index: 1, id: "2" }))),
      chunk({}, { finish_reason: "stop" }),
    ])
      .map((event) => ("block" in event ? `${event.type} ${event.block}` : event.type))
      .join(", ");
  assert.equal(
    order("{}"),
    "start, block 0, delta 0, block-end 0, block 1, delta 1, block-end 1, finish",
  );
  assert.equal(
    order('{"a'),
    "start, block 0, delta 0, block 1, delta 1, block-end 0, block-end 1, finish",
  );
});

const text = (value: string): AssistantPart => ({ kind: "text", text: value });
const thought = (value: string): AssistantPart => ({ kind: "reasoning", text: value });
const detail = (fields: object): object => ({ reasoning_details: [{ ...fields, index: 0 }] });

test("thoughts wherever vendors tell them", () => {
  const carried = (data: object) => ({ issuer: "openai-chat/m", data: JSON.stringify(data) });
  const cases: readonly [string, readonly object[], readonly AssistantPart[]][] = [
    [
      "reasoning_content",
      [{ reasoning_content: "a" }, { reasoning_content: "b" }, { content: "c" }],
      [thought("ab"), text("c")],
    ],
    [
      "reasoning",
      [
        { reasoning: "a", content: "" },
        { content: "c", reasoning: null },
      ],
      [thought("a"), text("c")],
    ],
    ["both names", [{ reasoning: "a", reasoning_content: "a" }], [thought("a")]],
    [
      "Mistral's lists",
      [
        { content: [{ type: "thinking", thinking: [{ type: "text", text: "a" }] }] },
        { content: [{ type: "text", text: "c" }] },
      ],
      [thought("a"), text("c")],
    ],
    [
      "OpenRouter's details",
      [
        { reasoning: "a", ...detail({ type: "reasoning.text", text: "a", format: "f" }) },
        { reasoning: "b", ...detail({ type: "reasoning.text", text: "b", format: "f" }) },
        detail({ type: "reasoning.text", signature: "S" }),
        { content: "c" },
      ],
      [
        {
          ...thought("ab"),
          carried: carried({ type: "reasoning.text", format: "f", index: 0, signature: "S" }),
        } as AssistantPart,
        text("c"),
      ],
    ],
    [
      "encrypted beside a summary",
      [
        {
          reasoning: "s",
          reasoning_details: [
            { type: "reasoning.summary", summary: "s", index: 0 },
            { type: "reasoning.encrypted", data: "E", index: 0 },
          ],
        },
      ],
      [
        thought("s"),
        {
          kind: "reasoning",
          text: "",
          redacted: true,
          carried: carried({ type: "reasoning.encrypted", data: "E", index: 0 }),
        },
      ],
    ],
    [
      "LiteLLM's blocks, all of the text once more beside the signature",
      [
        { reasoning_content: "a" },
        { reasoning_content: "b" },
        { thinking_blocks: [{ type: "thinking", thinking: "ab", signature: "S" }] },
        { content: "c" },
      ],
      [
        {
          ...thought("ab"),
          carried: carried({ type: "thinking", signature: "S" }),
        } as AssistantPart,
        text("c"),
      ],
    ],
    [
      "a repeated piece is a piece",
      [
        detail({ type: "reasoning.text", text: "1" }),
        detail({ type: "reasoning.text", text: "1" }),
      ],
      [thought("11")],
    ],
    [
      "details with nothing to give back",
      [detail({ type: "reasoning.text", text: "a", format: "unknown" })],
      [thought("a")],
    ],
    [
      "thoughts again behind text",
      [{ reasoning_content: "a" }, { content: "b" }, { reasoning_content: "c" }],
      [thought("a"), text("b"), thought("c")],
    ],
  ];
  for (const [name, deltas, expected] of cases) assert.deepEqual(parts(deltas), expected, name);
  const cumulative = [
    detail({ type: "reasoning.text", text: "ab" }),
    detail({ type: "reasoning.text", text: "abcd" }),
  ];
  assert.deepEqual(parts(cumulative, ["reasoning-split"]), [thought("abcd")]);
  assert.deepEqual(parts([{ content: "<think>a</think>b" }], ["inline-thoughts"]), [
    thought("a"),
    text("b"),
  ]);
});

test("a signature of the whole message is its first call's, else its text's", () => {
  const extra = { extra_content: { google: { thought_signature: "G" } } };
  const carried = { issuer: "openai-chat/m", data: "G" };
  const [call, other] = whole({ ...extra, ...calls(f("{}"), g("{}")) }).choices[0]?.parts ?? [];
  assert.deepEqual(call?.kind === "tool-call" && call.carried, carried);
  assert.equal(other?.kind === "tool-call" && other.carried, undefined);
  assert.deepEqual(whole({ ...extra, content: "x" }).choices[0]?.parts, [
    { ...text("x"), carried },
  ]);
  const own = f("{}", { extra_content: extra.extra_content, index: 0 });
  const [streamed] = parts([calls(own)]);
  assert.deepEqual(streamed?.kind === "tool-call" && streamed.carried, carried);
});

test("usage wherever vendors tell it, the last one holds", () => {
  const usage = (prompt_tokens: number) => ({ prompt_tokens, completion_tokens: 1 });
  const last = (...payloads: readonly unknown[]): unknown => {
    const events = stream([chunk({ content: "x" }), ...payloads]);
    return events.findLast((event) => event.type === "usage")?.usage.input;
  };
  assert.equal(last({ choices: [], usage: usage(4) }), 4);
  assert.equal(last(chunk({}, { finish_reason: "stop", usage: usage(5) })), 5);
  assert.equal(last({ ...chunk({}), x_groq: { usage: usage(6) } }), 6);
  assert.equal(last({ ...chunk({}), usage: usage(1) }, { ...chunk({}), usage: usage(7) }), 7);
  const tier = stream([{ ...chunk({}), service_tier: "flex", usage: usage(1) }]).at(-1);
  assert.equal(tier?.type === "usage" && tier.serviceTier, "flex");
});

test("why it ended", () => {
  const reason = (finish_reason: unknown, message: object = {}, fields: object = {}): string => {
    const { finish } = whole(message, { finish_reason, ...fields }).choices[0] ?? {};
    return `${finish?.reason} ${finish?.stopSequence}`;
  };
  const cases: readonly [unknown, object, object, string][] = [
    ["stop", {}, {}, "stop null"],
    ["stop", calls(f("{}")), {}, "tool-calls null"],
    ["tool_calls", calls(f("{}")), {}, "tool-calls null"],
    ["function_call", {}, {}, "tool-calls null"],
    ["length", {}, {}, "length null"],
    ["model_length", {}, {}, "context null"],
    ["content_filter", {}, {}, "content-filter null"],
    ["SAFETY", {}, {}, "content-filter null"],
    ["stop", { refusal: "no" }, {}, "refusal null"],
    ["stop", {}, { stop_reason: "END" }, "stop-sequence END"],
    ["stop", {}, { stop_reason: 151_645 }, "stop null"],
    ["stop", {}, { stop_reason: "end_turn" }, "stop null"],
    ["eos", {}, {}, "stop null"],
    ["constructor", {}, {}, "other null"],
    [null, {}, {}, "stop null"],
    ["", calls(f("{}")), {}, "tool-calls null"],
  ];
  for (const [word, message, fields, expected] of cases)
    assert.equal(reason(word, message, fields), expected, String(word));
});

test("faults end a stream, and nothing follows them", () => {
  const error = (...payloads: readonly unknown[]): unknown => {
    const events = stream([
      chunk({ content: "x" }),
      ...payloads,
      chunk({ content: "y" }),
      "[DONE]",
    ]);
    const last = events.at(-1);
    assert.equal(events.filter(({ type }) => type === "delta").length, 1);
    return last?.type === "error" ? [last.error.message, last.error.status] : last?.type;
  };
  assert.deepEqual(error({ error: { message: "no", code: 429 } }), ["no", 429]);
  assert.deepEqual(error({ error: { message: "no", type: "overloaded_error" } }), ["no", 503]);
  assert.deepEqual(error({ error: "no" }), ["no", null]);
  assert.deepEqual(error(chunk({}, { finish_reason: "insufficient_system_resource" })), [
    "The upstream ended with insufficient_system_resource",
    503,
  ]);
  assert.deepEqual(
    error(chunk({}, { finish_reason: "error", error: { code: 502, message: "m" } })),
    ["m", 502],
  );
  assert.deepEqual(error({ base_resp: { status_code: 1002, status_msg: "slow down" } }), [
    "slow down",
    429,
  ]);
  const named: ReplyEvent[] = [];
  const read = openaiChatUpstream.makeEventDecoder(context());
  read({ name: "error", payload: '{"message":"m"}' }, (event) => named.push(event));
  assert.deepEqual(named, [
    { type: "error", error: { message: "m", type: null, code: null, status: null } },
  ]);
  assert.throws(() => stream(["{broken"]), { kind: "upstream_invalid" });
  assert.deepEqual(stream(["null", "[]", "5"]), []);
});

test("a whole reply that is none", () => {
  const decode = (body: JsonObject): unknown => openaiChatUpstream.decodeReply(body, context());
  const kind = (body: JsonObject): string => {
    try {
      decode(body);
      return "";
    } catch (thrown) {
      return thrown instanceof GatewayError ? `${thrown.kind} ${thrown.message}` : "other";
    }
  };
  assert.match(kind({}), /^upstream_invalid .*choices/);
  assert.equal(kind({ choices: null, error: { message: "no" } }), "upstream_failed no");
  assert.equal(
    kind({ choices: null, base_resp: { status_code: 1004, status_msg: "key" } }),
    "upstream_failed key",
  );
  assert.equal(kind({ choices: [] }), "");
});

test("error bodies of all kinds", () => {
  const decode = (body: string) => openaiChatUpstream.decodeError(Buffer.from(body));
  const cases: readonly [string, string, number | null][] = [
    ['{"error":{"message":"m","type":"invalid_request_error","code":null}}', "m", 400],
    ['{"error":{"message":"m","code":"rate_limit_exceeded"}}', "m", 429],
    ['[{"error":{"message":"m","code":404,"status":"NOT_FOUND"}}]', "m", 404],
    ['{"detail":"m"}', "m", null],
    ['{"detail":[{"msg":"m"}]}', "m", null],
    ['{"message":{"detail":[{"loc":["body","a",0],"msg":"m"},{"msg":"n"}]}}', "a.0: m; n", null],
    ['{"detail":[1]}', "[1]", null],
    ['{"object":"error","message":"m","code":400}', "m", 400],
    ['{"error_code":336003,"error_msg":"m"}', "m", null],
    ['{"Response":{"Error":{"Code":"X","Message":"m"}}}', "m", null],
    ["<html>", "<html>", null],
    ['{"error":{"constructor":1}}', '{"constructor":1}', null],
  ];
  for (const [body, message, status] of cases) {
    const told = decode(body);
    assert.deepEqual([told.message, told.status], [message, status], body);
  }
});

test("sources, images, speech, logprobs, several choices, Azure's first chunk", () => {
  const cited = parts([
    { content: "x" },
    {
      annotations: [
        {
          type: "url_citation",
          url_citation: { url: "u", title: "t", start_index: 0, end_index: 1 },
        },
      ],
    },
  ]);
  assert.deepEqual(cited, [
    { ...text("x"), citations: [{ url: "u", title: "t", citedText: null, start: 0, end: 1 }] },
  ]);
  const searched = { ...chunk({ content: "x" }), citations: ["u1", "u2"] };
  const sources = stream([searched, searched]).filter(({ type }) => type === "citation");
  assert.equal(sources.length, 2, "those that are told in each chunk are told once");

  const image = { type: "image_url", image_url: { url: "data:image/webp;base64,AA" } };
  assert.deepEqual(whole({ content: "x", images: [image] }).choices[0]?.parts, [
    text("x"),
    {
      kind: "media",
      medium: "image",
      source: { kind: "data", mediaType: "image/webp", data: "AA" },
    },
  ]);

  const spoken = [
    { audio: { id: "a", transcript: "hel" } },
    { audio: { data: "AAE=" } },
    { audio: { transcript: "lo", data: "AgM=" } },
  ];
  assert.deepEqual(parts(spoken), [
    text("hello"),
    {
      kind: "media",
      medium: "audio",
      source: { kind: "data", mediaType: "audio/pcm", data: "AAECAw==" },
    },
  ]);

  const token = {
    token: "x",
    logprob: -1,
    bytes: [120],
    top_logprobs: [{ token: "y", logprob: -2, bytes: null }],
  };
  assert.deepEqual(
    whole({ content: "x" }, { logprobs: { content: [token] } }).choices[0]?.logprobs,
    [{ token: "x", logprob: -1, bytes: [120], top: [{ token: "y", logprob: -2, bytes: null }] }],
  );

  const events = stream([
    { choices: [], id: "", model: "", prompt_filter_results: [] },
    {
      ...chunk({ content: "a" }),
      choices: [
        { index: 1, delta: { content: "b" } },
        { index: 0, delta: { content: "a" } },
      ],
    },
    "[DONE]",
  ]);
  assert.deepEqual(events[0], { type: "start", id: "x", model: "served", createdAtS: 5 });
  const { choices } = foldEvents((take) => events.forEach(take));
  assert.deepEqual(
    choices.map(({ index, parts: made }) => [index, made]),
    [
      [0, [text("a")]],
      [1, [text("b")]],
    ],
  );
});
