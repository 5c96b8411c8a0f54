/** The public paths: which path is which operation of which dialect. One table, mounted by relay-routes.ts. */
import type { FrontId, Operation } from "../wire/call.ts";

export interface PublicPath {
  readonly method: "GET" | "POST";
  /** Fastify pattern; a parameter `model` or the wildcard names the model. */
  readonly path: string;
  readonly dialect: FrontId;
  readonly operation: Operation;
}

type Row = readonly [method: "GET" | "POST", path: string, operation: Operation];

const openai: readonly Row[] = [
  ["POST", "/chat/completions", "chat"],
  ["POST", "/completions", "completions"],
  ["POST", "/embeddings", "embeddings"],
  ["GET", "/models", "models"],
  // Model ids hold slashes: meta-llama/Llama-3.
  ["GET", "/models/*", "model"],
];

/** `""` serves base URLs that lack the `/v1`; `/openai/v1` serves Azure's newer clients. */
const openaiPrefixes = ["/v1", "", "/openai/v1"] as const;

const azureDeployments: readonly Row[] = [
  ["POST", "/openai/deployments/:model/chat/completions", "chat"],
  ["POST", "/openai/deployments/:model/completions", "completions"],
  ["POST", "/openai/deployments/:model/embeddings", "embeddings"],
];

/** All public paths. */
export const publicPaths: readonly PublicPath[] = [
  ...openaiPrefixes.flatMap((prefix) =>
    openai.map(([method, path, operation]) => row(method, `${prefix}${path}`, operation)),
  ),
  ...azureDeployments.map(([method, path, operation]) => row(method, path, operation)),
];

function row(method: "GET" | "POST", path: string, operation: Operation): PublicPath {
  return { method, path, dialect: "openai-chat", operation };
}
