/** Vendors that speak OpenAI's API: one row each. To add a vendor, add its row. */
import type { Provider, UpstreamOperation } from "../contract.ts";

interface Row {
  readonly id: string;
  readonly label: string;
  readonly baseUrl: string | null;
  /** What is served; chat alone where left out. */
  readonly serves?: readonly UpstreamOperation[];
  /** Refuses members it does not know, and tells usage unasked. */
  readonly refusesUsageOptIn?: true;
  /** Runs on the operator's own machines, most often without a credential. */
  readonly local?: true;
}

const all = ["chat", "completions", "embeddings"] as const;
const chatAndEmbeddings = ["chat", "embeddings"] as const;
const chatAndCompletions = ["chat", "completions"] as const;

const rows: readonly Row[] = [
  { id: "openai", label: "OpenAI", baseUrl: "https://api.openai.com/v1", serves: all },
  { id: "custom", label: "OpenAI-compatible", baseUrl: null, serves: all, local: true },
  {
    id: "cerebras",
    label: "Cerebras",
    baseUrl: "https://api.cerebras.ai/v1",
    serves: chatAndCompletions,
  },
  {
    id: "dashscope",
    label: "Alibaba Cloud Model Studio",
    baseUrl: "https://dashscope.aliyuncs.com/compatible-mode/v1",
    serves: chatAndEmbeddings,
  },
  {
    id: "deepinfra",
    label: "DeepInfra",
    baseUrl: "https://api.deepinfra.com/v1/openai",
    serves: all,
  },
  { id: "deepseek", label: "DeepSeek", baseUrl: "https://api.deepseek.com/v1" },
  {
    id: "fireworks",
    label: "Fireworks AI",
    baseUrl: "https://api.fireworks.ai/inference/v1",
    serves: all,
  },
  { id: "groq", label: "Groq", baseUrl: "https://api.groq.com/openai/v1" },
  { id: "huggingface", label: "Hugging Face", baseUrl: "https://router.huggingface.co/v1" },
  {
    id: "lmstudio",
    label: "LM Studio",
    baseUrl: "http://127.0.0.1:1234/v1",
    serves: all,
    local: true,
  },
  { id: "minimax", label: "MiniMax", baseUrl: "https://api.minimax.io/v1" },
  {
    id: "mistral",
    label: "Mistral AI",
    baseUrl: "https://api.mistral.ai/v1",
    serves: chatAndEmbeddings,
    refusesUsageOptIn: true,
  },
  { id: "moonshot", label: "Moonshot AI", baseUrl: "https://api.moonshot.ai/v1" },
  { id: "moonshot-cn", label: "Moonshot AI (China)", baseUrl: "https://api.moonshot.cn/v1" },
  { id: "nvidia", label: "NVIDIA", baseUrl: "https://integrate.api.nvidia.com/v1", serves: all },
  { id: "ollama", label: "Ollama", baseUrl: "http://127.0.0.1:11434/v1", serves: all, local: true },
  {
    id: "openrouter",
    label: "OpenRouter",
    baseUrl: "https://openrouter.ai/api/v1",
    serves: all,
  },
  {
    id: "perplexity",
    label: "Perplexity",
    baseUrl: "https://api.perplexity.ai",
    refusesUsageOptIn: true,
  },
  {
    id: "sambanova",
    label: "SambaNova",
    baseUrl: "https://api.sambanova.ai/v1",
    serves: chatAndEmbeddings,
  },
  {
    id: "siliconflow",
    label: "SiliconFlow",
    baseUrl: "https://api.siliconflow.cn/v1",
    serves: all,
  },
  { id: "stepfun", label: "StepFun", baseUrl: "https://api.stepfun.com/v1" },
  { id: "together", label: "Together AI", baseUrl: "https://api.together.ai/v1", serves: all },
  { id: "vllm", label: "vLLM", baseUrl: "http://127.0.0.1:8000/v1", serves: all, local: true },
  {
    id: "volcengine",
    label: "Volcano Engine Ark",
    baseUrl: "https://ark.cn-beijing.volces.com/api/v3",
    serves: chatAndEmbeddings,
  },
  { id: "xai", label: "xAI", baseUrl: "https://api.x.ai/v1" },
  { id: "zai", label: "Z.ai", baseUrl: "https://api.z.ai/api/paas/v4", serves: chatAndEmbeddings },
  {
    id: "zhipu",
    label: "Zhipu AI",
    baseUrl: "https://open.bigmodel.cn/api/paas/v4",
    serves: chatAndEmbeddings,
  },
];

const paths: Readonly<Partial<Record<UpstreamOperation, string>>> = {
  chat: "/chat/completions",
  completions: "/completions",
  embeddings: "/embeddings",
};

function makeProvider(row: Row): Provider {
  const usageOptIn = row.refusesUsageOptIn !== true;
  const endpoints = (row.serves ?? ["chat"]).map((operation) => [
    operation,
    [{ dialect: "openai-chat", path: paths[operation], usageOptIn }],
  ]);
  return {
    id: row.id,
    label: row.label,
    defaultBaseUrl: row.baseUrl,
    auth: { kind: "bearer" },
    credentialRequired: row.local !== true,
    endpoints: Object.fromEntries(endpoints) as Provider["endpoints"],
  };
}

export const compatibleVendors: readonly Provider[] = rows.map(makeProvider);
