/** Gemini's own API (AI Studio). ai.google.dev/api, autumn 2026. */
import type { Provider } from "../contract.ts";
import { standardEndpoints } from "../standard-endpoints.ts";

export const gemini: Provider = {
  id: "gemini",
  label: "Google Gemini",
  docs: "https://ai.google.dev/api",
  defaultBaseUrl: "https://generativelanguage.googleapis.com/v1beta",
  auth: { kind: "header", name: "x-goog-api-key" },
  credentialRequired: true,
  endpoints: standardEndpoints("gemini-content"),
  models: { path: "/models?pageSize=1000", shape: "gemini" },
};
