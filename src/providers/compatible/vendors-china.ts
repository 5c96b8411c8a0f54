/** China's vendors that speak OpenAI's API: one row each, as in vendors.ts. */
import type { Provider } from "../contract.ts";
import { chatAndEmbeddings } from "./operation-sets.ts";
import { voicesSetting } from "../voices-setting.ts";
import { makeVendor, plain, type VendorRow } from "./vendor-row.ts";

const minimaxMedia: VendorRow["more"] = {
  speech: [{ dialect: "minimax-speech", path: "/t2a_v2", usageOptIn: false }],
  "image-generation": [{ dialect: "minimax-images", path: "/image_generation", usageOptIn: false }],
};

const minimaxMedia: Provider["endpoints"] = {
  speech: [{ dialect: "minimax-speech", path: "/t2a_v2", usageOptIn: false }],
  "image-generation": [{ dialect: "minimax-images", path: "/image_generation", usageOptIn: false }],
};

/** Images are tasks of the vendor's own API, at another address. */
function dashscopeImages(baseUrl: string): Provider["endpoints"] {
  const path = "/api/v1/services/aigc/text2image/image-synthesis";
  return {
    "image-generation": [{ dialect: "dashscope-images", path, baseUrl, usageOptIn: false }],
  };
}

const rows: readonly VendorRow[] = [
  {
    id: "ai360",
    label: "360 AI",
    docs: "https://ai.360.com/open/docs",
    baseUrl: "https://api.360.cn/v1",
    serves: chatAndEmbeddings,
  },
  {
    id: "baichuan",
    label: "Baichuan",
    docs: "https://platform.baichuan-ai.com/docs/api",
    baseUrl: "https://api.baichuan-ai.com/v1",
    serves: chatAndEmbeddings,
    quirks: [...plain, "no-reasoning-wish"],
    models: null,
  },
  {
    id: "dashscope",
    label: "Alibaba Cloud Model Studio",
    docs: "https://help.aliyun.com/zh/model-studio/compatibility-of-openai-with-dashscope",
    baseUrl: "https://dashscope.aliyuncs.com/compatible-mode/v1",
    serves: chatAndEmbeddings,
    anthropic: "https://dashscope.aliyuncs.com/apps/anthropic",
    more: dashscopeImages("https://dashscope.aliyuncs.com"),
    more: {
      "image-generation": [
        {
          dialect: "dashscope-images",
          baseUrl: "https://dashscope.aliyuncs.com",
          path: "/api/v1/services/aigc/text2image/image-synthesis",
          usageOptIn: false,
        },
      ],
    },
    quirks: [...plain, "enable-thinking"],
  },
  {
    id: "dashscope-intl",
    label: "Alibaba Cloud Model Studio (international)",
    docs: "https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope",
    baseUrl: "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    serves: chatAndEmbeddings,
    anthropic: "https://dashscope-intl.aliyuncs.com/apps/anthropic",
    more: dashscopeImages("https://dashscope-intl.aliyuncs.com"),
    more: {
      "image-generation": [
        {
          dialect: "dashscope-images",
          baseUrl: "https://dashscope-intl.aliyuncs.com",
          path: "/api/v1/services/aigc/text2image/image-synthesis",
          usageOptIn: false,
        },
      ],
    },
    quirks: [...plain, "enable-thinking"],
  },
  {
    id: "deepseek",
    label: "DeepSeek",
    docs: "https://api-docs.deepseek.com/api/create-chat-completion",
    baseUrl: "https://api.deepseek.com",
    responses: true,
    anthropic: "https://api.deepseek.com/anthropic",
    quirks: [...plain, "thinking-member", "replay-reasoning", "no-json-schema"],
  },
  {
    id: "hunyuan",
    label: "Tencent Hunyuan",
    docs: "https://cloud.tencent.com/document/product/1729/111007",
    baseUrl: "https://api.hunyuan.cloud.tencent.com/v1",
    serves: chatAndEmbeddings,
    anthropic: "https://api.hunyuan.cloud.tencent.com/anthropic",
    anthropicKeyHeader: true,
    models: null,
  },
  {
    id: "minimax",
    label: "MiniMax",
    docs: "https://platform.minimax.io/docs/api-reference/text-openai-api",
    baseUrl: "https://api.minimax.io/v1",
    more: minimaxMedia,
    anthropic: "https://api.minimax.io/anthropic",
    anthropicFirst: true,
    countsTokens: true,
    settings: [voicesSetting],
    more: minimaxMedia,
    quirks: [...plain, "reasoning-split", "no-reasoning-wish"],
  },
  {
    id: "minimax-cn",
    label: "MiniMax (China)",
    docs: "https://platform.minimaxi.com/docs/api-reference/text-openai-api",
    baseUrl: "https://api.minimaxi.com/v1",
    more: minimaxMedia,
    anthropic: "https://api.minimaxi.com/anthropic",
    anthropicFirst: true,
    countsTokens: true,
    settings: [voicesSetting],
    more: minimaxMedia,
    quirks: [...plain, "reasoning-split", "no-reasoning-wish"],
  },
  {
    id: "modelscope",
    label: "ModelScope",
    docs: "https://modelscope.cn/docs/model-service/API-Inference/intro",
    baseUrl: "https://api-inference.modelscope.cn/v1",
    anthropic: "here",
    quirks: [...plain, "enable-thinking"],
  },
  {
    id: "moonshot",
    label: "Moonshot AI",
    docs: "https://platform.moonshot.ai/docs/api/chat",
    baseUrl: "https://api.moonshot.ai/v1",
    responses: true,
    anthropic: "https://api.moonshot.ai/anthropic",
    quirks: [
      "no-developer-role",
      "thinking-member",
      "replay-reasoning",
      "fixed-sampling",
      "no-strict",
    ],
  },
  {
    id: "moonshot-cn",
    label: "Moonshot AI (China)",
    docs: "https://platform.moonshot.cn/docs/api/chat",
    baseUrl: "https://api.moonshot.cn/v1",
    responses: true,
    anthropic: "https://api.moonshot.cn/anthropic",
    quirks: [
      "no-developer-role",
      "thinking-member",
      "replay-reasoning",
      "fixed-sampling",
      "no-strict",
    ],
  },
  {
    id: "qianfan",
    label: "Baidu Qianfan",
    docs: "https://cloud.baidu.com/doc/qianfan-api/s/3m9b5lqft",
    baseUrl: "https://qianfan.baidubce.com/v2",
    serves: [...chatAndEmbeddings, "rerank", "image-generation"],
    anthropic: "https://qianfan.baidubce.com/anthropic",
    credentialForm: "bce-v3/ALTAK-…/…",
  },
  {
    id: "siliconflow",
    label: "SiliconFlow (China)",
    docs: "https://docs.siliconflow.cn/cn/api-reference/chat-completions/chat-completions",
    baseUrl: "https://api.siliconflow.cn/v1",
    serves: [...chatAndEmbeddings, "rerank", "image-generation", "speech", "transcription"],
    anthropic: "here",
    quirks: [...plain, "enable-thinking"],
  },
  {
    id: "siliconflow-intl",
    label: "SiliconFlow",
    docs: "https://docs.siliconflow.com/en/api-reference/chat-completions/chat-completions",
    baseUrl: "https://api.siliconflow.com/v1",
    serves: [...chatAndEmbeddings, "rerank", "image-generation"],
    anthropic: "here",
    quirks: [...plain, "enable-thinking"],
  },
  {
    id: "spark",
    label: "iFlytek Spark",
    docs: "https://www.xfyun.cn/doc/spark/HTTP%E8%B0%83%E7%94%A8%E6%96%87%E6%A1%A3.html",
    baseUrl: "https://spark-api-open.xf-yun.com/v1",
    quirks: [...plain, "no-reasoning-wish"],
    credentialForm: "APIPassword (APIKey:APISecret)",
    models: null,
  },
  {
    id: "spark-x",
    label: "iFlytek Spark X",
    docs: "https://www.xfyun.cn/doc/spark/X1http.html",
    baseUrl: "https://spark-api-open.xf-yun.com/x2",
    quirks: [...plain, "thinking-member"],
    credentialForm: "APIPassword (APIKey:APISecret)",
    models: null,
  },
  {
    id: "stepfun",
    label: "StepFun",
    docs: "https://platform.stepfun.com/docs/zh/api-reference/chat/chat-completion-create",
    baseUrl: "https://api.stepfun.com/v1",
    serves: ["chat", "image-generation", "speech", "transcription"],
  },
  {
    id: "volcengine",
    label: "Volcano Engine Ark",
    docs: "https://www.volcengine.com/docs/82379/1494384",
    baseUrl: "https://ark.cn-beijing.volces.com/api/v3",
    serves: [...chatAndEmbeddings, "image-generation"],
    responses: true,
    anthropic: "https://ark.cn-beijing.volces.com/api/compatible",
    countsTokens: true,
    quirks: [...plain, "thinking-member"],
  },
  {
    id: "xiaomi",
    label: "Xiaomi MiMo",
    docs: "https://platform.xiaomimimo.com/docs/api/chat/openai-api",
    baseUrl: "https://api.xiaomimimo.com/v1",
    anthropic: "https://api.xiaomimimo.com/anthropic",
    quirks: ["no-developer-role", "thinking-member", "replay-reasoning"],
  },
  {
    id: "yi",
    label: "01.AI",
    docs: "https://platform.lingyiwanwu.com/docs",
    baseUrl: "https://api.lingyiwanwu.com/v1",
    quirks: [...plain, "no-reasoning-wish"],
  },
  {
    id: "zai",
    label: "Z.ai",
    docs: "https://docs.z.ai/api-reference/llm/chat-completion",
    baseUrl: "https://api.z.ai/api/paas/v4",
    serves: [...chatAndEmbeddings, "image-generation"],
    anthropic: "https://api.z.ai/api/anthropic",
    quirks: [...plain, "thinking-member", "no-json-schema"],
  },
  {
    id: "zhipu",
    label: "Zhipu AI",
    docs: "https://docs.bigmodel.cn/api-reference/模型-api/对话补全",
    baseUrl: "https://open.bigmodel.cn/api/paas/v4",
    serves: [...chatAndEmbeddings, "rerank", "image-generation"],
    anthropic: "https://open.bigmodel.cn/api/anthropic",
    quirks: [...plain, "thinking-member", "no-json-schema"],
  },
];

export const chineseVendors: readonly Provider[] = rows.map(makeVendor);
