/** Cohere's own API. docs.cohere.com/reference, autumn 2026. */
import type { Provider } from "../contract.ts";
import { standardEndpoints } from "../standard-endpoints.ts";

const own = standardEndpoints("cohere-v2");

export const cohere: Provider = {
  id: "cohere",
  label: "Cohere",
  docs: "https://docs.cohere.com/reference/about",
  defaultBaseUrl: "https://api.cohere.com",
  auth: { kind: "bearer" },
  credentialRequired: true,
  endpoints: {
    ...own,
    embeddings: [
      ...(own.embeddings ?? []),
      // docs.cohere.com/docs/compatibility-api
      { dialect: "openai-chat", path: "/compatibility/v1/embeddings", usageOptIn: false },
    ],
  },
  models: { path: "/v1/models?page_size=1000", shape: "cohere" },
};
