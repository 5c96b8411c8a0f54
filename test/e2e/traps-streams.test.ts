/** The traps of translation, one test each, from socket to socket: answers and their streams (6, 10 to 13, 17 to 19, 22 to 24). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { asList, asObject } from "../fakes/scripted/turn.ts";
import { cut, inTurn, json, openFakeUpstream, reply, status, stream } from "../fakes/upstream.ts";
import { closing, openYard } from "./call-harness.ts";
import {
  type Fields,
  type Front,
  callsOf,
  chunk,
  named,
  objects,
  openWire,
  sse,
  usage,
} from "./trap-wire.ts";

const fronts: readonly Front[] = ["chat", "responses", "messages", "gemini"];
const translated = fronts.filter((front) => front !== "chat");

const parameters = { type: "object", properties: {} };
const tools: Readonly<Record<Front, Fields>> = {
  chat: { tools: ["f", "g"].map((name) => ({ type: "function", function: { name, parameters } })) },
  responses: {
    tools: ["f", "g"].map((name) => ({ type: "function", name, parameters, strict: false })),
  },
  messages: { tools: ["f", "g"].map((name) => ({ name, input_schema: parameters })) },
  gemini: { tools: [{ functionDeclarations: ["f", "g"].map((name) => ({ name })) }] },
};

const piece = (delta: object): object => chunk({ tool_calls: [delta] });
const end = [chunk({}, "tool_calls"), "[DONE]"];

/** Every way in which vendors of chat completions stream the calls f({a:1}) and g({}). */
const streams: Readonly<Record<string, readonly (object | string)[]>> = {
  "interleaved fragments": [
    piece({ index: 0, id: "1", type: "function", function: { name: "f", arguments: "" } }),
    piece({ index: 1, id: "2", type: "function", function: { name: "g", arguments: "" } }),
    piece({ index: 0, function: { arguments: '{"a"' } }),
    piece({ index: 1, function: { arguments: "{" } }),
    piece({ index: 0, function: { arguments: ":1}" } }),
    piece({ index: 1, function: { arguments: "}" } }),
    ...end,
  ],
  "whole calls in one chunk": [
    chunk({
      role: "assistant",
      content: null,
      tool_calls: [
        { index: 0, id: "1", type: "function", function: { name: "f", arguments: '{"a":1}' } },
        { index: 1, id: "2", type: "function", function: { name: "g", arguments: "{}" } },
      ],
    }),
    ...end,
  ],
  "no index": [
    piece({ id: "1", type: "function", function: { name: "f", arguments: '{"a":1}' } }),
    piece({ id: "2", type: "function", function: { name: "g", arguments: "{}" } }),
    ...end,
  ],
  "index always 0": [
    piece({ index: 0, id: "1", type: "function", function: { name: "f", arguments: '{"a":1}' } }),
    piece({ index: 0, id: "2", type: "function", function: { name: "g", arguments: "{}" } }),
    ...end,
  ],
  "name and id in every chunk, then null": [
    piece({ index: 0, id: "1", type: "function", function: { name: "f", arguments: "" } }),
    piece({ index: 0, id: "1", function: { name: "f", arguments: '{"a"' } }),
    piece({ index: 0, id: null, function: { name: null, arguments: ":1}" } }),
    piece({ index: 1, id: "2", type: "function", function: { name: "g", arguments: null } }),
    ...end,
  ],
  "no ids at all, arguments as objects": [
    piece({ index: 0, function: { name: "f", arguments: { a: 1 } } }),
    piece({ index: 1, function: { name: "g", arguments: {} } }),
    ...end,
  ],
  "the same id twice": [
    piece({ index: 0, id: "1", type: "function", function: { name: "f", arguments: '{"a":1}' } }),
    piece({ index: 1, id: "1", type: "function", function: { name: "g", arguments: "{}" } }),
    ...end,
  ],
  "finish reason stop, and trailing empty calls": [
    piece({ index: 0, id: "1", type: "function", function: { name: "f", arguments: '{"a":1}' } }),
    piece({ index: 1, id: "2", type: "function", function: { name: "g", arguments: "" } }),
    chunk({ tool_calls: [], content: "" }),
    chunk({}, "stop"),
    "[DONE]",
  ],
};

for (const [what, events] of Object.entries(streams))
  test(`trap 6: tool calls streamed with ${what}`, async (t) => {
    const wire = await openWire(t, { dialect: "openai-chat", behaviour: stream(sse(...events)) });
    for (const front of translated) {
      const got = await wire.ask(front, { stream: true, ...tools[front] });
      const calls = callsOf(front, got);
      assert.deepEqual(
        calls.map(({ name, arguments: told }) => [name, told]),
        [
          ["f", { a: 1 }],
          ["g", {}],
        ],
        `${front}: ${got.text}`,
      );
      assert.equal(new Set(calls.map(({ id }) => id)).size, 2, front);
      if (front === "messages") assert.match(got.text, /"stop_reason":"tool_use"/);
      if (front === "gemini") assert.match(got.text, /"finishReason":"STOP"/);
    }
  });

test("trap 6: a tool without arguments is called with an empty object", async (t) => {
  const events = named(
    {
      type: "message_start",
      message: { id: "m", model: "m", content: [], usage: { input_tokens: 1, output_tokens: 1 } },
    },
    {
      type: "content_block_start",
      index: 0,
      content_block: { type: "tool_use", id: "t", name: "f", input: {} },
    },
    {
      type: "content_block_delta",
      index: 0,
      delta: { type: "input_json_delta", partial_json: "" },
    },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: "tool_use" }, usage: { output_tokens: 3 } },
    { type: "message_stop" },
  );
  const wire = await openWire(t, { dialect: "anthropic-messages", behaviour: stream(events) });
  for (const front of ["chat", "responses", "gemini"] as const) {
    const got = await wire.ask(front, { stream: true, ...tools[front] });
    assert.deepEqual(
      callsOf(front, got).map((call) => call.arguments),
      [{}],
      got.text,
    );
  }
});

test("trap 6: arguments that the output limit cut off are never told as an object that they are not", async (t) => {
  const call = { id: "1", type: "function", function: { name: "f", arguments: '{"a":"b' } };
  const whole = {
    id: "c",
    object: "chat.completion",
    model: "m",
    choices: [
      { index: 0, message: { role: "assistant", tool_calls: [call] }, finish_reason: "length" },
    ],
    usage,
  };
  const wire = await openWire(t, { dialect: "openai-chat", behaviour: json(whole) });
  const claude = await wire.send("messages", tools.messages);
  assert.equal(claude["stop_reason"], "max_tokens");
  for (const block of objects(claude["content"])) assert.equal(typeof block["input"], "object");
  const gemini = await wire.send("gemini", tools.gemini);
  assert.equal(objects(gemini["candidates"])[0]?.["finishReason"], "MAX_TOKENS");
  const response = await wire.send("responses", tools.responses);
  assert.equal(response["status"], "incomplete");
  // Brought back, it reaches the strict vendors as an object.
  const anthropic = await openWire(t, { dialect: "anthropic-messages" });
  await anthropic.send("chat", {
    ...tools.chat,
    messages: [
      { role: "user", content: "q" },
      { role: "assistant", tool_calls: [call] },
      { role: "tool", tool_call_id: "1", content: "r" },
    ],
  });
  const sent = objects(anthropic.sent()["messages"])[1];
  assert.equal(typeof objects(sent?.["content"])[0]?.["input"], "object");
});

test("trap 10: usage is asked of the vendor always, told to callers who asked, and the last word on it holds", async (t) => {
  const told = (input: number): object => ({
    prompt_tokens: input,
    completion_tokens: 2,
    total_tokens: input + 2,
  });
  const ways: Readonly<Record<string, readonly object[]>> = {
    "an own chunk": [
      chunk({ content: "a" }),
      chunk({}, "stop"),
      chunk({}, null, { choices: [], usage: told(9) }),
    ],
    "the last chunk": [chunk({ content: "a" }), chunk({}, "stop", { usage: told(9) })],
    "every chunk": [
      chunk({ content: "a" }, null, { usage: told(9) }),
      chunk({}, "stop", { usage: told(9) }),
    ],
    "the choice (Moonshot)": [
      chunk({ content: "a" }),
      { ...chunk({}), choices: [{ index: 0, delta: {}, finish_reason: "stop", usage: told(9) }] },
    ],
    x_groq: [chunk({ content: "a" }), chunk({}, "stop", { x_groq: { usage: told(9) } })],
  };
  for (const [what, events] of Object.entries(ways)) {
    const wire = await openWire(t, {
      dialect: "openai-chat",
      behaviour: stream(sse(...events, "[DONE]")),
    });
    await wire.ask("chat", { stream: true });
    assert.deepEqual(wire.sent()["stream_options"], { include_usage: true });
    await wire.ask("messages", { stream: true });
    for (const index of [1, 2]) {
      const record = await wire.yard.recorded(index);
      assert.deepEqual([record.usage.input, record.usage.output], [9, 2], what);
      assert.equal(record.usage.estimated, false, what);
    }
  }
  const own = [
    chunk({ content: "a" }),
    chunk({}, "stop"),
    chunk({}, null, { choices: [], usage: told(9) }),
  ];
  const wire = await openWire(t, {
    dialect: "openai-chat",
    behaviour: stream(sse(...own, "[DONE]")),
  });
  const asked = { stream: true, stream_options: { include_usage: true } };
  assert.equal((await wire.ask("chat", { stream: true })).events.length, 2);
  assert.equal((await wire.ask("chat", asked)).events.length, 3);
  const refuses = { stream: true, stream_options: { include_usage: false } };
  assert.equal((await wire.ask("chat", refuses)).events.length, 2);
});

test("trap 11: an error in the stream is told in each caller's way, and no end that looks whole", async (t) => {
  const begun = chunk({ role: "assistant", content: "Hal" });
  const error = {
    error: { message: "overloaded", type: "server_error", code: "rate_limit_exceeded" },
  };
  const wire = await openWire(t, { dialect: "openai-chat", behaviour: stream(sse(begun, error)) });
  const ends: Readonly<Record<Front, RegExp>> = {
    chat: /data: \{"error":\{"message"/,
    responses: /event: (response\.failed|error)\ndata: /,
    messages: /event: error\ndata: \{"type":"error","error":\{/,
    gemini: /data: \{"error":\{"code":\d+/,
  };
  const whole = /\[DONE\]|response\.completed|message_stop|finishReason/;
  for (const front of fronts) {
    const got = await wire.ask(front, { stream: true });
    assert.match(got.text, ends[front], front);
    assert.doesNotMatch(got.text, whole, front);
  }
});

test("trap 11: an error that comes first lets another channel answer", async (t) => {
  const overloaded = named({ type: "error", error: { type: "overloaded_error", message: "busy" } });
  const failing = closing(t, await openFakeUpstream(stream(overloaded)));
  const good = closing(
    t,
    await openFakeUpstream(stream(sse(chunk({ content: "ok" }), chunk({}, "stop"), "[DONE]"))),
  );
  const base = failing.baseUrl.replace(/\/v1$/, "");
  const yard = await openYard(t, {
    channels: [
      { baseUrl: base, priority: 9, options: { dialects: ["anthropic-messages"] } },
      { baseUrl: good.baseUrl },
    ],
  });
  const response = await fetch(`${yard.url}/v1/messages`, {
    method: "POST",
    headers: {
      "x-api-key": "sk-yard-0123456789abcdef0123456789abcdef",
      "anthropic-version": "2023-06-01",
    },
    body: JSON.stringify({
      model: "own-model",
      max_tokens: 9,
      stream: true,
      messages: [{ role: "user", content: "q" }],
    }),
  });
  assert.equal(response.status, 200);
  assert.match(await response.text(), /"text":"ok"/);
  assert.equal((await yard.recorded(1)).attempts, 2);
});

test("trap 13: comments, pings, line ends and cut letters upstream; whole events downstream", async (t) => {
  const text = `: OPENROUTER PROCESSING\r\n\r\nevent: x\r\n${sse(
    chunk({ content: "Grüße 😀" }),
    chunk({}, "stop"),
    "[DONE]",
  )
    .join("")
    .replaceAll("\n", "\r\n")}`;
  const bytes = Buffer.from(text);
  const pieces = Array.from({ length: bytes.length }, (_none, at) => bytes.subarray(at, at + 1));
  const wire = await openWire(t, { dialect: "openai-chat", behaviour: stream(pieces) });
  for (const front of fronts) {
    const got = await wire.ask(front, { stream: true });
    assert.match(got.text, /Grüße 😀/, front);
    assert.doesNotMatch(got.text, /\uFFFD/);
  }
  // Read by pieces as they come off the wire: none holds half an event.
  const response = await fetch(`${wire.yard.url}/v1/messages`, {
    method: "POST",
    headers: {
      "x-api-key": "sk-yard-0123456789abcdef0123456789abcdef",
      "anthropic-version": "2023-06-01",
    },
    body: JSON.stringify({
      model: "own-model",
      max_tokens: 9,
      stream: true,
      messages: [{ role: "user", content: "q" }],
    }),
  });
  for await (const part of response.body as unknown as AsyncIterable<Uint8Array>)
    assert.ok(Buffer.from(part).toString().endsWith("\n\n"));
});

test("trap 17: a refusal without any content is a refusal in every tongue", async (t) => {
  const refused = {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "m",
    content: [],
    stop_reason: "refusal",
    stop_details: { type: "refusal", category: "x", explanation: "I must not." },
    stop_sequence: null,
    usage: { input_tokens: 3, output_tokens: 0 },
  };
  const events = named(
    { type: "message_start", message: { ...refused, stop_reason: null } },
    {
      type: "message_delta",
      delta: { stop_reason: "refusal", stop_details: refused.stop_details },
      usage: { output_tokens: 0 },
    },
    { type: "message_stop" },
  );
  for (const [behaviour, streamed] of [
    [json(refused), false],
    [stream(events), true],
  ] as const) {
    const wire = await openWire(t, { dialect: "anthropic-messages", behaviour });
    const chat = await wire.ask("chat", { stream: streamed });
    assert.match(chat.text, /"finish_reason":"content_filter"/, chat.text);
    const gemini = await wire.ask("gemini", { stream: streamed });
    assert.match(gemini.text, /SAFETY|PROHIBITED_CONTENT|blockReason/, gemini.text);
    const response = await wire.ask("responses", { stream: streamed });
    assert.match(response.text, /"type":"refusal"|content_filter/, response.text);
  }
});

test("trap 18: a prompt that Google blocked is an answer that its filter stopped", async (t) => {
  const blocked = {
    promptFeedback: { blockReason: "PROHIBITED_CONTENT" },
    usageMetadata: { promptTokenCount: 5, totalTokenCount: 5 },
    modelVersion: "m",
  };
  for (const [behaviour, streamed] of [
    [json(blocked), false],
    [stream(sse(blocked)), true],
  ] as const) {
    const wire = await openWire(t, { dialect: "gemini-content", behaviour });
    const chat = await wire.ask("chat", { stream: streamed });
    assert.match(chat.text, /"finish_reason":"content_filter"/, chat.text);
    const claude = await wire.ask("messages", { stream: streamed });
    assert.match(claude.text, /"stop_reason":"refusal"/, claude.text);
    const response = await wire.ask("responses", { stream: streamed });
    assert.match(response.text, /content_filter|"type":"refusal"/, response.text);
    assert.equal((await wire.yard.recorded(3)).usage.input, 5);
  }
});

test("trap 19: Azure's first chunk without choices, and the model that its router chose", async (t) => {
  const filter = { hate: { filtered: false, severity: "safe" } };
  const events = [
    {
      id: "",
      object: "",
      created: 0,
      model: "",
      choices: [],
      prompt_filter_results: [{ prompt_index: 0, content_filter_results: filter }],
    },
    chunk({ role: "assistant", content: "" }, null, { model: "gpt-5-nano" }),
    { ...chunk({ content: "ok" }), model: "gpt-5-nano" },
    { ...chunk({}, "stop"), model: "gpt-5-nano" },
    { ...chunk({}), model: "gpt-5-nano", choices: [], usage },
  ];
  const wire = await openWire(t, {
    dialect: "openai-chat",
    behaviour: stream(sse(...events, "[DONE]")),
  });
  for (const front of fronts) {
    const got = await wire.ask(front, { stream: true });
    assert.match(got.text, /ok/, front);
    assert.match(got.text, /gpt-5-nano/, front);
    assert.doesNotMatch(got.text, /"error"\s*:\s*\{/, front);
  }
  assert.equal((await wire.yard.recorded(1)).modelReported, "gpt-5-nano");
});

test("trap 22: errors that vendors put into a success are errors", async (t) => {
  const bodies = [
    { base_resp: { status_code: 1004, status_msg: "login fail" } },
    { error_code: 17, error_msg: "Open api daily request limit reached" },
    { Response: { Error: { Code: "AuthFailure", Message: "bad" }, RequestId: "r" } },
    { error: { message: "no credit", code: "insufficient_quota" } },
    { code: 400, message: "bad", data: null },
  ];
  for (const body of bodies) {
    const good = closing(
      t,
      await openFakeUpstream(
        json({
          choices: [
            { index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" },
          ],
          usage,
        }),
      ),
    );
    const bad = closing(t, await openFakeUpstream(json(body)));
    for (const path of ["/v1/chat/completions", "/v1/messages"]) {
      const yard = await openYard(t, {
        channels: [{ baseUrl: bad.baseUrl, priority: 9 }, { baseUrl: good.baseUrl }],
      });
      const response = await fetch(yard.url + path, {
        method: "POST",
        headers: {
          "x-api-key": "sk-yard-0123456789abcdef0123456789abcdef",
          "anthropic-version": "2023-06-01",
        },
        body: JSON.stringify({
          model: "own-model",
          max_tokens: 9,
          messages: [{ role: "user", content: "q" }],
        }),
      });
      const text = await response.text();
      assert.ok(
        response.status !== 200 || text.includes("ok"),
        `${path} ${JSON.stringify(body)}: ${text}`,
      );
    }
  }
});

test("trap 23: what passes through keeps every member, number, space and order of its own", async (t) => {
  const wire = await openWire(t, { dialect: "openai-chat" });
  const text =
    '{ "model" : "own-model", "seed":9007199254740993, "new_member" : {"b":1,"a":[1.0,1e2]},\n\t"messages":[{"content":"\\u00e9","role":"user","x":null}] , "n":0, "store":false, "parallel_tool_calls":false }';
  const response = await fetch(`${wire.yard.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: "Bearer sk-yard-0123456789abcdef0123456789abcdef" },
    body: text,
  });
  assert.equal(response.status, 200);
  assert.equal(wire.vendor.requests[0]!.body.toString(), text);
});

test("trap 24: Bedrock's path is encoded once, and its body names no model", async (t) => {
  const model =
    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0";
  const wire = await openWire(t, { dialect: "bedrock-converse", model });
  await wire.send("messages", {});
  assert.equal(wire.vendor.requests[0]!.path, `/model/${encodeURIComponent(model)}/converse`);
  assert.equal(wire.sent()["model"], undefined);
});

test("an upstream's stream that breaks off is never whole to anybody", async (t) => {
  const begun = sse(chunk({ role: "assistant", content: "Hal" }));
  for (const behaviour of [stream(begun), cut(begun)]) {
    const wire = await openWire(t, { dialect: "openai-chat", behaviour });
    for (const front of fronts) {
      const got = await wire.ask(front, { stream: true });
      assert.doesNotMatch(
        got.text,
        /\[DONE\]|response\.completed|message_stop|finishReason/,
        front,
      );
      assert.match(got.text, /"error"|response\.failed/, front);
    }
  }
});

test("an upstream's refusal of one channel is told as it was, and asked of nobody else", async (t) => {
  const error = { message: "no such tool", type: "invalid_request_error" };
  const wire = await openWire(t, {
    dialect: "openai-chat",
    behaviour: inTurn(status(400, {}, error), reply("{}")),
  });
  for (const front of fronts.slice(1)) {
    wire.vendor.behave(status(400, {}, error));
    const got = await wire.ask(front, {});
    assert.equal(got.status, 400);
    const told = asObject(got.body["error"])["message"];
    assert.match(String(told), /no such tool/);
    assert.equal(asList(got.body["choices"]).length, 0);
  }
});
