/**
 * Google Cloud's models: Gemini and Claude by their own APIs, others by the OpenAI-compatible endpoint.
 * Hosts of regions: code.claude.com/docs/en/google-vertex-ai; Claude's paths: platform.claude.com/docs/en/
 * build-with-claude/claude-on-vertex-ai (`model` leaves the body, `stream` stays); autumn 2026.
 */
import type { QuirkId } from "../../dialects/quirk-ids.ts";
import type { Endpoint, Provider, UpstreamOperation } from "../contract.ts";

const location = "/projects/{project}/locations/{region}";
const google = `/v1beta1${location}/publishers/google/models/{model}`;
const claude = `/v1${location}/publishers/anthropic/models`;
const version = { anthropic_version: "vertex-2023-10-16" };

/** Models of other publishers are named `publisher/model`. */
const others = ["*/*"];
const geminis = ["gemini*", "gemma*", "learnlm*"];
const claudes = ["claude*"];

/**
 * Where Google manages Claude it takes base64 alone (platform.claude.com/docs/en/build-with-claude/vision, autumn 2026);
 * a URL is answered with 400 "URL sources are not supported" (December 2025).
 */
const claudeQuirks: readonly QuirkId[] = ["inline-media"];

const images: Endpoint = {
  dialect: "gemini-content",
  path: `${google}:generateContent`,
  usageOptIn: false,
  models: ["gemini*"],
};

const endpoints: Readonly<Partial<Record<UpstreamOperation, readonly Endpoint[]>>> = {
  chat: [
    {
      dialect: "gemini-content",
      path: `${google}:generateContent`,
      streamPath: `${google}:streamGenerateContent?alt=sse`,
      usageOptIn: false,
      models: geminis,
    },
    {
      dialect: "anthropic-messages",
      path: `${claude}/{model}:rawPredict`,
      streamPath: `${claude}/{model}:streamRawPredict`,
      usageOptIn: false,
      models: claudes,
      quirks: claudeQuirks,
      omit: ["model"],
      add: version,
    },
    {
      dialect: "openai-chat",
      path: `/v1${location}/endpoints/openapi/chat/completions`,
      usageOptIn: true,
      models: others,
    },
  ],
  "image-generation": [
    {
      dialect: "gemini-predict",
      path: `${google}:predict`,
      usageOptIn: false,
      models: ["imagen*"],
    },
    images,
  ],
  "image-edit": [images],
  embeddings: [
    {
      dialect: "gemini-predict",
      path: `/v1${location}/publishers/google/models/{model}:predict`,
      usageOptIn: false,
      models: [
        "text-embedding-*",
        "text-multilingual-embedding-*",
        "textembedding-*",
        "gemini-embedding-001",
      ],
    },
    {
      dialect: "vertex-embed",
      path: `${google}:embedContent`,
      usageOptIn: false,
      models: ["gemini-embedding-*"],
    },
  ],
  "count-tokens": [
    {
      dialect: "gemini-content",
      path: `${google}:countTokens`,
      usageOptIn: false,
      models: geminis,
    },
    {
      dialect: "anthropic-messages",
      path: `${claude}/count-tokens:rawPredict`,
      usageOptIn: false,
      models: claudes,
      quirks: claudeQuirks,
      add: version,
    },
  ],
};

/** Words that Claude on Vertex takes; others are refused. From public tables of other gateways, October 2026. */
const betas: readonly string[] = [
  "claude-code-20250219",
  "compact-2026-01-12",
  "compact-2026-09-04",
  "computer-use-2025-01-24",
  "computer-use-2025-11-24",
  "context-1m-2025-08-07",
  "context-management-2025-06-27",
  "dangerous-tool-use-2026-09-03",
  "interleaved-thinking-2025-05-14",
  "per-turn-control-2026-07-01",
  "thinking-binding-controls-2026-08-01",
  "thinking-display-updates-2026-08-18",
  "tool-search-tool-2025-10-19",
  "web-search-2025-03-05",
];

export const vertex: Provider = {
  id: "vertex",
  label: "Google Vertex AI",
  docs: "https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference",
  defaultBaseUrl: "https://{host}",
  auth: { kind: "google" },
  credentialRequired: true,
  credentialForm: "service account key (JSON), or an API key",
  settings: [
    {
      key: "project",
      label: { en: "Project ID", zh_CN: "项目 ID" },
      kind: "text",
      required: true,
      pattern: "^[a-z0-9][a-z0-9.:-]{0,62}[a-z0-9]$",
    },
    {
      key: "region",
      label: { en: "Region", zh_CN: "区域" },
      help: {
        en: "A region (us-east5), a multi-region (us, eu) or global",
        zh_CN: "区域（us-east5）、多区域（us、eu）或 global",
      },
      kind: "text",
      required: true,
      default: "global",
      pattern: "^[a-z0-9]+(?:-[a-z0-9]+)*$",
    },
    {
      key: "tokenUrl",
      label: { en: "Token endpoint", zh_CN: "令牌端点" },
      help: {
        en: "Only where it is not Google's: service accounts are exchanged for tokens there",
        zh_CN: "仅在不使用 Google 的端点时填写：服务账号在此换取令牌",
      },
      kind: "text",
      required: false,
      pattern:
        "^(?:https://[A-Za-z0-9.-]+|http://(?:127\\.0\\.0\\.1|localhost))(?::\\d{1,5})?(?:/[\\w./-]*)?$",
    },
  ],
  derived: {
    host: {
      setting: "region",
      cases: {
        global: "aiplatform.googleapis.com",
        us: "aiplatform.us.rep.googleapis.com",
        eu: "aiplatform.eu.rep.googleapis.com",
      },
      otherwise: "{region}-aiplatform.googleapis.com",
    },
  },
  betas,
  endpoints,
};

const express = "/publishers/google/models/{model}";

/** Express mode: an API key, no project and no region. */
export const vertexExpress: Provider = {
  id: "vertex-express",
  label: "Google Vertex AI (express mode)",
  docs: "https://docs.cloud.google.com/vertex-ai/generative-ai/docs/start/express-mode/overview",
  defaultBaseUrl: "https://aiplatform.googleapis.com/v1",
  auth: { kind: "google" },
  credentialRequired: true,
  endpoints: {
    chat: [
      {
        dialect: "gemini-content",
        path: `${express}:generateContent`,
        streamPath: `${express}:streamGenerateContent?alt=sse`,
        usageOptIn: false,
      },
    ],
    "count-tokens": [
      { dialect: "gemini-content", path: `${express}:countTokens`, usageOptIn: false },
    ],
  },
};
