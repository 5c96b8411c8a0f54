/** The table of features and their fates that docs/translation.md shows, made from the one that the gateway judges by. */
import type { DialectId } from "../wire/call.ts";
import type { FeatureId } from "../wire/feature.ts";
import { type Fidelity, fidelityRows } from "./fidelity.ts";

/** Short names of the APIs that conversations are held in. */
export const apiNames: Readonly<Partial<Record<DialectId, string>>> = {
  "openai-chat": "Chat",
  "openai-responses": "Responses",
  "anthropic-messages": "Messages",
  "gemini-content": "Gemini",
  "cohere-v2": "Cohere",
  "bedrock-converse": "Converse",
  "coze-v3": "Coze",
  "ollama-chat": "Ollama",
  "replicate-predictions": "Replicate",
};

const signs: Readonly<Record<Fidelity, string>> = {
  exact: "✓",
  lossy: "≈",
  drop: "–",
  refuse: "400",
};

type Language = "en" | "zh";

const headings: Readonly<Record<Language, readonly [string, string]>> = {
  en: ["Name", "What a caller asks"],
  zh: ["名称", "调用方的要求"],
};

const labels: Readonly<Record<FeatureId, readonly [en: string, zh: string]>> = {
  temperature: ["temperature", "温度"],
  "top-p": ["top_p", "top_p"],
  "top-k": ["top_k", "top_k"],
  "stop-sequences": ["stop sequences", "停止序列"],
  "multiple-choices": ["several answers at once", "一次返回多个答案"],
  seed: ["a seed", "随机种子"],
  penalties: ["presence and frequency penalties", "存在与频率惩罚"],
  "logit-bias": ["bias of single tokens", "单个 token 的偏置"],
  logprobs: ["log probabilities", "对数概率"],
  prediction: ["a predicted answer", "预测输出"],
  "image-url": ["images by URL", "以 URL 给出的图片"],
  "image-detail": ["an image's detail", "图片精细度"],
  "document-input": ["documents as data or text", "以数据或文本给出的文档"],
  "document-url": ["documents by URL", "以 URL 给出的文档"],
  "audio-input": ["spoken input", "音频输入"],
  "video-input": ["video", "视频输入"],
  "file-id": ["files by the vendor's id", "以厂商文件 id 引用的文件"],
  "message-name": ["names of speakers", "发言者名称"],
  "system-in-conversation": ["instructions in mid-conversation", "对话中途的系统指令"],
  "citations-asked": ["citations of given documents", "对所给文档的引用标注"],
  "foreign-content": ["content that only one API has", "仅某一接口才有的内容"],
  "custom-tools": ["free-form tools", "自由格式工具"],
  "custom-tool-grammar": ["grammars of such tools", "此类工具的语法约束"],
  "allowed-tools": ["a choice of some tools", "限定可用的部分工具"],
  "no-parallel-tool-calls": ["one tool call at a time", "每次只调用一个工具"],
  "strict-tools": ["strict schemas of tools", "工具的严格模式"],
  "tool-result-media": ["media in tool results", "工具结果中的媒体"],
  "tool-result-error": ["tool results marked as errors", "标记为错误的工具结果"],
  "web-search": ["the vendor's search, demanded", "要求使用厂商的搜索"],
  "server-tools": ["the vendor's own tools, demanded", "要求使用厂商自有工具"],
  "offered-server-tools": ["the vendor's own tools, offered", "提供厂商自有工具备选"],
  "server-tool-trace": ["traces of such tools in the history", "历史中此类工具的痕迹"],
  "response-json": ["JSON of any shape", "任意结构的 JSON 输出"],
  "response-schema": ["JSON after a schema", "按 schema 的 JSON 输出"],
  "audio-output": ["spoken output", "音频输出"],
  "image-output": ["images in the answer", "答案中的图片"],
  verbosity: ["verbosity", "详尽程度"],
  "reasoning-effort": ["reasoning effort", "推理强度"],
  "reasoning-budget": ["a budget of thinking tokens", "思考 token 预算"],
  "reasoning-summary": ["whether and how thoughts are shown", "是否及如何展示思考"],
  "reasoning-history": ["thoughts in the history", "历史中的思考内容"],
  "end-user": ["the end user's name", "最终用户标识"],
  metadata: ["metadata", "元数据"],
  "service-tier": ["service tier", "服务等级"],
  "cache-mark": ["marks for the prompt cache", "提示词缓存标记"],
  "cache-key": ["a key of the prompt cache", "提示词缓存键"],
  "cached-content": ["a cache made before", "预先创建的缓存"],
  store: ["that the vendor keeps the answer", "由厂商保存答案"],
  background: ["work in the background", "后台运行"],
  "previous-response": ["an earlier response by id", "以 id 引用的先前响应"],
  "conversation-object": ["a conversation kept by the vendor", "厂商保存的会话"],
  "prompt-template": ["a prompt kept by the vendor", "厂商保存的提示词模板"],
  "item-reference": ["items by id", "以 id 引用的条目"],
  truncation: ["how long input is cut", "过长输入的截断方式"],
  "context-management": ["edits of the context by the vendor", "由厂商管理上下文"],
  container: ["a container", "容器"],
  "safety-settings": ["safety settings", "安全设置"],
  include: ["further parts of the answer", "答案的附加部分"],
  "unknown-member": ["members that nobody here knows", "无法识别的成员"],
};

/** One row a feature, one column an API. */
export function renderFidelityTable(language: Language): string {
  const rows = fidelityRows();
  const targets = Object.keys(rows[0]?.fates ?? {});
  const names = targets.map((target) => apiNames[target as DialectId] ?? target);
  const head = [...headings[language], ...names];
  const cells = rows.map(({ feature, fates }) => [
    `\`${feature}\``,
    labels[feature][language === "en" ? 0 : 1],
    ...targets.map((target) => signs[fates[target] ?? "refuse"]),
  ]);
  return [head, head.map(() => "---"), ...cells].map((row) => `| ${row.join(" | ")} |`).join("\n");
}
