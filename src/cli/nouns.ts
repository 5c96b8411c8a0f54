/**
 * The nouns of the command line: which flags make which field of the management API.
 * Promise kept here: a flag exists for each ordinary field, and each noun has the same four verbs.
 */
import type { MessageKey } from "./messages.ts";

/**
 * How a flag's text becomes a JSON value: `list` may be repeated and gives an array, `pair` (`a=b`) may be repeated
 * and gives an object, `number` and `boolean` are checked, `text` goes as it is (dollars too: no float touches them),
 * `reference` is an id where it is all digits and a name elsewhere, `limit` (`requests=600/minute`) may be repeated and
 * gives an array of limits.
 */
export type FieldKind = "text" | "number" | "boolean" | "list" | "pair" | "reference" | "limit";

export interface FieldFlag {
  /** Without dashes: `base-url`. */
  readonly flag: string;
  /** Name in the API: `baseUrl`; a member of an object: `budget.amount`. */
  readonly field: string;
  readonly kind: FieldKind;
  readonly help: MessageKey;
  /** Demanded by `add`. */
  readonly required?: true;
}

export interface Noun {
  /** Command and last part of the path: `/api/<name>`. */
  readonly name: string;
  readonly help: MessageKey;
  readonly flags: readonly FieldFlag[];
  /** Fields shown by `list`, in order. */
  readonly columns: readonly string[];
  /** Whether the noun takes upstream credentials, which never stand on the command line. */
  readonly hasCredentials?: true;
  /** Whether a row can be tried out: `POST /api/<name>/:id/test`. */
  readonly hasTest?: true;
  /** Whether a row's upstream can be asked for its models: `GET /api/<name>/:id/upstream-models`. */
  readonly hasUpstreamModels?: true;
}

const text = (flag: string, field: string, help: MessageKey): FieldFlag => ({
  flag,
  field,
  kind: "text",
  help,
});
const needed = (flag: string, field: string, help: MessageKey): FieldFlag => ({
  ...text(flag, field, help),
  required: true,
});
const ofKind = (kind: FieldKind, flag: string, field: string, help: MessageKey): FieldFlag => ({
  flag,
  field,
  kind,
  help,
});

/** What may be spent and asked. */
const bounds: readonly FieldFlag[] = [
  text("budget", "budget.amount", "flag.budget"),
  text("budget-period", "budget.period", "flag.budgetPeriod"),
  text("budget-zone", "budget.timeZone", "flag.budgetZone"),
  ofKind("limit", "limit", "limits", "flag.limit"),
];

const channels: Noun = {
  name: "channels",
  help: "noun.channels",
  flags: [
    needed("name", "name", "flag.name"),
    needed("provider", "provider", "flag.provider"),
    { ...ofKind("list", "model", "models", "flag.models"), required: true },
    text("base-url", "baseUrl", "flag.baseUrl"),
    ofKind("list", "group", "groups", "flag.groups"),
    ofKind("number", "priority", "priority", "flag.priority"),
    ofKind("number", "weight", "weight", "flag.weight"),
    text("status", "status", "flag.status"),
    ofKind("pair", "map", "modelMapping", "flag.map"),
    ofKind("pair", "header", "headers", "flag.header"),
    text("proxy", "proxy", "flag.proxy"),
    text("tag", "tag", "flag.tag"),
    text("reply-model", "replyModel", "flag.replyModel"),
    ofKind("pair", "setting", "settings", "flag.settings"),
    ofKind("list", "dialect", "dialects", "flag.dialects"),
    text("bill-as", "billAs", "flag.billAs"),
    ofKind("list", "disabled-stream", "disabledStream", "flag.disabledStream"),
    ofKind("boolean", "only-chat", "onlyChat", "flag.onlyChat"),
    text("test-model", "testModel", "flag.channelTestModel"),
    ofKind("boolean", "unsealed-ids", "unsealedIds", "flag.unsealedIds"),
    text("cost-ratio", "costRatio", "flag.costRatio"),
    ofKind("limit", "credential-limit", "credentialLimits", "flag.credentialLimit"),
    ...bounds,
  ],
  columns: ["id", "name", "provider", "models", "groups", "priority", "weight", "status"],
  hasCredentials: true,
  hasTest: true,
  hasUpstreamModels: true,
};

const keys: Noun = {
  name: "keys",
  help: "noun.keys",
  flags: [
    needed("name", "name", "flag.name"),
    ofKind("reference", "owner", "owner", "flag.owner"),
    text("group", "group", "flag.group"),
    text("fallback-group", "fallbackGroup", "flag.fallbackGroup"),
    ofKind("list", "model", "models", "flag.keyModels"),
    ofKind("list", "ip-range", "ipRanges", "flag.ipRanges"),
    text("expires-at", "expiresAt", "flag.expiresAt"),
    text("status", "status", "flag.status"),
    text("ratio", "ratio", "flag.ratio"),
    ...bounds,
  ],
  columns: ["id", "name", "hint", "owner", "group", "models", "expiresAt", "status"],
};

const groups: Noun = {
  name: "groups",
  help: "noun.groups",
  flags: [
    needed("symbol", "symbol", "flag.symbol"),
    text("name", "name", "flag.name"),
    text("ratio", "ratio", "flag.ratio"),
    ofKind("boolean", "public", "public", "flag.public"),
    ofKind("boolean", "enabled", "enabled", "flag.enabled"),
    text("promote-at", "promoteAt", "flag.promoteAt"),
    ...bounds,
  ],
  columns: ["id", "symbol", "name", "ratio", "promoteAt", "public", "enabled"],
};

const prices: Noun = {
  name: "prices",
  help: "noun.prices",
  flags: [
    needed("model", "model", "flag.priceModel"),
    needed("mode", "mode", "flag.mode"),
    text("input", "input", "flag.input"),
    text("output", "output", "flag.output"),
    text("cache-read", "cacheRead", "flag.cacheRead"),
    text("cache-write-5m", "cacheWrite5m", "flag.cacheWrite5m"),
    text("cache-write-1h", "cacheWrite1h", "flag.cacheWrite1h"),
    text("per-call", "perCall", "flag.perCall"),
    ofKind("number", "channel-id", "channelId", "flag.priceChannel"),
    text("side", "side", "flag.side"),
    text("effective-from", "effectiveFrom", "flag.effectiveFrom"),
    ofKind("boolean", "locked", "locked", "flag.locked"),
  ],
  columns: [
    "id",
    "model",
    "channelId",
    "side",
    "effectiveFrom",
    "mode",
    "input",
    "output",
    "cacheRead",
    "perCall",
    "locked",
    "source",
  ],
};

const users: Noun = {
  name: "users",
  help: "noun.users",
  flags: [
    needed("username", "username", "flag.username"),
    text("role", "role", "flag.role"),
    text("group", "group", "flag.userGroup"),
    text("billing", "billing", "flag.billing"),
    text("status", "status", "flag.status"),
    text("ratio", "ratio", "flag.ratio"),
    ofKind("reference", "invited-by", "invitedBy", "flag.invitedBy"),
    ...bounds,
  ],
  columns: ["id", "username", "role", "group", "billing", "balance", "status"],
};

const models: Noun = {
  name: "models",
  help: "noun.models",
  flags: [
    needed("model", "model", "flag.name"),
    text("owner", "owner", "flag.modelOwner"),
    ofKind("number", "context", "context", "flag.context"),
    ofKind("list", "modality", "modalities", "flag.modalities"),
    text("description", "description", "flag.description"),
    ofKind("number", "max-output", "maxOutput", "flag.maxOutput"),
    ofKind("limit", "limit", "limits", "flag.limit"),
  ],
  columns: ["id", "model", "owner", "context", "modalities"],
};

/** Every noun that has add, list, get, edit and remove. */
export const nouns: readonly Noun[] = [channels, keys, groups, prices, users, models];
