/**
 * Coze: bots that were built there, by their ids. coze.com/open/docs/developer_guides/chat_v3, autumn 2026. Instructions,
 * tools and sampling are the bot's own; a caller's instructions go in front of its first question.
 */
import type { Provider } from "../contract.ts";

const bots = {
  auth: { kind: "bearer" },
  credentialRequired: true,
  credentialForm: "personal access token, or an OAuth access token",
  endpoints: {
    chat: [{ dialect: "coze-v3", path: "/v3/chat", usageOptIn: false, streamsOnly: true }],
  },
  lacks: ["tools", "parallel-tools", "streamed-arguments", "inline-images", "cut-off"],
} as const satisfies Partial<Provider>;

export const coze: Provider = {
  id: "coze",
  label: "Coze",
  docs: "https://www.coze.com/open/docs/developer_guides/chat_v3",
  defaultBaseUrl: "https://api.coze.com",
  ...bots,
};

export const cozeChina: Provider = {
  id: "coze-cn",
  label: "Coze (China)",
  docs: "https://www.coze.cn/open/docs/developer_guides/chat_v3",
  defaultBaseUrl: "https://api.coze.cn",
  ...bots,
};
