/** The doors of this room: every public API the gateway speaks, and every API it translates for upstreams. */
import { GatewayError } from "../core/errors.ts";
import type { DialectId, FrontId } from "../wire/call.ts";
import type { UpstreamCodec } from "./codec.ts";
import type { Dialect } from "./contract.ts";
import { anthropicMessages } from "./anthropic/dialect.ts";
import { anthropicUpstream } from "./anthropic/upstream-codec.ts";
import { bedrockConverse } from "./bedrock-converse/codec.ts";
import { cohereChat } from "./cohere/codec.ts";
import { cohere } from "./cohere/dialect.ts";
import { cozeChat } from "./coze/codec.ts";
import { geminiContent } from "./gemini/dialect.ts";
import { geminiUpstream } from "./gemini/upstream.ts";
import { jina } from "./jina/dialect.ts";
import { ollamaChat } from "./ollama/codec.ts";
import { openaiChat } from "./openai-chat/dialect.ts";
import { openaiChatUpstream } from "./openai-chat/upstream.ts";
import { openaiMedia } from "./openai-media/dialect.ts";
import { openaiResponses, openaiResponsesCodec } from "./openai-responses/dialect.ts";

const dialects: Readonly<Partial<Record<FrontId, Dialect>>> = {
  "openai-chat": openaiChat,
  "openai-media": openaiMedia,
  "openai-responses": openaiResponses,
  "anthropic-messages": anthropicMessages,
  "gemini-content": geminiContent,
  "cohere-v2": cohere,
  "jina-v1": jina,
};

const upstreamCodecs: Readonly<Partial<Record<DialectId, UpstreamCodec>>> = {
  "openai-chat": openaiChatUpstream,
  "anthropic-messages": anthropicUpstream,
  "bedrock-converse": bedrockConverse,
  "gemini-content": geminiUpstream,
  "cohere-v2": cohereChat,
  "coze-v3": cozeChat,
  "ollama-chat": ollamaChat,
  "openai-responses": openaiResponsesCodec,
};

/** The dialect of an id, as callers speak it. */
export function getDialect(id: FrontId): Dialect {
  const dialect = dialects[id];
  if (dialect === undefined) throw new GatewayError("internal", `no dialect ${id}`);
  return dialect;
}

/** The dialect of an id, where callers can speak it. */
export function findDialect(id: DialectId): Dialect | undefined {
  return (dialects as Readonly<Record<string, Dialect | undefined>>)[id];
}

/** How conversations are translated for upstreams of a dialect; undefined: they are not. */
export function findUpstreamCodec(id: DialectId): UpstreamCodec | undefined {
  return upstreamCodecs[id];
}
