/**
 * Amazon Bedrock: Converse for all models; Claude's own API by invoke, which keeps what Converse drops (cache marks on
 * tools, server tools). docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html,
 * autumn 2026.
 */
import type { Provider } from "../contract.ts";
import { standardEndpoints } from "../standard-endpoints.ts";

/** Also behind a region's prefix (`us.anthropic.…`) and in inference profiles' ARNs. */
const claudes = ["anthropic.*", "*.anthropic.*"];

/** Words that Claude on Bedrock takes; others are refused. From public tables of other gateways, October 2026. */
const betas: readonly string[] = [
  "compact-2026-01-12",
  "computer-use-2024-10-22",
  "computer-use-2025-01-24",
  "computer-use-2025-11-24",
  "context-1m-2025-08-07",
  "context-management-2025-06-27",
  "dangerous-tool-use-2026-09-03",
  "effort-2025-11-24",
  "fine-grained-tool-streaming-2025-05-14",
  "interleaved-thinking-2025-05-14",
  "mid-conversation-output-config-2026-07-01",
  "mid-conversation-tool-changes-2026-07-01",
  "output-128k-2025-02-19",
  "thinking-binding-controls-2026-08-01",
  "thinking-display-updates-2026-08-18",
  "token-efficient-tools-2025-02-19",
  "tool-examples-2025-10-29",
  "tool-search-tool-2025-10-19",
];

export const bedrock: Provider = {
  id: "bedrock",
  label: "Amazon Bedrock",
  docs: "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html",
  defaultBaseUrl: "https://bedrock-runtime.{region}.{domain}",
  auth: { kind: "aws-sigv4", service: "bedrock" },
  credentialRequired: true,
  credentialForm: "access key ID|secret access key, also with |session token, or a Bedrock API key",
  settings: [
    {
      key: "region",
      label: { en: "Region", zh_CN: "区域" },
      help: { en: "Such as us-east-1", zh_CN: "例如 us-east-1" },
      kind: "text",
      required: true,
      pattern: "^[a-z]{2,5}(?:-[a-z]+)+-\\d{1,2}$",
    },
  ],
  derived: {
    domain: {
      setting: "region",
      cases: { "cn-*": "amazonaws.com.cn", "eusc-*": "amazonaws.eu" },
      otherwise: "amazonaws.com",
    },
  },
  betas,
  endpoints: {
    chat: [
      {
        dialect: "anthropic-messages",
        path: "/model/{model}/invoke",
        streamPath: "/model/{model}/invoke-with-response-stream",
        framing: "aws-invoke",
        usageOptIn: false,
        models: claudes,
        // Base64 alone: platform.claude.com/docs/en/build-with-claude/vision, autumn 2026.
        quirks: ["inline-media"],
        omit: ["model", "stream"],
        add: { anthropic_version: "bedrock-2023-05-31" },
        betasInBody: true,
      },
      ...(standardEndpoints("bedrock-converse").chat ?? []),
    ],
    embeddings: [
      {
        dialect: "bedrock-titan",
        path: "/model/{model}/invoke",
        usageOptIn: false,
        models: ["*amazon.titan-embed-*"],
      },
      {
        dialect: "cohere-v2",
        path: "/model/{model}/invoke",
        usageOptIn: false,
        models: ["*cohere.embed-*"],
        omit: ["model"],
      },
    ],
  },
  models: {
    path: "/foundation-models",
    baseUrl: "https://bedrock.{region}.{domain}",
    shape: "bedrock",
  },
};
