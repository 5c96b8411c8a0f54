/** Cohere's own API. docs.cohere.com/reference, autumn 2026. */
import type { Provider } from "../contract.ts";
import { standardEndpoints } from "../standard-endpoints.ts";

export const cohere: Provider = {
  id: "cohere",
  label: "Cohere",
  docs: "https://docs.cohere.com/reference/about",
  defaultBaseUrl: "https://api.cohere.com",
  auth: { kind: "bearer" },
  credentialRequired: true,
  endpoints: standardEndpoints("cohere-v2"),
  models: { path: "/v1/models?page_size=1000", shape: "cohere" },
};
