/** Vendors of images and speech alone, each in an API of its own. Addresses are those of their pages, autumn 2026. */
import type { Provider, ProviderSetting } from "../contract.ts";

/** OpenAI's callers name OpenAI's voices. */
const voices: ProviderSetting = {
  key: "voices",
  label: { en: "Voices by OpenAI's names", zh_CN: "OpenAI 音色名称对应的音色" },
  help: {
    en: "Pairs such as alloy=21m00Tcm4TlvDq8ikWAM,echo=29vD33N1CtxCmqQRPOHJ; other names are sent as they are",
    zh_CN: "成对填写，例如 alloy=21m00Tcm4TlvDq8ikWAM,echo=29vD33N1CtxCmqQRPOHJ；其他名称原样发送",
  },
  kind: "text",
  required: false,
  pattern: "^[\\w-]+=[\\w-]+(?:,[\\w-]+=[\\w-]+)*$",
};

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
    voices,
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
  settings: [voices],
  endpoints: {
    speech: [{ dialect: "elevenlabs-speech", path: "/text-to-speech/{voice}", usageOptIn: false }],
    transcription: [
      { dialect: "elevenlabs-transcription", path: "/speech-to-text", usageOptIn: false },
    ],
  },
};

const replicate: Provider = {
  id: "replicate",
  label: "Replicate",
  docs: "https://replicate.com/docs/reference/http",
  defaultBaseUrl: "https://api.replicate.com/v1",
  auth: { kind: "bearer" },
  credentialRequired: true,
  endpoints: {
    "image-generation": [
      { dialect: "replicate-predictions", path: "/{target}", usageOptIn: false },
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

export const mediaVendors: readonly Provider[] = [azureSpeech, elevenlabs, replicate, stability];
