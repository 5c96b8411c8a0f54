/** Servers that run on the operator's own machines and speak OpenAI's API: one row each, as in vendors.ts. */
import type { Provider } from "../contract.ts";
import { text, textAndRerank } from "./operation-sets.ts";
import { makeVendor, plain, type VendorRow } from "./vendor-row.ts";

const rows: readonly VendorRow[] = [
  {
    id: "llama-cpp",
    label: "llama.cpp",
    docs: "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
    baseUrl: "http://127.0.0.1:8080/v1",
    serves: textAndRerank,
    responses: true,
    anthropic: "here",
    countsTokens: true,
    local: true,
  },
  {
    id: "lmstudio",
    label: "LM Studio",
    docs: "https://lmstudio.ai/docs/developer/openai-compat",
    baseUrl: "http://127.0.0.1:1234/v1",
    serves: text,
    responses: true,
    anthropic: "here",
    local: true,
  },
  {
    id: "ollama",
    label: "Ollama",
    docs: "https://docs.ollama.com/api/openai-compatibility",
    baseUrl: "http://127.0.0.1:11434/v1",
    serves: text,
    responses: true,
    anthropic: "here",
    local: true,
    more: {
      chat: [{ dialect: "ollama-chat", path: "/api/chat", unversioned: true, usageOptIn: false }],
    },
  },
  {
    id: "sglang",
    label: "SGLang",
    docs: "https://docs.sglang.io/basic_usage/openai_api.html",
    baseUrl: "http://127.0.0.1:30000/v1",
    serves: textAndRerank,
    responses: true,
    anthropic: "here",
    countsTokens: true,
    local: true,
    quirks: plain,
  },
  {
    id: "vllm",
    label: "vLLM",
    docs: "https://docs.vllm.ai/en/latest/serving/openai_compatible_server/",
    baseUrl: "http://127.0.0.1:8000/v1",
    serves: [...textAndRerank, "transcription", "translation"],
    responses: true,
    anthropic: "here",
    countsTokens: true,
    local: true,
  },
];

export const ownHosts: readonly Provider[] = rows.map(makeVendor);
