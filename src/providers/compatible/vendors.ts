/**
 * Vendors that speak OpenAI's API: one row each; China's stand in vendors-china.ts, hosts of one's own in own-hosts.ts.
 * To add a vendor, add its row. Addresses and other APIs of each are those of its page named as `docs`, autumn 2026.
 */
import type { Provider } from "../contract.ts";
import { resourceEndpoints } from "../resource-endpoints.ts";
import { chatAndCompletions, chatAndEmbeddings, text, textAndRerank } from "./operation-sets.ts";
import { ownHosts } from "./own-hosts.ts";
import { makeVendor, plain, type VendorRow } from "./vendor-row.ts";
import { chineseVendors } from "./vendors-china.ts";

const rows: readonly VendorRow[] = [
  {
    id: "ai21",
    label: "AI21 Labs",
    docs: "https://docs.ai21.com/reference",
    baseUrl: "https://api.ai21.com/studio/v1",
    models: null,
  },
  {
    id: "cerebras",
    label: "Cerebras",
    docs: "https://inference-docs.cerebras.ai/api-reference/chat-completions",
    baseUrl: "https://api.cerebras.ai/v1",
    serves: chatAndCompletions,
    quirks: ["known-members-only", "replay-as-reasoning"],
  },
  {
    id: "cloudflare",
    label: "Cloudflare Workers AI",
    docs: "https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility/",
    baseUrl: "https://api.cloudflare.com/client/v4/accounts/{account}/ai/v1",
    serves: chatAndEmbeddings,
    more: {
      "image-generation": [
        {
          dialect: "cloudflare-images",
          baseUrl: "https://api.cloudflare.com/client/v4/accounts/{account}/ai",
          path: "/run/{target}",
          usageOptIn: false,
        },
      ],
    },
    settings: [
      {
        key: "account",
        label: { en: "Account ID", zh_CN: "账户 ID" },
        kind: "text",
        required: true,
        pattern: "^[0-9a-f]{32}$",
        forBaseUrl: true,
      },
    ],
    models: {
      path: "/ai/models/search?per_page=100",
      baseUrl: "https://api.cloudflare.com/client/v4/accounts/{account}",
      shape: "cloudflare",
    },
  },
  {
    id: "crusoe",
    label: "Crusoe",
    docs: "https://docs.crusoecloud.com/managed-inference/overview/",
    baseUrl: "https://api.inference.crusoecloud.com/v1",
  },
  {
    id: "databricks",
    label: "Databricks",
    docs: "https://docs.databricks.com/aws/en/machine-learning/model-serving/score-foundation-models",
    baseUrl: "https://{workspace}/serving-endpoints",
    serves: chatAndEmbeddings,
    anthropic: "https://{workspace}/serving-endpoints/anthropic",
    settings: [
      {
        key: "workspace",
        label: { en: "Workspace host", zh_CN: "工作区主机名" },
        help: {
          en: "Such as adb-1234567890123456.7.azuredatabricks.net, without https://",
          zh_CN: "例如 adb-1234567890123456.7.azuredatabricks.net，不含 https://",
        },
        kind: "text",
        required: true,
        pattern:
          "^[a-z0-9][a-z0-9.-]{0,200}\\.(?:azuredatabricks\\.net|cloud\\.databricks\\.com|gcp\\.databricks\\.com)$",
        forBaseUrl: true,
      },
    ],
    models: null,
  },
  {
    id: "deepinfra",
    label: "DeepInfra",
    docs: "https://docs.deepinfra.com/chat/overview",
    baseUrl: "https://api.deepinfra.com/v1/openai",
    serves: [...text, "image-generation"],
  },
  {
    id: "fireworks",
    label: "Fireworks AI",
    docs: "https://docs.fireworks.ai/api-reference/introduction",
    baseUrl: "https://api.fireworks.ai/inference/v1",
    serves: textAndRerank,
    responses: true,
    anthropic: "here",
  },
  {
    id: "github-models",
    label: "GitHub Models",
    docs: "https://docs.github.com/en/rest/models/inference",
    baseUrl: "https://models.github.ai/inference",
    serves: chatAndEmbeddings,
    quirks: [],
    models: { path: "/catalog/models", baseUrl: "https://models.github.ai", shape: "openai" },
  },
  {
    id: "groq",
    label: "Groq",
    docs: "https://github.com/groq/groq-typescript/blob/main/api.md",
    baseUrl: "https://api.groq.com/openai/v1",
    serves: ["chat", "transcription", "translation", "speech"],
    responses: true,
    more: resourceEndpoints("openai-chat", ["files", "batches"]),
    quirks: ["no-developer-role", "known-members-only", "replay-as-reasoning"],
  },
  {
    id: "huggingface",
    label: "Hugging Face",
    docs: "https://huggingface.co/docs/inference-providers/tasks/chat-completion",
    baseUrl: "https://router.huggingface.co/v1",
    responses: true,
  },
  {
    id: "hyperbolic",
    label: "Hyperbolic",
    docs: "https://docs.hyperbolic.xyz/docs/rest-api",
    baseUrl: "https://api.hyperbolic.xyz/v1",
    serves: chatAndCompletions,
  },
  {
    id: "jina",
    label: "Jina AI",
    docs: "https://api.jina.ai/redoc",
    baseUrl: "https://api.jina.ai/v1",
    serves: ["embeddings", "rerank"],
    models: null,
  },
  {
    id: "mistral",
    label: "Mistral AI",
    docs: "https://docs.mistral.ai/api",
    baseUrl: "https://api.mistral.ai/v1",
    serves: ["chat", "embeddings", "moderations", "transcription"],
    refusesUsageOptIn: true,
    quirks: [
      ...plain,
      "nine-character-ids",
      "tool-choice-any",
      "known-members-only",
      "no-user-after-tool",
      "prefix-member",
      "random-seed",
    ],
  },
  {
    id: "nebius",
    label: "Nebius Token Factory",
    docs: "https://docs.tokenfactory.nebius.com/api-reference/introduction",
    baseUrl: "https://api.tokenfactory.nebius.com/v1",
    serves: [...text, "image-generation"],
  },
  {
    id: "novita",
    label: "Novita AI",
    docs: "https://novita.ai/docs/api-reference/model-apis-llm-create-chat-completion",
    baseUrl: "https://api.novita.ai/openai/v1",
    serves: text,
    anthropic: "https://api.novita.ai/anthropic",
  },
  {
    id: "nvidia",
    label: "NVIDIA NIM",
    docs: "https://docs.api.nvidia.com/nim/reference/llm-apis",
    baseUrl: "https://integrate.api.nvidia.com/v1",
    serves: text,
  },
  {
    id: "openrouter",
    label: "OpenRouter",
    docs: "https://openrouter.ai/docs/api-reference/overview",
    baseUrl: "https://openrouter.ai/api/v1",
    serves: text,
    responses: true,
    anthropic: "here",
    quirks: ["reasoning-object", "cache-control"],
  },
  {
    id: "perplexity",
    label: "Perplexity",
    docs: "https://docs.perplexity.ai/api-reference/chat-completions-post",
    baseUrl: "https://api.perplexity.ai",
    refusesUsageOptIn: true,
    quirks: [...plain, "no-reasoning-wish"],
    models: null,
    lacks: ["tools", "parallel-tools", "streamed-arguments"],
  },
  {
    id: "recraft",
    label: "Recraft",
    docs: "https://www.recraft.ai/docs/api-reference/endpoints",
    baseUrl: "https://external.api.recraft.ai/v1",
    serves: ["image-generation"],
    more: {
      "image-tool": [
        { dialect: "openai-media", path: "/{action}", usageOptIn: false, omit: ["model"] },
      ],
    },
    models: null,
  },
  {
    id: "sambanova",
    label: "SambaNova",
    docs: "https://docs.sambanova.ai/docs/en/api-reference/overview",
    baseUrl: "https://api.sambanova.ai/v1",
    serves: chatAndEmbeddings,
  },
  {
    id: "scaleway",
    label: "Scaleway",
    docs: "https://www.scaleway.com/en/developers/api/generative-apis/",
    baseUrl: "https://api.scaleway.ai/v1",
    serves: chatAndEmbeddings,
  },
  {
    id: "together",
    label: "Together AI",
    docs: "https://docs.together.ai/reference/chat-completions-1",
    baseUrl: "https://api.together.ai/v1",
    serves: [...textAndRerank, "image-generation", "speech", "transcription", "translation"],
  },
  {
    id: "vercel",
    label: "Vercel AI Gateway",
    docs: "https://vercel.com/docs/ai-gateway/openai-compat",
    baseUrl: "https://ai-gateway.vercel.sh/v1",
    serves: chatAndEmbeddings,
    responses: true,
    anthropic: "here",
    quirks: [],
  },
  {
    id: "voyage",
    label: "Voyage AI",
    docs: "https://docs.voyageai.com/reference/embeddings-api",
    baseUrl: "https://api.voyageai.com/v1",
    serves: ["embeddings"],
    more: { rerank: [{ dialect: "voyage-rerank", path: "/rerank", usageOptIn: false }] },
    models: null,
  },
  {
    id: "xai",
    label: "xAI",
    docs: "https://docs.x.ai/docs/api-reference",
    baseUrl: "https://api.x.ai/v1",
    serves: ["chat", "image-generation"],
    responses: "kept",
    quirks: ["reasoning-outside-output"],
  },
];

export const compatibleVendors: readonly Provider[] = [
  ...rows.map(makeVendor),
  ...chineseVendors,
  ...ownHosts,
];
