/** The table of providers that docs/channels.md shows, made from the manifests. */
import { apiNames } from "../dialects/render-docs.ts";
import type { Provider } from "./contract.ts";
import { providers } from "./registry.ts";

const headings = {
  en: ["`provider`", "Vendor", "Conversation", "Also", "Settings"],
  zh: ["`provider`", "厂商", "对话接口", "其他操作", "设置"],
} as const;

/** One row a provider, in the order in which they are registered. */
export function renderProviderTable(language: "en" | "zh"): string {
  const rows = providers.map((provider) => [
    `\`${provider.id}\``,
    `[${provider.label}](${provider.docs ?? ""})`,
    conversation(provider),
    others(provider),
    settings(provider),
  ]);
  return [headings[language], headings[language].map(() => "---"), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

function conversation(provider: Provider): string {
  const dialects = (provider.endpoints.chat ?? []).map(({ dialect }) => dialect);
  return [...new Set(dialects)].map((dialect) => apiNames[dialect] ?? dialect).join(", ");
}

function others(provider: Provider): string {
  const names = Object.keys(provider.endpoints).filter((name) => name !== "chat");
  return names.map((name) => `\`${name}\``).join(" ");
}

/** Those without a default are bold. */
function settings(provider: Provider): string {
  return (provider.settings ?? [])
    .map(({ key, required, default: usual }) =>
      required && usual === undefined ? `**\`${key}\`**` : `\`${key}\``,
    )
    .join(" ");
}
