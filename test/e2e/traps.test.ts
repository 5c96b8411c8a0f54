/** The traps of translation, one test each, from socket to socket: histories and requests (1 to 9, 14 to 16, 20, 21). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { asObject } from "../fakes/scripted/turn.ts";
import { type Fields, type Front, objects, openWire } from "./trap-wire.ts";

const dialects = [
  "openai-chat",
  "openai-responses",
  "anthropic-messages",
  "gemini-content",
  "bedrock-converse",
  "cohere-v2",
  "ollama-chat",
] as const;
type Dialect = (typeof dialects)[number];

const models: Readonly<Record<Dialect, string>> = {
  "openai-chat": "gpt-4.1",
  "openai-responses": "gpt-5.2",
  "anthropic-messages": "claude-sonnet-4-5",
  "gemini-content": "gemini-3-pro-preview",
  "bedrock-converse": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
  "cohere-v2": "command-a-03-2025",
  "ollama-chat": "qwen3:8b",
};

const own: Readonly<Record<Front, Dialect>> = {
  chat: "openai-chat",
  responses: "openai-responses",
  messages: "anthropic-messages",
  gemini: "gemini-content",
};

const parameters = { type: "object", properties: { a: { type: "string" } } };
const chatTool = { type: "function", function: { name: "f", parameters } };
const messagesTool = { name: "f", input_schema: parameters };

const chatCall = (id: string, name = "f", text = "{}"): object => ({
  id,
  type: "function",
  function: { name, arguments: text },
});
const calling = (...ids: readonly string[]): Fields => ({
  role: "assistant",
  content: null,
  tool_calls: ids.map((id) => chatCall(id)),
});
const result = (id: string, content: unknown = "r"): Fields => ({
  role: "tool",
  tool_call_id: id,
  content,
});
const user = (content: unknown): Fields => ({ role: "user", content });

test("trap 1: the first call of each step bears Google's stand-in where nobody signed it; older models get none", async (t) => {
  const messages = [
    user("q"),
    calling("1", "2"),
    result("1"),
    result("2"),
    calling("3"),
    result("3"),
  ];
  for (const model of ["gemini-3-pro-preview", "gemini-2.5-flash"]) {
    const wire = await openWire(t, { dialect: "gemini-content", model });
    await wire.send("chat", { messages, tools: [chatTool] });
    const signed = objects(wire.sent()["contents"])
      .filter(({ role }) => role === "model")
      .map(({ parts }) => objects(parts).map((part) => part["thoughtSignature"] ?? null));
    const stand = model.includes("3-pro") ? "skip_thought_signature_validator" : null;
    assert.deepEqual(signed, [[stand, null], [stand]]);
  }
});

test("trap 1: thinking by budget goes neither with a forced call nor on in a loop whose thoughts were lost", async (t) => {
  const wire = await openWire(t, { dialect: "anthropic-messages", model: "claude-sonnet-4-5" });
  const wish = { reasoning_effort: "high", tools: [chatTool] };
  await wire.send("chat", wish);
  assert.equal(asObject(wire.sent()["thinking"])["type"], "enabled");
  await wire.send("chat", { ...wish, tool_choice: "required" });
  assert.equal(wire.sent()["thinking"], undefined);
  assert.deepEqual(wire.sent()["tool_choice"], { type: "any" });
  await wire.send("chat", { ...wish, messages: [user("q"), calling("1"), result("1")] });
  assert.equal(wire.sent()["thinking"], undefined);
  await wire.send("chat", {
    ...wish,
    messages: [user("q"), { role: "assistant", content: "a" }, user("r")],
  });
  assert.equal(asObject(wire.sent()["thinking"])["type"], "enabled");
});

test("trap 2: every turn of the assistant reaches DeepSeek with its thoughts, if empty", async (t) => {
  const wire = await openWire(t, {
    dialect: "openai-chat",
    provider: "deepseek",
    model: "deepseek-v4",
  });
  const blocks = [
    { type: "thinking", thinking: "so", signature: "" },
    { type: "tool_use", id: "t1", name: "f", input: {} },
  ];
  await wire.send("messages", {
    tools: [messagesTool],
    messages: [
      user("q"),
      { role: "assistant", content: blocks },
      user([{ type: "tool_result", tool_use_id: "t1", content: "r" }]),
      { role: "assistant", content: [{ type: "text", text: "a" }] },
      user("more"),
      { role: "assistant", content: [{ type: "tool_use", id: "t2", name: "f", input: {} }] },
      user([{ type: "tool_result", tool_use_id: "t2", content: "r" }]),
    ],
  });
  const told = (): unknown[] =>
    objects(wire.sent()["messages"])
      .filter(({ role }) => role === "assistant")
      .map((message) => message["reasoning_content"]);
  assert.deepEqual(told(), ["so", "", ""]);
  await wire.send("chat", { messages: [user("q"), calling("1"), result("1")] });
  assert.deepEqual(told(), [""]);
});

/** Roles and kinds of content as strict vendors check them. */
function shapeOf(dialect: Dialect, body: Fields): string[] {
  const turns = objects(body[dialect === "gemini-content" ? "contents" : "messages"]);
  return turns.map((turn) => {
    const blocks = objects(turn["content"] ?? turn["parts"]);
    const kinds = blocks.map((block) =>
      "functionResponse" in block || "toolResult" in block || block["type"] === "tool_result"
        ? "result"
        : "functionCall" in block || "toolUse" in block || block["type"] === "tool_use"
          ? "call"
          : "other",
    );
    return `${String(turn["role"]).replace("model", "assistant")}: ${kinds.join(" ")}`;
  });
}

test("trap 3: roles alternate, a user begins, and results come first and together, for the strict vendors", async (t) => {
  const messages = [
    { role: "assistant", content: "I begin." },
    user("a"),
    user("b"),
    calling("1", "2"),
    user("in between"),
    result("2"),
    { role: "system", content: "Be brief." },
    result("1"),
    user("c"),
    { role: "assistant", content: "d" },
    { role: "assistant", content: "e" },
    user("f"),
  ];
  for (const dialect of ["anthropic-messages", "gemini-content", "bedrock-converse"] as const) {
    const wire = await openWire(t, { dialect, model: models[dialect] });
    await wire.send("chat", { messages, tools: [chatTool] });
    const shape = shapeOf(dialect, wire.sent());
    const roles = shape.map((turn) => turn.split(":")[0]);
    const first = dialect === "bedrock-converse" ? roles.indexOf("user") : 0;
    assert.equal(roles[first], "user", dialect);
    assert.ok(
      roles.every((role, index) => role !== roles[index - 1]),
      shape.join(", "),
    );
    assert.ok(
      shape.some((turn) => /^user: result result( other)+$/.test(turn)),
      shape.join(", "),
    );
    assert.ok(JSON.stringify(wire.sent()).includes("in between"));
  }
});

test("trap 4: calls without results and results without calls are mended for every vendor", async (t) => {
  const histories: Readonly<Record<Front, Fields>> = {
    chat: {
      tools: [chatTool],
      messages: [user("q"), calling("1", "2"), result("1"), user("stop"), result("9"), user("x")],
    },
    responses: {
      tools: [{ type: "function", name: "f", parameters }],
      input: [
        user("q"),
        { type: "function_call", call_id: "1", name: "f", arguments: "{}" },
        { type: "function_call", call_id: "2", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "1", output: "r" },
        user("stop"),
        { type: "function_call_output", call_id: "9", output: "r" },
        user("x"),
      ],
    },
    messages: {
      tools: [messagesTool],
      messages: [
        user("q"),
        {
          role: "assistant",
          content: ["1", "2"].map((id) => ({ type: "tool_use", id, name: "f", input: {} })),
        },
        user([{ type: "tool_result", tool_use_id: "1", content: "r" }]),
        user([
          { type: "text", text: "stop" },
          { type: "tool_result", tool_use_id: "9", content: "r" },
        ]),
        user("x"),
      ],
    },
    gemini: {
      tools: [{ functionDeclarations: [{ name: "f", parametersJsonSchema: parameters }] }],
      contents: [
        { role: "user", parts: [{ text: "q" }] },
        {
          role: "model",
          parts: ["1", "2"].map((id) => ({ functionCall: { id, name: "f", args: {} } })),
        },
        { role: "user", parts: [{ functionResponse: { id: "1", name: "f", response: {} } }] },
        { role: "user", parts: [{ text: "stop" }] },
        { role: "user", parts: [{ functionResponse: { id: "9", name: "f", response: {} } }] },
        { role: "user", parts: [{ text: "x" }] },
      ],
    },
  };
  for (const [front, body] of Object.entries(histories) as [Front, Fields][])
    for (const dialect of dialects.filter((one) => one !== own[front])) {
      const wire = await openWire(t, { dialect, model: models[dialect] });
      await wire.send(front, body);
      const { calls, results } = pairsIn(dialect, wire.sent());
      assert.equal(calls.length, 2, `${front} → ${dialect}`);
      assert.deepEqual(results, calls, `${front} → ${dialect}: ${JSON.stringify(wire.sent())}`);
    }
});

/** Ids of calls and of results (names, where there are no ids), in their order. */
function pairsIn(dialect: Dialect, body: Fields): { calls: unknown[]; results: unknown[] } {
  const messages = objects(body["messages"]);
  const blocks = messages.flatMap(({ content }) => objects(content));
  if (dialect === "anthropic-messages")
    return {
      calls: blocks.filter(({ type }) => type === "tool_use").map(({ id }) => id),
      results: blocks.filter(({ type }) => type === "tool_result").map((one) => one["tool_use_id"]),
    };
  if (dialect === "bedrock-converse") {
    const ids = (kind: string): unknown[] =>
      blocks.filter((one) => kind in one).map((one) => asObject(one[kind])["toolUseId"]);
    return { calls: ids("toolUse"), results: ids("toolResult") };
  }
  if (dialect === "gemini-content") {
    const parts = objects(body["contents"]).flatMap((one) => objects(one["parts"]));
    const ids = (kind: string): unknown[] =>
      parts.filter((one) => kind in one).map((one) => asObject(one[kind])["id"]);
    return { calls: ids("functionCall"), results: ids("functionResponse") };
  }
  if (dialect === "openai-responses") {
    const ids = (kind: string): unknown[] =>
      objects(body["input"])
        .filter(({ type }) => type === kind)
        .map((one) => one["call_id"]);
    return { calls: ids("function_call"), results: ids("function_call_output") };
  }
  const named = dialect === "ollama-chat";
  return {
    calls: messages
      .flatMap((message) => objects(message["tool_calls"]))
      .map((one) => (named ? asObject(one["function"])["name"] : one["id"])),
    results: messages
      .filter(({ role }) => role === "tool")
      .map((one) => one[named ? "tool_name" : "tool_call_id"]),
  };
}

test("trap 4: a history with calls but without tools is one that every vendor takes", async (t) => {
  const messages = [user("q"), calling("1"), result("1"), user("x")];
  const bedrock = await openWire(t, {
    dialect: "bedrock-converse",
    model: models["bedrock-converse"],
  });
  await bedrock.send("chat", { messages });
  assert.ok(objects(asObject(bedrock.sent()["toolConfig"])["tools"]).length > 0);
  const anthropic = await openWire(t, {
    dialect: "anthropic-messages",
    model: "claude-sonnet-4-5",
  });
  await anthropic.send("chat", { messages });
  assert.ok(objects(anthropic.sent()["tools"]).length > 0, JSON.stringify(anthropic.sent()));
});

test("trap 5: tool ids fit every vendor, calls and results alike, and stay apart where clients repeat them", async (t) => {
  const odd = ["call:1/ü", "x".repeat(120), "toolu_01", "dup", "dup"];
  const messages = [
    user("q"),
    ...odd.flatMap((id) => [calling(id), result(id, `of ${id}`)]),
    user("x"),
  ];
  const patterns: Readonly<Partial<Record<Dialect, RegExp>>> = {
    "openai-responses": /^.{1,64}$/u,
    "anthropic-messages": /^[a-zA-Z0-9_-]+$/,
    "bedrock-converse": /^[a-zA-Z0-9_-]{1,64}$/,
  };
  for (const dialect of dialects.slice(1)) {
    const wire = await openWire(t, { dialect, model: models[dialect] });
    await wire.send("chat", { messages, tools: [chatTool] });
    const { calls, results } = pairsIn(dialect, wire.sent());
    assert.equal(calls.length, odd.length);
    assert.deepEqual(results, calls, dialect);
    const pattern = patterns[dialect];
    if (pattern !== undefined) for (const id of calls) assert.match(String(id), pattern, dialect);
    if (dialect === "anthropic-messages") assert.equal(new Set(calls).size, calls.length);
  }
  const mistral = await openWire(t, {
    dialect: "openai-chat",
    provider: "mistral",
    model: "mistral-large",
  });
  const openai = await openWire(t, { dialect: "openai-chat", model: "gpt-4.1" });
  const blocks = [
    {
      role: "assistant",
      content: [{ type: "tool_use", id: "x".repeat(60), name: "f", input: {} }],
    },
    user([{ type: "tool_result", tool_use_id: "x".repeat(60), content: "r" }]),
  ];
  for (const [wire, pattern] of [
    [mistral, /^[a-zA-Z0-9]{9}$/],
    [openai, /^.{1,40}$/],
  ] as const) {
    await wire.send("messages", { tools: [messagesTool], messages: [user("q"), ...blocks] });
    const { calls, results } = pairsIn("openai-chat", wire.sent());
    assert.match(String(calls[0]), pattern);
    assert.deepEqual(results, calls);
  }
});

test("trap 7: empty contents of every kind leave no blank blocks, parts or messages behind", async (t) => {
  const messages = [
    { role: "system", content: "" },
    user(""),
    user([
      { type: "text", text: "  " },
      { type: "text", text: "q" },
    ]),
    { role: "assistant", content: "", tool_calls: [chatCall("1")] },
    result("1", ""),
    { role: "assistant", content: null, refusal: null, tool_calls: [chatCall("2")] },
    result("2", []),
    { role: "assistant", content: [] },
    user("x"),
    { role: "assistant", content: " " },
    user("y "),
  ];
  for (const dialect of dialects.slice(1)) {
    const wire = await openWire(t, { dialect, model: models[dialect] });
    await wire.send("chat", { messages, tools: [chatTool] });
    const strict = ["anthropic-messages", "bedrock-converse", "gemini-content"].includes(dialect);
    if (!strict) continue;
    const text = JSON.stringify(wire.sent());
    // Google takes white space.
    const blank = dialect === "gemini-content" ? /"text":""/ : /"text":"\s*"/;
    assert.doesNotMatch(text, blank, `${dialect}: ${text}`);
    assert.doesNotMatch(text, /"(content|parts)":\[\]/, dialect);
  }
});

test("trap 8: an answer that the caller has begun goes on where a model can, and is answered where it cannot", async (t) => {
  const messages = [user("q"), { role: "assistant", content: "I say: " }];
  const roles = (body: Fields): unknown[] => objects(body["messages"]).map(({ role }) => role);
  const old = await openWire(t, { dialect: "anthropic-messages", model: "claude-sonnet-4-5" });
  await old.send("chat", { messages });
  const last = objects(objects(old.sent()["messages"]).at(-1)?.["content"]).at(-1);
  assert.equal(last?.["text"], "I say:");
  const fresh = await openWire(t, { dialect: "anthropic-messages", model: "claude-opus-4-8" });
  await fresh.send("chat", { messages });
  assert.equal(roles(fresh.sent()).at(-1), "user");
  const begun = { messages: [user("q"), { role: "assistant", content: "I say:" }] };
  for (const [provider, model, member] of [
    ["mistral", "mistral-large", "prefix"],
    ["moonshot", "kimi-k2", "partial"],
    ["deepseek", "deepseek-v4", null],
  ] as const) {
    const wire = await openWire(t, { dialect: "openai-chat", provider, model });
    await wire.send("messages", begun);
    const { role, ...rest } = objects(wire.sent()["messages"]).at(-1) ?? {};
    assert.equal(role, "assistant", provider);
    if (member !== null) assert.equal(rest[member], true, `${provider}: ${JSON.stringify(rest)}`);
  }
});

test("trap 9: Anthropic's max_tokens is the model's own where the caller names none, and above the budget", async (t) => {
  for (const [model, most] of [
    ["claude-3-5-sonnet-20241022", 8192],
    ["claude-opus-4-1", 32_000],
    ["claude-sonnet-4-5", 64_000],
  ] as const) {
    const wire = await openWire(t, { dialect: "anthropic-messages", model });
    await wire.send("chat", {});
    assert.equal(wire.sent()["max_tokens"], most);
    await wire.send("chat", { max_tokens: 300, reasoning_effort: "high" });
    const { max_tokens: limit, thinking } = wire.sent();
    const budget = Number(asObject(thinking)["budget_tokens"] ?? 0);
    assert.ok(Number(limit) > budget && Number(limit) >= 300, JSON.stringify(wire.sent()));
  }
});

test("trap 14: schemas are told in the subset that each vendor takes", async (t) => {
  const schema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    $defs: { n: { type: ["string", "null"], const: "x" } },
    properties: { a: { $ref: "#/$defs/n" }, b: { oneOf: [{ type: "integer" }, { type: "null" }] } },
    required: ["a"],
    additionalProperties: false,
  };
  const tools = [
    { type: "function", function: { name: "f", parameters: schema } },
    { type: "function", function: { name: "g" } },
    { type: "function", function: { name: "h", parameters: {} } },
  ];
  const gemini = await openWire(t, { dialect: "gemini-content", model: "gemini-2.5-flash" });
  await gemini.send("chat", { tools });
  const declared = objects(objects(gemini.sent()["tools"])[0]?.["functionDeclarations"]);
  const text = JSON.stringify(declared[0]);
  for (const word of ["$schema", '"const"']) assert.ok(!text.includes(word), text);
  for (const bare of declared.slice(1)) {
    assert.equal(bare["parameters"], undefined);
    assert.equal(bare["parametersJsonSchema"], undefined, JSON.stringify(bare));
  }
  const anthropic = await openWire(t, {
    dialect: "anthropic-messages",
    model: "claude-sonnet-4-5",
  });
  await anthropic.send("chat", { tools });
  for (const tool of objects(anthropic.sent()["tools"]))
    assert.equal(asObject(tool["input_schema"])["type"], "object");
  const old = { type: "OBJECT", properties: { a: { type: "STRING", nullable: true } } };
  const chat = await openWire(t, { dialect: "openai-chat" });
  await chat.send("gemini", {
    tools: [{ functionDeclarations: [{ name: "f", parameters: old }] }],
  });
  const sent = asObject(asObject(objects(chat.sent()["tools"])[0]?.["function"])["parameters"]);
  assert.equal(sent["type"], "object");
  assert.deepEqual(asObject(asObject(sent["properties"])["a"])["type"], ["string", "null"]);
});

test("trap 15: marks of caching keep their places, the longer before the shorter, four at most", async (t) => {
  const mark = { cache_control: { type: "ephemeral" } };
  const hour = { cache_control: { type: "ephemeral", ttl: "1h" } };
  const part = (text: string, more: object): object => ({ type: "text", text, ...more });
  const body = {
    tools: [{ ...chatTool, ...hour }],
    messages: [
      { role: "system", content: [part("s", hour)] },
      ...["a", "b", "c", "d"].flatMap((text) => [
        user([part(text, mark)]),
        { role: "assistant", content: `re ${text}` },
      ]),
      user("last"),
    ],
  };
  for (const dialect of ["anthropic-messages", "bedrock-converse"] as const) {
    const wire = await openWire(t, { dialect, model: models[dialect] });
    await wire.send("chat", body);
    const text = JSON.stringify(wire.sent());
    const marks = text.match(/cache_control|cachePoint/g) ?? [];
    assert.equal(marks.length, 4, text);
    assert.match(text, /"d"[^}]*[}{,]*"?(cache_control|cachePoint)/);
  }
});

test("trap 16: several answers from an API that gives one are refused by name, never quietly one", async (t) => {
  for (const dialect of dialects.slice(1)) {
    const wire = await openWire(t, { dialect, model: models[dialect] });
    const got = await wire.ask("chat", { n: 3 });
    if (dialect === "gemini-content") {
      assert.equal(asObject(wire.sent()["generationConfig"])["candidateCount"], 3);
      continue;
    }
    assert.equal(got.status, 400, dialect);
    assert.match(got.text, /`n`/);
  }
});

test("trap 20: reasoning models of OpenAI are sent what they take", async (t) => {
  const wire = await openWire(t, { dialect: "openai-chat", model: "o3" });
  const got = await wire.ask("messages", {
    system: "Be kind.",
    temperature: 0.3,
    top_p: 0.5,
    messages: [user("q")],
  });
  assert.equal(got.status, 200, got.text);
  const { messages, ...rest } = wire.sent();
  assert.equal(objects(messages)[0]?.["role"], "developer");
  assert.equal(rest["max_completion_tokens"], 5000);
  for (const name of ["temperature", "top_p", "max_tokens"]) assert.equal(rest[name], undefined);
  assert.match(got.headers.get("x-switchyard-dropped") ?? "", /temperature/);
  const plain = await openWire(t, { dialect: "openai-chat", model: "gpt-4.1" });
  await plain.send("messages", { system: "Be kind.", temperature: 0.3, messages: [user("q")] });
  assert.equal(plain.sent()["temperature"], 0.3);
  assert.equal(objects(plain.sent()["messages"])[0]?.["role"], "system");
});

test("trap 21: what Codex and Claude Code send reaches an upstream of any API", async (t) => {
  const codex = {
    instructions: "You are Codex.",
    input: [{ type: "message", role: "user", content: [{ type: "input_text", text: "hi" }] }],
    tools: [
      { type: "function", name: "shell", strict: false, parameters },
      {
        type: "namespace",
        name: "mcp__x__",
        description: "tools of x",
        tools: [{ type: "function", name: "look", strict: false, parameters }],
      },
      { type: "web_search" },
    ],
    tool_choice: "auto",
    parallel_tool_calls: true,
    reasoning: { effort: "medium", summary: "auto" },
    store: false,
    stream: true,
    include: ["reasoning.encrypted_content"],
    prompt_cache_key: "k",
    text: { verbosity: "low" },
    client_metadata: { x: "y" },
  };
  const claudeCode = {
    max_tokens: 32_000,
    thinking: { type: "adaptive" },
    output_config: { effort: "high" },
    context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] },
    metadata: { user_id: "u" },
    system: [{ type: "text", text: "You are Claude Code.", cache_control: { type: "ephemeral" } }],
    messages: [
      user([{ type: "text", text: "hi", cache_control: { type: "ephemeral" } }]),
      { role: "system", content: "A reminder." },
    ],
    tools: [{ ...messagesTool, eager_input_streaming: true }],
    stream: false,
  };
  for (const dialect of dialects) {
    const wire = await openWire(t, { dialect, model: models[dialect] });
    const beta = { "anthropic-beta": "claude-code-20250219,mid-conversation-system-2026-04-07" };
    if (dialect !== "anthropic-messages") {
      await wire.send("messages", claudeCode, beta);
      assert.ok(JSON.stringify(wire.sent()).includes("A reminder."), dialect);
      assert.equal(wire.vendor.requests.at(-1)!.headers["anthropic-beta"], undefined);
    }
    if (dialect !== "openai-responses") {
      const got = await wire.ask("responses", { ...codex, stream: false });
      assert.equal(got.status, 200, `${dialect}: ${got.text}`);
      const text = JSON.stringify(wire.sent());
      assert.ok(text.includes("shell") && text.includes("look"), text);
      assert.match(got.headers.get("x-switchyard-dropped") ?? "", /tools\[2\]/);
    }
  }
});

test("trap 21: a wish to think is left out for models that do not", async (t) => {
  for (const [dialect, model] of [
    ["anthropic-messages", "claude-3-5-haiku-20241022"],
    ["gemini-content", "gemini-2.0-flash"],
    ["bedrock-converse", "anthropic.claude-3-5-haiku-20241022-v1:0"],
    ["cohere-v2", "command-r-08-2024"],
    ["openai-chat", "gpt-4.1"],
  ] as const) {
    const wire = await openWire(t, { dialect, model });
    const isClaude = dialect === "anthropic-messages";
    const adaptive = { thinking: { type: "adaptive" }, output_config: { effort: "high" } };
    await wire.send(
      isClaude ? "chat" : "messages",
      isClaude ? { reasoning_effort: "high" } : adaptive,
    );
    assert.doesNotMatch(JSON.stringify(wire.sent()), /thinking|reasoning|effort/i, dialect);
  }
});
