/** The public paths: which path is which operation of which dialect. One table, mounted by relay-routes.ts. */
import type { FrontId, HeaderMap, Operation } from "../wire/call.ts";
import { mediaPaths } from "./media-paths.ts";
import type { PublicPath } from "./public-path.ts";
import { resourcePaths } from "./resource-paths.ts";

type Row = readonly [
  method: "GET" | "POST",
  path: string,
  operation: PublicPath["operation"],
  shared?: true,
];

const openai: readonly Row[] = [
  ["POST", "/chat/completions", "chat"],
  ["POST", "/completions", "completions"],
  ["POST", "/embeddings", "embeddings"],
  ["GET", "/models", "models", true],
  // Model ids hold slashes: meta-llama/Llama-3.
  ["GET", "/models/*", "model", true],
];

const responses: readonly Row[] = [
  ["POST", "/responses", "chat"],
  ["POST", "/responses/compact", "compact"],
  ["POST", "/responses/input_tokens", "count-tokens"],
];

const messages: readonly Row[] = [
  ["POST", "/messages", "chat"],
  ["POST", "/messages/count_tokens", "count-tokens"],
];

/** Where it is plain that Anthropic's API is meant. */
const anthropicModels: readonly Row[] = [
  ["GET", "/models", "models"],
  ["GET", "/models/*", "model"],
];

const gemini: readonly Row[] = [
  ["GET", "/models", "models"],
  ["GET", "/models/*", "model"],
  ["POST", "/models/*", "by-action"],
];

const azureDeployments: readonly Row[] = [
  ["POST", "/chat/completions", "chat"],
  ["POST", "/completions", "completions"],
  ["POST", "/embeddings", "embeddings"],
];

/**
 * `""` serves base URLs that lack the `/v1`; `/openai/v1` and `/openai` serve Azure's clients, `/v1beta/openai` those of
 * Google's compatible API.
 */
const openaiPrefixes = ["/v1", "", "/openai/v1", "/v1beta/openai"] as const;
const responsesPrefixes = ["/v1", "", "/openai/v1", "/openai"] as const;
const anthropicPrefixes = ["/v1", "", "/claude/v1", "/anthropic/v1"] as const;
const anthropicModelPrefixes = ["/claude/v1", "/anthropic/v1"] as const;
/** Google's own versions, One Hub's prefix, and Vertex with and without a project. */
const geminiPrefixes = [
  "/v1beta",
  "/v1alpha",
  "/gemini/:version",
  "/v1/publishers/google",
  "/v1beta1/publishers/google",
  "/v1/projects/:project/locations/:location/publishers/google",
  "/v1beta1/projects/:project/locations/:location/publishers/google",
] as const;

/** As OpenAI had them once and One Hub's users still ask. */
const billing = ["subscription", "usage"].flatMap((action) =>
  ["/v1", ""].map((prefix): PublicPath => ({
    method: "GET",
    path: `${prefix}/dashboard/billing/${action}`,
    dialect: "openai-chat",
    operation: "billing",
    action,
  })),
);

/** All public paths. */
export const publicPaths: readonly PublicPath[] = [
  ...rows("openai-chat", openaiPrefixes, openai),
  ...rows("openai-chat", ["/openai/deployments/:model"], azureDeployments),
  ...rows("openai-responses", responsesPrefixes, responses),
  ...rows("anthropic-messages", anthropicPrefixes, messages),
  ...rows("anthropic-messages", anthropicModelPrefixes, anthropicModels),
  ...rows("gemini-content", geminiPrefixes, gemini),
  // Google's stable version; models of the same path are listed for whoever the headers say.
  { method: "POST", path: "/v1/models/*", dialect: "gemini-content", operation: "by-action" },
  ...billing,
  ...mediaPaths,
  ...resourcePaths,
];

function rows(
  dialect: FrontId,
  prefixes: readonly string[],
  table: readonly Row[],
): readonly PublicPath[] {
  return prefixes.flatMap((prefix) =>
    table.map(([method, path, operation, shared]) => {
      const row = { method, path: prefix + path, dialect, operation };
      return shared === undefined ? row : { ...row, shared };
    }),
  );
}

/** What Gemini's clients ask of a model, by the word behind its `:`. */
const geminiActions: Readonly<Record<string, Operation>> = {
  generateContent: "chat",
  streamGenerateContent: "chat",
  countTokens: "count-tokens",
  embedContent: "embeddings",
  batchEmbedContents: "embeddings",
};

/** What a request on a public path is. */
export interface ResolvedPath {
  readonly dialect: FrontId;
  readonly operation: Operation;
  readonly pathModel?: string;
  readonly pathAction?: string;
}

/** Undefined: the action is unknown. `named`: what the path's parameter or wildcard holds. */
export function resolvePath(
  path: PublicPath,
  named: string | undefined,
  headers: HeaderMap,
): ResolvedPath | undefined {
  const model = named === undefined || named === "" ? {} : { pathModel: named };
  const dialect = path.shared === true ? dialectByHeaders(path.dialect, headers) : path.dialect;
  if (path.operation !== "by-action")
    return { dialect, operation: path.operation, ...model, ...toldByRow(path) };
  const mark = named?.lastIndexOf(":") ?? -1;
  const pathAction = named?.slice(mark + 1) ?? "";
  if (named === undefined || mark < 1 || !Object.hasOwn(geminiActions, pathAction))
    return undefined;
  const operation = geminiActions[pathAction];
  if (operation === undefined) return undefined;
  return { dialect, operation, pathModel: named.slice(0, mark), pathAction };
}

function toldByRow({ action, model }: PublicPath): { pathAction?: string; pathModel?: string } {
  if (action === undefined) return {};
  return model === undefined ? { pathAction: action } : { pathAction: action, pathModel: model };
}

function dialectByHeaders(usual: FrontId, headers: HeaderMap): FrontId {
  if (headers["anthropic-version"] !== undefined) return "anthropic-messages";
  return headers["x-goog-api-key"] === undefined ? usual : "gemini-content";
}

/** Which vendor's clients ask for paths like these: in its tongue they are told that there is no such path. */
const tongues: readonly (readonly [RegExp, FrontId])[] = [
  [/^\/v1beta\/openai(?:\/|$)/, "openai-chat"],
  [/\/responses(?:\/|$)/, "openai-responses"],
  [/^\/cohere(?:\/|$)|^\/v2\/rerank(?:\/|$)/, "cohere-v2"],
  [/\/rerank(?:\/|$)/, "jina-v1"],
  [
    /^\/(?:v1beta1?|v1alpha|gemini)(?:\/|$)|\/publishers\/google\/|\/models\/[^/]+:/,
    "gemini-content",
  ],
  [/^\/(?:claude|anthropic)(?:\/|$)|\/messages(?:\/|$)/, "anthropic-messages"],
];

/** The dialect in which a path is answered where no row matched. */
export function tongueOf(path: string, headers: HeaderMap): FrontId {
  const found = tongues.find(([pattern]) => pattern.test(path));
  return found?.[1] ?? dialectByHeaders("openai-chat", headers);
}
