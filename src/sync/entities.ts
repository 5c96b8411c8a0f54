/**
 * Configuration as the steps of a call read it: parsed, checked, frozen. The row parsers stand in
 * `channel-row.ts` … beside; what they refuse is quarantined and never reaches these types.
 */
import type { BudgetRule } from "../core/budget-rule.ts";
import type { LimitRule } from "../core/limit-rule.ts";
import type { Millionths } from "../core/money.ts";
import type { Json, JsonObject } from "../core/json-value.ts";
import type { FindPrice, Price } from "./price-rates.ts";

export type { Price } from "./price-rates.ts";

export interface Credential {
  readonly id: number;
  readonly channelId: number;
  readonly position: number;
  /** In clear, in memory only. May be empty (an upstream that asks for none). */
  readonly secret: string;
  readonly enabled: boolean;
}

/** What may be spent and asked. */
export interface SpendingRules {
  /** Null: none. */
  readonly budget: BudgetRule | null;
  readonly limits: readonly LimitRule[];
}

/** Nothing is bounded. */
export const noSpendingRules: SpendingRules = { budget: null, limits: [] };

export interface ChannelTimeouts {
  /** TCP and TLS. */
  readonly connectMs?: number;
  /** Until the reply's head. */
  readonly firstByteMs?: number;
  /** Between two chunks of the reply. */
  readonly idleMs?: number;
}

/** What a channel may order beside its address. Everything left out is off. */
export interface ChannelOptions {
  /** Values of the provider's settings (region, project, apiVersion, …). */
  readonly settings: Readonly<Record<string, string>>;
  /** Dialects that this URL speaks, in order of preference, in place of the provider's; empty: the provider's. */
  readonly dialects: readonly string[];
  /** Name whose price is charged when the model was mapped. A mapping's target that begins with `+` charges `asked`. */
  readonly billAs: "asked" | "sent";
  /** Members added to bodies that have none of the name. */
  readonly extraBody: JsonObject;
  /** Further `parameters` by model as sent (`prefix*` allowed). */
  readonly modelParameters: Readonly<Record<string, JsonObject>>;
  /** Instructions added to every conversation. */
  readonly systemPrompt: {
    readonly text: string;
    readonly place: "before" | "after" | "if-none";
  } | null;
  /** Models (or `prefix*`) that are not asked for streams here. */
  readonly disabledStream: readonly string[];
  /** Passed over for requests with tools. */
  readonly onlyChat: boolean;
  /** Model that a test of the channel asks; null: the first of its models. */
  readonly testModel: string | null;
  /** Whether ids of resources that we did not seal are let through (one tenant's account). */
  readonly unsealedIds: boolean;
}

/** A channel that orders nothing of its own. */
export const noChannelOptions: ChannelOptions = {
  settings: {},
  dialects: [],
  billAs: "asked",
  extraBody: {},
  modelParameters: {},
  systemPrompt: null,
  disabledStream: [],
  onlyChat: false,
  testModel: null,
  unsealedIds: false,
};

export interface Channel extends SpendingRules {
  readonly id: number;
  readonly rev: number;
  readonly name: string;
  /** Id of a provider in providers/registry.ts. */
  readonly provider: string;
  /** Without a trailing slash; null: the provider's own. */
  readonly baseUrl: string | null;
  /** Names or `prefix*`. */
  readonly models: readonly string[];
  /** Group symbols. */
  readonly groups: readonly string[];
  /** Higher is asked first. */
  readonly priority: number;
  /** Share within a priority, ≥ 1. */
  readonly weight: number;
  readonly enabled: boolean;
  readonly modelMapping: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly parameters: JsonObject;
  /** http://, https:// or socks5:// URL; null: direct. */
  readonly proxy: string | null;
  readonly tag: string | null;
  readonly timeouts: ChannelTimeouts;
  /** Of each of its credentials. */
  readonly credentialLimits: readonly LimitRule[];
  /** Of the price: what the operator pays where no cost of its own is known. */
  readonly costRatio: Millionths;
  /** What the caller sees as the reply's model when the name was mapped. */
  readonly replyModel: "asked" | "upstream";
  readonly options: ChannelOptions;
  /** Enabled ones in order; empty when the channel needs none. */
  readonly credentials: readonly Credential[];
}

export interface Group extends SpendingRules {
  readonly id: number;
  readonly rev: number;
  readonly symbol: string;
  readonly name: string;
  readonly ratio: Millionths;
  readonly public: boolean;
  readonly enabled: boolean;
}

export interface ModelInfo {
  readonly id: number;
  readonly rev: number;
  readonly model: string;
  /** Shown as `owned_by`. */
  readonly owner: string | null;
  readonly context: number | null;
  readonly modalities: readonly string[];
  readonly description: string | null;
  readonly limits: readonly LimitRule[];
  /** Most tokens that it can answer; null: not known. */
  readonly maxOutput: number | null;
}

/** All settings with their defaults filled in; `settings.ts` is the table they come from. */
export interface Settings {
  /** Attempts after the first before the caller is told. */
  readonly retryTimes: number;
  /** Seconds a channel rests for one model after 429 or repeated failure. */
  readonly cooldownSeconds: number;
  /** Name shown on the page at `/`. */
  readonly systemName: string;
  /** Whether responses are kept for callers of Responses whose upstream keeps none. */
  readonly responseState: "on" | "off";
  /** Who may call models that have no price. */
  readonly unpricedModels: "without-budget" | "nobody" | "everybody";
  /** Dollars, as a decimal: what an account gets for inviting another. */
  readonly inviterReward: string;
  /** Dollars, as a decimal: what an account that was invited begins with. */
  readonly inviteeReward: string;
  /** Zone of the days that usage is kept by in the long run. */
  readonly reportingTimeZone: string;
  /** Days for which rows of calls are kept, and what of them is kept apart. */
  readonly callRetentionDays: number;
  readonly callDetailDays: number;
}

/** A row that is kept out (or kept at its previous good content), and why. */
export interface Rejected {
  readonly kind: string;
  readonly id: number;
  readonly rev: number;
  readonly reason: string;
  /** Whether an earlier good content of this row goes on serving. */
  readonly servingPrevious: boolean;
}

/** Reads one group's routes: which channels serve a model, best priority first. */
export interface RouteIndex {
  /**
   * Enabled channels for a model in a group, in descending priority tiers: by exact name if any channel
   * names it, else by the longest matching `prefix*`. Empty when none.
   */
  candidates(group: string, model: string): readonly (readonly Channel[])[];
  /** Model names (no wildcards) that a group can call, sorted. */
  models(group: string): readonly string[];
}

/** One committed revision, parsed whole. Immutable; a call keeps the one it began with. */
export interface Snapshot {
  readonly epoch: string;
  readonly revision: number;
  readonly commitId: string;
  /** Database's clock when that revision was committed. */
  readonly committedAtMs: number;
  readonly channels: ReadonlyMap<number, Channel>;
  /** By symbol. */
  readonly groups: ReadonlyMap<string, Group>;
  readonly prices: ReadonlyMap<number, Price>;
  /** By model name. */
  readonly models: ReadonlyMap<string, ModelInfo>;
  readonly settings: Settings;
  /** Names of settings that are set, with their raw value (for GET /api/settings). */
  readonly settingValues: Readonly<Record<string, Json>>;
  readonly routes: RouteIndex;
  /**
   * Price for a model, undefined when unpriced: the channel's own before the general ones, the exact name before the
   * longest `prefix*`, and of several the latest that holds. Without `where`: what callers of any channel pay, by the
   * row that begins last.
   */
  readonly findPrice: FindPrice;
  readonly rejected: readonly Rejected[];
  /** Order-independent digest over (kind, id, served rev, quarantined). */
  readonly digest: string;
}

/** A cached caller: key and owner as parsed rows. */
export interface KeyRecord extends SpendingRules {
  readonly id: number;
  readonly rev: number;
  readonly hash: string;
  readonly name: string;
  readonly group: string | null;
  readonly fallbackGroup: string | null;
  /** Names or `prefix*`; null: all. */
  readonly models: readonly string[] | null;
  readonly ipRanges: readonly string[] | null;
  readonly expiresAtMs: number | null;
  readonly enabled: boolean;
  /** Multiplies what the key is charged. */
  readonly ratio: Millionths;
  readonly owner: UserRecord;
}

export interface UserRecord extends SpendingRules {
  readonly id: number;
  readonly rev: number;
  readonly username: string;
  readonly role: "root" | "admin" | "member";
  readonly group: string;
  readonly enabled: boolean;
  /** `prepaid`: pays from a balance. */
  readonly billing: "prepaid" | "postpaid";
  /** Multiplies what all its keys are charged. */
  readonly ratio: Millionths;
}
