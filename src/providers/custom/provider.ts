/** Any URL. It speaks OpenAI's API unless the channel names its dialects, whose usual paths are then taken. */
import { everything } from "../compatible/operation-sets.ts";
import type { Provider } from "../contract.ts";
import { standardEndpoints } from "../standard-endpoints.ts";

export const custom: Provider = {
  id: "custom",
  label: "Custom URL",
  docs: "https://developers.openai.com/api/reference",
  defaultBaseUrl: null,
  auth: { kind: "choice", setting: "keyHeader" },
  credentialRequired: false,
  settings: [
    {
      key: "keyHeader",
      label: { en: "Header of the key", zh_CN: "密钥所在的请求头" },
      help: {
        en: "authorization (as bearer) fits nearly everywhere",
        zh_CN: "authorization（Bearer）几乎处处适用",
      },
      kind: "choice",
      choices: ["authorization", "x-api-key", "api-key", "x-goog-api-key"],
      required: false,
      default: "authorization",
      pattern: "^[a-z-]+$",
    },
  ],
  headers: { "anthropic-version": "2023-06-01" },
  endpoints: {
    ...standardEndpoints("openai-chat"),
    ...standardEndpoints("openai-media", everything),
    ...standardEndpoints("jina-v1"),
  },
  models: { path: "/models", shape: "openai" },
};
