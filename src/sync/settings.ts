/**
 * The one table of operating settings: rule, default and meaning of each. The management API, the row parser and the
 * documentation are derived from it; a setting that is not here does not exist.
 */
import { z } from "zod";
import type { Json } from "../core/json-value.ts";
import { isTimeZone } from "../core/periods.ts";
import { formatDollars } from "../core/money.ts";
import type { Settings } from "./entities.ts";
import { dollarsField } from "./money-fields.ts";

export interface SettingRule<T> {
  readonly schema: z.ZodType<T>;
  readonly default: T;
  /** One sentence for operators. */
  readonly doc: string;
}

/** Dollars as a number or decimal text; a decimal text after parsing. */
const dollarsSetting = dollarsField.transform(formatDollars);

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
  inviterReward: {
    schema: dollarsSetting,
    default: "0",
    doc: "Dollars put into an account's balance for each account that was made with its invite code.",
  },
  inviteeReward: {
    schema: dollarsSetting,
    default: "0",
    doc: "Dollars put into the balance of an account that was made with an invite code.",
  },
  reportingTimeZone: {
    schema: z.string().max(64).refine(isTimeZone, "must be a time zone such as Europe/Berlin"),
    default: "UTC",
    doc: "Zone of the days by which usage older than 40 days is kept; days that were folded before a change stay as they are.",
  },
  callRetentionDays: {
    schema: z.int().min(7).max(3650),
    default: 90,
    doc: "Days for which the row of each call is kept; a day's rows go only after its closing entries were written.",
  },
  callDetailDays: {
    schema: z.int().min(0).max(365),
    default: 3,
    doc: "Days for which a call's details (attempts, lines of its charge, usage as the vendor told it) are kept.",
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
