/** What callers may send, and what a wrong body is told: the field, and how to mend it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fastCheck from "fast-check";
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { Conversation } from "../../wire/conversation.ts";
import { packForPrevious, packThought } from "./carried-slot.ts";
import { decodeRequest } from "./decode-request.ts";

function decode(body: JsonObject): Conversation {
  return decodeRequest(body, { model: "asked", stream: false, headers: {} });
}

function features(body: JsonObject): string[] {
  return decode({ input: "Hello", ...body }).uses.map(
    ({ feature, field }) => `${feature} ${field}`,
  );
}

test("an agent's turn: instructions, calls of one turn, results, thoughts that belong to others", () => {
  const carried = { issuer: "gemini-content/g", data: "sig" };
  const thought = packThought({ issuer: "anthropic-messages/c", data: "red" }, true);
  const { system, messages } = decode({
    instructions: "First.",
    input: [
      { type: "message", role: "developer", content: [{ type: "input_text", text: "Second." }] },
      { role: "user", content: "Do it" },
      {
        type: "reasoning",
        id: "rs_1",
        summary: [{ type: "summary_text", text: "Hm" }],
        encrypted_content: "gAAA",
      },
      { type: "reasoning", id: "rs_2", summary: [], content: null, encrypted_content: thought },
      { role: "assistant", content: [{ type: "output_text", text: "Yes", annotations: [] }] },
      { type: "function_call", call_id: "c1", name: "read", namespace: "files", arguments: "" },
      { type: "function_call", call_id: "c2", name: "look", arguments: '{"a":1}' },
      { type: "reasoning", id: "rs_3", summary: [], encrypted_content: packForPrevious(carried) },
      { type: "function_call_output", call_id: "c1", output: "text" },
      {
        type: "function_call_output",
        call_id: "c2",
        output: [{ type: "input_image", image_url: "data:image/png;base64,AAAA", detail: "high" }],
      },
      { role: "system", content: "Later." },
    ],
  });
  assert.deepEqual(
    system.map(({ text }) => text),
    ["First.", "Second."],
  );
  assert.deepEqual(messages, [
    { role: "user", parts: [{ kind: "text", text: "Do it" }] },
    {
      role: "assistant",
      parts: [
        {
          kind: "reasoning",
          text: "Hm",
          carried: { issuer: "openai-responses", data: '["rs_1","gAAA"]' },
        },
        {
          kind: "reasoning",
          text: "",
          carried: { issuer: "anthropic-messages/c", data: "red" },
          redacted: true,
        },
        { kind: "text", text: "Yes" },
        { kind: "tool-call", id: "c1", name: "files__read", arguments: "{}" },
        { kind: "tool-call", id: "c2", name: "look", arguments: '{"a":1}', carried },
      ],
    },
    {
      role: "tool",
      parts: [
        {
          kind: "tool-result",
          callId: "c1",
          name: "files__read",
          content: [{ kind: "text", text: "text" }],
          isError: false,
        },
        {
          kind: "tool-result",
          callId: "c2",
          name: "look",
          content: [
            {
              kind: "media",
              medium: "image",
              source: { kind: "data", mediaType: "image/png", data: "AAAA" },
              detail: "high",
            },
          ],
          isError: false,
        },
      ],
    },
    { role: "system", parts: [{ kind: "text", text: "Later." }] },
  ]);
});

test("tools in namespaces are plain functions; the vendor's own are left out or refused", () => {
  const look = { type: "function", name: "look", parameters: { type: "object" }, strict: true };
  const inner = { type: "function", name: "read", description: "Reads" };
  const space = { type: "namespace", name: "files", description: "Files", tools: [inner] };
  const { tools, uses } = decode({ input: "a", tools: [look, space, { type: "web_search" }] });
  assert.deepEqual(tools, [
    { name: "look", description: null, parameters: { type: "object" }, strict: true },
    { name: "files__read", description: "Reads\n\nFiles", parameters: null, strict: null },
  ]);
  assert.deepEqual(uses, [
    { feature: "strict-tools", field: "tools[0].strict" },
    { feature: "offered-server-tools", field: "tools[2]" },
  ]);
  assert.deepEqual(features({ tools: [{ type: "web_search" }] }), ["web-search tools[0]"]);
  assert.deepEqual(features({ tools: [{ type: "mcp" }] }), ["server-tools tools[0]"]);
  assert.deepEqual(features({ tools: [look], tool_choice: { type: "file_search" } }).slice(1), [
    "server-tools tool_choice",
  ]);
  const chosen = { type: "function", namespace: "files", name: "read" };
  assert.deepEqual(decode({ input: "a", tools: [space], tool_choice: chosen }).toolChoice, {
    kind: "named",
    name: "files__read",
  });
  const brought = [
    { role: "user", content: "a" },
    { type: "additional_tools", tools: [look, look] },
  ];
  assert.deepEqual(
    decode({ input: brought }).tools.map(({ name }) => name),
    ["look"],
  );
});

test("features are told by the caller's own names", () => {
  assert.deepEqual(features({ store: true, background: true, truncation: "auto" }), [
    "background background",
    "store store",
    "truncation truncation",
  ]);
  assert.deepEqual(features({ previous_response_id: "resp_1", safety_settings: [], user: null }), [
    "previous-response previous_response_id",
    "unknown-member safety_settings",
  ]);
  assert.deepEqual(
    features({ store: false, stream: true, truncation: "disabled", include: null }),
    [],
  );
  assert.deepEqual(
    features({ input: [{ id: "msg_1" }, { type: "compaction", encrypted_content: "x" }] }),
    ["item-reference input[0]", "foreign-content input[1]"],
  );
});

test("a wrong member is named with its path", () => {
  const user = (part: JsonObject): JsonObject => ({ input: [{ role: "user", content: [part] }] });
  const cases: readonly [JsonObject, string][] = [
    [{}, "input"],
    [{ input: [] }, "input"],
    [{ input: 1 }, "input"],
    [{ input: ["a"] }, "input[0]"],
    [{ input: [{}] }, "input[0]"],
    [{ input: [{ role: "robot", content: "a" }] }, "input[0].role"],
    [{ input: [{ role: "user" }] }, "input[0].content"],
    [user({ type: "input_text" }), "input[0].content[0].text"],
    [user({ type: "video" }), "input[0].content[0].type"],
    [user({ type: "input_image", image_url: "ftp://x" }), "input[0].content[0].image_url"],
    [user({ type: "input_image", image_url: "data:image/png,x" }), "input[0].content[0].image_url"],
    [
      user({ type: "input_image", image_url: "https://a/b", detail: "huge" }),
      "input[0].content[0].detail",
    ],
    [user({ type: "input_file" }), "input[0].content[0]"],
    [{ input: [{ type: "function_call", name: "a", arguments: "" }] }, "input[0].call_id"],
    [{ input: [{ type: "function_call_output", call_id: "a", output: 1 }] }, "input[0].output"],
    [
      { input: [{ role: "system", content: [{ type: "input_image", image_url: "https://a/b" }] }] },
      "input[0].content[0]",
    ],
    [{ input: "a", tools: {} }, "tools"],
    [{ input: "a", tools: [{ type: "function" }] }, "tools[0].name"],
    [
      { input: "a", tools: [{ type: "function", name: "a", parameters: [] }] },
      "tools[0].parameters",
    ],
    [{ input: "a", tools: [{ type: "function", name: "a" }], tool_choice: "b" }, "tool_choice"],
    [{ input: "a", tool_choice: { type: "function", name: "b" } }, "tool_choice.name"],
    [{ input: "a", temperature: 3 }, "temperature"],
    [{ input: "a", temperature: "1" }, "temperature"],
    [{ input: "a", max_output_tokens: 1.5 }, "max_output_tokens"],
    [{ input: "a", reasoning: { effort: "huge" } }, "reasoning.effort"],
    [{ input: "a", text: { format: { type: "json_schema" } } }, "text.format.name"],
    [{ input: "a", metadata: [] }, "metadata"],
    [{ input: "a", parallel_tool_calls: "no" }, "parallel_tool_calls"],
  ];
  for (const [body, field] of cases)
    assert.throws(
      () => decode(body),
      (thrown: unknown) => {
        assert.ok(thrown instanceof GatewayError, String(thrown));
        assert.equal(thrown.kind, "invalid_request");
        assert.equal(thrown.fields[0]?.field, field, JSON.stringify(body));
        return true;
      },
    );
});

test("two tools that one flat name would stand for are refused", () => {
  const plain = { type: "function", name: "files__read" };
  const space = { type: "namespace", name: "files", tools: [{ type: "function", name: "read" }] };
  assert.throws(() => decode({ input: "a", tools: [plain, space] }), /files__read/);
});

test("no body whatever makes it fail in another way", () => {
  const named = "input tools type role content name text reasoning tool_choice call_id output";
  const more = "arguments summary encrypted_content format include";
  const names = fastCheck.constantFrom(...`${named} ${more}`.split(" "));
  const types =
    "message user assistant input_text function_call reasoning function namespace custom";
  const others = "function_call_output json_schema sy1.AAAA allowed_tools";
  const words = fastCheck.constantFrom(...`${types} ${others}`.split(" "));
  const { tree } = fastCheck.letrec((tie) => ({
    tree: fastCheck.oneof(
      { maxDepth: 5, withCrossShrink: true },
      fastCheck.oneof(words, fastCheck.constant(null), fastCheck.integer(), fastCheck.boolean()),
      fastCheck.array(tie("tree"), { maxLength: 4 }),
      fastCheck.dictionary(names, tie("tree"), { maxKeys: 5 }),
    ),
  }));
  const body = fastCheck.dictionary(names, tree, { maxKeys: 6 });
  const property = fastCheck.property(body, (value) => {
    try {
      decode(value as JsonObject);
    } catch (thrown) {
      assert.ok(
        thrown instanceof GatewayError && thrown.kind === "invalid_request",
        String(thrown),
      );
      assert.equal(thrown.fields.length, 1);
    }
  });
  fastCheck.assert(property, { numRuns: 3000 });
});
