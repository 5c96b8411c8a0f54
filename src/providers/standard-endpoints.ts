/** The usual paths of each API: what a vendor's row and a `custom` channel serve unless told otherwise. */
import type { DialectId } from "../wire/call.ts";
import type { Endpoint, UpstreamOperation } from "./contract.ts";

type Paths = Readonly<Partial<Record<UpstreamOperation, string | readonly [string, string]>>>;

/** Path, or path and path of streams. OpenAI's base URLs hold the version segment, Anthropic's do not. */
const paths: Readonly<Partial<Record<DialectId, Paths>>> = {
  "openai-chat": {
    chat: "/chat/completions",
    completions: "/completions",
    embeddings: "/embeddings",
  },
  "openai-media": {
    moderations: "/moderations",
    "image-generation": "/images/generations",
    "image-edit": "/images/edits",
    "image-variation": "/images/variations",
    speech: "/audio/speech",
    transcription: "/audio/transcriptions",
    translation: "/audio/translations",
  },
  "openai-responses": {
    chat: "/responses",
    compact: "/responses/compact",
    "count-tokens": "/responses/input_tokens",
  },
  "anthropic-messages": { chat: "/v1/messages", "count-tokens": "/v1/messages/count_tokens" },
  "gemini-content": {
    chat: ["/models/{model}:generateContent", "/models/{model}:streamGenerateContent?alt=sse"],
    "count-tokens": "/models/{model}:countTokens",
    embeddings: "/models/{model}:batchEmbedContents",
  },
  "cohere-v2": { chat: "/v2/chat", rerank: "/v2/rerank", embeddings: "/v2/embed" },
  "jina-v1": { rerank: "/rerank" },
  "bedrock-converse": { chat: ["/model/{model}/converse", "/model/{model}/converse-stream"] },
  "ollama-chat": { chat: "/api/chat" },
};

/** Undefined: the API has no such operation, or no usual path for it. */
export function standardEndpoint(
  dialect: DialectId,
  operation: UpstreamOperation,
): Endpoint | undefined {
  const found = paths[dialect]?.[operation];
  if (found === undefined) return undefined;
  const [path, streamPath] = typeof found === "string" ? [found] : found;
  return {
    dialect,
    path,
    ...(streamPath !== undefined && { streamPath }),
    usageOptIn: dialect === "openai-chat" && operation !== "embeddings",
  };
}

/** Operations that a dialect has a usual path for. */
export function standardOperations(dialect: DialectId): readonly UpstreamOperation[] {
  return Object.keys(paths[dialect] ?? {}) as UpstreamOperation[];
}

/** Dialects that a channel may say its URL speaks. */
export const standardDialects: readonly DialectId[] = Object.keys(paths) as DialectId[];
