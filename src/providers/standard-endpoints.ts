/** The usual paths of each API: what a vendor's row and a `custom` channel serve unless told otherwise. */
import type { DialectId } from "../wire/call.ts";
import type { Endpoint, ModelListing, UpstreamOperation } from "./contract.ts";

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
    realtime: "/realtime?model={model}",
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
  "ollama-chat": { chat: "/api/chat", embeddings: "/api/embed" },
};

const listings: Readonly<Partial<Record<DialectId, ModelListing>>> = {
  "openai-chat": { path: "/models", shape: "openai" },
  "openai-responses": { path: "/models", shape: "openai" },
  "anthropic-messages": { path: "/v1/models?limit=1000", shape: "anthropic" },
  "gemini-content": { path: "/models?pageSize=1000", shape: "gemini" },
  "cohere-v2": { path: "/v1/models?page_size=1000", shape: "cohere" },
  "ollama-chat": { path: "/api/tags", shape: "ollama", unversioned: true },
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

/** A dialect's usual endpoints, all or those of the named operations. */
export function standardEndpoints(
  dialect: DialectId,
  operations = Object.keys(paths[dialect] ?? {}) as readonly UpstreamOperation[],
): Partial<Record<UpstreamOperation, readonly Endpoint[]>> {
  const found: Partial<Record<UpstreamOperation, readonly Endpoint[]>> = {};
  for (const operation of operations) {
    const endpoint = standardEndpoint(dialect, operation);
    if (endpoint !== undefined) found[operation] = [endpoint];
  }
  return found;
}

/** The endpoint of Responses of a vendor that keeps them for those who continue them. */
export function keptResponses(): readonly Endpoint[] {
  const usual = standardEndpoint("openai-responses", "chat");
  return usual === undefined ? [] : [{ ...usual, keepsResponses: true }];
}

/** Dialects that a channel may say its URL speaks. */
export const standardDialects: readonly DialectId[] = Object.keys(paths) as DialectId[];

/** Where a URL that speaks a dialect lists its models. */
export function standardListing(dialect: DialectId): ModelListing | undefined {
  return listings[dialect];
}
