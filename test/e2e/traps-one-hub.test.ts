/** What One Hub loses on the way from one API to another, one test each: none of it is lost here. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { asList, asObject } from "../fakes/scripted/turn.ts";
import { json, stream } from "../fakes/upstream.ts";
import { type Fields, callsOf, named, objects, openWire } from "./trap-wire.ts";

const parameters = { type: "object", properties: {} };
const user = (content: unknown): Fields => ({ role: "user", content });
const tool = (name: string): object => ({ type: "function", function: { name, parameters } });
const pdf = "data:application/pdf;base64,JVBERi0xLjQ=";
const png = "data:image/png;base64,iVBORw0KGgo=";

test("OpenAI in, OpenAI out: explicit zeros, falses, nulls and members of every kind arrive", async (t) => {
  const wire = await openWire(t, { dialect: "openai-chat" });
  const body = {
    model: "own-model",
    messages: [user([{ type: "file", file: { file_id: "file-1" } }])],
    store: false,
    metadata: { a: "b" },
    service_tier: "flex",
    prompt_cache_key: "k",
    safety_identifier: "s",
    tools: [{ type: "custom", custom: { name: "c" } }],
    parallel_tool_calls: false,
    temperature: 0,
    top_p: 0,
    seed: 0,
    n: 0,
    logit_bias: null,
  };
  await wire.ask("chat", body);
  assert.deepEqual(wire.sent(), body);
});

test("OpenAI in, Claude out: requests lose no instruction, limit, format, file, thought or mark", async (t) => {
  const wire = await openWire(t, { dialect: "anthropic-messages", model: "claude-sonnet-4-5" });
  const schema = {
    type: "object",
    properties: { a: { type: "string" } },
    required: ["a"],
    additionalProperties: false,
  };
  await wire.send("chat", {
    messages: [
      { role: "developer", content: "Be kind." },
      user([
        { type: "text", text: "see", cache_control: { type: "ephemeral" } },
        { type: "image_url", image_url: { url: png } },
        { type: "file", file: { filename: "a.pdf", file_data: pdf } },
      ]),
      {
        role: "assistant",
        content: "Let me look.",
        tool_calls: [{ id: "t1", type: "function", function: { name: "f", arguments: '{"a":1}' } }],
      },
      { role: "tool", tool_call_id: "t1", content: "seen" },
      user("and?"),
    ],
    max_completion_tokens: 4321,
    stop: "END",
    temperature: 0.5,
    user: "u1",
    parallel_tool_calls: false,
    tool_choice: "auto",
    tools: [{ ...tool("f"), cache_control: { type: "ephemeral" } }],
    response_format: { type: "json_schema", json_schema: { name: "r", schema, strict: true } },
  });
  const sent = wire.sent();
  assert.deepEqual(objects(sent["system"])[0]?.["text"], "Be kind.");
  const messages = objects(sent["messages"]);
  assert.deepEqual(
    messages.map(({ role }) => role),
    ["user", "assistant", "user"],
  );
  const [first, answer, results] = messages.map(({ content }) => objects(content));
  assert.deepEqual(
    first?.map(({ type }) => type),
    ["text", "image", "document"],
  );
  assert.deepEqual(first?.[0]?.["cache_control"], { type: "ephemeral" });
  assert.deepEqual(
    answer?.map(({ type }) => type),
    ["text", "tool_use"],
    "text beside calls",
  );
  assert.deepEqual(
    results?.map(({ type }) => type),
    ["tool_result", "text"],
  );
  assert.equal(sent["max_tokens"], 4321);
  assert.deepEqual(sent["stop_sequences"], ["END"]);
  assert.equal(sent["temperature"], 0.5);
  assert.deepEqual(sent["metadata"], { user_id: "u1" });
  assert.equal(asObject(sent["tool_choice"])["disable_parallel_tool_use"], true);
  assert.deepEqual(objects(sent["tools"])[0]?.["cache_control"], { type: "ephemeral" });
  assert.match(JSON.stringify(sent), /"format":\{"type":"json_schema"/);
});

test("OpenAI in, Claude out: tool_choice none is none, and effort is a wish to think", async (t) => {
  const wire = await openWire(t, { dialect: "anthropic-messages", model: "claude-sonnet-4-5" });
  const told: Readonly<Record<string, object>> = {
    none: { type: "none" },
    auto: { type: "auto" },
    required: { type: "any" },
  };
  for (const [choice, wanted] of Object.entries(told)) {
    await wire.send("chat", { tools: [tool("f")], tool_choice: choice });
    assert.deepEqual(wire.sent()["tool_choice"], wanted);
  }
  await wire.send("chat", { tools: [tool("f")], tool_choice: tool("f") });
  assert.deepEqual(wire.sent()["tool_choice"], { type: "tool", name: "f" });
  await wire.send("chat", { reasoning_effort: "high", max_completion_tokens: 2000 });
  const { thinking, max_tokens: limit } = wire.sent();
  const budget = Number(asObject(thinking)["budget_tokens"]);
  assert.ok(budget >= 1024 && Number(limit) > budget, JSON.stringify(wire.sent()));
});

const claudeEvents = named(
  {
    type: "message_start",
    message: {
      id: "msg_1",
      type: "message",
      role: "assistant",
      model: "claude-x",
      content: [],
      usage: {
        input_tokens: 10,
        cache_read_input_tokens: 60,
        cache_creation_input_tokens: 30,
        output_tokens: 1,
      },
    },
  },
  {
    type: "content_block_start",
    index: 0,
    content_block: { type: "thinking", thinking: "", signature: "" },
  },
  { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "so" } },
  { type: "content_block_delta", index: 0, delta: { type: "signature_delta", signature: "SIG" } },
  { type: "content_block_stop", index: 0 },
  {
    type: "content_block_start",
    index: 1,
    content_block: { type: "redacted_thinking", data: "HIDDEN" },
  },
  { type: "content_block_stop", index: 1 },
  { type: "content_block_start", index: 2, content_block: { type: "text", text: "" } },
  { type: "content_block_delta", index: 2, delta: { type: "text_delta", text: "Paris" } },
  {
    type: "content_block_delta",
    index: 2,
    delta: {
      type: "citations_delta",
      citation: {
        type: "web_search_result_location",
        url: "https://e.org",
        title: "E",
        cited_text: "P",
        encrypted_index: "x",
      },
    },
  },
  { type: "content_block_stop", index: 2 },
  ...[3, 4].flatMap((index) => [
    {
      type: "content_block_start",
      index,
      content_block: { type: "tool_use", id: `t${index}`, name: "f", input: {} },
    },
    {
      type: "content_block_delta",
      index,
      delta: { type: "input_json_delta", partial_json: `{"a":${index}}` },
    },
    { type: "content_block_stop", index },
  ]),
  { type: "message_delta", delta: { stop_reason: "tool_use" }, usage: { output_tokens: 9 } },
  { type: "message_stop" },
);

test("Claude's stream to OpenAI's callers: one choice, one id, calls apart, caches counted, sources and thoughts kept", async (t) => {
  const wire = await openWire(t, {
    dialect: "anthropic-messages",
    behaviour: stream(claudeEvents),
  });
  const got = await wire.ask("chat", {
    stream: true,
    stream_options: { include_usage: true },
    tools: [tool("f")],
  });
  const choices = got.events.flatMap((event) => objects(event["choices"]));
  assert.deepEqual(new Set(choices.map(({ index }) => index)), new Set([0]));
  assert.equal(new Set(got.events.map(({ id }) => id)).size, 1);
  const calls = callsOf("chat", got);
  assert.deepEqual(
    calls.map((call) => [call.id, call.arguments]),
    [
      ["t3", { a: 3 }],
      ["t4", { a: 4 }],
    ],
  );
  const told = asObject(got.events.at(-1)?.["usage"]);
  assert.equal(told["prompt_tokens"], 100);
  assert.deepEqual(asObject(told["prompt_tokens_details"])["cached_tokens"], 60);
  assert.match(got.text, /"url":"https:\/\/e\.org"/);
  assert.match(got.text, /"reasoning_content":"so"/);
  assert.match(got.text, /"type":"reasoning\.encrypted"/, "redacted thoughts come back");
  const record = await wire.yard.recorded(1);
  assert.deepEqual(
    [record.usage.input, record.usage.cacheRead, record.usage.cacheWrite5m, record.usage.output],
    [10, 60, 30, 9],
  );
});

test("several texts of Claude are one answer, not several choices", async (t) => {
  const answer = {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "m",
    content: ["One. ", "Two."].map((text) => ({ type: "text", text })),
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 3, output_tokens: 4 },
  };
  const wire = await openWire(t, { dialect: "anthropic-messages", behaviour: json(answer) });
  const choices = objects((await wire.send("chat", {}))["choices"]);
  assert.equal(choices.length, 1);
  assert.equal(asObject(choices[0]?.["message"])["content"], "One. Two.");
});

test("Claude native: every member and beta arrives, and repeated counts of caches count once", async (t) => {
  const wire = await openWire(t, {
    dialect: "anthropic-messages",
    behaviour: stream(claudeEvents),
  });
  const body = {
    model: "own-model",
    max_tokens: 100,
    stream: true,
    messages: [user("q")],
    metadata: { user_id: "u" },
    service_tier: "auto",
    container: null,
    context_management: { edits: [] },
    thinking: { type: "enabled", budget_tokens: 1024, display: "omitted" },
    tools: [
      {
        type: "web_search_20250305",
        name: "web_search",
        max_uses: 3,
        allowed_domains: ["e.org"],
        user_location: { type: "approximate", city: "Bern" },
      },
    ],
  };
  const got = await wire.ask("messages", body, { "anthropic-beta": "a-2025-01-01,b-2025-02-02" });
  assert.deepEqual(wire.sent(), body);
  const { headers } = wire.vendor.requests[0]!;
  assert.equal(headers["anthropic-beta"], "a-2025-01-01,b-2025-02-02");
  assert.equal(got.text, claudeEvents.join(""));
  assert.equal((await wire.yard.recorded(1)).usage.cacheRead, 60);
});

test("OpenAI in, Gemini out: sampling, choice, stops, audio and tools with any name arrive", async (t) => {
  const wire = await openWire(t, { dialect: "gemini-content", model: "gemini-2.5-flash" });
  await wire.send("chat", {
    messages: [
      user([
        { type: "text", text: "hear" },
        { type: "input_audio", input_audio: { data: "UklGRg==", format: "wav" } },
        { type: "file", file: { filename: "a.pdf", file_data: pdf } },
      ]),
    ],
    stop: ["A", "B"],
    top_k: 7,
    n: 2,
    seed: 5,
    presence_penalty: 0.1,
    frequency_penalty: 0.2,
    max_completion_tokens: 99,
    reasoning_effort: "low",
    tools: [tool("googleSearch"), tool("f")],
    tool_choice: tool("f"),
    logprobs: true,
    top_logprobs: 2,
  });
  const sent = wire.sent();
  const config = asObject(sent["generationConfig"]);
  assert.deepEqual(
    {
      ...config,
      thinkingConfig: undefined,
    },
    {
      stopSequences: ["A", "B"],
      topK: 7,
      candidateCount: 2,
      seed: 5,
      presencePenalty: 0.1,
      frequencyPenalty: 0.2,
      maxOutputTokens: 99,
      responseLogprobs: true,
      logprobs: 2,
      thinkingConfig: undefined,
    },
  );
  assert.ok(Number(asObject(config["thinkingConfig"])["thinkingBudget"]) > 0);
  assert.deepEqual(
    objects(objects(sent["tools"])[0]?.["functionDeclarations"]).map(({ name }) => name),
    ["googleSearch", "f"],
  );
  assert.deepEqual(asObject(sent["toolConfig"])["functionCallingConfig"], {
    mode: "ANY",
    allowedFunctionNames: ["f"],
  });
  assert.equal(sent["safetySettings"], undefined, "nobody switches the safety off");
  const types = objects(objects(sent["contents"])[0]?.["parts"]).map(
    (part) => asObject(part["inlineData"])["mimeType"],
  );
  assert.deepEqual(types.slice(1), ["audio/wav", "application/pdf"]);
});

test("Gemini's images are images, its call ids last, its caches and tools' tokens are counted", async (t) => {
  const answer = {
    candidates: [
      {
        content: {
          role: "model",
          parts: [
            { text: "Here:" },
            { inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" } },
            { functionCall: { name: "f", args: {} } },
          ],
        },
        finishReason: "STOP",
      },
    ],
    usageMetadata: {
      promptTokenCount: 100,
      cachedContentTokenCount: 60,
      toolUsePromptTokenCount: 5,
      candidatesTokenCount: 8,
      thoughtsTokenCount: 4,
      totalTokenCount: 117,
    },
    modelVersion: "m",
  };
  const wire = await openWire(t, { dialect: "gemini-content", behaviour: json(answer) });
  const body = await wire.send("chat", { tools: [tool("f")] });
  const message = asObject(objects(body["choices"])[0]?.["message"]);
  assert.equal(message["content"], "Here:");
  assert.match(JSON.stringify(message["images"]), /data:image\/png;base64,iVBORw0KGgo=/);
  const record = await wire.yard.recorded(1);
  const { input, cacheRead, output } = record.usage;
  assert.deepEqual([input, cacheRead, output], [45, 60, 12]);
});

test("Responses in, chat out: reasoning items, choices, text beside calls and verbosity are heard", async (t) => {
  const call = { id: "1", type: "function", function: { name: "f", arguments: "{}" } };
  const answer = {
    id: "c",
    object: "chat.completion",
    model: "m",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: "Let me.", tool_calls: [call] },
        finish_reason: "tool_calls",
      },
    ],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  };
  const wire = await openWire(t, {
    dialect: "openai-chat",
    model: "gpt-5",
    behaviour: json(answer),
  });
  const got = await wire.ask("responses", {
    input: [
      user("q"),
      { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "hm" }] },
      { type: "function_call", call_id: "0", name: "f", arguments: "{}" },
      { type: "function_call_output", call_id: "0", output: "r" },
    ],
    tools: [{ type: "function", name: "f", parameters, strict: false }, { type: "web_search" }],
    tool_choice: { type: "function", name: "f" },
    text: { verbosity: "low", format: { type: "json_object" } },
    reasoning: { effort: "low" },
    truncation: "auto",
  });
  assert.equal(got.status, 200, got.text);
  const sent = wire.sent();
  assert.deepEqual(sent["tool_choice"], { type: "function", function: { name: "f" } });
  assert.equal(sent["verbosity"], "low");
  assert.equal(sent["reasoning_effort"], "low");
  assert.deepEqual(sent["response_format"], { type: "json_object" });
  const dropped = got.headers.get("x-switchyard-dropped") ?? "";
  assert.match(dropped, /tools\[1\]/, "what is left out is told by name");
  assert.match(dropped, /truncation/);
  assert.match(got.text, /Let me\./);
  assert.equal(callsOf("responses", got).length, 1);
});

test("chat in, Responses out: files, details, text beside calls, choices and users are heard; stops are refused by name", async (t) => {
  const wire = await openWire(t, { dialect: "openai-responses", model: "gpt-5.2" });
  const messages = [
    user([
      { type: "text", text: "see" },
      { type: "image_url", image_url: { url: png, detail: "low" } },
      { type: "file", file: { filename: "a.pdf", file_data: pdf } },
    ]),
    {
      role: "assistant",
      content: "Let me.",
      tool_calls: [{ id: "1", type: "function", function: { name: "f", arguments: "{}" } }],
    },
    { role: "tool", tool_call_id: "1", content: "r" },
  ];
  await wire.send("chat", { messages, tools: [tool("f")], tool_choice: tool("f"), user: "u" });
  const sent = wire.sent();
  const input = objects(sent["input"]);
  const parts = objects(input[0]?.["content"]);
  assert.deepEqual(
    parts.map(({ type }) => type),
    ["input_text", "input_image", "input_file"],
  );
  assert.equal(parts[1]?.["detail"], "low");
  assert.deepEqual(
    input.slice(1).map(({ type }) => type),
    ["message", "function_call", "function_call_output"],
  );
  assert.deepEqual(sent["tool_choice"], { type: "function", name: "f" });
  assert.equal(sent["user"], "u");
  const refused = await wire.ask("chat", { stop: ["A"] });
  assert.equal(refused.status, 400);
  assert.match(refused.text, /`stop`/);
  const audio = user([{ type: "input_audio", input_audio: { data: "UklGRg==", format: "wav" } }]);
  assert.match((await wire.ask("chat", { messages: [audio] })).text, /input_audio|messages\[0\]/);
});

test("Responses native: members of every kind arrive as they are", async (t) => {
  const wire = await openWire(t, { dialect: "openai-responses" });
  const body = {
    model: "own-model",
    input: "hi",
    store: false,
    metadata: { a: "b" },
    user: "u",
    prompt: { id: "pmpt_1", variables: {} },
    service_tier: "flex",
    prompt_cache_key: "k",
    stream_options: { include_obfuscation: false },
    tools: [
      { type: "custom", name: "c", format: { type: "grammar", syntax: "lark", definition: "x" } },
      { type: "web_search", filters: { allowed_domains: ["e.org"] } },
    ],
  };
  await wire.ask("responses", body);
  assert.deepEqual(wire.sent(), body);
});

test("Claude's and Google's callers are served by upstreams of every API", async (t) => {
  for (const dialect of [
    "openai-chat",
    "openai-responses",
    "anthropic-messages",
    "gemini-content",
    "bedrock-converse",
    "cohere-v2",
    "ollama-chat",
  ])
    for (const front of ["messages", "gemini", "responses", "chat"] as const) {
      const wire = await openWire(t, { dialect });
      const got = await wire.ask(front, {});
      assert.match(got.text, /"ok"/, `${front} → ${dialect}`);
      assert.equal(asList(got.body["choices"]).length, front === "chat" ? 1 : 0);
    }
});
