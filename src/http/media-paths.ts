/** The public paths of operations beside conversation: OpenAI's images, audio and moderations, rerank, Recraft's tools. */
import type { PublicPath } from "./public-path.ts";

const images = [
  ["/images/generations", "image-generation"],
  ["/images/edits", "image-edit"],
  ["/images/variations", "image-variation"],
] as const;

const audio = [
  ["/audio/speech", "speech"],
  ["/audio/transcriptions", "transcription"],
  ["/audio/translations", "translation"],
] as const;

/** Prefixes as for chat; a deployment in Azure's path is the model. */
const openaiRows = [
  "/v1",
  "",
  "/openai/v1",
  "/v1beta/openai",
  "/openai/deployments/:model",
].flatMap((prefix) =>
  [...images, ...audio, ["/moderations", "moderations"] as const].map(
    ([path, operation]): PublicPath => ({
      method: "POST",
      path: prefix + path,
      dialect: "openai-media",
      operation,
    }),
  ),
);

/**
 * Jina's and Cohere's bodies look alike and their replies do not, so the path decides: `/v1/rerank` is Jina's (and
 * what most vendors share), `/v2/rerank` and whatever stands under `/cohere` is Cohere's, its v1 included.
 */
const rerankRows: readonly PublicPath[] = [
  ...["/v1/rerank", "/rerank", "/jina/v1/rerank"].map((path): PublicPath => ({
    method: "POST",
    path,
    dialect: "jina-v1",
    operation: "rerank",
  })),
  ...["/v2/rerank", "/cohere/v2/rerank"].map((path): PublicPath => ({
    method: "POST",
    path,
    dialect: "cohere-v2",
    operation: "rerank",
  })),
  {
    method: "POST",
    path: "/cohere/v1/rerank",
    dialect: "cohere-v2",
    operation: "rerank",
    action: "v1",
  },
];

/** Recraft's own tools name no model: each is one, as One Hub's prices call them. */
const recraftTools = [
  ["images/vectorize", "recraft_vectorize"],
  ["images/removeBackground", "recraft_removeBackground"],
  ["images/clarityUpscale", "recraft_clarityUpscale"],
  ["images/generativeUpscale", "recraft_generativeUpscale"],
  ["styles", "recraft_styles"],
] as const;

const recraftRows: readonly PublicPath[] = [
  {
    method: "POST",
    path: "/recraftAI/v1/images/generations",
    dialect: "openai-media",
    operation: "image-generation",
  },
  ...recraftTools.map(([action, model]): PublicPath => ({
    method: "POST",
    path: `/recraftAI/v1/${action}`,
    dialect: "openai-media",
    operation: "image-tool",
    action,
    model,
  })),
];

export const mediaPaths: readonly PublicPath[] = [...openaiRows, ...rerankRows, ...recraftRows];
