/** What each family of models behind Converse is sent. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json, JsonObject } from "../../core/json-value.ts";
import {
  emptyConversation,
  longHistory,
  toolCalled,
  userSays,
} from "../../../test/fakes/conversations.ts";
import type { Conversation, MediaPart, ReasoningWish } from "../../wire/conversation.ts";
import { encodeRequest } from "./encode.ts";

const sonnet45 = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const hello = [userSays("Hello")];

function encode(model: string, parts: Partial<Conversation>): JsonObject {
  const conversation = { ...emptyConversation, messages: hello, ...parts };
  const target = { model, stream: conversation.stream, askUsage: true, quirks: [] };
  return encodeRequest(conversation, target);
}

function wish(parts: Partial<ReasoningWish>): ReasoningWish {
  return { effort: null, budgetTokens: null, adaptive: false, show: null, summary: null, ...parts };
}

/** Only the members named, so that a test tells what it is about. */
function members(body: JsonObject, ...names: string[]): Record<string, Json> {
  return Object.fromEntries(
    names.flatMap((name) => (name in body ? [[name, body[name] ?? null]] : [])),
  );
}

test("the plainest conversation says nothing but its message", () => {
  assert.deepEqual(encode(sonnet45, {}), {
    messages: [{ role: "user", content: [{ text: "Hello" }] }],
  });
});

test("turns alternate, results follow their calls in order, systems between become the user's", () => {
  const { messages, toolConfig } = encode(sonnet45, { messages: longHistory });
  const [, assistant, results] = messages as readonly { content: JsonObject[] }[];
  assert.deepEqual(assistant?.content, [
    { text: "I look." },
    { toolUse: { toolUseId: "call_1", name: "look", input: { where: "left" } } },
    { toolUse: { toolUseId: "call_2", name: "look", input: {} } },
  ]);
  assert.deepEqual(results?.content, [
    { toolResult: { toolUseId: "call_1", content: [{ text: '{"seen":12345678901234567890}' }] } },
    { toolResult: { toolUseId: "call_2", content: [{ text: "nothing there" }], status: "error" } },
    { text: "<system>\nBe brief.\n</system>" },
    { text: "So?" },
  ]);
  const inputSchema = { json: { type: "object", properties: {} } };
  assert.deepEqual(toolConfig, { tools: [{ toolSpec: { name: "look", inputSchema } }] });
});

test("a history with calls keeps `toolConfig` though tools are forbidden or gone", () => {
  const forbidden = { messages: longHistory, toolChoice: { kind: "none" } as const };
  const claude = encode(sonnet45, { ...forbidden, tools: [toolCalled("other")] });
  assert.deepEqual(claude["additionalModelRequestFields"], { tool_choice: { type: "none" } });
  assert.equal(JSON.stringify(claude["toolConfig"]).includes('"other"'), true);
  const nova = encode("amazon.nova-pro-v1:0", forbidden);
  assert.deepEqual(nova["system"], [{ text: "Do not call any tool now; answer with text." }]);
  const unused = encode(sonnet45, { tools: [toolCalled("look")], toolChoice: { kind: "none" } });
  assert.equal("toolConfig" in unused, false);
});

test("tool choices that Converse lacks arrive in other forms", () => {
  const tools = [toolCalled("left"), toolCalled("right")];
  const names = (body: JsonObject): unknown[] =>
    (body["toolConfig"] as { tools: { toolSpec: { name: string } }[] }).tools.map(
      ({ toolSpec }) => toolSpec.name,
    );
  const allowed = { kind: "allowed", names: ["right"], required: true } as const;
  const narrowed = encode(sonnet45, { tools, toolChoice: allowed });
  assert.deepEqual(names(narrowed), ["right"]);
  assert.deepEqual((narrowed["toolConfig"] as JsonObject)["toolChoice"], { any: {} });
  const named = { kind: "named", name: "left" } as const;
  const mistral = encode("mistral.mistral-large-2402-v1:0", { tools, toolChoice: named });
  assert.deepEqual(names(mistral), ["left"]);
  const single = encode(sonnet45, { tools, toolChoice: named, parallelToolCalls: false });
  assert.deepEqual(single["additionalModelRequestFields"], {
    tool_choice: { type: "tool", name: "left", disable_parallel_tool_use: true },
  });
  const nova = encode("amazon.nova-pro-v1:0", { tools, parallelToolCalls: false });
  assert.deepEqual(nova["system"], [{ text: "Call at most one tool at a time." }]);
  const fable = encode("anthropic.claude-fable-5-1", { tools, toolChoice: named });
  assert.deepEqual(fable["system"], [{ text: "You must call the tool left now." }]);
});

test("Mistral's models get ids of nine characters, calls and results the same", () => {
  const text = JSON.stringify(encode("mistral.pixtral-large-2502-v1:0", { messages: longHistory }));
  const ids = [...text.matchAll(/"toolUseId":"([^"]+)"/gu)].map(([, id]) => id);
  assert.equal(ids.length, 4);
  assert.equal(new Set(ids).size, 2);
  for (const id of ids) assert.match(id ?? "", /^[A-Za-z0-9]{9}$/u);
});

const reasoningCases: readonly [string, Partial<Conversation>, Record<string, unknown>][] = [
  [
    sonnet45,
    { reasoning: wish({ effort: "low" }), sampling: { temperature: 0.2, topK: 4 } },
    { additionalModelRequestFields: { thinking: { type: "enabled", budget_tokens: 2048 } } },
  ],
  [
    sonnet45,
    { reasoning: wish({ budgetTokens: 5000 }), maxOutputTokens: 1000 },
    {
      inferenceConfig: { maxTokens: 6000 },
      additionalModelRequestFields: { thinking: { type: "enabled", budget_tokens: 5000 } },
    },
  ],
  [
    sonnet45,
    { reasoning: wish({ effort: "high" }), maxOutputTokens: 4000 },
    {
      inferenceConfig: { maxTokens: 4000 },
      additionalModelRequestFields: { thinking: { type: "enabled", budget_tokens: 2000 } },
    },
  ],
  // Where the limit leaves no room for the least budget, there is no thinking by effort.
  [
    sonnet45,
    { reasoning: wish({ effort: "low" }), maxOutputTokens: 1024 },
    { inferenceConfig: { maxTokens: 1024 } },
  ],
  [sonnet45, { reasoning: wish({ effort: "none" }) }, {}],
  [
    "anthropic.claude-3-5-sonnet-20241022-v2:0",
    { reasoning: wish({ effort: "high", adaptive: true }) },
    {},
  ],
  [
    "anthropic.claude-opus-4-6-v1",
    { reasoning: wish({ effort: "xhigh", summary: "auto" }) },
    {
      additionalModelRequestFields: { thinking: { type: "adaptive", display: "summarized" } },
      outputConfig: { effort: "high" },
    },
  ],
  [
    "anthropic.claude-opus-4-7",
    { reasoning: wish({ effort: "max", show: false }), sampling: { temperature: 1 } },
    {
      additionalModelRequestFields: { thinking: { type: "adaptive", display: "omitted" } },
      outputConfig: { effort: "max" },
    },
  ],
  ["anthropic.claude-opus-4-7", { sampling: { temperature: 0.3, topP: 1, topK: 2 } }, {}],
  [
    "anthropic.claude-saga-7",
    { reasoning: wish({ effort: "none" }), sampling: { temperature: 0.3 } },
    {},
  ],
  [
    "anthropic.claude-v2:1",
    { sampling: { temperature: 0.3, topP: 1 } },
    { inferenceConfig: { temperature: 0.3, topP: 1 } },
  ],
  [
    "anthropic.claude-opus-5-5",
    { reasoning: wish({ budgetTokens: 3000 }) },
    {
      additionalModelRequestFields: { thinking: { type: "adaptive" } },
      outputConfig: { effort: "medium" },
    },
  ],
  [
    sonnet45,
    { sampling: { temperature: 1.7, topP: 0.4, topK: 9 } },
    { inferenceConfig: { temperature: 1 }, additionalModelRequestFields: { top_k: 9 } },
  ],
  [
    "us.amazon.nova-2-lite-v1:0",
    { reasoning: wish({ effort: "high" }), maxOutputTokens: 10, sampling: { temperature: 0 } },
    {
      additionalModelRequestFields: {
        reasoningConfig: { type: "enabled", maxReasoningEffort: "high" },
      },
    },
  ],
  [
    "openai.gpt-oss-120b-1:0",
    { reasoning: wish({ effort: "minimal" }), sampling: { temperature: 1.5 } },
    {
      inferenceConfig: { temperature: 1.5 },
      additionalModelRequestFields: { reasoning_effort: "low" },
    },
  ],
  ["meta.llama4-maverick-17b-instruct-v1:0", { reasoning: wish({ effort: "high" }) }, {}],
];

test("reasoning, limits and sampling as each family takes them", () => {
  for (const [model, parts, expected] of reasoningCases) {
    const names = ["inferenceConfig", "additionalModelRequestFields", "outputConfig"];
    assert.deepEqual(members(encode(model, parts), ...names), expected, model);
  }
});

test("a budget is left out where Claude would refuse it: forced calls, thoughts that are not there", () => {
  const reasoning = wish({ budgetTokens: 2000 });
  const tools = [toolCalled("look")];
  const forced = encode(sonnet45, { reasoning, tools, toolChoice: { kind: "required" } });
  assert.equal("additionalModelRequestFields" in forced, false);
  const inLoop = longHistory.slice(0, 3);
  const without = encode(sonnet45, { reasoning, tools, messages: inLoop });
  assert.equal("additionalModelRequestFields" in without, false);
  const thought = {
    kind: "reasoning",
    text: "hm",
    carried: { issuer: `bedrock-converse/${sonnet45}`, data: "signed" },
  } as const;
  const messages = inLoop.map((message) =>
    message.role === "assistant" ? { ...message, parts: [thought, ...message.parts] } : message,
  );
  const kept = encode(sonnet45, { reasoning, tools, messages });
  assert.deepEqual(kept["additionalModelRequestFields"], {
    thinking: { type: "enabled", budget_tokens: 2000 },
  });
  const other = encode("anthropic.claude-opus-4-5-20251101-v1:0", { reasoning, tools, messages });
  assert.equal(JSON.stringify(other).includes("reasoningContent"), false);
});

test("a schema goes in Converse's words, closed for Claude, or into the instructions", () => {
  const inner = { type: "object", properties: { a: { type: "string" } } };
  const schema = {
    type: "object",
    properties: {
      list: { type: "array", items: inner },
      either: { anyOf: [inner, { type: "null" }] },
    },
    $defs: { Inner: inner },
  };
  const responseFormat = {
    kind: "schema",
    name: "n",
    description: null,
    schema,
    strict: null,
  } as const;
  const sent = encode(sonnet45, { responseFormat })["outputConfig"] as {
    textFormat: { structure: { jsonSchema: { schema: string; name: string } } };
  };
  const closed = { ...inner, additionalProperties: false };
  assert.deepEqual(JSON.parse(sent.textFormat.structure.jsonSchema.schema), {
    type: "object",
    properties: {
      list: { type: "array", items: closed },
      either: { anyOf: [closed, { type: "null" }] },
    },
    $defs: { Inner: closed },
    additionalProperties: false,
  });
  const nova = encode("amazon.nova-pro-v1:0", { responseFormat });
  assert.equal("outputConfig" in nova, false);
  assert.ok(
    JSON.stringify(nova["system"]).includes(JSON.stringify(JSON.stringify(schema)).slice(1, -1)),
  );
});

test("cache points: the last four, none for models without a cache", () => {
  const cache = { ttl: null };
  const system = ["a", "b", "c"].map((text) => ({ kind: "text" as const, text, cache }));
  const parts = ["d", "e"].map((text) => ({ kind: "text" as const, text, cache }));
  const tools = [{ ...toolCalled("look"), cache }];
  const conversation = { system, tools, messages: [{ role: "user" as const, parts }] };
  const claude = JSON.stringify(encode(sonnet45, conversation));
  assert.equal(claude.match(/cachePoint/gu)?.length, 4);
  assert.equal(
    JSON.stringify(encode(sonnet45, conversation)["toolConfig"]).includes("cachePoint"),
    false,
  );
  const llama = JSON.stringify(encode("meta.llama4-maverick-17b-instruct-v1:0", conversation));
  assert.equal(llama.includes("cachePoint"), false);
});

function media(part: Omit<MediaPart, "kind">): Partial<Conversation> {
  return { messages: [{ role: "user", parts: [{ kind: "media", ...part }] }] };
}

test("documents have unlike, harmless names and a text beside them", () => {
  const source = { kind: "data", mediaType: "application/pdf", data: "JVBERg==" } as const;
  const part = {
    kind: "media",
    medium: "document",
    source,
    title: "q3_report: FINAL!.pdf",
  } as const;
  const { title: _, ...untitled } = part;
  const messages = [{ role: "user", parts: [part, part, untitled] } as const];
  const [message] = encode(sonnet45, { messages })["messages"] as readonly {
    content: JsonObject[];
  }[];
  const names = message?.content.map(
    (block) => (block["document"] as JsonObject | undefined)?.["name"],
  );
  assert.deepEqual(names, [undefined, "q3 report FINAL", "q3 report FINAL (2)", "Document 3"]);
  assert.deepEqual(message?.content[0], { text: "See the document." });
});

test("media that Converse cannot take are refused, saying what to do", () => {
  const refused: readonly [Omit<MediaPart, "kind">, RegExp][] = [
    [
      {
        medium: "image",
        source: { kind: "url", url: "https://x.test/a.png", mediaType: "image/png" },
      },
      /inline/u,
    ],
    [
      { medium: "image", source: { kind: "data", mediaType: "image/tiff", data: "" } },
      /image\/tiff.*webp can/u,
    ],
    [
      { medium: "document", source: { kind: "data", mediaType: "application/zip", data: "" } },
      /docx/u,
    ],
    [{ medium: "audio", source: { kind: "data", mediaType: "audio/wav", data: "" } }, /no audio/u],
  ];
  for (const [part, message] of refused)
    assert.throws(() => encode(sonnet45, media(part)), { kind: "invalid_request", message });
  const film = { kind: "url", url: "s3://b/f.mp4", mediaType: "video/mp4" } as const;
  assert.ok(
    JSON.stringify(encode(sonnet45, media({ medium: "video", source: film }))).includes(
      "s3Location",
    ),
  );
});

test("texts that Converse refuses are left out or replaced", () => {
  const blank = { kind: "text", text: " \n" } as const;
  const messages = [
    { role: "user", parts: [blank] },
    { role: "assistant", parts: [{ kind: "text", text: "I begin \n" }] },
  ] as const;
  assert.deepEqual(encode(sonnet45, { messages, system: [blank] }), {
    messages: [
      { role: "user", content: [{ text: "…" }] },
      { role: "assistant", content: [{ text: "I begin" }] },
    ],
  });
  const opening = encode("amazon.nova-pro-v1:0", { messages: messages.slice(1) });
  assert.deepEqual((opening["messages"] as JsonObject[])[0], {
    role: "user",
    content: [{ text: "…" }],
  });
});

test("tiers, metadata and the path of the stop sequence", () => {
  const body = encode(sonnet45, {
    stream: true,
    serviceTier: "flex",
    metadata: { "a{b": "c\nd", n: 1 },
    sampling: { stop: ["x"] },
  });
  assert.deepEqual(
    members(body, "serviceTier", "requestMetadata", "additionalModelResponseFieldPaths"),
    {
      serviceTier: { type: "flex" },
      requestMetadata: { a_b: "c\nd", n: "1" },
      additionalModelResponseFieldPaths: ["/delta/stop_sequence"],
    },
  );
  assert.deepEqual(encode(sonnet45, { serviceTier: "auto" }), encode(sonnet45, {}));
});
