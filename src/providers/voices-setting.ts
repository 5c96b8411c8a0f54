/** The setting that vendors of speech share: which of their voices stand for OpenAI's names. */
import type { ProviderSetting } from "./contract.ts";

export const voicesSetting: ProviderSetting = {
  key: "voices",
  label: { en: "Voices", zh_CN: "音色" },
  help: {
    en: "Pairs of an asked name and the vendor's own: alloy=21m00Tcm4TlvDq8ikWAM, nova=…; others go as they are",
    zh_CN: "请求的名字与厂商音色的对应：alloy=21m00Tcm4TlvDq8ikWAM, nova=…；其余原样发送",
  },
  kind: "text",
  required: false,
  pattern: "^[\\w.:-]+=[\\w.:()-]+(?:, ?[\\w.:-]+=[\\w.:()-]+)*$",
};
