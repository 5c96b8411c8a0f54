/** Every API that conversations are translated into: the table behind `findUpstreamCodec` of the registry. */
import type { DialectId } from "../wire/call.ts";
import type { UpstreamCodec } from "./codec.ts";
import { anthropicUpstream } from "./anthropic/upstream-codec.ts";
import { bedrockConverse } from "./bedrock-converse/codec.ts";
import { cohereChat } from "./cohere/codec.ts";
import { cozeChat } from "./coze/codec.ts";
import { geminiUpstream } from "./gemini/upstream.ts";
import { ollamaChat } from "./ollama/codec.ts";
import { openaiChatUpstream } from "./openai-chat/upstream.ts";
import { openaiResponsesCodec } from "./openai-responses/dialect.ts";
import { replicateChat } from "./replicate/codec.ts";

export const upstreamCodecs: Readonly<Partial<Record<DialectId, UpstreamCodec>>> = {
  "openai-chat": openaiChatUpstream,
  "anthropic-messages": anthropicUpstream,
  "bedrock-converse": bedrockConverse,
  "gemini-content": geminiUpstream,
  "cohere-v2": cohereChat,
  "coze-v3": cozeChat,
  "ollama-chat": ollamaChat,
  "openai-responses": openaiResponsesCodec,
  "replicate-predictions": replicateChat,
};
