/** The doors of this room: every public API the gateway speaks, and every API it translates for upstreams. */
import { GatewayError } from "../core/errors.ts";
import type { DialectId, FrontId } from "../wire/call.ts";
import type { UpstreamCodec } from "./codec.ts";
import type { Dialect } from "./contract.ts";
import { anthropicMessages } from "./anthropic/dialect.ts";
import { cohere } from "./cohere/dialect.ts";
import { geminiContent } from "./gemini/dialect.ts";
import { jina } from "./jina/dialect.ts";
import { openaiChat } from "./openai-chat/dialect.ts";
import { openaiMedia } from "./openai-media/dialect.ts";
import { openaiResponses } from "./openai-responses/dialect.ts";
import { upstreamCodecs } from "./upstream-codecs.ts";

const dialects: Readonly<Partial<Record<FrontId, Dialect>>> = {
  "openai-chat": openaiChat,
  "openai-media": openaiMedia,
  "openai-responses": openaiResponses,
  "anthropic-messages": anthropicMessages,
  "gemini-content": geminiContent,
  "cohere-v2": cohere,
  "jina-v1": jina,
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
