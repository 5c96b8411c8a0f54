/**
 * Azure OpenAI, both ways it is served: the v1 API, and deployments with an API version in the query.
 * learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle and …/openai/reference, autumn 2026.
 */
import type { Endpoint, Provider, ProviderSetting, UpstreamOperation } from "../contract.ts";
import { resourceEndpoints } from "../resource-endpoints.ts";
import { keptResponses, standardEndpoints } from "../standard-endpoints.ts";

const auth = { kind: "azure", scope: "https://cognitiveservices.azure.com/.default" } as const;
const credentialForm = "API key, or tenant ID|client ID|client secret";

const identity: readonly ProviderSetting[] = [
  {
    key: "authority",
    label: { en: "Entra ID authority", zh_CN: "Entra ID 颁发机构" },
    help: {
      en: "Only for sovereign clouds, such as https://login.partner.microsoftonline.cn",
      zh_CN: "仅用于主权云，例如 https://login.partner.microsoftonline.cn",
    },
    kind: "text",
    required: false,
    pattern: "^(?:https://[A-Za-z0-9.-]+|http://(?:127\\.0\\.0\\.1|localhost))(?::\\d{1,5})?$",
  },
  {
    key: "scope",
    label: { en: "Entra ID scope", zh_CN: "Entra ID 作用域" },
    help: {
      en: "Only for sovereign clouds, such as https://cognitiveservices.azure.cn/.default",
      zh_CN: "仅用于主权云，例如 https://cognitiveservices.azure.cn/.default",
    },
    kind: "text",
    required: false,
    pattern: "^https://[A-Za-z0-9.-]+/\\.default$",
  },
];

const operations: readonly UpstreamOperation[] = [
  "chat",
  "completions",
  "embeddings",
  "image-generation",
  "image-edit",
  "speech",
  "transcription",
  "translation",
];

function ofDeployment(endpoint: Endpoint): Endpoint {
  const path = `/openai/deployments/{model}${endpoint.path}?api-version={apiVersion}`;
  return { ...endpoint, path };
}

const usual = {
  ...standardEndpoints("openai-chat", operations),
  ...standardEndpoints("openai-media", operations),
};
const responses = standardEndpoints("openai-responses", ["chat", "compact"]);
const realtime = standardEndpoints("openai-media", ["realtime"]);

/** The one operation whose deployment stands in the query. */
const deployedRealtime: Endpoint = {
  dialect: "openai-media",
  path: "/openai/realtime?api-version={apiVersion}&deployment={model}",
  usageOptIn: false,
};

/** A model is a deployment's name; the base URL is the resource's endpoint. */
export const azureDeployments: Provider = {
  id: "azure",
  label: "Azure OpenAI (deployments)",
  docs: "https://learn.microsoft.com/azure/ai-foundry/openai/reference",
  defaultBaseUrl: null,
  auth,
  credentialRequired: true,
  credentialForm,
  settings: [
    {
      key: "apiVersion",
      label: { en: "API version", zh_CN: "API 版本" },
      kind: "text",
      required: true,
      default: "2024-10-21",
      pattern: "^\\d{4}-\\d{2}-\\d{2}(?:-preview)?$",
    },
    ...identity,
  ],
  endpoints: {
    ...Object.fromEntries(
      Object.entries(usual).map(([operation, endpoints]) => [
        operation,
        endpoints.map(ofDeployment),
      ]),
    ),
    realtime: [deployedRealtime],
  },
};

/** The base URL is `https://<resource>.openai.azure.com/openai/v1`; models are deployments' names. */
export const azureV1: Provider = {
  id: "azure-v1",
  label: "Azure OpenAI (v1)",
  docs: "https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle",
  defaultBaseUrl: null,
  auth,
  credentialRequired: true,
  credentialForm,
  settings: identity,
  endpoints: {
    ...responses,
    ...usual,
    ...realtime,
    ...resourceEndpoints("openai-chat"),
    chat: [...(usual.chat ?? []), ...keptResponses()],
  },
};

/** Claude on Microsoft Foundry: the base URL is `https://<resource>.services.ai.azure.com/anthropic`. */
export const azureAnthropic: Provider = {
  id: "azure-anthropic",
  label: "Microsoft Foundry (Claude)",
  docs: "https://platform.claude.com/docs/en/build-with-claude/claude-in-microsoft-foundry",
  defaultBaseUrl: null,
  auth,
  credentialRequired: true,
  credentialForm,
  settings: identity,
  headers: { "anthropic-version": "2023-06-01" },
  endpoints: standardEndpoints("anthropic-messages"),
};
