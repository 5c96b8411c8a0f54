/** Gemini's own API (AI Studio). ai.google.dev/api, autumn 2026. */
import type { Endpoint, Provider } from "../contract.ts";
import { resourceEndpoints } from "../resource-endpoints.ts";
import { standardEndpoints } from "../standard-endpoints.ts";

/** Models that answer conversations with images. */
const images: Endpoint = {
  dialect: "gemini-content",
  path: "/models/{model}:generateContent",
  usageOptIn: false,
  models: ["gemini*"],
};

export const gemini: Provider = {
  id: "gemini",
  label: "Google Gemini",
  docs: "https://ai.google.dev/api",
  defaultBaseUrl: "https://generativelanguage.googleapis.com/v1beta",
  auth: { kind: "header", name: "x-goog-api-key" },
  credentialRequired: true,
  endpoints: {
    ...standardEndpoints("gemini-content"),
    ...resourceEndpoints("gemini-content", ["cached-contents"]),
    "image-generation": [
      {
        dialect: "gemini-predict",
        path: "/models/{model}:predict",
        usageOptIn: false,
        models: ["imagen*"],
      },
      images,
    ],
    "image-edit": [images],
  },
  models: { path: "/models?pageSize=1000", shape: "gemini" },
};
