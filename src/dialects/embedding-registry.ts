/** Every dialect that embeddings are translated from or into. */
import type { DialectId } from "../wire/call.ts";
import { titanEmbeddings } from "./bedrock-converse/embeddings.ts";
import { cohereEmbeddings } from "./cohere/embeddings.ts";
import type { EmbeddingCodec } from "./embedding-codec.ts";
import { geminiEmbeddings } from "./gemini/embeddings.ts";
import { vertexEmbed, vertexPredict } from "./gemini/vertex-embeddings.ts";
import { ollamaEmbeddings } from "./ollama/embeddings.ts";
import { openaiEmbeddings } from "./openai-chat/embeddings.ts";

const codecs: Readonly<Partial<Record<DialectId, EmbeddingCodec>>> = {
  "openai-chat": openaiEmbeddings,
  "gemini-content": geminiEmbeddings,
  "cohere-v2": cohereEmbeddings,
  "ollama-chat": ollamaEmbeddings,
  "gemini-predict": vertexPredict,
  "vertex-embed": vertexEmbed,
  "bedrock-titan": titanEmbeddings,
};

/** How embeddings of a dialect are translated; undefined: they are not. */
export function findEmbeddingCodec(dialect: DialectId): EmbeddingCodec | undefined {
  return codecs[dialect];
}
