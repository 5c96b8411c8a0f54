/** Bugs that other gateways had, one test each, from socket to socket. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { asList, asObject, textOf } from "../fakes/scripted/turn.ts";
import { hang, json, reply, stream } from "../fakes/upstream.ts";
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
const parameters = { type: "object", properties: {} };
const user = (content: unknown): Fields => ({ role: "user", content });
const chatOf = (message: object, finish = "stop", more: object = {}): object => ({
  id: "c",
  object: "chat.completion",
  created: 1_700_000_000,
  model: "m",
  choices: [{ index: 0, message: { role: "assistant", ...message }, finish_reason: finish }],
  usage,
  ...more,
});
const claudeOf = (content: readonly object[], stop = "end_turn", told: object = {}): object => ({
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "m",
  content,
  stop_reason: stop,
  stop_sequence: null,
  usage: { input_tokens: 3, output_tokens: 2, ...told },
});

test("usage of 0 in message_start: input tokens are estimated where the vendor tells them last", async (t) => {
  const events = [
    chunk({ content: "a" }),
    chunk({}, "stop"),
    chunk({}, null, { choices: [], usage }),
  ];
  const wire = await openWire(t, {
    dialect: "openai-chat",
    behaviour: stream(sse(...events, "[DONE]")),
  });
  const got = await wire.ask("messages", { stream: true, messages: [user("word ".repeat(100))] });
  const started = asObject(asObject(got.events[0]?.["message"])["usage"]);
  assert.ok(Number(started["input_tokens"]) > 50, got.text);
  const delta = got.events.find(({ type }) => type === "message_delta");
  assert.equal(asObject(delta?.["usage"])["input_tokens"], 7);
});

test("count_tokens that is nowhere: counted here for every upstream", async (t) => {
  const wire = await openWire(t, { dialect: "gemini-content", behaviour: hang });
  const response = await fetch(`${wire.yard.url}/v1/messages/count_tokens`, {
    method: "POST",
    headers: {
      "x-api-key": "sk-yard-0123456789abcdef0123456789abcdef",
      "anthropic-version": "2023-06-01",
    },
    body: JSON.stringify({ model: "own-model", messages: [user("word ".repeat(1000))] }),
  });
  const { input_tokens: tokens } = (await response.json()) as { input_tokens: number };
  assert.ok(tokens > 900 && tokens < 1500, String(tokens));
});

test("a stream that hangs with 200 and no bytes: what is no stream is told as an error", async (t) => {
  for (const behaviour of [
    stream([]),
    stream(["data: not json\n\n"]),
    reply("<html>bad gateway</html>", { "content-type": "text/html" }),
    stream(sse({ id: "x" })),
  ]) {
    const wire = await openWire(t, { dialect: "openai-chat", behaviour });
    for (const front of fronts.slice(1)) {
      const got = await wire.ask(front, { stream: true }).catch((error: unknown) => error as Error);
      assert.ok(!(got instanceof Error), String(got));
      assert.ok(got.status >= 500 || /"error"|response\.failed/.test(got.text), got.text);
    }
  }
});

test("signature_delta lost or misnamed: signed thoughts, also bare ones, open a block and end with their signature", async (t) => {
  const detail = (more: object): object =>
    chunk({
      reasoning_details: [
        { type: "reasoning.text", index: 0, format: "anthropic-claude-v1", ...more },
      ],
    });
  for (const thoughts of [
    [detail({ text: "so" }), detail({ text: "", signature: "SIG" })],
    [detail({ text: "", signature: "SIG" })],
  ]) {
    const events = [...thoughts, chunk({ content: "a" }), chunk({}, "stop"), "[DONE]"];
    const wire = await openWire(t, { dialect: "openai-chat", behaviour: stream(sse(...events)) });
    const got = await wire.ask("messages", { stream: true });
    const types = got.events.map(
      (event) => asObject(event["content_block"])["type"] ?? asObject(event["delta"])["type"],
    );
    assert.equal(
      types[types.indexOf("signature_delta") - 1],
      thoughts.length === 2 ? "thinking_delta" : "thinking",
    );
    const signed = got.events.find(
      (event) => asObject(event["delta"])["type"] === "signature_delta",
    );
    assert.match(String(asObject(signed?.["delta"])["signature"]), /^sy1\./);
  }
});

test("doubled thoughts: a vendor that tells all of them again beside the signature is read once", async (t) => {
  const events = [
    chunk({ reasoning_content: "I th" }),
    chunk({ reasoning_content: "ink" }),
    chunk({ thinking_blocks: [{ type: "thinking", thinking: "I think", signature: "SIG" }] }),
    chunk({ content: "a" }),
    chunk({}, "stop"),
    "[DONE]",
  ];
  const wire = await openWire(t, { dialect: "openai-chat", behaviour: stream(sse(...events)) });
  const got = await wire.ask("messages", { stream: true });
  const thought = got.events.map((event) => textOf(asObject(event["delta"])["thinking"])).join("");
  assert.equal(thought, "I think");
});

test("blocks out of order: each is started, told and stopped before the next, and the stream ends once", async (t) => {
  const call = (index: number, fields: object): object => ({ tool_calls: [{ index, ...fields }] });
  const events = [
    chunk({ role: "assistant", content: "" }),
    chunk({ reasoning_content: "think" }),
    chunk({ content: "text" }),
    chunk({ reasoning_content: "more" }),
    chunk({ content: null, reasoning_content: null }),
    chunk(call(0, { id: "1", function: { name: "f", arguments: "{}" } })),
    chunk({ content: "late" }),
    chunk({}, "tool_calls"),
    chunk({}, null, { choices: [], usage }),
    "[DONE]",
  ];
  const wire = await openWire(t, { dialect: "openai-chat", behaviour: stream(sse(...events)) });
  const got = await wire.ask("messages", {
    stream: true,
    tools: [{ name: "f", input_schema: parameters }],
  });
  const open = new Map<unknown, unknown>();
  const kinds: Readonly<Record<string, string>> = {
    text_delta: "text",
    thinking_delta: "thinking",
    signature_delta: "thinking",
    input_json_delta: "tool_use",
  };
  for (const event of got.events) {
    const { type, index } = event;
    if (type === "content_block_start") open.set(index, asObject(event["content_block"])["type"]);
    if (type === "content_block_delta")
      assert.equal(open.get(index), kinds[String(asObject(event["delta"])["type"])], got.text);
    if (type === "content_block_stop") assert.ok(open.delete(index));
    if (type === "message_delta") assert.equal(open.size, 0);
  }
  const types = got.events.map(({ type }) => type);
  for (const once of ["message_start", "message_delta", "message_stop"])
    assert.equal(types.filter((type) => type === once).length, 1, once);
  assert.equal(types.at(-1), "message_stop");
});

test("counts of caches: what Anthropic's callers are told leaves the cached out, what OpenAI's are told holds it", async (t) => {
  const cached = {
    ...usage,
    prompt_tokens: 100,
    prompt_tokens_details: { cached_tokens: 60 },
    total_tokens: 102,
  };
  const chat = await openWire(t, {
    dialect: "openai-chat",
    behaviour: json(chatOf({ content: "a" }, "stop", { usage: cached })),
  });
  const claude = asObject((await chat.send("messages", {}))["usage"]);
  assert.deepEqual([claude["input_tokens"], claude["cache_read_input_tokens"]], [40, 60]);
  const told = { input_tokens: 10, cache_read_input_tokens: 60, cache_creation_input_tokens: 30 };
  const behaviour = json(claudeOf([{ type: "text", text: "a" }], "end_turn", told));
  const anthropic = await openWire(t, { dialect: "anthropic-messages", behaviour });
  const openai = asObject((await anthropic.send("chat", {}))["usage"]);
  assert.equal(openai["prompt_tokens"], 100);
  assert.equal(asObject(openai["prompt_tokens_details"])["cached_tokens"], 60);
  const gemini = asObject((await anthropic.send("gemini", {}))["usageMetadata"]);
  assert.deepEqual([gemini["promptTokenCount"], gemini["cachedContentTokenCount"]], [100, 60]);
  // A vendor that counts more cached than all: nothing is ever below nothing.
  const odd = { ...usage, prompt_tokens: 5, prompt_tokens_details: { cached_tokens: 9 } };
  const strange = await openWire(t, {
    dialect: "openai-chat",
    behaviour: json(chatOf({ content: "a" }, "stop", { usage: odd })),
  });
  const counts = asObject((await strange.send("messages", {}))["usage"]);
  for (const count of Object.values(counts)) if (typeof count === "number") assert.ok(count >= 0);
});

test("truncated_tool_call, stream_tool_empty_args and stream_tool_empty_content", async (t) => {
  const tools = { tools: [{ name: "f", input_schema: parameters }] };
  const head = { index: 0, id: "1", type: "function", function: { name: "f", arguments: "" } };
  const cut = [
    chunk({ tool_calls: [{ ...head, function: { name: "f", arguments: '{"a":"b' } }] }),
    chunk({}, "length"),
  ];
  const bare = [chunk({ content: "", tool_calls: [head] }), chunk({ content: "" }, "tool_calls")];
  const truncated = await openWire(t, {
    dialect: "openai-chat",
    behaviour: stream(sse(...cut, "[DONE]")),
  });
  const got = await truncated.ask("messages", { stream: true, ...tools });
  assert.match(got.text, /"stop_reason":"max_tokens"/);
  const empty = await openWire(t, {
    dialect: "openai-chat",
    behaviour: stream(sse(...bare, "[DONE]")),
  });
  const called = await empty.ask("messages", { stream: true, ...tools });
  assert.deepEqual(
    callsOf("messages", called).map((call) => call.arguments),
    [{}],
  );
  assert.doesNotMatch(called.text, /"type":"text"/, "no empty block of text");
});

test("gemini_zero_completion_tokens: an answer without counted output is an answer", async (t) => {
  const answer = {
    candidates: [{ content: { role: "model", parts: [{ text: "ok" }] }, finishReason: "STOP" }],
    usageMetadata: { promptTokenCount: 4, totalTokenCount: 4 },
    modelVersion: "m",
  };
  const wire = await openWire(t, { dialect: "gemini-content", behaviour: json(answer) });
  const body = await wire.send("chat", {});
  assert.equal(asObject(asList(body["choices"])[0])["finish_reason"], "stop");
  assert.equal(asObject(body["usage"])["prompt_tokens"], 4);
});

test("reasoning_replay_unsigned: thoughts that nobody signed reach no vendor that checks signatures", async (t) => {
  const messages = [
    user("q"),
    { role: "assistant", content: "a", reasoning_content: "I thought." },
    user("r"),
  ];
  for (const [dialect, model] of [
    ["anthropic-messages", "claude-sonnet-4-5"],
    ["bedrock-converse", "anthropic.claude-sonnet-4-5-20250929-v1:0"],
    ["openai-responses", "gpt-5.2"],
    ["gemini-content", "gemini-3-pro-preview"],
  ] as const) {
    const wire = await openWire(t, { dialect, model });
    await wire.send("chat", { messages });
    assert.ok(!JSON.stringify(wire.sent()).includes("I thought."), dialect);
  }
});

test("tool_result_error: every vendor hears that a tool failed", async (t) => {
  const messages = [
    user("q"),
    { role: "assistant", content: [{ type: "tool_use", id: "t", name: "f", input: {} }] },
    user([{ type: "tool_result", tool_use_id: "t", is_error: true, content: "no such file" }]),
  ];
  for (const dialect of [
    "openai-chat",
    "openai-responses",
    "gemini-content",
    "bedrock-converse",
    "cohere-v2",
    "ollama-chat",
  ]) {
    const model = dialect === "bedrock-converse" ? "anthropic.claude-sonnet-4-5" : "m";
    const wire = await openWire(t, { dialect, model });
    await wire.send("messages", { tools: [{ name: "f", input_schema: parameters }], messages });
    assert.match(
      JSON.stringify(wire.sent()),
      /error[^a-z].*no such file|no such file.*"error"/i,
      dialect,
    );
  }
});

test("tool_result_error with an image: Anthropic takes text alone beside is_error", async (t) => {
  const inlineData = { mimeType: "image/png", data: "iVBORw0KGgo=" };
  const wire = await openWire(t, { dialect: "anthropic-messages", model: "claude-sonnet-4-5" });
  await wire.send("gemini", {
    tools: [{ functionDeclarations: [{ name: "f" }] }],
    contents: [
      { role: "user", parts: [{ text: "q" }] },
      { role: "model", parts: [{ functionCall: { name: "f", args: {} } }] },
      {
        role: "user",
        parts: [
          { functionResponse: { name: "f", response: { error: "no" }, parts: [{ inlineData }] } },
        ],
      },
    ],
  });
  const blocks = objects(objects(wire.sent()["messages"])[2]?.["content"]);
  const [result] = blocks;
  assert.ok(JSON.stringify(blocks).includes("iVBORw0KGgo="), "the image arrives");
  if (result?.["is_error"] === true)
    assert.ok(
      objects(result["content"]).every(({ type }) => type === "text"),
      JSON.stringify(result),
    );
});

test("stream-refusal: OpenAI's refusal is text or a refusal in every tongue", async (t) => {
  const events = [
    chunk({ refusal: "I must" }),
    chunk({ refusal: " not." }),
    chunk({}, "stop"),
    "[DONE]",
  ];
  const wire = await openWire(t, { dialect: "openai-chat", behaviour: stream(sse(...events)) });
  for (const front of fronts.slice(1)) {
    const got = await wire.ask(front, { stream: true });
    assert.match(got.text, /I must/, front);
    if (front === "messages") assert.match(got.text, /"stop_reason":"refusal"/);
    if (front === "responses") assert.match(got.text, /response\.refusal\.delta/);
  }
});

test("system_message: instructions anywhere reach a vendor that has them at the beginning alone", async (t) => {
  const messages = [
    { role: "system", content: "One." },
    { role: "developer", content: "Two." },
    user("q"),
    { role: "system", content: "Three." },
    { role: "assistant", content: "a" },
    { role: "developer", content: "Four." },
    user("r"),
  ];
  for (const [dialect, model] of [
    ["anthropic-messages", "claude-sonnet-4-5"],
    ["anthropic-messages", "claude-opus-4-8"],
    ["gemini-content", "gemini-2.5-pro"],
    ["bedrock-converse", "amazon.nova-pro-v1:0"],
    ["cohere-v2", "command-a-03-2025"],
  ] as const) {
    const wire = await openWire(t, { dialect, model });
    await wire.send("chat", { messages });
    const text = JSON.stringify(wire.sent());
    const places = ["One.", "Two.", "Three.", "Four."].map((word) => text.indexOf(word));
    assert.ok(
      places.every((place) => place !== -1),
      `${model}: ${text}`,
    );
    const assistant = objects(wire.sent()["messages"] ?? wire.sent()["contents"]).filter(
      ({ role }) => ["assistant", "model"].includes(String(role)),
    );
    assert.equal(assistant.length, 1, "instructions are nobody's answer");
  }
});

test("broken-sse and non-json: faults of the upstream are told as such, after what was said", async (t) => {
  const wire = await openWire(t, {
    dialect: "openai-chat",
    behaviour: stream([...sse(chunk({ content: "Hal" })), "data: {broken\n\n"]),
  });
  for (const front of fronts.slice(1)) {
    const got = await wire.ask(front, { stream: true });
    assert.match(got.text, /Hal/);
    assert.match(got.text, /"error"|response\.failed/, got.text);
    assert.doesNotMatch(got.text, /message_stop|response\.completed|finishReason/);
  }
});

test("a duplicate message_start: an upstream's second beginning is no second answer", async (t) => {
  const start = { type: "message_start", message: claudeOf([], "end_turn") };
  const events = named(
    start as Fields,
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "ok" } },
    { type: "content_block_stop", index: 0 },
    start as Fields,
    { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 1 } },
    { type: "message_stop" },
  );
  const wire = await openWire(t, { dialect: "anthropic-messages", behaviour: stream(events) });
  const got = await wire.ask("chat", { stream: true });
  assert.equal(got.text.match(/"role":"assistant"/g)?.length, 1, got.text);
});

test("allowed_tools and parallel_tool_calls are heard by every vendor that has words for them", async (t) => {
  const tools = ["f", "g"].map((name) => ({ type: "function", function: { name, parameters } }));
  const body = {
    tools,
    parallel_tool_calls: false,
    tool_choice: {
      type: "allowed_tools",
      allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "f" } }] },
    },
  };
  for (const [dialect, model] of [
    ["anthropic-messages", "claude-sonnet-4-5"],
    ["gemini-content", "gemini-2.5-pro"],
    ["openai-responses", "gpt-5.2"],
    ["bedrock-converse", "anthropic.claude-sonnet-4-5"],
    ["cohere-v2", "command-a-03-2025"],
    ["ollama-chat", "qwen3"],
  ] as const) {
    const wire = await openWire(t, { dialect, model });
    const got = await wire.ask("chat", body);
    assert.equal(got.status, 200, got.text);
    const text = JSON.stringify(wire.sent());
    const narrowed = !text.includes('"g"') || /allowed_tools|allowedFunctionNames/.test(text);
    assert.ok(narrowed, `${dialect}: ${text}`);
    // Of vendors that cannot be told so, the gateway keeps the calls behind the first to itself.
    const member = /parallel_tool_calls":false|disable_parallel_tool_use":true/;
    if (dialect === "anthropic-messages" || dialect === "openai-responses")
      assert.match(text, member, dialect);
  }
});
