/** Builds the demo upstream's replies from the recorded ones, pure: the same request gives the same bytes. */
import { isObject, type Json, type JsonObject } from "../core/json-value.ts";
import { objectsOf } from "./api-client.ts";
import chat from "./demo-replies/chat.json" with { type: "json" };
import embedding from "./demo-replies/embedding.json" with { type: "json" };
import errors from "./demo-replies/errors.json" with { type: "json" };
import toolCall from "./demo-replies/tool-call.json" with { type: "json" };

/** Models that the demo channel serves; the last four show what goes wrong with real vendors. */
export const demoModelNames = [
  "demo-chat",
  "demo-embedding",
  "demo-busy",
  "demo-broken",
  "demo-refused",
  "demo-cut",
] as const;

/** Seconds; fixed, so that replies do not change from run to run. */
const created = 1_760_000_000;

/** The models as `GET /v1/models` lists them. */
export const demoModels: readonly JsonObject[] = demoModelNames.map((id) => ({
  id,
  object: "model",
  created,
  owned_by: "switchyard-demo",
}));

export interface DemoError {
  readonly status: number;
  readonly retryAfter?: string;
  readonly error: JsonObject;
}

/** The recorded failure of a model that always fails. */
export function findDemoError(body: JsonObject): DemoError | undefined {
  const table: Readonly<Record<string, DemoError>> = errors;
  const model = modelOf(body);
  return Object.hasOwn(table, model) ? table[model] : undefined;
}

/** The whole reply to a path; undefined where the path is not served. */
export function renderDemoReply(path: string, body: JsonObject): JsonObject | undefined {
  if (path === "/v1/chat/completions") return chatReply(body);
  if (path === "/v1/completions") return completionReply(body);
  if (path === "/v1/embeddings") return embeddingReply(body);
  return undefined;
}

/** The events of a streamed reply; undefined where the path has none. */
export function renderDemoStream(
  path: string,
  body: JsonObject,
): readonly JsonObject[] | undefined {
  const usageAsked = isObject(body["stream_options"])
    ? body["stream_options"]["include_usage"] === true
    : false;
  if (path === "/v1/completions") return withUsage(completionPieces(body), chat.usage, usageAsked);
  if (path !== "/v1/chat/completions") return undefined;
  const tool = toolName(body);
  if (tool !== undefined) return withUsage(toolPieces(body, tool), toolCall.usage, usageAsked);
  return withUsage(chatPieces(body), chat.usage, usageAsked);
}

function chatReply(body: JsonObject): JsonObject {
  const tool = toolName(body);
  const message: JsonObject =
    tool === undefined
      ? { role: "assistant", content: chat.chunks.join(""), refusal: null }
      : { role: "assistant", content: null, tool_calls: [wholeToolCall(tool)] };
  const finish = tool === undefined ? "stop" : "tool_calls";
  return {
    ...head(body, "chat.completion"),
    choices: [{ index: 0, message, logprobs: null, finish_reason: finish }],
    usage: tool === undefined ? chat.usage : toolCall.usage,
  };
}

function completionReply(body: JsonObject): JsonObject {
  const text = chat.chunks.join("");
  return {
    ...head(body, "text_completion"),
    choices: [{ index: 0, text, logprobs: null, finish_reason: "stop" }],
    usage: chat.usage,
  };
}

function embeddingReply(body: JsonObject): JsonObject {
  const inputs = Array.isArray(body["input"]) ? body["input"].length : 1;
  const vector: Json =
    body["encoding_format"] === "base64"
      ? Buffer.from(Float32Array.from(embedding.embedding).buffer).toString("base64")
      : embedding.embedding;
  const data = Array.from({ length: Math.max(1, inputs) }, (_, index) => ({
    object: "embedding",
    index,
    embedding: vector,
  }));
  return { object: "list", data, model: modelOf(body), usage: embedding.usage };
}

function chatPieces(body: JsonObject): readonly JsonObject[] {
  const start = chatPiece(body, { role: "assistant", content: "", refusal: null }, null);
  const words = chat.chunks.map((content) => chatPiece(body, { content }, null));
  if (modelOf(body) === "demo-cut") return [start, ...words.slice(0, 12), { cut: true }];
  return [start, ...words, chatPiece(body, {}, "stop")];
}

function toolPieces(body: JsonObject, tool: string): readonly JsonObject[] {
  const call = { index: 0, id: toolCall.id, type: "function" };
  const first = { ...call, function: { name: tool, arguments: "" } };
  return [
    chatPiece(body, { role: "assistant", content: null, tool_calls: [first] }, null),
    ...toolCall.arguments.map((text) =>
      chatPiece(body, { tool_calls: [{ index: 0, function: { arguments: text } }] }, null),
    ),
    chatPiece(body, {}, "tool_calls"),
  ];
}

function completionPieces(body: JsonObject): readonly JsonObject[] {
  return [...chat.chunks, ""].map((text, index) => ({
    ...head(body, "text_completion"),
    choices: [
      { index: 0, text, logprobs: null, finish_reason: index < chat.chunks.length ? null : "stop" },
    ],
  }));
}

function chatPiece(body: JsonObject, delta: JsonObject, finish: string | null): JsonObject {
  return {
    ...head(body, "chat.completion.chunk"),
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
  };
}

/** Where usage was asked for, each piece says `usage: null` and one more, without choices, tells it: as OpenAI does. */
function withUsage(
  pieces: readonly JsonObject[],
  usage: JsonObject,
  asked: boolean,
): readonly JsonObject[] {
  const [first] = pieces;
  if (!asked || first === undefined) return pieces;
  const told = pieces.map((piece) => (piece["cut"] === true ? piece : { ...piece, usage: null }));
  if (pieces.some((piece) => piece["cut"] === true)) return told;
  return [...told, { ...first, choices: [], usage }];
}

function head(body: JsonObject, object: string): JsonObject {
  const prefix = object === "text_completion" ? "cmpl" : "chatcmpl";
  return { id: `${prefix}-demo`, object, created, model: modelOf(body) };
}

function wholeToolCall(name: string): JsonObject {
  const text = toolCall.arguments.join("");
  return { id: toolCall.id, type: "function", function: { name, arguments: text } };
}

/** The first offered tool, as long as no tool has answered yet: then the demo goes on with text. */
function toolName(body: JsonObject): string | undefined {
  if (body["tool_choice"] === "none") return undefined;
  if (objectsOf(body["messages"]).some((message) => message["role"] === "tool")) return undefined;
  const offered = objectsOf(body["tools"])[0]?.["function"];
  if (offered === undefined || !isObject(offered)) return undefined;
  return typeof offered["name"] === "string" ? offered["name"] : undefined;
}

function modelOf(body: JsonObject): string {
  const model = body["model"];
  return typeof model === "string" ? model : "";
}
