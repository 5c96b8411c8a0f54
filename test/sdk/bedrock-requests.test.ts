/** Our Converse requests: those real clients sent come out again, and AWS's own client would send them unchanged. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConverseCommand, type ConverseCommandInput } from "@aws-sdk/client-bedrock-runtime";
import type { JsonObject } from "../../src/core/json-value.ts";
import { bedrockConverse } from "../../src/dialects/bedrock-converse/codec.ts";
import { asList, asObject } from "../fakes/scripted/turn.ts";
import { emptyConversation, longHistory, toolCalled, userSays } from "../fakes/conversations.ts";
import { loadRecordings } from "../fakes/recordings.ts";
import type {
  AssistantPart,
  Conversation,
  MediaPart,
  Message,
  TextPart,
  Tool,
  ToolChoice,
  ToolResultPart,
  UserPart,
} from "../../src/wire/conversation.ts";
import { playToAws } from "./aws-client.ts";

const recordings = loadRecordings("bedrock-converse");

type Fields = Readonly<Record<string, unknown>>;

const mediaTypes: Readonly<Record<string, string>> = {
  jpeg: "image/jpeg",
  png: "image/png",
  pdf: "application/pdf",
  txt: "text/plain",
  mp4: "video/mp4",
};

function readMedia(block: Fields): MediaPart | undefined {
  for (const medium of ["image", "document", "video"] as const) {
    if (block[medium] === undefined) continue;
    const { format, source, name } = asObject(block[medium]);
    const mediaType = mediaTypes[String(format)] ?? String(format);
    const { bytes, s3Location } = asObject(source);
    const uri = asObject(s3Location)["uri"];
    return {
      kind: "media",
      medium,
      source:
        typeof bytes === "string"
          ? { kind: "data", mediaType, data: bytes }
          : { kind: "url", url: String(uri), mediaType },
      ...(typeof name === "string" ? { title: name } : {}),
    };
  }
  return undefined;
}

/** Puts a cache point on the part before it. */
function withMarks<Part>(blocks: readonly unknown[], read: (block: Fields) => Part): Part[] {
  const parts: Part[] = [];
  for (const block of blocks.map(asObject)) {
    const last = parts.at(-1);
    if (block["cachePoint"] === undefined) parts.push(read(block));
    else if (last !== undefined) parts[parts.length - 1] = { ...last, cache: { ttl: null } };
  }
  return parts;
}

function readResult(block: Fields): ToolResultPart {
  const { toolUseId, content, status } = asObject(block["toolResult"]);
  return {
    kind: "tool-result",
    callId: String(toolUseId),
    name: null,
    content: asList(content).map(
      (item): TextPart | MediaPart =>
        readMedia(asObject(item)) ?? { kind: "text", text: String(asObject(item)["text"]) },
    ),
    isError: status === "error",
  };
}

function readUser(block: Fields): UserPart | ToolResultPart {
  if (block["toolResult"] !== undefined) return readResult(block);
  return readMedia(block) ?? { kind: "text", text: String(block["text"]) };
}

function readAssistant(model: string, block: Fields): AssistantPart {
  const { reasoningContent, toolUse } = block;
  if (toolUse !== undefined) {
    const { toolUseId, name, input } = asObject(toolUse);
    const id = String(toolUseId);
    return { kind: "tool-call", id, name: String(name), arguments: JSON.stringify(input) };
  }
  if (reasoningContent === undefined) return { kind: "text", text: String(block["text"]) };
  const { text, signature } = asObject(asObject(reasoningContent)["reasoningText"]);
  const carried = { issuer: `bedrock-converse/${model}`, data: String(signature) };
  return { kind: "reasoning", text: String(text), carried };
}

function readMessages(model: string, messages: unknown): Message[] {
  return asList(messages).flatMap((message): Message[] => {
    const { role, content } = asObject(message);
    if (role === "assistant")
      return [
        {
          role,
          parts: withMarks(asList(content), (block) => readAssistant(model, block)),
        },
      ];
    const parts = withMarks(asList(content), readUser);
    const isResult = (part: UserPart | ToolResultPart): part is ToolResultPart =>
      part.kind === "tool-result";
    const results = parts.filter(isResult);
    const rest = parts.filter((part): part is UserPart => !isResult(part));
    return [
      ...(results.length > 0 ? [{ role: "tool" as const, parts: results }] : []),
      ...(rest.length > 0 ? [{ role: "user" as const, parts: rest }] : []),
    ];
  });
}

function readTool(block: Fields): Tool {
  const { name, description, inputSchema } = asObject(block["toolSpec"]);
  return {
    name: String(name),
    description: typeof description === "string" ? description : null,
    parameters: asObject(inputSchema)["json"] as JsonObject,
    strict: null,
  };
}

function readChoice(choice: unknown): ToolChoice | null {
  const { auto, any, tool } = asObject(choice);
  if (auto !== undefined) return { kind: "auto" };
  if (any !== undefined) return { kind: "required" };
  return tool === undefined ? null : { kind: "named", name: String(asObject(tool)["name"]) };
}

/** A conversation that means what the recorded request means. */
function readRequest(body: Fields, model: string, stream: boolean): Conversation {
  const { maxTokens, temperature, topP } = asObject(body["inferenceConfig"]);
  const { tools, toolChoice } = asObject(body["toolConfig"]);
  const { thinking, reasoning_config } = asObject(body["additionalModelRequestFields"]);
  const budget = asObject(thinking)["budget_tokens"];
  const wish = { adaptive: false, show: null, summary: null };
  const { textFormat } = asObject(body["outputConfig"]);
  const schema = asObject(asObject(asObject(textFormat)["structure"])["jsonSchema"]);
  const tier = asObject(body["serviceTier"])["type"];
  return {
    ...emptyConversation,
    stream,
    system: withMarks(asList(body["system"]), ({ text }) => ({
      kind: "text" as const,
      text: String(text),
    })),
    messages: readMessages(model, body["messages"]),
    tools: withMarks(asList(tools), readTool),
    toolChoice: readChoice(toolChoice),
    sampling: {
      ...(typeof temperature === "number" ? { temperature } : {}),
      ...(typeof topP === "number" ? { topP } : {}),
    },
    maxOutputTokens: typeof maxTokens === "number" ? maxTokens : null,
    reasoning:
      typeof budget === "number"
        ? { ...wish, effort: null, budgetTokens: budget }
        : typeof reasoning_config === "string"
          ? { ...wish, effort: "high", budgetTokens: null }
          : null,
    responseFormat:
      schema["schema"] === undefined
        ? null
        : {
            kind: "schema",
            name: typeof schema["name"] === "string" ? schema["name"] : null,
            description: typeof schema["description"] === "string" ? schema["description"] : null,
            schema: JSON.parse(String(schema["schema"])) as JsonObject,
            strict: null,
          },
    serviceTier:
      asObject(body["performanceConfig"])["latency"] === "optimized"
        ? "fast"
        : typeof tier === "string"
          ? tier
          : null,
  };
}

/** Leaves out what says nothing: empty lists and objects, the status of a success, `strict`, which we do not send. */
function tidy(value: unknown, name = ""): unknown {
  if (name === "schema" && typeof value === "string") return JSON.parse(value);
  if (Array.isArray(value)) return value.map((item) => tidy(item));
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).filter(([member, item]) => {
    if (member === "strict" || (member === "status" && item === "success")) return false;
    const empty = typeof item === "object" && item !== null && Object.keys(item).length === 0;
    return !empty || !["system", "inferenceConfig"].includes(member);
  });
  return Object.fromEntries(members.map(([member, item]) => [member, tidy(item, member)]));
}

function modelOf(path: string): string {
  const [, model] = /\/model\/([^/]+)\//u.exec(path) ?? [];
  assert.ok(model !== undefined, path);
  return decodeURIComponent(model);
}

/** Requests that come out otherwise on purpose. */
const otherwise = [
  // The client takes a media type for a format's name.
  "test_video_url_input.yaml#1",
  // The client puts a text of one line feed before a cache point; blank texts are left out.
  "test_bedrock_cache_write_and_read.yaml",
];

test(
  "requests that real clients sent come out again",
  { skip: recordings === undefined && "no recordings beside this checkout" },
  () => {
    let compared = 0;
    const different: string[] = [];
    for (const { id, request } of recordings ?? []) {
      let body: Fields;
      try {
        body = asObject(JSON.parse(request.body.toString()));
      } catch {
        continue;
      }
      const model = modelOf(request.path);
      if (otherwise.some((name) => id.includes(name))) continue;
      const stream = request.path.endsWith("-stream");
      const conversation = readRequest(body, model, stream);
      const target = { model, stream, askUsage: true, quirks: [] };
      const encoded = bedrockConverse.encodeRequest(conversation, target);
      compared += 1;
      try {
        assert.deepEqual(tidy(encoded), tidy(body));
      } catch (thrown) {
        different.push(`${id}: ${String(thrown).slice(0, 1500)}`);
      }
    }
    assert.deepEqual(different, []);
    assert.ok(compared > 100, String(compared));
  },
);

/** AWS's client takes bytes, not base64. */
function toInput(value: unknown, name = ""): unknown {
  if ((name === "bytes" || name === "redactedContent") && typeof value === "string")
    return Buffer.from(value, "base64");
  if (Array.isArray(value)) return value.map((item) => toInput(item));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([member, item]) => [member, toInput(item, member)]),
  );
}

const carried = { issuer: "bedrock-converse/us.anthropic.claude-sonnet-4-5-20250929-v1:0" };

/** Everything that can be said to Converse, spread over a few conversations. */
const said: readonly { model: string; conversation: Conversation }[] = [
  {
    model: "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    conversation: {
      ...emptyConversation,
      stream: true,
      system: [{ kind: "text", text: "Be kind.", cache: { ttl: "1h" } }],
      messages: [
        userSays("Hello"),
        {
          role: "assistant",
          parts: [
            { kind: "reasoning", text: "hm", carried: { ...carried, data: "signed" } },
            {
              kind: "reasoning",
              text: "",
              redacted: true,
              carried: { ...carried, data: "c2VjcmV0" },
            },
            { kind: "text", text: "Hello." },
          ],
        },
        {
          role: "user",
          parts: [
            {
              kind: "media",
              medium: "document",
              source: { kind: "text", text: "A text." },
              title: "My_notes: (draft).txt",
              context: "context",
              citationsAsked: true,
            },
            {
              kind: "media",
              medium: "video",
              source: { kind: "url", url: "s3://bucket/film.mov", mediaType: "video/quicktime" },
            },
          ],
        },
      ],
      tools: [{ ...toolCalled("look"), description: "Looks.", cache: { ttl: "5m" } }],
      toolChoice: { kind: "auto" },
      parallelToolCalls: false,
      sampling: { topK: 5, stop: ["END"] },
      maxOutputTokens: 100,
      reasoning: { effort: "low", budgetTokens: null, adaptive: false, show: null, summary: null },
      responseFormat: {
        kind: "schema",
        name: "answer",
        description: "An answer.",
        schema: { type: "object", properties: { inner: { type: "object", properties: {} } } },
        strict: true,
      },
      serviceTier: "priority",
      metadata: { team: "blue", "odd name!": 7 },
    },
  },
  {
    model: "us.amazon.nova-2-lite-v1:0",
    conversation: {
      ...emptyConversation,
      messages: longHistory,
      sampling: { temperature: 0.5, topP: 0.9, topK: 3 },
      reasoning: { effort: "low", budgetTokens: null, adaptive: false, show: null, summary: null },
      serviceTier: "fast",
    },
  },
  {
    model: "anthropic.claude-opus-4-6-v1",
    conversation: {
      ...emptyConversation,
      messages: longHistory,
      tools: [toolCalled("look")],
      toolChoice: { kind: "named", name: "look" },
      reasoning: { effort: "high", budgetTokens: null, adaptive: true, show: true, summary: null },
    },
  },
];

test("AWS's client sends our bodies unchanged, so it knows every member of them", async () => {
  for (const { model, conversation } of said) {
    const target = { model, stream: conversation.stream, askUsage: true, quirks: [] };
    const encoded = bedrockConverse.encodeRequest(conversation, target);
    const { client, sent } = playToAws(Buffer.from("{}"), "application/json");
    const input = { ...(toInput(encoded) as object), modelId: model } as ConverseCommandInput;
    await client.send(new ConverseCommand(input));
    assert.deepEqual(sent, [encoded]);
  }
});
