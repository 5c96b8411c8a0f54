/**
 * Replicate: models of many makers as predictions, text and images. replicate.com/docs/reference/http and
 * replicate.com/changelog/2025-10-16-prediction-deadlines, 2026-11.
 */
import type { Provider } from "../contract.ts";

export const replicate: Provider = {
  id: "replicate",
  label: "Replicate",
  docs: "https://replicate.com/docs/reference/http",
  defaultBaseUrl: "https://api.replicate.com/v1",
  auth: { kind: "bearer" },
  credentialRequired: true,
  // A conversation is waited for as long as the vendor lets one wait, and stopped then: what nobody hears is not paid
  // for. Images say their own.
  headers: { accept: "application/json", prefer: "wait=60", "cancel-after": "1m" },
  endpoints: {
    chat: [
      {
        dialect: "replicate-predictions",
        path: "/predictions",
        usageOptIn: false,
        quirks: ["inline-thoughts"],
      },
    ],
    "image-generation": [
      { dialect: "replicate-predictions", path: "/{target}", usageOptIn: false },
    ],
  },
  lacks: ["tools", "parallel-tools", "streamed-arguments", "images", "inline-images", "cut-off"],
};
