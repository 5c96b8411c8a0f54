/**
 * Under which names public price lists sell what a channel of ours can call, and whether that vendor makes its models
 * itself: then its price is the price of the model, whoever serves it.
 */

/** A vendor as a price list names it. */
export interface ListedVendor {
  /** Providers of ours whose channels pay this vendor. */
  readonly providers: readonly string[];
  /** Prefixes of names of models that it makes; `""`: all it lists. */
  readonly makes: readonly string[];
}

const maker = (...providers: readonly string[]): ListedVendor => ({ providers, makes: [""] });
const seller = (...providers: readonly string[]): ListedVendor => ({ providers, makes: [] });

const amazon = [
  "amazon.",
  "us.amazon.",
  "eu.amazon.",
  "apac.amazon.",
  "jp.amazon.",
  "global.amazon.",
];
const bedrock: ListedVendor = { providers: ["bedrock"], makes: amazon };

/** Of genai-prices, by its provider ids. */
export const genaiVendors: Readonly<Record<string, ListedVendor>> = {
  anthropic: maker("anthropic"),
  aws: bedrock,
  azure: seller("azure", "azure-v1", "azure-anthropic"),
  cerebras: seller("cerebras"),
  cloudflare: seller("cloudflare"),
  cohere: maker("cohere"),
  deepseek: maker("deepseek"),
  fireworks: seller("fireworks"),
  google: maker("gemini", "vertex", "vertex-express"),
  groq: seller("groq"),
  minimax: maker("minimax", "minimax-cn"),
  mistral: maker("mistral"),
  moonshotai: maker("moonshot", "moonshot-cn"),
  novita: seller("novita"),
  openai: maker("openai"),
  openrouter: seller("openrouter"),
  perplexity: maker("perplexity"),
  together: seller("together"),
  voyageai: maker("voyage"),
  "x-ai": maker("xai"),
  zai: seller("zai"),
  zhipuai: maker("zhipu"),
};

/** Of LiteLLM's file, by `litellm_provider`; of several names that begin alike (`vertex_ai-…`) the beginning. */
export const liteLlmVendors: Readonly<Record<string, ListedVendor>> = {
  ai21: maker("ai21"),
  anthropic: maker("anthropic"),
  azure: seller("azure", "azure-v1"),
  azure_text: seller("azure", "azure-v1"),
  azure_ai: seller("azure-v1", "azure-anthropic"),
  bedrock,
  bedrock_converse: bedrock,
  cerebras: seller("cerebras"),
  cloudflare: seller("cloudflare"),
  cohere: maker("cohere"),
  cohere_chat: maker("cohere"),
  dashscope: maker("dashscope", "dashscope-intl"),
  databricks: seller("databricks"),
  deepinfra: seller("deepinfra"),
  deepseek: maker("deepseek"),
  elevenlabs: maker("elevenlabs"),
  fireworks_ai: seller("fireworks"),
  gemini: maker("gemini"),
  groq: seller("groq"),
  hyperbolic: seller("hyperbolic"),
  jina_ai: maker("jina"),
  minimax: maker("minimax", "minimax-cn"),
  mistral: maker("mistral"),
  moonshot: maker("moonshot", "moonshot-cn"),
  nebius: seller("nebius"),
  novita: seller("novita"),
  openai: maker("openai"),
  openrouter: seller("openrouter"),
  perplexity: maker("perplexity"),
  recraft: maker("recraft"),
  replicate: seller("replicate"),
  sambanova: seller("sambanova"),
  stability: maker("stability"),
  "text-completion-openai": maker("openai"),
  together_ai: seller("together"),
  vercel_ai_gateway: seller("vercel"),
  vertex_ai: seller("vertex", "vertex-express"),
  volcengine: maker("volcengine"),
  voyage: maker("voyage"),
  xai: maker("xai"),
  zai: maker("zai"),
};
