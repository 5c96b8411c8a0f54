/** Holds the writing of requests to what Anthropic's models take, each in its own way. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json, JsonObject } from "../../core/json-value.ts";
import type {
  AssistantPart,
  Conversation,
  Message,
  ReasoningWish,
  Tool,
} from "../../wire/conversation.ts";
import {
  emptyConversation,
  longHistory,
  toolCalled,
  userSays,
} from "../../../test/fakes/conversations.ts";
import type { QuirkId } from "../quirk-ids.ts";
import { answerTool } from "./encode-tools.ts";
import { encodeRequest } from "./encode-request.ts";
import { traitsOf } from "./model-traits.ts";
import { fitSchema } from "./strict-schema.ts";

const newest = "claude-opus-4-8";
const middle = "claude-opus-4-6";
const manual = "claude-sonnet-4-5-20250929";
const oldest = "claude-3-5-haiku-20241022";
const stranger = "deepseek-chat";

function encode(
  conversation: Partial<Conversation>,
  model = manual,
  quirks: readonly QuirkId[] = [],
): JsonObject {
  const messages = [userSays("hi")];
  const whole = { ...emptyConversation, messages, ...conversation };
  return encodeRequest(whole, { model, stream: false, askUsage: true, quirks });
}

const assistant = (...parts: AssistantPart[]): Message => ({ role: "assistant", parts });
const text = (value: string): AssistantPart => ({ kind: "text", text: value });
const call = (id: string): AssistantPart => ({
  kind: "tool-call",
  id,
  name: "look",
  arguments: "{}",
});
const result = (callId: string): Message => ({
  role: "tool",
  parts: [
    {
      kind: "tool-result",
      callId,
      name: null,
      content: [{ kind: "text", text: callId }],
      isError: false,
    },
  ],
});
const thought = (issuer: string | null, words = "hm"): AssistantPart =>
  issuer === null
    ? { kind: "reasoning", text: words }
    : { kind: "reasoning", text: words, carried: { issuer, data: "S" } };
const wish = (more: Partial<ReasoningWish>): { reasoning: ReasoningWish } => ({
  reasoning: {
    effort: null,
    budgetTokens: null,
    adaptive: false,
    show: null,
    summary: null,
    ...more,
  },
});

interface Sent {
  readonly role: string;
  readonly content: readonly Record<string, Json>[];
}

function messagesOf(body: JsonObject): Sent[] {
  return body["messages"] as unknown as Sent[];
}

/** Messages as words: `user: text hi`. */
function told(body: JsonObject): string[] {
  return messagesOf(body).map(({ role, content }) => {
    const parts = content.map((block) => {
      const { type, text: words, id, tool_use_id: of, thinking } = block;
      return [type, words ?? id ?? of ?? thinking].filter((word) => word !== undefined).join(" ");
    });
    return `${role}: ${parts.join(", ")}`;
  });
}

test("a long history is written in Anthropic's order, the same bytes each time", () => {
  const conversation = { messages: longHistory, tools: [toolCalled("look")] };
  const body = encode(conversation);
  assert.equal(JSON.stringify(body), JSON.stringify(encode(conversation)));
  const [first, second, third] = told(body);
  assert.equal(first, "user: text What is this?, image");
  assert.equal(second, "assistant: text I look., tool_use call_1, tool_use call_2");
  assert.match(
    String(third),
    /^user: tool_result call_1, tool_result call_2, text <system>\nBe brief\.\n<\/system>/u,
  );
});

test("the output limit is the model's where the caller has none, and never above it", () => {
  const limit = (model: string, maxOutputTokens: number | null = null): unknown =>
    encode({ maxOutputTokens }, model)["max_tokens"];
  assert.equal(limit(newest), 128_000);
  assert.equal(limit(manual), 64_000);
  assert.equal(limit("anthropic.claude-opus-4-20250514-v1:0"), 32_000);
  assert.equal(limit(oldest), 8192);
  assert.equal(limit("claude-3-haiku-20240307"), 4096);
  assert.equal(limit(manual, 100), 100);
  assert.equal(limit(manual, 1_000_000), 64_000);
  assert.equal(limit(stranger, 1_000_000), 1_000_000);
  const long = { messages: [userSays("word ".repeat(100_000))] };
  const room = Number(encode(long)["max_tokens"]);
  assert.ok(room > 1000 && room < 64_000, `${room}`);
});

test("system messages are told as the model takes them, and never between calls and results", () => {
  const system: Message = { role: "system", parts: [{ kind: "text", text: "S" }] };
  const history = [
    system,
    userSays("a"),
    assistant(call("t")),
    system,
    result("t"),
    userSays("b"),
    system,
  ];
  const body = encode({ messages: history, tools: [toolCalled("look")] }, newest);
  assert.deepEqual(body["system"], [{ type: "text", text: "S" }]);
  assert.deepEqual(told(body), [
    "user: text a",
    "assistant: tool_use t",
    "user: tool_result t, text b",
    "system: text S, text S",
  ]);
  const marked = "text <system>\nS\n</system>";
  for (const [model, quirks] of [
    [manual, []],
    [newest, ["no-midway-system"]],
  ] as const)
    assert.deepEqual(
      told(encode({ messages: history, tools: [toolCalled("look")] }, model, quirks)).at(-1),
      `user: tool_result t, ${marked}, text b, ${marked}`,
    );
  const alone = encode({ messages: [userSays("a"), assistant(text("b")), system] }, newest);
  assert.equal(told(alone).at(-1), `user: ${marked}`);
});

test("ids of calls are made fit, and unique, with their results", () => {
  const messages = [
    userSays("a"),
    assistant(call("functions.look:0"), call("call_0")),
    result("call_0"),
    result("functions.look:0"),
    assistant(call("call_0")),
    result("call_0"),
  ];
  const body = encode({ messages, tools: [toolCalled("look")] });
  const ids = messagesOf(body).flatMap(({ content }) =>
    content.map((block) => block["id"] ?? block["tool_use_id"]),
  );
  const [, odd, plain, oddResult, plainResult, again, againResult] = ids;
  assert.match(String(odd), /^[a-zA-Z0-9_-]+$/u);
  assert.deepEqual([plain, oddResult, plainResult], ["call_0", odd, "call_0"]);
  assert.deepEqual([again, againResult], ["call_0_2", "call_0_2"]);
});

test("empty text is left out, and a history begins and ends as the model wants it", () => {
  const messages = [assistant(text("hello ")), userSays(" \n"), assistant(text("so: \n"))];
  assert.deepEqual(told(encode({ messages })), [
    "user: text (The conversation begins.)",
    "assistant: text hello , text so:",
  ]);
  assert.equal(told(encode({ messages }, newest)).at(-1), "user: text Go on.");
});

test("only thoughts that this model can read go back to it", () => {
  const own = thought(`anthropic-messages/${manual}`);
  const parts = [
    own,
    thought("anthropic-messages/claude-other"),
    thought("gemini-content/g"),
    thought(null),
    text("x"),
  ];
  const kinds = (model: string): unknown =>
    messagesOf(encode({ messages: [userSays("a"), assistant(...parts), userSays("b")] }, model))[1]
      ?.content;
  const sent = { type: "thinking", thinking: "hm", signature: "S" };
  assert.deepEqual(kinds(manual), [sent, { type: "text", text: "x" }]);
  assert.deepEqual(kinds(newest), [{ type: "text", text: "x" }]);
  assert.deepEqual(kinds(stranger), [
    { ...sent, signature: "" },
    { type: "text", text: "x" },
  ]);
});

test("a wish for thinking is told as the model understands it", () => {
  const members = (model: string, more: Partial<ReasoningWish>): unknown[] => {
    const { thinking, output_config: config } = encode({ ...wish(more) }, model);
    return [thinking, config];
  };
  const adaptive = { type: "adaptive", display: "summarized" };
  const enabled = (budget: number): JsonObject => ({ type: "enabled", budget_tokens: budget });
  assert.deepEqual(members(newest, { effort: "xhigh" }), [adaptive, { effort: "xhigh" }]);
  assert.deepEqual(members(middle, { effort: "xhigh" }), [adaptive, { effort: "high" }]);
  assert.deepEqual(members(middle, { effort: "max" }), [adaptive, { effort: "max" }]);
  assert.deepEqual(members(middle, { effort: "minimal" }), [adaptive, { effort: "low" }]);
  assert.deepEqual(members(newest, { budgetTokens: 5000 }), [adaptive, { effort: "medium" }]);
  assert.deepEqual(members(newest, { adaptive: true, show: false }), [
    { ...adaptive, display: "omitted" },
    undefined,
  ]);
  assert.deepEqual(members(manual, { effort: "low" }), [enabled(2048), undefined]);
  assert.deepEqual(members(manual, { budgetTokens: 100 }), [enabled(1024), undefined]);
  assert.deepEqual(members(manual, { budgetTokens: 5000 }), [enabled(5000), undefined]);
  assert.deepEqual(members("claude-opus-4-5", { effort: "max" }), [
    enabled(32_000),
    { effort: "high" },
  ]);
  assert.deepEqual(members(oldest, { effort: "high" }), [undefined, undefined]);
  assert.deepEqual(members(newest, { effort: "none" }), [{ type: "disabled" }, undefined]);
  assert.deepEqual(members(manual, { effort: "none" }), [undefined, undefined]);
  assert.deepEqual(members(stranger, { effort: "none" }), [{ type: "disabled" }, undefined]);
  assert.deepEqual(members("claude-fable-5-2", { effort: "none" }), [undefined, { effort: "low" }]);
  assert.deepEqual(members("claude-sonnet-5-5", { effort: "none" }), [
    { type: "between_tools" },
    undefined,
  ]);
  const silent = encode(wish({ effort: "high" }), newest, ["no-reasoning-wish"]);
  assert.equal(silent["thinking"], undefined);
});

test("the output limit makes room for the budget", () => {
  const sent = (maxOutputTokens: number, budgetTokens: number): unknown[] => {
    const body = encode({ maxOutputTokens, ...wish({ budgetTokens }) });
    return [body["max_tokens"], (body["thinking"] as JsonObject)["budget_tokens"]];
  };
  assert.deepEqual(sent(100, 2000), [2100, 2000]);
  assert.deepEqual(sent(3000, 2000), [3000, 2000]);
  assert.deepEqual(sent(500, 200_000), [63_476, 62_976]);
});

test("a budget that stands for an effort gives way to the output limit", () => {
  const sent = (maxOutputTokens: number | null, effort: "low" | "high"): unknown[] => {
    const body = encode({ maxOutputTokens, ...wish({ effort }) });
    return [body["max_tokens"], (body["thinking"] as JsonObject | undefined)?.["budget_tokens"]];
  };
  assert.deepEqual(sent(null, "low"), [64_000, 2048]);
  assert.deepEqual(sent(100_000, "high"), [64_000, 16_384]);
  assert.deepEqual(sent(6000, "high"), [6000, 3000]);
  assert.deepEqual(sent(1500, "low"), [1500, 1024]);
  // Below the least budget that is taken there is no thinking, rather than an answer dearer than allowed.
  assert.deepEqual(sent(1024, "low"), [1024, undefined]);
  assert.deepEqual(sent(1, "high"), [1, undefined]);
});

test("thinking by budget gives way where the history or a forced call forbids it", () => {
  const thinks = (messages: Message[], more: Partial<Conversation> = {}, model = manual): boolean =>
    encode({ messages, tools: [toolCalled("look")], ...wish({ effort: "high" }), ...more }, model)[
      "thinking"
    ] !== undefined;
  const loop = (...parts: AssistantPart[]): Message[] => [
    userSays("a"),
    assistant(...parts),
    result("t"),
  ];
  assert.equal(thinks(loop(thought(`anthropic-messages/${manual}`), call("t"))), true);
  assert.equal(thinks(loop(call("t"))), false);
  assert.equal(thinks(loop(thought("anthropic-messages/claude-other"), call("t"))), false);
  assert.equal(thinks(loop(text("x"), call("t")), {}, newest), true);
  assert.equal(thinks([...loop(call("t")), assistant(text("done")), userSays("b")]), true);
  assert.equal(thinks([userSays("a"), assistant(text("prefill"))]), false);
  assert.equal(thinks([userSays("a")], { toolChoice: { kind: "required" } }), false);
  assert.equal(thinks([userSays("a")], { toolChoice: { kind: "required" } }, newest), true);
  assert.equal(thinks(loop(call("t")), {}, stranger), true);
});

test("sampling is kept within what the model takes", () => {
  const sampled = (model: string, more: Partial<Conversation> = {}): JsonObject => {
    const sampling = { temperature: 1.7, topP: 0.5, topK: 3, stop: ["a", " ", "\n"] };
    const {
      temperature = null,
      top_p = null,
      top_k = null,
      stop_sequences = null,
    } = encode({ sampling, ...more }, model);
    return { temperature, top_p, top_k, stop_sequences };
  };
  const none = { temperature: null, top_p: null, top_k: null, stop_sequences: ["a"] };
  assert.deepEqual(sampled(manual), { ...none, temperature: 1, top_k: 3 });
  assert.deepEqual(sampled(newest), none);
  assert.deepEqual(sampled(manual, wish({ effort: "low" })), none);
  assert.deepEqual(sampled(stranger, wish({ effort: "low" })), {
    ...none,
    temperature: 1,
    top_p: 0.5,
    top_k: 3,
  });
  assert.equal(encode({ sampling: { topP: 0.5 } })["top_p"], 0.5);
});

const look: Tool = {
  name: "look",
  description: "d",
  parameters: { type: "object", properties: { at: { type: "string", maxLength: 3 } } },
  strict: true,
};

test("tools have a schema of objects, and are strict where the model knows it", () => {
  const strict = {
    type: "object",
    properties: { at: { type: "string", description: "{maxLength: 3}" } },
    additionalProperties: false,
  };
  const sent = (tool: Tool, model = manual, quirks: readonly QuirkId[] = []): unknown =>
    (encode({ tools: [tool] }, model, quirks)["tools"] as Json[])[0];
  assert.deepEqual(sent(look), {
    name: "look",
    description: "d",
    input_schema: strict,
    strict: true,
  });
  const lax = { name: "look", description: "d", input_schema: look.parameters };
  assert.deepEqual(sent(look, oldest), lax);
  assert.deepEqual(sent(look, manual, ["no-strict"]), lax);
  assert.deepEqual(sent(toolCalled("x")), {
    name: "x",
    input_schema: { type: "object", properties: {} },
  });
  assert.deepEqual(sent({ ...look, strict: null }), lax);
});

test("choices among tools", () => {
  const choose = (more: Partial<Conversation>, model = manual): unknown[] => {
    const body = encode({ tools: [toolCalled("a"), toolCalled("b")], ...more }, model);
    return [(body["tools"] as JsonObject[]).length, body["tool_choice"]];
  };
  assert.deepEqual(choose({}), [2, undefined]);
  assert.deepEqual(choose({ toolChoice: { kind: "none" }, parallelToolCalls: false }), [
    2,
    { type: "none" },
  ]);
  assert.deepEqual(choose({ parallelToolCalls: false }), [
    2,
    { type: "auto", disable_parallel_tool_use: true },
  ]);
  assert.deepEqual(choose({ toolChoice: { kind: "named", name: "b" } }), [
    2,
    { type: "tool", name: "b" },
  ]);
  assert.deepEqual(choose({ toolChoice: { kind: "allowed", names: ["b"], required: true } }), [
    1,
    { type: "any" },
  ]);
  const urged = encode(
    { tools: [toolCalled("a")], toolChoice: { kind: "named", name: "a" } },
    "claude-opus-5-5",
  );
  assert.deepEqual(urged["tool_choice"], { type: "auto" });
  assert.match(JSON.stringify(urged["system"]), /call the tool a/u);
});

test("a history with calls keeps its tools' names, also where the caller offers none any more", () => {
  const body = encode({ messages: [userSays("a"), assistant(call("t")), result("t")] });
  assert.deepEqual(body["tools"], [
    { name: "look", input_schema: { type: "object", properties: {} } },
  ]);
  assert.deepEqual(body["tool_choice"], { type: "none" });
});

const asked: Partial<Conversation> = {
  responseFormat: {
    kind: "schema",
    name: "n",
    description: null,
    schema: { type: "object", properties: { a: { type: "integer", minimum: 1 } }, required: ["a"] },
    strict: true,
  },
};

test("an answer in JSON is asked for as the model can give it", () => {
  const native = encode(asked);
  assert.deepEqual(native["output_config"], {
    format: {
      type: "json_schema",
      schema: {
        type: "object",
        properties: { a: { type: "integer", description: "{minimum: 1}" } },
        required: ["a"],
        additionalProperties: false,
      },
    },
  });
  const forced = encode(asked, oldest);
  assert.deepEqual(forced["tool_choice"], { type: "tool", name: answerTool });
  assert.equal((forced["tools"] as JsonObject[]).length, 1);
  const beside = encode({ ...asked, tools: [look] }, oldest);
  assert.deepEqual(beside["tool_choice"], { type: "any" });
  const thinking = encode({ ...asked, ...wish({ effort: "high" }) }, "claude-sonnet-4-0");
  assert.equal(thinking["thinking"], undefined);
  const loose = encode({ responseFormat: { kind: "json" } });
  assert.match(JSON.stringify(loose["system"]), /JSON object/u);
});

test("schemas are made fit once and for all", () => {
  const schema: JsonObject = {
    $schema: "x",
    type: "object",
    description: "D",
    properties: {
      properties: { type: "string", format: "date", pattern: "^a" },
      list: {
        type: "array",
        items: { oneOf: [{ type: "null" }, { $ref: "#/$defs/x" }] },
        minItems: 2,
      },
    },
    $defs: { x: { type: ["object", "null"], properties: {}, additionalProperties: true } },
    minProperties: 1,
  };
  const fitted = fitSchema(schema);
  assert.deepEqual(fitted, {
    type: "object",
    properties: {
      properties: { type: "string", format: "date", description: '{pattern: "^a"}' },
      list: {
        type: "array",
        items: { anyOf: [{ type: "null" }, { $ref: "#/$defs/x" }] },
        description: "{minItems: 2}",
      },
    },
    $defs: { x: { type: ["object", "null"], properties: {}, additionalProperties: false } },
    description: "D\n\n{minProperties: 1}",
    additionalProperties: false,
  });
  assert.deepEqual(fitSchema(fitted), fitted);
});

test("media and documents of every source", () => {
  const sources = messagesOf(
    encode({
      messages: [
        {
          role: "user",
          parts: [
            {
              kind: "media",
              medium: "image",
              source: { kind: "url", url: "https://x", mediaType: null },
            },
            {
              kind: "media",
              medium: "image",
              source: { kind: "data", mediaType: "image/png", data: "AA" },
            },
            {
              kind: "media",
              medium: "document",
              source: { kind: "data", mediaType: "application/pdf", data: "AA" },
              title: "T",
            },
            {
              kind: "media",
              medium: "document",
              source: { kind: "data", mediaType: "text/csv", data: "YSxi" },
            },
            {
              kind: "media",
              medium: "document",
              source: { kind: "text", text: "abc" },
              citationsAsked: true,
            },
            {
              kind: "media",
              medium: "document",
              source: { kind: "file", fileId: "f", mediaType: null },
            },
          ],
        },
      ],
    }),
  )[0]?.content;
  assert.deepEqual(sources, [
    { type: "image", source: { type: "url", url: "https://x" } },
    { type: "image", source: { type: "base64", media_type: "image/png", data: "AA" } },
    {
      type: "document",
      source: { type: "base64", media_type: "application/pdf", data: "AA" },
      title: "T",
    },
    { type: "document", source: { type: "text", media_type: "text/plain", data: "a,b" } },
    {
      type: "document",
      source: { type: "text", media_type: "text/plain", data: "abc" },
      citations: { enabled: true },
    },
    { type: "document", source: { type: "file", file_id: "f" } },
  ]);
});

test("at most four marks are sent, the longer ones first", () => {
  const part = (ttl: string | null) => ({ kind: "text", text: "x", cache: { ttl } }) as const;
  const marks = (body: JsonObject): unknown[] =>
    [body["tools"], body["system"], ...messagesOf(body).map(({ content }) => content)]
      .flatMap((list) => (list ?? []) as JsonObject[])
      .map(
        (block) =>
          (block["cache_control"] as JsonObject | undefined)?.["ttl"] ??
          (block["cache_control"] === undefined ? "-" : "default"),
      );
  const tools = [{ ...toolCalled("a"), cache: { ttl: "1h" } }];
  const many = encode({
    tools,
    system: [part("12h"), part(null)],
    messages: [{ role: "user", parts: [part("1h"), part("5m")] }],
  });
  assert.deepEqual(marks(many), ["-", "1h", "default", "5m", "5m"]);
});

test("members about the account", () => {
  const account = { endUser: "u", serviceTier: "flex" };
  const body = encode(account);
  assert.deepEqual([body["metadata"], body["service_tier"]], [{ user_id: "u" }, "standard_only"]);
  const bare = encode(account, stranger, ["known-members-only"]);
  assert.deepEqual([bare["metadata"], bare["service_tier"]], [undefined, undefined]);
});

test("models are known by any of the names they go by", () => {
  const same = (left: string, right: string): void =>
    assert.deepEqual(traitsOf(left), traitsOf(right));
  same("us.anthropic.claude-sonnet-4-5-20250929-v1:0", manual);
  same("anthropic/claude-sonnet-4.5", manual);
  same("claude-opus-4-1@20250805", "claude-opus-4-1");
  same("claude-opus-4-20250514", "claude-opus-4-0");
  assert.notDeepEqual(traitsOf("claude-opus-4-1"), traitsOf("claude-opus-4-0"));
  assert.equal(traitsOf("claude-opus-5").disable, "yes");
  assert.equal(traitsOf("claude-fable-5").forcedTools, true);
  assert.equal(traitsOf("claude-fable-5-1").forcedTools, false);
  assert.equal(traitsOf("claude-next-9").sampling, false);
  assert.equal(traitsOf("kimi-k3").own, false);
});
