/** What callers may write, what each of it is noted as, and what is refused by its path. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { Conversation } from "../../wire/conversation.ts";
import { packCarried } from "../carried.ts";
import { openaiChatFront } from "./front.ts";

const user = { role: "user", content: "hi" };

function read(body: object): Conversation {
  const whole = { model: "m", messages: [user], ...body } as JsonObject;
  return openaiChatFront.decodeRequest(whole, { model: "m", stream: false, headers: {} });
}

/** Features with their fields, as one line each. */
function uses(body: object): string[] {
  return read(body).uses.map(({ feature, field }) => `${feature} ${field}`);
}

function refusal(body: object): string {
  try {
    read(body);
  } catch (thrown) {
    assert.ok(thrown instanceof GatewayError);
    assert.equal(thrown.kind, "invalid_request");
    assert.ok(thrown.message.length > 20, thrown.message);
    return thrown.fields[0]?.field ?? "";
  }
  throw new assert.AssertionError({ message: `accepted: ${JSON.stringify(body)}` });
}

const asked = (content: unknown): object => ({ messages: [{ role: "user", content }] });
const part = (fields: object): object => asked([fields]);
const tool = (fields: object = {}): object => ({
  type: "function",
  function: { name: "f", ...fields },
});

test("what not every dialect has is noted by the caller's own name", () => {
  const cases: readonly [object, readonly string[]][] = [
    [{ n: 1, store: false, presence_penalty: 0, stop: [], logit_bias: {}, tools: [] }, []],
    [{ model: "x", stream: true, max_tokens: 5, metadata: null, store: null }, []],
    [
      { temperature: 0, top_p: 1, top_k: 4 },
      ["temperature temperature", "top-p top_p", "top-k top_k"],
    ],
    [{ seed: 7, frequency_penalty: 1 }, ["seed seed", "penalties frequency_penalty"]],
    [{ stop: "x", n: 2 }, ["stop-sequences stop", "multiple-choices n"]],
    [{ logprobs: true, top_logprobs: 3 }, ["logprobs top_logprobs"]],
    [{ logprobs: true }, ["logprobs logprobs"]],
    [{ logit_bias: { "5": 1 } }, ["logit-bias logit_bias"]],
    [{ prediction: { type: "content", content: "x" } }, ["prediction prediction"]],
    [{ tools: [tool({ strict: true })] }, ["strict-tools tools[0].function.strict"]],
    [
      { tools: [tool()], parallel_tool_calls: false },
      ["no-parallel-tool-calls parallel_tool_calls"],
    ],
    [
      { tools: [{ type: "custom", custom: { name: "c", format: { type: "grammar" } } }] },
      ["custom-tools tools[0].custom", "custom-tool-grammar tools[0].custom.format"],
    ],
    [{ tools: [{ type: "web_search" }] }, ["web-search tools[0]"]],
    [{ tools: [{ type: "mcp" }] }, ["server-tools tools[0]"]],
    [{ tools: [tool(), { type: "mcp" }] }, ["offered-server-tools tools[1]"]],
    [{ web_search_options: {} }, ["web-search web_search_options"]],
    [{ response_format: { type: "json_object" } }, ["response-json response_format"]],
    [
      { response_format: { type: "json_schema", json_schema: { name: "n", schema: {} } } },
      ["response-schema response_format.json_schema"],
    ],
    [{ modalities: ["text", "audio"], audio: { voice: "v" } }, ["audio-output modalities"]],
    [{ verbosity: "low" }, ["verbosity verbosity"]],
    [{ service_tier: "auto" }, []],
    [{ service_tier: "flex", user: "u" }, ["end-user user", "service-tier service_tier"]],
    [{ safety_identifier: "s", store: true }, ["end-user safety_identifier", "store store"]],
    [{ moderation: { model: "x" } }, ["safety-settings moderation"]],
    [
      { prompt_cache_key: "k", metadata: { a: "b" } },
      ["metadata metadata", "cache-key prompt_cache_key"],
    ],
    [{ provider: { only: ["x"] }, transforms: null }, ["unknown-member provider"]],
    [{ stream_options: { include_usage: true, include_obfuscation: false } }, []],
    [
      { stream_options: { include_obfuscation: true } },
      ["unknown-member stream_options.include_obfuscation"],
    ],
  ];
  for (const [body, expected] of cases)
    assert.deepEqual(uses(body), expected, JSON.stringify(body));
});

test("wishes for reasoning in every vendor's words", () => {
  const wish = (effort: string | null, budgetTokens: number | null = null, adaptive = false) => ({
    effort,
    budgetTokens,
    adaptive,
    show: null,
    summary: null,
  });
  const cases: readonly [object, object | null][] = [
    [{}, null],
    [{ reasoning_effort: "xhigh" }, wish("xhigh")],
    [{ reasoning_effort: "default" }, null],
    [{ reasoning: { effort: "low" } }, wish("low")],
    [{ reasoning: { max_tokens: 2000 } }, wish(null, 2000)],
    [{ reasoning: { enabled: true } }, wish(null, null, true)],
    [{ reasoning: { exclude: true } }, { ...wish(null), show: false }],
    [{ thinking: { type: "enabled", budget_tokens: 4096 } }, wish(null, 4096)],
    [{ thinking: { type: "disabled" } }, wish("none")],
    [{ thinking: { type: "enabled" } }, wish(null, null, true)],
    [{ enable_thinking: false }, wish("none")],
    [{ enable_thinking: true, thinking_budget: 100 }, wish(null, 100)],
    [{ chat_template_kwargs: { enable_thinking: false } }, wish("none")],
    [{ thinking_budget: 0 }, wish("none")],
  ];
  for (const [body, expected] of cases)
    assert.deepEqual(read(body).reasoning, expected, JSON.stringify(body));
  assert.deepEqual(uses({ thinking: { type: "enabled", clear_thinking: true } }), [
    "reasoning-effort thinking.type",
    "unknown-member thinking.clear_thinking",
  ]);
});

test("content parts", () => {
  const image = (url: string, detail?: string) => ({
    type: "image_url",
    image_url: { url, ...(detail === undefined ? {} : { detail }) },
  });
  const cases: readonly [object, readonly string[]][] = [
    [image("data:image/png;base64,AAAA"), []],
    [image("https://x/y.png"), ["image-url messages[0].content[0].image_url.url"]],
    [
      image("data:image/png;base64,AAAA", "low"),
      ["image-detail messages[0].content[0].image_url.detail"],
    ],
    [
      { type: "input_audio", input_audio: { data: "AAAA", format: "mp3" } },
      ["audio-input messages[0].content[0].input_audio"],
    ],
    [
      { type: "file", file: { file_data: "data:application/pdf;base64,AAAA", filename: "a.pdf" } },
      ["document-input messages[0].content[0].file.file_data"],
    ],
    [
      { type: "file", file: { file_id: "file-1" } },
      ["file-id messages[0].content[0].file.file_id"],
    ],
    [
      { type: "file", file: { file_data: "https://x/y.pdf" } },
      ["document-url messages[0].content[0].file.file_data"],
    ],
    [
      { type: "video_url", video_url: { url: "https://x/y.mp4" } },
      ["video-input messages[0].content[0].video_url"],
    ],
    [{ type: "hologram", x: 1 }, ["foreign-content messages[0].content[0]"]],
    [
      { type: "text", text: "x", prompt_cache_breakpoint: { mode: "explicit", ttl: "30m" } },
      ["cache-mark messages[0].content[0].prompt_cache_breakpoint"],
    ],
    [
      { type: "text", text: "x", cache_control: { type: "ephemeral" } },
      ["cache-mark messages[0].content[0].cache_control"],
    ],
  ];
  for (const [fields, expected] of cases)
    assert.deepEqual(uses(part(fields)), expected, JSON.stringify(fields));
  const [message] = read(part({ type: "file", file: { file_data: "AAAA" } })).messages;
  assert.deepEqual(message?.parts, [
    {
      kind: "media",
      medium: "document",
      source: { kind: "data", mediaType: "application/pdf", data: "AAAA" },
    },
  ]);
});

test("roles: instructions go first, later ones stay in their place, results join their turn", () => {
  const {
    system,
    messages,
    uses: noted,
  } = read({
    messages: [
      { role: "system", content: "a" },
      { role: "developer", content: [{ type: "text", text: "b" }] },
      user,
      {
        role: "assistant",
        content: null,
        refusal: null,
        annotations: [],
        tool_calls: [
          { id: "1", type: "function", function: { name: "f", arguments: "" } },
          { id: "2", type: "function", function: { name: "g", arguments: '{"a":1}' } },
        ],
      },
      { role: "tool", tool_call_id: "1", content: "one" },
      { role: "tool", tool_call_id: "2", content: [{ type: "text", text: "two" }] },
      { role: "system", content: "c" },
      { role: "user", content: "", name: "n" },
    ],
  });
  assert.deepEqual(
    system.map(({ text }) => text),
    ["a", "b"],
  );
  assert.deepEqual(
    messages.map(({ role, parts }) => [role, parts.length]),
    [
      ["user", 1],
      ["assistant", 2],
      ["tool", 2],
      ["system", 1],
      ["user", 0],
    ],
  );
  assert.deepEqual(
    noted.map(({ feature, field }) => [feature, field]),
    [
      ["system-in-conversation", "messages[6]"],
      ["message-name", "messages[7].name"],
    ],
  );
  const results = messages[2];
  assert.ok(results?.role === "tool");
  assert.deepEqual(
    results.parts.map(({ name, callId }) => [callId, name]),
    [
      ["1", "f"],
      ["2", "g"],
    ],
  );
});

test("legacy functions become tools, and their results find their calls", () => {
  const { tools, toolChoice, messages } = read({
    functions: [{ name: "f", parameters: { type: "object", properties: { a: {} } } }],
    function_call: { name: "f" },
    messages: [
      user,
      { role: "assistant", content: null, function_call: { name: "f", arguments: "{}" } },
      { role: "function", name: "f", content: "7" },
    ],
  });
  assert.deepEqual(tools[0]?.name, "f");
  assert.deepEqual(toolChoice, { kind: "named", name: "f" });
  const [, assistant, result] = messages;
  const call = assistant?.parts[0];
  const answer = result?.parts[0];
  assert.ok(call?.kind === "tool-call" && answer?.kind === "tool-result");
  assert.equal(answer.callId, call.id);
});

test("thoughts come back in each of their shapes", () => {
  const turn = (fields: object) =>
    read({ messages: [user, { role: "assistant", content: "x", ...fields }] }).messages[1]?.parts;
  const text = { kind: "text", text: "x" };
  assert.deepEqual(turn({ reasoning_content: "r" }), [{ kind: "reasoning", text: "r" }, text]);
  assert.deepEqual(turn({ reasoning: "r" }), [{ kind: "reasoning", text: "r" }, text]);
  const carried = { issuer: "anthropic-messages/claude", data: "SIG" };
  const signature = packCarried(carried);
  assert.deepEqual(
    turn({
      reasoning_content: "r",
      reasoning_details: [{ type: "reasoning.text", text: "r", signature, index: 0 }],
    }),
    [{ kind: "reasoning", text: "r", carried }, text],
  );
  assert.deepEqual(
    turn({ reasoning_content: "r", reasoning_details: [{ type: "reasoning.text", signature }] }),
    [{ kind: "reasoning", text: "r", carried }, text],
    "a client that keeps only signatures",
  );
  assert.deepEqual(
    turn({ reasoning_details: [{ type: "reasoning.encrypted", data: signature }] }),
    [{ kind: "reasoning", text: "", carried, redacted: true }, text],
  );
  assert.deepEqual(
    turn({ thinking_blocks: [{ type: "thinking", thinking: "t", signature: "S" }] }),
    [
      {
        kind: "reasoning",
        text: "t",
        carried: { issuer: "openai-chat", data: '{"type":"thinking","signature":"S"}' },
      },
      text,
    ],
  );
  const call = { id: "1", type: "function", function: { name: "f", arguments: "{}" } };
  const signed = { ...call, extra_content: { google: { thought_signature: signature } } };
  assert.deepEqual(turn({ content: null, tool_calls: [signed] }), [
    { kind: "tool-call", id: "1", name: "f", arguments: "{}", carried },
  ]);
  const bare = { ...call, extra_content: { google: { thought_signature: "G" } } };
  const [first] = turn({ content: null, tool_calls: [bare] }) ?? [];
  assert.ok(first?.kind === "tool-call");
  assert.deepEqual(first.carried, { issuer: "gemini-content", data: "G" });
  const mistral = [{ type: "thinking", thinking: [{ type: "text", text: "t" }] }];
  assert.deepEqual(turn({ content: mistral }), [{ kind: "reasoning", text: "t" }]);
});

test("a wrong field is refused by its path", () => {
  const assistant = (fields: object): object => ({
    messages: [user, { role: "assistant", ...fields }],
  });
  const cases: readonly [object, string][] = [
    [{ messages: null }, "messages"],
    [{ messages: [] }, "messages"],
    [{ messages: "x" }, "messages"],
    [{ messages: [user, 1] }, "messages[1]"],
    [{ messages: [{ role: "constructor", content: "x" }] }, "messages[0].role"],
    [{ messages: [{ role: "user" }] }, "messages[0].content"],
    [asked([1]), "messages[0].content[0]"],
    [part({ type: "text", text: 1 }), "messages[0].content[0].text"],
    [part({ type: "image_url" }), "messages[0].content[0].image_url"],
    [part({ type: "image_url", image_url: {} }), "messages[0].content[0].image_url.url"],
    [
      part({ type: "image_url", image_url: { url: "file:///etc/passwd" } }),
      "messages[0].content[0].image_url.url",
    ],
    [
      part({ type: "image_url", image_url: { url: "data:image/png,xyz" } }),
      "messages[0].content[0].image_url.url",
    ],
    [part({ type: "file", file: {} }), "messages[0].content[0].file.file_id"],
    [part({}), "messages[0].content[0].type"],
    [
      { messages: [{ role: "system", content: [{ type: "image_url" }] }] },
      "messages[0].content[0].type",
    ],
    [{ messages: [{ role: "tool", content: "x" }] }, "messages[0].tool_call_id"],
    [assistant({ content: 5 }), "messages[1].content"],
    [assistant({ tool_calls: {} }), "messages[1].tool_calls"],
    [assistant({ tool_calls: [{ function: { name: "f" } }] }), "messages[1].tool_calls[0].id"],
    [
      assistant({ tool_calls: [{ id: "1", function: { name: "f", arguments: {} } }] }),
      "messages[1].tool_calls[0].function.arguments",
    ],
    [assistant({ reasoning_details: [1] }), "messages[1].reasoning_details[0]"],
    [{ temperature: 3 }, "temperature"],
    [{ temperature: "1" }, "temperature"],
    [{ n: 1.5 }, "n"],
    [{ max_tokens: 0 }, "max_tokens"],
    [{ stop: [""] }, "stop"],
    [{ logit_bias: { "1": "x" } }, "logit_bias.1"],
    [{ tools: [{ type: "function", function: {} }] }, "tools[0].function.name"],
    [{ tools: [tool({ parameters: [] })] }, "tools[0].function.parameters"],
    [{ tools: [tool()], tool_choice: "sometimes" }, "tool_choice"],
    [
      { tools: [tool()], tool_choice: { type: "function", function: { name: "g" } } },
      "tool_choice.function.name",
    ],
    [{ response_format: { type: "xml" } }, "response_format.type"],
    [{ response_format: { type: "json_schema" } }, "response_format.json_schema"],
    [{ verbosity: "loud" }, "verbosity"],
    [{ reasoning_effort: "huge" }, "reasoning_effort"],
    [{ reasoning: { effort: 4 } }, "reasoning.effort"],
    [{ thinking: { budget_tokens: "x" } }, "thinking.budget_tokens"],
    [{ modalities: [1] }, "modalities[0]"],
    [{ audio: { voice: 1 } }, "audio.voice"],
    [{ user: 5 }, "user"],
    [{ stream_options: "x" }, "stream_options"],
  ];
  for (const [body, field] of cases) assert.equal(refusal(body), field, JSON.stringify(body));
});

test("a body of very many parts is read like any other", () => {
  const calls = Array.from({ length: 20_000 }, (_, index) => ({
    id: `c${index}`,
    function: { name: `f${index}`, arguments: "{}" },
  }));
  const results = calls.map(({ id }) => ({ role: "tool", tool_call_id: id, content: "x" }));
  // More than a function takes as arguments.
  const texts = Array.from({ length: 200_000 }, () => ({ type: "text", text: "x" }));
  const { system, messages } = read({
    messages: [
      { role: "system", content: texts },
      { role: "assistant", tool_calls: calls },
      ...results,
    ],
  });
  assert.equal(system.length, 200_000);
  assert.deepEqual(
    messages.map(({ parts }) => parts.length),
    [20_000, 20_000],
  );
});
