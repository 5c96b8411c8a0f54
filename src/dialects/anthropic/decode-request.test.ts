/** Holds the reading of requests: every member is read, refused by its path, or named. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../core/errors.ts";
import type { Json, JsonObject } from "../../core/json-value.ts";
import type { Conversation } from "../../wire/conversation.ts";
import { packCarried, packForCall } from "../carried.ts";
import { judge } from "../fidelity.ts";
import { decodeRequest } from "./decode-request.ts";
import { renderError } from "./errors.ts";

const context = { model: "m", stream: false, headers: {} };
const hi = [{ role: "user", content: "hi" }];

function decode(body: JsonObject): Conversation {
  return decodeRequest({ model: "m", max_tokens: 9, messages: hi, ...body }, context);
}

/** Fields noted, by the features they use. */
function noted(body: JsonObject): Record<string, string[]> {
  const fields: Record<string, string[]> = {};
  for (const { feature, field } of decode(body).uses) (fields[feature] ??= []).push(field);
  return fields;
}

function blocks(role: string, ...content: Json[]): JsonObject {
  return { messages: [{ role, content }] };
}

test("reads a plain request", () => {
  const conversation = decode({ system: "be brief", stop_sequences: ["x"], temperature: 0.5 });
  assert.deepEqual(conversation.system, [{ kind: "text", text: "be brief" }]);
  assert.deepEqual(conversation.messages, [
    { role: "user", parts: [{ kind: "text", text: "hi" }] },
  ]);
  assert.deepEqual(conversation.sampling, { temperature: 0.5, stop: ["x"] });
  assert.equal(conversation.maxOutputTokens, 9);
  assert.deepEqual(conversation.toolChoice, null);
});

test("splits results of tools from what else a user says, and knows their tools' names", () => {
  const { messages } = decode({
    messages: [
      {
        role: "assistant",
        content: [{ type: "tool_use", id: "t1", name: "look", input: { a: 1 } }],
      },
      {
        role: "user",
        content: [
          { type: "text", text: "so" },
          {
            type: "tool_result",
            tool_use_id: "t1",
            is_error: true,
            content: [
              { type: "text", text: "no" },
              { type: "image", source: { type: "base64", media_type: "image/png", data: "AA" } },
            ],
          },
          { type: "tool_result", tool_use_id: "t0" },
        ],
      },
    ],
  });
  assert.deepEqual(messages, [
    {
      role: "assistant",
      parts: [{ kind: "tool-call", id: "t1", name: "look", arguments: '{"a":1}' }],
    },
    {
      role: "tool",
      parts: [
        {
          kind: "tool-result",
          callId: "t1",
          name: "look",
          content: [
            { kind: "text", text: "no" },
            {
              kind: "media",
              medium: "image",
              source: { kind: "data", mediaType: "image/png", data: "AA" },
            },
          ],
          isError: true,
        },
        { kind: "tool-result", callId: "t0", name: null, content: [], isError: false },
      ],
    },
    { role: "user", parts: [{ kind: "text", text: "so" }] },
  ]);
});

test("reads images and documents of every source", () => {
  const part = (block: JsonObject): unknown => {
    const [message] = decode(blocks("user", block)).messages;
    assert.equal(message?.parts.length, 1);
    return message.parts[0];
  };
  const image = (source: JsonObject): JsonObject => ({ type: "image", source });
  assert.deepEqual(part(image({ type: "url", url: "https://x/y.png" })), {
    kind: "media",
    medium: "image",
    source: { kind: "url", url: "https://x/y.png", mediaType: null },
  });
  assert.deepEqual(part(image({ type: "url", url: "data:image/png;base64,AA" })), {
    kind: "media",
    medium: "image",
    source: { kind: "data", mediaType: "image/png", data: "AA" },
  });
  assert.deepEqual(part(image({ type: "file", file_id: "f1" })), {
    kind: "media",
    medium: "image",
    source: { kind: "file", fileId: "f1", mediaType: null },
  });
  const document = (source: JsonObject, about: JsonObject = {}): JsonObject => ({
    type: "document",
    source,
    ...about,
  });
  const about = { title: "T", context: "C", citations: { enabled: true } };
  assert.deepEqual(part(document({ type: "text", media_type: "text/plain", data: "abc" }, about)), {
    kind: "media",
    medium: "document",
    source: { kind: "text", text: "abc" },
    title: "T",
    context: "C",
    citationsAsked: true,
  });
  assert.deepEqual(
    part(
      document({
        type: "content",
        content: [
          { type: "text", text: "a" },
          { type: "text", text: "b" },
        ],
      }),
    ),
    { kind: "media", medium: "document", source: { kind: "text", text: "a\n\nb" } },
  );
  const found = {
    type: "search_result",
    title: "T",
    source: "https://x",
    content: [{ type: "text", text: "a" }],
  };
  assert.deepEqual(part(found), { kind: "text", text: "T\nhttps://x\na" });
});

test("keeps thoughts with who signed them, and gives calls back what travelled beside them", () => {
  const foreign = { issuer: "openai-responses/o", data: "enc" };
  const ofCall = { issuer: "gemini-content/g", data: "sig" };
  const { messages } = decode(
    blocks(
      "assistant",
      { type: "thinking", thinking: "a", signature: "EqQB" },
      { type: "thinking", thinking: "b", signature: "" },
      { type: "thinking", thinking: "", signature: packCarried(foreign) },
      { type: "redacted_thinking", data: "xyz" },
      { type: "thinking", thinking: "", signature: packForCall(ofCall, "t1") },
      { type: "tool_use", id: "t1", name: "look", input: {} },
    ),
  );
  assert.deepEqual(messages[0]?.parts, [
    { kind: "reasoning", text: "a", carried: { issuer: "anthropic-messages", data: "EqQB" } },
    { kind: "reasoning", text: "b" },
    { kind: "reasoning", text: "", carried: foreign },
    {
      kind: "reasoning",
      text: "",
      redacted: true,
      carried: { issuer: "anthropic-messages", data: "xyz" },
    },
    { kind: "tool-call", id: "t1", name: "look", arguments: "{}", carried: ofCall },
  ]);
});

test("reads wishes for thinking in each of their forms", () => {
  const wish = { effort: null, budgetTokens: null, adaptive: false, show: null, summary: null };
  const cases: [JsonObject, object | null][] = [
    [{}, null],
    [
      { thinking: { type: "enabled", budget_tokens: 2000 } },
      { ...wish, budgetTokens: 2000, show: true },
    ],
    [{ thinking: { type: "adaptive" } }, { ...wish, adaptive: true, show: true }],
    [
      { thinking: { type: "adaptive", display: "omitted" } },
      { ...wish, adaptive: true, show: false },
    ],
    [
      { thinking: { type: "disabled" }, output_config: { effort: "max" } },
      { ...wish, effort: "none" },
    ],
    [
      { thinking: { type: "between_tools" } },
      { ...wish, effort: "minimal", adaptive: true, show: true },
    ],
    [{ output_config: { effort: "xhigh" } }, { ...wish, effort: "xhigh" }],
  ];
  for (const [body, expected] of cases) assert.deepEqual(decode(body).reasoning, expected);
});

test("reads choices among tools", () => {
  const tools = [{ name: "look", input_schema: { type: "object" } }];
  const choose = (choice: JsonObject): unknown => {
    const { toolChoice, parallelToolCalls } = decode({ tools, tool_choice: choice });
    return [toolChoice, parallelToolCalls];
  };
  assert.deepEqual(choose({ type: "auto" }), [{ kind: "auto" }, null]);
  assert.deepEqual(choose({ type: "any", disable_parallel_tool_use: true }), [
    { kind: "required" },
    false,
  ]);
  assert.deepEqual(choose({ type: "tool", name: "look" }), [{ kind: "named", name: "look" }, null]);
  assert.deepEqual(choose({ type: "none" }), [{ kind: "none" }, null]);
});

test("puts a mark on the whole request on its last block", () => {
  const { messages, uses } = decode({ cache_control: { type: "ephemeral", ttl: "1h" } });
  assert.deepEqual(messages[0]?.parts, [{ kind: "text", text: "hi", cache: { ttl: "1h" } }]);
  assert.deepEqual(uses, [{ feature: "cache-mark", field: "cache_control" }]);
});

test("names everything that other dialects may lack, by its path", () => {
  assert.deepEqual(
    noted({
      messages: [
        { role: "user", content: [{ type: "image", source: { type: "url", url: "https://x" } }] },
        { role: "system", content: "now" },
        {
          role: "assistant",
          content: [{ type: "server_tool_use", id: "s", name: "web_search", input: {} }],
        },
      ],
      tools: [
        { type: "web_search_20250305", name: "web_search" },
        { type: "bash_20250124", name: "bash" },
        {
          name: "a",
          input_schema: {},
          strict: true,
          defer_loading: true,
          eager_input_streaming: true,
        },
        { name: "b", input_schema: {}, cache_control: { type: "ephemeral" }, defer_loading: false },
      ],
      mcp_servers: [{ type: "url" }],
      container: "c",
      context_management: { edits: [] },
      metadata: { user_id: "u", more: 1 },
      service_tier: "auto",
      top_k: 3,
      speed: "fast",
      diagnostics: null,
      output_config: { format: { type: "json_schema", schema: {} }, task_budget: {} },
    }),
    {
      "image-url": ["messages[0].content[0].source.url"],
      "system-in-conversation": ["messages[1]"],
      "foreign-content": ["messages[2].content[0]"],
      "web-search": ["tools[0]"],
      "server-tools": ["tools[1]", "mcp_servers"],
      "unknown-member": [
        "tools[2].defer_loading",
        "output_config.task_budget",
        "metadata.more",
        "speed",
      ],
      "strict-tools": ["tools[2].strict"],
      "cache-mark": ["tools[3].cache_control"],
      "top-k": ["top_k"],
      "response-schema": ["output_config.format"],
      "service-tier": ["service_tier"],
      "end-user": ["metadata.user_id"],
      container: ["container"],
      "context-management": ["context_management"],
    },
  );
});

test("what a coding agent sends can go to every other dialect, with what is left out named", () => {
  const agent = decode({
    system: [
      { type: "text", text: "x-anthropic-billing-header: cc_version=2.1.197; cch=abcde;" },
      { type: "text", text: "You code.", cache_control: { type: "ephemeral", ttl: "1h" } },
    ],
    messages: [
      {
        role: "user",
        content: [{ type: "text", text: "go", cache_control: { type: "ephemeral" } }],
      },
      { role: "system", content: "Today is Monday." },
    ],
    tools: Array.from({ length: 24 }, (_, index) => ({
      name: `tool${index}`,
      description: "d",
      input_schema: { type: "object", properties: {} },
      eager_input_streaming: true,
    })),
    thinking: { type: "adaptive" },
    output_config: { effort: "medium" },
    context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] },
    metadata: { user_id: "u" },
    max_tokens: 32_000,
  });
  assert.equal(agent.tools.length, 24);
  assert.deepEqual(agent.system, [{ kind: "text", text: "You code.", cache: { ttl: "1h" } }]);
  const targets = [
    "openai-chat",
    "openai-responses",
    "gemini-content",
    "bedrock-converse",
    "cohere-v2",
    "ollama-chat",
  ] as const;
  for (const target of targets) {
    const dropped = judge(agent.uses, target);
    assert.ok(dropped.includes("context_management"), target);
    assert.ok(dropped.includes("system[0]"), target);
  }
});

test("refuses what is malformed, with the path and the mend", () => {
  const source = { type: "base64", media_type: "image/png" };
  const cases: [JsonObject, string][] = [
    [{ messages: "hi" }, "messages"],
    [{ messages: [] }, "messages"],
    [{ messages: [null] }, "messages[0]"],
    [{ messages: [{ role: "tool", content: "x" }] }, "messages[0].role"],
    [{ messages: [{ role: "user", content: 7 }] }, "messages[0].content"],
    [blocks("user", "x"), "messages[0].content[0]"],
    [blocks("user", {}), "messages[0].content[0].type"],
    [blocks("user", { type: "text", text: 7 }), "messages[0].content[0].text"],
    [blocks("user", { type: "image", source }), "messages[0].content[0].source.data"],
    [
      blocks("user", { type: "image", source: { type: "x" } }),
      "messages[0].content[0].source.type",
    ],
    [blocks("user", { type: "document" }), "messages[0].content[0].source"],
    [blocks("user", { type: "tool_result" }), "messages[0].content[0].tool_use_id"],
    [blocks("assistant", { type: "tool_use", id: "", name: "x" }), "messages[0].content[0].id"],
    [
      blocks("assistant", { type: "tool_use", id: "a", name: "x", input: "{}" }),
      "messages[0].content[0].input",
    ],
    [blocks("assistant", { type: "thinking", thinking: null }), "messages[0].content[0].thinking"],
    [
      blocks("user", { type: "text", text: "a", cache_control: "x" }),
      "messages[0].content[0].cache_control",
    ],
    [{ system: 7 }, "system"],
    [{ system: ["x"] }, "system[0]"],
    [{ tools: {} }, "tools"],
    [{ tools: [{ name: "a" }] }, "tools[0].input_schema"],
    [{ tools: [{ input_schema: {} }] }, "tools[0].name"],
    [{ tool_choice: { type: "maybe" } }, "tool_choice.type"],
    [{ tool_choice: { type: "tool", name: "a" } }, "tool_choice.name"],
    [{ thinking: { type: "sometimes" } }, "thinking.type"],
    [{ thinking: { type: "enabled", budget_tokens: 1.5 } }, "thinking.budget_tokens"],
    [{ output_config: { effort: "huge" } }, "output_config.effort"],
    [{ output_config: { format: { type: "x" } } }, "output_config.format.type"],
    [{ max_tokens: 0 }, "max_tokens"],
    [{ max_tokens: "9" }, "max_tokens"],
    [{ temperature: 1.5 }, "temperature"],
    [{ stop_sequences: [7] }, "stop_sequences[0]"],
    [{ metadata: { user_id: 7 } }, "metadata.user_id"],
  ];
  for (const [body, field] of cases)
    assert.throws(
      () => decode(body),
      (thrown) => {
        assert.ok(thrown instanceof GatewayError, String(thrown));
        assert.equal(thrown.kind, "invalid_request");
        assert.equal(thrown.fields[0]?.field, field);
        return thrown.message.includes(`\`${field}\``) && thrown.message.includes("must");
      },
      field,
    );
});

test("a conversation that the vendor keeps may be begun without, but not gone on with", () => {
  assert.deepEqual(noted({ thread: { type: "create" } }), { store: ["thread"] });
  assert.deepEqual(noted({ thread: null }), {});
  const goesOn = { thread: { type: "continue", previous_message_id: "msg_1" } };
  assert.throws(
    () => judge(decode(goesOn).uses, "openai-chat"),
    (error) => {
      assert.ok(error instanceof GatewayError);
      const { status, body } = renderError(error, { locale: "en", requestId: "" });
      assert.equal(status, 400);
      const told = JSON.parse(body.toString()) as { error: { details: unknown } };
      // The one word at which Anthropic's clients send the whole conversation again.
      assert.deepEqual(told.error.details, { error_code: "thread_not_found" });
      return true;
    },
  );
});
