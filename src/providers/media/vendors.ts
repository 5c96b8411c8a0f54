/** Vendors of images and speech alone, each in an API of its own. Addresses are those of their pages, autumn 2026. */
import type { Provider } from "../contract.ts";
import { voicesSetting } from "../voices-setting.ts";

const azureSpeech: Provider = {
  id: "azure-speech",
  label: "Azure Speech",
  docs: "https://learn.microsoft.com/azure/ai-services/speech-service/rest-text-to-speech",
  defaultBaseUrl: "https://{region}.tts.speech.microsoft.com",
  auth: { kind: "header", name: "ocp-apim-subscription-key" },
  credentialRequired: true,
  settings: [
    {
      key: "region",
      label: { en: "Region", zh_CN: "区域" },
      help: { en: "Such as eastus", zh_CN: "例如 eastus" },
      kind: "text",
      required: true,
      pattern: "^[a-z0-9-]{1,40}$",
      forBaseUrl: true,
    },
    voicesSetting,
  ],
  endpoints: {
    speech: [{ dialect: "azure-speech", path: "/cognitiveservices/v1", usageOptIn: false }],
  },
};

const elevenlabs: Provider = {
  id: "elevenlabs",
  label: "ElevenLabs",
  docs: "https://elevenlabs.io/docs/api-reference/introduction",
  defaultBaseUrl: "https://api.elevenlabs.io/v1",
  auth: { kind: "header", name: "xi-api-key" },
  credentialRequired: true,
  settings: [voicesSetting],
  endpoints: {
    speech: [{ dialect: "elevenlabs-speech", path: "/text-to-speech/{voice}", usageOptIn: false }],
    transcription: [
      { dialect: "elevenlabs-transcription", path: "/speech-to-text", usageOptIn: false },
    ],
  },
};

const stability: Provider = {
  id: "stability",
  label: "Stability AI",
  docs: "https://platform.stability.ai/docs/api-reference",
  defaultBaseUrl: "https://api.stability.ai/v2beta",
  auth: { kind: "bearer" },
  credentialRequired: true,
  endpoints: {
    "image-generation": [
      { dialect: "stability-images", path: "/stable-image/{task}", usageOptIn: false },
    ],
    "image-edit": [
      { dialect: "stability-images", path: "/stable-image/{task}", usageOptIn: false },
    ],
  },
};

export const mediaVendors: readonly Provider[] = [azureSpeech, elevenlabs, stability];
