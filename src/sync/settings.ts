/**
 * The one table of operating settings: rule, default and meaning of each. The management API, the row parser and the
 * documentation are derived from it; a setting that is not here does not exist.
 */
import { z } from "zod";
import type { Json } from "../core/json-value.ts";
import type { Settings } from "./entities.ts";

export interface SettingRule<T> {
  readonly schema: z.ZodType<T>;
  readonly default: T;
  /** One sentence for operators. */
  readonly doc: string;
}

export const settingRules: { readonly [N in keyof Settings]: SettingRule<Settings[N]> } = {
  retryTimes: {
    schema: z.int().min(0).max(20),
    default: 3,
    doc: "Further attempts, each at another channel where there is one, after the first has failed.",
  },
  cooldownSeconds: {
    schema: z.int().min(0).max(86_400),
    default: 30,
    doc: "Seconds for which a channel rests for one model after 429 or repeated failure.",
  },
  systemName: {
    schema: z.string().min(1).max(64),
    default: "Switchyard",
    doc: "Name shown in the console and on the page at `/`.",
  },
  responseState: {
    schema: z.enum(["on", "off"]),
    default: "on",
    doc: "Whether responses are kept for 30 days for callers of the Responses API whose upstream keeps none.",
  },
  unpricedModels: {
    schema: z.enum(["without-budget", "nobody", "everybody"]),
    default: "without-budget",
    doc: "Who may call models that have no price: callers without a budget (the calls are flagged and cost nothing), nobody, or everybody.",
  },
};

export type SettingName = keyof Settings;

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settingRules, name);
}

/** All settings, those that are set over their defaults. Values must have been checked by their rules. */
export function fillSettings(values: Readonly<Record<string, Json>>): Settings {
  const filled: Record<string, unknown> = {};
  for (const [name, rule] of Object.entries(settingRules))
    filled[name] = values[name] ?? rule.default;
  return Object.freeze(filled) as unknown as Settings;
}
