/** Anthropic itself. Its OpenAI-compatible endpoint is a demonstration that ignores fields, and is not used. */
import type { Provider } from "../contract.ts";
import { resourceEndpoints } from "../resource-endpoints.ts";
import { standardEndpoints } from "../standard-endpoints.ts";

export const anthropic: Provider = {
  id: "anthropic",
  label: "Anthropic",
  docs: "https://platform.claude.com/docs/en/api/overview",
  defaultBaseUrl: "https://api.anthropic.com",
  auth: { kind: "header", name: "x-api-key" },
  credentialRequired: true,
  headers: { "anthropic-version": "2023-06-01" },
  endpoints: {
    ...standardEndpoints("anthropic-messages"),
    ...resourceEndpoints("anthropic-messages"),
  },
  models: { path: "/v1/models?limit=1000", shape: "anthropic" },
};
